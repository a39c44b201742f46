# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The way of media itself: ICE's own connectivity checks, sent to the addresses that the server answers an offer with (RFC 8445)."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from contextlib import suppress
from typing import Any, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _livekit_messages, _livekit_sdp, _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_messages import Description, Leave, Trickle
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_sdp import Candidate, Credentials
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_session import Session
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import OPEN, Endpoint, Probe, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# Servers have their candidates ready when they answer.
ANSWER_SECONDS = 2.0
_PRIORITY, _ICE_CONTROLLING = 0x0024, 0x802A
# The priority of a candidate that the other side learns by a check (RFC 8445, section 5.1.2.1).
_PEER_REFLEXIVE = struct.pack("!I", 110 << 24 | 65535 << 8 | 255)
_LENGTH = struct.Struct("!H")
_CLASS = 0x0110


class Offered:
    """An offer to the server, and what has come back."""

    def __init__(self) -> None:
        self._ours = _livekit_sdp.new_credentials()
        self._theirs: Optional[Credentials] = None
        self._candidates: list[Candidate] = []

    @property
    def secrets(self) -> list[str]:
        """What is not to be shown."""
        return [self._ours.password, *([self._theirs.password] if self._theirs else [])]

    async def send(self, session: Session) -> None:
        """Send the offer, and wait for the answer and candidates of both transports, or for `ANSWER_SECONDS`.

        Args:
            session: joined.
        """
        with suppress(asyncio.TimeoutError, ProbeError, OSError):
            await session.send(_livekit_messages.describe("offer", _livekit_sdp.offer(self._ours)))
            await asyncio.wait_for(self._listen(session), ANSWER_SECONDS)

    def missing(self, transport: str) -> str:
        """Why nothing can be asked over a transport; empty where something can.

        Args:
            transport: udp or tcp.
        """
        if not self._theirs:
            return "the server did not answer the offer of a data channel"
        if any(one.transport == transport for one in self._candidates):
            return ""
        return f"the server named no address for media over {transport}"

    async def check(self, service: str, seconds: float) -> list[dict[str, Any]]:
        """Ask at each address, all at once.

        Args:
            service: what the ids of the results begin with.
            seconds: for each address.

        Returns:
            The results.
        """
        asked = _livekit_sdp.worth_asking(self._candidates) if self._theirs else []
        return list(await asyncio.gather(*(self._check(candidate, service, seconds) for candidate in asked)))

    async def _listen(self, session: Session) -> None:
        last = False
        while not (self._theirs and (last or {one.transport for one in self._candidates} == {"udp", "tcp"})):
            message = await session.next()
            if isinstance(message, Description) and message.type == "answer":
                self._theirs = _livekit_sdp.credentials(message.sdp)
                self._candidates += _livekit_sdp.candidates(message.sdp)
                last = last or "a=end-of-candidates" in message.sdp
            elif isinstance(message, Trickle):
                candidate = _livekit_sdp.trickled(message.candidate)
                self._candidates += [candidate] if candidate else []
                last = last or message.last
            elif isinstance(message, Leave):
                return

    async def _check(self, candidate: Candidate, service: str, seconds: float) -> dict[str, Any]:
        name = f"{service}/media-{candidate.transport}"
        probe = Probe(name, "stun", candidate.address, ((candidate.port, candidate.port),), candidate.transport)
        endpoint = Endpoint(probe, candidate.address, candidate.port)
        begin, wire = time.monotonic(), Wire(endpoint, seconds)
        verdict, facts = OPEN, {}
        try:
            await wire.run(self._ask)
        except ProbeError as error:
            verdict, facts = error.verdict, {"why": error.why, **error.facts}
        return endpoint.result(verdict, time.monotonic() - begin, {**wire.facts, **facts})

    async def _ask(self, wire: Wire, endpoint: Endpoint) -> None:
        """One check; over TCP each message has its length before it (RFC 6544, section 3, and RFC 4571)."""
        assured = self._theirs or Credentials("", "")
        number = _probe_stun.transaction()
        request = check(number, f"{assured.ufrag}:{self._ours.ufrag}", assured.password)
        await wire.open()
        if endpoint.probe.transport == "tcp":
            answer = await wire.ask(_LENGTH.pack(len(request)) + request, lambda data: unframed(data, number))
        else:
            answer = await wire.ask(request, lambda data: _probe_stun.parse(data, number))
        if answer.is_error:
            raise ProbeError(f"STUN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})
        if not answer.signed_by(assured.password.encode()):
            raise ProbeError("STUN: the answer is not signed with the server's password")
        wire.facts.update({"local": wire.local(), "mapped": answer.mapped()})


def check(number: bytes, username: str, password: str) -> bytes:
    """A connectivity check of ICE by the side that controls (RFC 8445, section 7.1.1).

    Args:
        number: the transaction id, 12 bytes.
        username: the fragments of both sides, the other's first.
        password: the other side's.
    """
    attributes = _probe_stun.attribute(_PRIORITY, _PEER_REFLEXIVE) + _probe_stun.attribute(_ICE_CONTROLLING, os.urandom(8))
    credentials = _probe_stun.Credentials(username, b"", b"", password.encode())
    return _probe_stun.build(_probe_stun.BINDING, number, attributes, credentials)


def unframed(data: bytes, number: bytes) -> Optional[_probe_stun.Message]:
    """The response to a check among messages with their lengths before them; the server sends checks of its own as well.

    Args:
        data: what has come of the stream so far.
        number: the transaction id of the check.

    Returns:
        The message; None where more bytes must come.

    Raises:
        ProbeError: what came is no STUN.
    """
    at = 0
    while at + _LENGTH.size <= len(data):
        (size,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + size > len(data):
            return None
        message = data[at : at + size]
        at += size
        # A request or an indication: neither of the bits that responses have.
        if len(message) >= 2 and not message[0] & 0xC0 and int.from_bytes(message[:2], "big") & _CLASS in (0, 0x0010):
            continue
        found = _probe_stun.parse(message, number)
        if found is None:
            raise ProbeError("STUN: a message that is shorter than it says")
        return found
    return None
