# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a NAT does to one socket, seen from two STUN servers, or from one that has a second address (RFC 5780).

How it maps: the same for all servers, or anew for each address or port. What it lets in: answers from where we have sent to alone, or from
elsewhere. Whether a mapping lives through some time without packets.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_ice, _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    NAT_SILENCE_SECONDS,
    UNTESTED,
    Endpoint,
    Facts,
    ProbeError,
    family_of,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import LIMIT, Wire

# RFC 5780, sections 7.2 and 7.5.
CHANGE_REQUEST, RESPONSE_PORT = 0x0003, 0x0027
_CHANGE_ADDRESS, _CHANGE_PORT = 4, 2
_TRIES = 3
Server = tuple[str, int]


async def nat(wire: Wire, endpoint: Endpoint) -> None:
    """Bindings of one socket by two servers, or by the two addresses of one; and what becomes of the mapping without packets."""
    probe = endpoint.probe
    if probe.second_host and not endpoint.second_address:
        raise ProbeError("the second server has no address of this family", UNTESTED)
    await wire.open()
    answer = await _probe_ice.bind(wire)
    wire.facts.update(_probe_ice.mapping(wire.local(), answer))
    if probe.second_host:
        wire.facts.update(await _compared(wire, [(endpoint.second_address, probe.second_port)]))
    else:
        other = _other(endpoint, answer)
        wire.facts.update(await _compared(wire, [(other[0], endpoint.port), other]))
        wire.facts["filtering"] = await _filtering(endpoint)
    if probe.seconds:
        wire.facts.update(await _left_alone(wire, endpoint))


def _other(endpoint: Endpoint, answer: _probe_stun.Message) -> Server:
    """The second address and port that a server names (RFC 5780, section 7.4)."""
    found = answer.pair(_probe_stun.OTHER_ADDRESS)
    if not found or not found[1] or family_of(found[0]) != endpoint.family:
        raise ProbeError("the server names no second address of its own (RFC 5780): name a second server", UNTESTED)
    # A server must not have us send to somebody within.
    if found[0] == endpoint.address or (is_inner(found[0]) and not is_inner(endpoint.address)):
        raise ProbeError(f"the server names {found[0]} as its second address, which cannot be: name a second server", UNTESTED)
    return found


async def _compared(wire: Wire, others: list[Server]) -> Facts:
    """How the NAT maps for other servers (RFC 4787, section 4.1; RFC 5780, section 4.3).

    Args:
        wire: which the first server has answered.
        others: a second server; then, if it is known, another port of that.
    """
    mapped: list[str] = []
    for host, port in others:
        await wire.turn_to(host, port)
        mapped.append(_probe_ice.mapping(wire.local(), await _probe_ice.bind(wire))["mapped"])
        if mapped[0] == wire.facts["mapped"]:
            break
    facts: Facts = {"second_mapped": mapped[0]}
    if mapped[0] == wire.facts["mapped"]:
        facts["mapping"] = "endpoint-independent" if wire.facts["nat"] else "none"
        return facts
    facts["mapping"] = "symmetric"
    if len(mapped) > 1:
        facts["mapping_depends_on"] = "address" if mapped[0] == mapped[1] else "address-and-port"
    return facts


async def _filtering(endpoint: Endpoint) -> Optional[str]:
    """What is let in to a socket that has sent to the server's first address alone (RFC 5780, section 4.4); None if it is not known."""
    try:
        anybody, host = await asyncio.gather(
            _lets_in(endpoint, _CHANGE_ADDRESS | _CHANGE_PORT),
            _lets_in(endpoint, _CHANGE_PORT),
        )
    except (OSError, asyncio.TimeoutError):
        return None
    return "endpoint-independent" if anybody else "address-dependent" if host else "address-and-port-dependent"


async def _lets_in(endpoint: Endpoint, change: int) -> bool:
    """Whether an answer from elsewhere comes in to a new socket; one that is connected would itself refuse it."""
    family = socket.AF_INET6 if endpoint.family == "ipv6" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as loose:
        loose.setblocking(False)

        async def asked(attributes: bytes) -> bool:
            number = _probe_stun.transaction()
            for _try in range(_TRIES):
                loose.sendto(_probe_stun.binding(number, attributes), (endpoint.address, endpoint.port))
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_answered(loose, number), NAT_SILENCE_SECONDS / _TRIES)
                    return True
            return False

        if not await asked(b""):
            raise asyncio.TimeoutError
        return await asked(_probe_stun.attribute(CHANGE_REQUEST, struct.pack("!I", change)))


async def _answered(loose: socket.socket, number: bytes) -> None:
    """Wait until a request has its answer."""
    while not _is_answer(await asyncio.get_running_loop().sock_recv(loose, LIMIT), number):
        await asyncio.sleep(0)


async def _left_alone(wire: Wire, endpoint: Endpoint) -> Facts:
    """Whether a mapping lives through some seconds without packets.

    A second socket of ours asks the server to answer to the first one's mapping (RFC 5780, section 4.6): what comes in proves that it
    lives. Where the server does not do that, the first socket asks again: another port proves that the mapping was lost; the same port
    proves nothing, as many NATs give a socket the same port again.
    """
    seconds = endpoint.probe.seconds
    asking = Wire(endpoint, wire.left())
    await wire.turn_to(endpoint.address, endpoint.port)
    before = (await _probe_ice.bind(wire)).mapped_pair()
    port = before[1] if before else 0
    try:
        await asking.open()
        able = await _comes_in(wire, asking, port)
        await asyncio.sleep(seconds)
        if able:
            lost: Optional[bool] = not await _comes_in(wire, asking, port)
        else:
            lost = True if (await _probe_ice.bind(wire)).mapped_pair() != before else None
    finally:
        asking.close()
    return {"mapping_lost": lost, "mapping_kept_seconds": seconds if lost is False else None}


async def _comes_in(wire: Wire, asking: Wire, port: int) -> bool:
    """Whether an answer that one socket asks for comes in to another one's port."""
    number = _probe_stun.transaction()
    request = _probe_stun.binding(number, _probe_stun.attribute(RESPONSE_PORT, struct.pack("!HH", port, 0)))

    async def came() -> None:
        while not _is_answer(await wire.receive(), number):
            pass

    for _try in range(_TRIES):
        with suppress(asyncio.TimeoutError, OSError):
            await asking.send(request)
            await asyncio.wait_for(came(), NAT_SILENCE_SECONDS / _TRIES)
            return True
    return False


def _is_answer(data: bytes, number: bytes) -> bool:
    """Whether a datagram is the response to a request, and no refusal."""
    try:
        found = _probe_stun.parse(data, number)
    except ProbeError:
        return False
    return found is not None and not found.is_error
