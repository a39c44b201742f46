# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The connection test: what the vendor's page checks, step by step, as far as that goes without media."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import Awaitable, Callable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _livekit_http,
    _livekit_media,
    _livekit_messages,
    _livekit_reach,
    _livekit_servers,
    _livekit_token,
    _probe_run,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_input import Options, Server, without_query
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_media import Offered
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_messages import Join
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_report import Report, Result
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_session import Session
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    OPEN,
    TIMED_OUT,
    UNTESTED,
    Endpoint,
    Facts,
    Probe,
    ProbeError,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

Work = Callable[[Wire, Endpoint], Awaitable[None]]
# The path of today's clients, and the one that they fall back to, each with the query that it takes.
_PATHS = {"/rtc/v1": f"join_request={_livekit_messages.join_request()}", "/rtc": _livekit_messages.query()}
_BESIDE_SECONDS = _livekit_media.ANSWER_SECONDS + 2
_NOT_FOUND, _SWITCHING = 404, 101
_STEPS = {"turn-udp": "TURN over UDP", "turn-tcp": "TURN over TCP", "turn-tls": "TURN over TLS", "stun": "STUN"}
# What is untested where no server could be asked about it: the requirement, the kind of probe, the endpoint in the document's words.
_TURN = (("turn-udp", "turn", "*.host.livekit.cloud:3478/udp"), ("turn-tls", "turn", "*.turn.livekit.cloud:443/tls"))
_MEDIA = {"udp": ("direct UDP", "all hosts:50000-60000/udp"), "tcp": ("ICE over TCP", "all hosts:7881/tcp")}


def run(options: Options) -> Report:
    """Run the whole test; nothing is changed by it, but that a participant joins the room and leaves.

    Args:
        options: what to test.

    Returns:
        The report, with no part of the token, or of credentials that the server handed out, in it.
    """
    test = _Test(options)
    endpoints = test.certificates()
    if endpoints:
        asyncio.run(test.talk(endpoints))
    test.media()
    test.relays()
    return test.report.without(test.secrets)


class _Test:
    """One run, and what it has found so far."""

    def __init__(self, options: Options) -> None:
        self.report = Report()
        self.secrets = {options.token}
        self._options = options
        self._deadline = time.monotonic() + options.total_timeout
        self._trouble = _livekit_token.trouble(options.token, datetime.now(timezone.utc))
        self._regions: dict[str, Server] = {}
        self._join: Optional[Join] = None
        self._media: Optional[Offered] = None
        self._checked: list[Result] = []

    def certificates(self) -> list[Endpoint]:
        """Shake hands with the server at each family's address; gives those that the token may go to."""
        server = self._options.server
        probe = self._probe("tls", server)
        self._warn(_livekit_reach.outside("signaling", server.host, server.port))
        found = []
        for result in _probe_run.run([probe], self._options.timeout, self._left()):
            facts = result["facts"]
            trusted = bool(facts.get("trusted"))
            self.report.add("certificate", result, f"{facts.get('tls')}, {'trusted' if trusted else facts.get('trust_error')}")
            if result["verdict"] == OPEN and not (trusted or self._options.trusted_only):
                self._warn(f"{result['endpoint']}: the token is sent, though the certificate is not trusted: {facts.get('trust_error')}")
            if result["verdict"] == OPEN and (trusted or not self._options.trusted_only):
                found.append(Endpoint(probe, *_there(result["endpoint"])))
            elif result["verdict"] == OPEN:
                why = f"the token is not sent, since the certificate is not trusted: {facts.get('trust_error')}"
                self.report.step("signalling", UNTESTED, f"{result['endpoint']}: {why}")
        return found

    async def talk(self, endpoints: list[Endpoint]) -> None:
        """What a client says to the server, over each family; one joins after the other, since two with one token push each other out."""
        await asyncio.gather(*(self._ask_regions(endpoint) for endpoint in endpoints))
        for endpoint in endpoints:
            await self._try_paths("validate", endpoint, "https", _livekit_http.VALIDATE, self._validate, "the token is good")
        for endpoint in endpoints:
            await self._try_paths("signalling", endpoint, "websocket", "", self._signal, "joined")

    def relays(self) -> None:
        """The servers of the regions, and those for STUN and TURN with the credentials handed out, all at once."""
        named = {f"region {name}": self._probe("tls", server) for name, server in self._regions.items() if server != self._options.server}
        if self._join and self._join.ice_servers:
            plan = self._plan(self._join)
            named.update((f"{_STEPS[_requirement(probe.id)]} ({url})", probe) for url, probe in plan.probes.items())
        else:
            why = "the server hands out no ICE servers" if self._join else "signalling did not get as far as the ICE servers"
            for requirement, kind, endpoint in _TURN:
                self.report.untested(_STEPS[requirement], f"{self._options.service}/{requirement}", kind, endpoint, why)
        for probe in named.values():
            self._warn(_livekit_reach.outside(_requirement(probe.id), probe.host, probe.ports[0][0]))
        # A probe may have a result for each family: the name of its step goes along as its id.
        probes = [replace(probe, id=name) for name, probe in named.items()]
        for result in _probe_run.run(probes, self._options.timeout, self._left()) if probes else ():
            name = result["id"]
            relay = result["facts"].get("relay")
            self.report.add(name, {**result, "id": named[name].id}, f"relay {relay}" if relay else "")

    def media(self) -> None:
        """What the checks of ICE have found, and why there were none."""
        self.secrets.update(self._media.secrets if self._media else ())
        for transport, (name, endpoint) in _MEDIA.items():
            requirement = f"media-{transport}"
            found = [result for result in self._checked if _requirement(result["id"]) == requirement]
            for result in found:
                self.report.add(name, result, f"seen as {result['facts'].get('mapped')}")
                self._warn(_livekit_reach.outside(requirement, *_there(result["endpoint"])))
            if not found:
                why = self._media.missing(transport) if self._media else "signalling did not get as far as the addresses of media"
                self.report.untested(name, f"{self._options.service}/{requirement}", "stun", endpoint, why)

    def _plan(self, join: Join) -> _livekit_servers.Plan:
        plan = _livekit_servers.plan(join, self._options.service)
        self.secrets.update(text for server in join.ice_servers for text in (server.username, server.credential))
        self.report.step("ICE servers", OPEN, ", ".join([*plan.probes, *plan.untested]))
        for url, why in plan.untested.items():
            self.report.step(url, UNTESTED, why)
        for note in plan.notes:
            self._warn(note)
        return plan

    async def _ask_regions(self, endpoint: Endpoint) -> None:
        async def work(wire: Wire, there: Endpoint) -> None:
            await _livekit_http.open_trusted(wire, self._options.trusted_only)
            try:
                found = _livekit_http.parse_regions(await _livekit_http.get(wire, there, self._options.token))
            except _livekit_http.NotThere:
                if _livekit_reach.within(there.probe.host, _livekit_reach.CLOUD):
                    raise
                return
            wire.facts["regions"] = list(found)
            self._regions = self._regions or found

        result = await self._attempt(endpoint, "https", _livekit_http.REGIONS, work)
        names = result["facts"].get("regions")
        self.report.add("regions", result, "none, since it is not LiveKit Cloud" if names is None else ", ".join(names) or "none")

    async def _try_paths(self, name: str, endpoint: Endpoint, kind: str, end: str, work: Work, seen: str) -> None:
        """Today's path first; the older one where the server does not know that."""
        for path, query in _PATHS.items():
            result = await self._attempt(endpoint, kind, f"{path}{end}?{query}", work)
            if result["facts"].get("status") != _NOT_FOUND:
                break
        region = result["facts"].get("region")
        self.report.add(name, result, f"{seen}, region {region}" if region else seen)

    async def _validate(self, wire: Wire, endpoint: Endpoint) -> None:
        await _livekit_http.open_trusted(wire, self._options.trusted_only)
        if (await _livekit_http.get(wire, endpoint, self._options.token)).strip() != "success":
            raise ProbeError("HTTP 200, but not LiveKit's answer to validate")

    async def _signal(self, wire: Wire, endpoint: Endpoint) -> None:
        session, begin = Session(wire, endpoint, self._options.token), time.monotonic()
        try:
            join = await asyncio.wait_for(self._enter(wire, session), self._seconds())
            wire.facts.update({"region": join.region, "version": join.version, "ice_servers": join.handed})
            wire.facts["joined_after"] = round(time.monotonic() - begin, 3)
            if join.alternative_url:
                self._warn(f"the server asks to be left for {without_query(join.alternative_url)}")
            self._join = self._join if self._join and self._join.ice_servers else join
            # Whatever comes of it, we have joined.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ask_for_media(session), self._left())
        finally:
            await session.leave()

    async def _enter(self, wire: Wire, session: Session) -> Join:
        await _livekit_http.open_trusted(wire, self._options.trusted_only)
        return await session.join()

    async def _ask_for_media(self, session: Session) -> None:
        """Once, and while we are in the room: the server forgets its addresses when we leave."""
        if not self._media:
            self._media = Offered()
            await self._media.send(session)
            self._checked = await self._media.check(self._options.service, self._seconds())

    async def _attempt(self, endpoint: Endpoint, kind: str, path: str, work: Work) -> Result:
        """The result of a request with a path of its own."""
        base = self._options.server.path if path != _livekit_http.REGIONS else ""
        there = replace(endpoint, probe=replace(endpoint.probe, kind=kind, path=base + path))
        begin = time.monotonic()
        # What is done beside signalling has limits of its own.
        wire = Wire(there, self._seconds() + (_BESIDE_SECONDS + self._options.timeout if kind == "websocket" else 0.0))
        verdict, facts = OPEN, {}
        try:
            await wire.run(work)
        except ProbeError as error:
            verdict, facts = error.verdict, {**error.facts, "why": self._explained(error, wire.facts)}
            if verdict == TIMED_OUT and not self._left():
                verdict = UNTESTED
                facts["why"] = f"not reached, or not done, within the {self._options.total_timeout:g} seconds of the whole run"
        return there.result(verdict, time.monotonic() - begin, {**wire.facts, **facts})

    def _explained(self, error: ProbeError, facts: Facts) -> str:
        """Why a request failed, with what the token says of itself, or how far it came."""
        if facts.get("token_refused") and self._trouble:
            return f"{error.why}: {self._trouble}"
        if error.verdict == TIMED_OUT and facts.get("status") == _SWITCHING:
            return "the server agreed to the upgrade, and no JoinResponse came"
        return error.why

    def _probe(self, kind: str, server: Server) -> Probe:
        ports = ((server.port, server.port),)
        return Probe(id=f"{self._options.service}/signaling", kind=kind, host=server.host, ports=ports, transport="tls")

    def _seconds(self) -> float:
        return min(self._options.timeout, self._left())

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _warn(self, text: str) -> None:
        if text and text not in self.report.warnings:
            self.report.warnings.append(text)


def _requirement(name: str) -> str:
    """The id of a requirement without its service."""
    return name.rpartition("/")[2]


def _there(endpoint: str) -> tuple[str, int]:
    """The address and port of an endpoint such as [2001:db8::1]:443/tls."""
    host, _colon, port = endpoint.partition("/")[0].rpartition(":")
    return host.strip("[]"), int(port)
