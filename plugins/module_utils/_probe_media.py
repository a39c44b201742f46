# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Both directions of direct UDP media, measured with nothing but a TURN server.

The relay that a TURN server lends is a port among those that the vendor's media takes. A second socket of this machine sends packets of
speech straight to it. The server hands them to us, and we have the relay send each back to where it came from: what is lost on the way
there and what is lost on the way back are known apart.

Who may send to a relay is a matter of addresses, not of ports (RFC 8656, section 9). So the address that the server saw when it was asked
is enough: a NAT gives the sockets of one machine one address (RFC 4787, section 4.1). Where a proxy carries TURN over tcp or tls it is that
of the proxy; so the server is asked over UDP as well, and the address that it sees there may send too. If there is no answer, the fact
``seen_over_udp`` is None, and behind a proxy nothing can arrive.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_ice, _probe_stream, _probe_stun, _probe_turn
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    MEDIA_END_SECONDS,
    MEDIA_TAIL_SECONDS,
    ONE_WAY,
    TIMED_OUT,
    UNTESTED,
    Endpoint,
    Facts,
    ProbeError,
    family_of,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire, address_text

# Where a TURN server listens for UDP, if it is not UDP that it is asked over (RFC 8656, section 7).
_STUN_PORT = 3478
# What the server sees over UDP is worth no more than this.
_SEEN_SECONDS = 1.0
# One packet in twenty is as good as none.
_NEARLY_NONE = 20


@dataclass(frozen=True)
class Relay:
    """A relay that a server has lent us.

    Attributes:
        peer: its address and port.
        seen_as: the address that the server saw us at.
        credentials: what further requests are signed with.
        lifetime: for how many seconds it is ours.
        software: what the server calls itself.
    """

    peer: _probe_turn.Peer
    seen_as: str
    credentials: Optional[_probe_stun.Credentials]
    lifetime: int
    software: str


@dataclass
class Flow:
    """What has become of the packets; each of the mappings is packet number to the time, in seconds.

    Attributes:
        packets: what is sent.
        sent: when each went out.
        arrived: when each came to the relay.
        returned: when each came back.
        mapped: where the relay sees them come from.
        errors: what the kernel last said of the socket that sends, if anything.
        ended: why the server says nothing any more, if it is known.
    """

    packets: _probe_stream.Packets
    sent: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)
    returned: dict[int, float] = field(default_factory=dict)
    mapped: str = ""
    errors: list[ProbeError] = field(default_factory=list)
    ended: str = ""


async def media(wire: Wire, endpoint: Endpoint) -> None:
    """Packets straight to a relay, and through the relay back."""
    probe = endpoint.probe
    relay = await _borrow(wire, endpoint)
    inbox, flow = _probe_turn.Inbox(probe.transport == "udp"), Flow(_probe_stream.Packets("echo", probe.pace))
    direct = Wire(_straight(endpoint, *relay.peer), wire.left())
    alive = False
    try:
        _check(relay, endpoint)
        await _permit(wire, relay, endpoint)
        await direct.within(direct.left(), direct.open())
        await _exchange(wire, direct, endpoint, inbox, flow)
        wire.facts["local"] = direct.local()
    finally:
        direct.close()
        alive = await _give_back(wire, relay, inbox)
    wire.facts.update(tell(flow, probe.pace))
    _judge(wire.facts, flow, alive)


async def _borrow(wire: Wire, endpoint: Endpoint) -> Relay:
    """A relay; without one nothing is known of media, whatever the reason."""

    async def ask() -> Relay:
        await wire.open()
        found = await _probe_ice.allocate(wire, endpoint.probe, endpoint.family == "ipv6")
        if found is None:
            raise ProbeError("the server asks for credentials")
        answer, credentials = found
        peer, seen_as = answer.pair(_probe_stun.XOR_RELAYED_ADDRESS), answer.mapped_pair()
        if not peer or not peer[1] or not seen_as:
            raise ProbeError("TURN: an answer without the relay's address or ours")
        return Relay(peer, seen_as[0], credentials, _probe_ice.lifetime(answer), answer.text(_probe_stun.SOFTWARE))

    try:
        relay = await wire.within(wire.left() - endpoint.probe.lasts, ask())
    except ProbeError as error:
        facts = {**error.facts, "allocation": error.verdict}
        raise ProbeError(f"no relay to test media with: {error.why}", UNTESTED, facts) from error
    wire.facts.update({"relay": address_text(*relay.peer), "relay_port": relay.peer[1], "software": relay.software})
    return relay


def _check(relay: Relay, endpoint: Endpoint) -> None:
    """Raise what makes a relay useless to everybody, or to us."""
    host = relay.peer[0]
    if is_inner(host) and not is_inner(endpoint.address):
        raise ProbeError(f"the server offers the inner address {host} as a relay: it is not told its public address (coturn: external-ip)")
    if family_of(host) != endpoint.family:
        raise ProbeError(f"the server has no relay of the family {endpoint.family}", UNTESTED)
    if relay.lifetime < endpoint.probe.lasts:
        raise ProbeError(f"the server lends its relay for {relay.lifetime} seconds alone", UNTESTED)


async def _permit(wire: Wire, relay: Relay, endpoint: Endpoint) -> None:
    """Let our own addresses send to the relay."""

    async def ask() -> None:
        over_udp = relay.seen_as if endpoint.probe.transport == "udp" else await _seen_over_udp(endpoint)
        wire.facts["seen_over_udp"] = over_udp or None
        seen = {relay.seen_as, over_udp} - {""}
        hosts = sorted(host for host in seen if family_of(host) == endpoint.family)
        wire.facts["permitted"] = hosts
        answer = await _probe_ice.exchange(wire, partial(_probe_turn.permission, hosts=hosts, credentials=relay.credentials))
        if answer.is_error:
            raise ProbeError(f"TURN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})

    try:
        await wire.within(wire.left() - endpoint.probe.lasts, ask())
    except ProbeError as error:
        raise ProbeError(f"the server does not let us send to its relay: {error.why}", UNTESTED, error.facts) from error


async def _seen_over_udp(endpoint: Endpoint) -> str:
    """The address that the server sees over UDP; empty if there is no answer."""
    wire = Wire(_straight(endpoint, endpoint.address, _STUN_PORT), _SEEN_SECONDS)
    found = []

    async def ask(wire: Wire, _endpoint: Endpoint) -> None:
        await wire.open()
        found.append((await _probe_ice.bind(wire)).mapped_pair())

    try:
        await wire.run(ask)
    except ProbeError:
        return ""
    return found[0][0] if found and found[0] else ""


def _straight(endpoint: Endpoint, host: str, port: int) -> Endpoint:
    """An endpoint over UDP in place of the server's."""
    return replace(endpoint, probe=replace(endpoint.probe, transport="udp"), address=host, port=port)


async def _exchange(wire: Wire, direct: Wire, endpoint: Endpoint, inbox: _probe_turn.Inbox, flow: Flow) -> None:
    """Send, answer through the relay, and gather what comes back."""
    tasks = [
        asyncio.ensure_future(_answer(wire, inbox, flow)),
        asyncio.ensure_future(_probe_stream.gather(direct, flow.packets, flow.sent, flow.returned, flow.errors)),
    ]
    try:
        await _probe_stream.send(direct, flow.packets, endpoint.probe, flow.sent, flow.errors)
        await _probe_stream.settle(flow.sent, flow.returned, MEDIA_TAIL_SECONDS)
    finally:
        for task in tasks:
            await _probe_stream.end(task)


async def _answer(wire: Wire, inbox: _probe_turn.Inbox, flow: Flow) -> None:
    """Send each packet that comes to the relay back to where it came from."""
    clock = asyncio.get_running_loop().time
    while not flow.ended:
        try:
            for peer, data in inbox.take(await wire.receive()):
                if _probe_stream.note(flow.packets, flow.sent, flow.arrived, clock(), data):
                    flow.mapped = address_text(*peer)
                    await wire.send(_probe_turn.send(peer, data))
            flow.ended = inbox.ended
        except OSError as error:
            # Over UDP, what ICMP says of one packet is no end.
            flow.ended = "" if inbox.datagrams else wire.icmp(error).why
            await asyncio.sleep(0)
        except ProbeError as error:
            flow.ended = error.why


async def _give_back(wire: Wire, relay: Relay, inbox: _probe_turn.Inbox) -> bool:
    """Give the relay back; returns whether the server still answers."""
    number = _probe_stun.transaction()
    request = _probe_stun.give_back(number, relay.credentials)
    try:
        answer = await asyncio.wait_for(wire.ask(request, lambda data: inbox.response(data, number)), MEDIA_END_SECONDS)
    except (OSError, ProbeError, asyncio.TimeoutError):
        wire.facts["given_back"] = False
        return False
    wire.facts["given_back"] = not answer.is_error
    return True


def tell(flow: Flow, pace: int) -> Facts:
    """What is known of the packets.

    Args:
        flow: what became of them.
        pace: packets a second.

    Returns:
        Facts: ``sent``, ``arrived`` at the relay and ``returned`` to us; ``loss_percent_out`` of those sent, ``loss_percent_in`` of those
        that arrived, None if none did; ``jitter_ms`` and ``round_trip_ms`` of the way there and back; ``stopped_after``, the number of
        packets that passed before silence for good, or None, and ``stopped_way``, ``out`` or ``in``; ``mapped``, where the relay saw
        them come from, or None.
    """
    whole = _probe_stream.tell(flow.sent, flow.returned, pace)
    ways = {
        "out": _probe_stream.stopped_after(len(flow.sent), flow.arrived, pace),
        "in": _probe_stream.stopped_after(max(flow.arrived, default=-1) + 1, flow.returned, pace),
    }
    stops = sorted((after, way) for way, after in ways.items() if after is not None)
    sent, arrived, returned = len(flow.sent), len(flow.arrived), len(flow.returned)
    facts: dict[str, Any] = {"sent": sent, "arrived": arrived, "returned": returned}
    facts["loss_percent_out"] = _probe_stream.loss_percent(sent, arrived)
    facts["loss_percent_in"] = _probe_stream.loss_percent(arrived, returned) if arrived else None
    facts.update({name: whole[name] for name in ("jitter_ms", "round_trip_ms")})
    facts["stopped_after"], facts["stopped_way"] = stops[0] if stops else (None, None)
    facts["mapped"] = flow.mapped or None
    return facts


def _judge(facts: Facts, flow: Flow, alive: bool) -> None:
    """Raise what is wrong with media, if something is."""
    error = verdict(facts, flow.errors)
    if error is None:
        return
    if not alive:
        # What is missing may have been lost between the server and us, with the rest of TURN.
        ended = f": {flow.ended}" if flow.ended else ""
        raise ProbeError(f"the TURN server itself does not answer any more{ended}; before that, {error.why}", UNTESTED)
    raise error


def verdict(facts: Facts, errors: list[ProbeError]) -> Optional[ProbeError]:
    """What is wrong with media, if something is.

    Args:
        facts: as `tell` gives them, and ``permitted`` and ``seen_over_udp``.
        errors: what the kernel said of the socket that sends, if anything.
    """
    arrived, returned, stopped, way = (facts[name] for name in ("arrived", "returned", "stopped_after", "stopped_way"))
    if not arrived or way == "out":
        if errors:
            after = f", after {stopped} packets had arrived" if arrived else ""
            return ProbeError(errors[0].why + after, errors[0].verdict, errors[0].facts)
        after = f" any more after packet {stopped}" if arrived else ""
        alone = f", which lets in {' and '.join(facts['permitted'])} alone" if not arrived and not facts["seen_over_udp"] else ""
        return ProbeError(f"no packet arrived at the relay{after}{alone}", TIMED_OUT)
    if not returned:
        return ProbeError("packets arrive at the relay, and none comes back", ONE_WAY)
    if way == "in":
        return ProbeError(f"packets arrive at the relay, and none comes back any more after packet {stopped}", TIMED_OUT)
    if arrived * _NEARLY_NONE <= facts["sent"]:
        return ProbeError(f"only {arrived} of {facts['sent']} packets arrived at the relay", TIMED_OUT)
    if returned * _NEARLY_NONE <= arrived:
        return ProbeError(f"packets arrive at the relay, and only {returned} of {arrived} come back", ONE_WAY)
    return None
