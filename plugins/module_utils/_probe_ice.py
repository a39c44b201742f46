# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Probes of the servers that ICE asks for a way through NATs: STUN, TURN, and what the two mappings of one socket say about a NAT."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Callable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import UNTESTED, Endpoint, Facts, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# An allocation ends by itself after ten minutes: giving it back is not worth more.
_GIVE_BACK_SECONDS = 1.0
_UNAUTHORIZED, _STALE_NONCE = 401, 438


async def stun(wire: Wire, _endpoint: Endpoint) -> None:
    """A binding; the answer names the address that we are seen as."""
    await wire.open()
    wire.facts.update(_mapping(wire.local(), await _bind(wire)))


async def nat(wire: Wire, endpoint: Endpoint) -> None:
    """Two bindings with two servers and one socket: whether a NAT maps it to the same port for both (RFC 4787, section 4.1)."""
    if not endpoint.second_address:
        raise ProbeError("the second server has no address of this family", UNTESTED)
    await wire.open()
    first = _mapping(wire.local(), await _bind(wire))
    wire.facts.update(first)
    await wire.turn_to(endpoint.second_address, endpoint.probe.second_port)
    second = _mapping(wire.local(), await _bind(wire))
    wire.facts["second_mapped"] = second["mapped"]
    same = first["mapped"] == second["mapped"]
    wire.facts["mapping"] = "none" if same and not first["nat"] else "endpoint-independent" if same else "symmetric"


async def turn(wire: Wire, endpoint: Endpoint) -> None:
    """A relay, asked for with credentials and given back; without credentials, the server's challenge."""
    probe = endpoint.probe
    await wire.open()
    answer = await _exchange(wire, _probe_stun.allocate)
    wire.facts["authenticated"] = False
    if answer.error == _UNAUTHORIZED:
        wire.facts["realm"] = answer.text(_probe_stun.REALM)
        if not probe.username:
            return
    credentials: Optional[_probe_stun.Credentials] = None
    # A nonce may go stale between the challenge and the answer, once.
    for expected in (_UNAUTHORIZED, _STALE_NONCE):
        if answer.error == expected:
            credentials = _probe_stun.answer_challenge(answer, probe.username, probe.password)
            answer = await _exchange(wire, partial(_probe_stun.allocate, credentials=credentials))
    if answer.is_error:
        refused = "the credentials are refused: " if answer.error == _UNAUTHORIZED else ""
        raise ProbeError(f"{refused}TURN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})
    if credentials and not answer.signed_by(credentials.key):
        raise ProbeError("TURN: the answer is not signed with the password")
    wire.facts.update({"authenticated": credentials is not None, "relay": answer.address(_probe_stun.XOR_RELAYED_ADDRESS)})
    wire.facts["lifetime"] = int.from_bytes(answer.attributes.get(_probe_stun.LIFETIME, b"")[:4], "big")
    wire.facts.update(_mapping(wire.local(), answer))
    wire.facts["given_back"] = await _give_back(wire, credentials)


async def _bind(wire: Wire) -> _probe_stun.Message:
    answer = await _exchange(wire, _probe_stun.binding)
    if answer.is_error:
        raise ProbeError(f"STUN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})
    return answer


def _mapping(local: str, answer: _probe_stun.Message) -> Facts:
    """Where we are and where we are seen; they differ where a NAT is in between."""
    mapped = answer.mapped()
    if not mapped:
        raise ProbeError("STUN: an answer without the mapped address")
    return {"local": local, "mapped": mapped, "nat": mapped != local, "software": answer.text(_probe_stun.SOFTWARE)}


async def _exchange(wire: Wire, make: Callable[[bytes], bytes]) -> _probe_stun.Message:
    """The answer to a request, which is made for a transaction id."""
    number = _probe_stun.transaction()
    return await wire.ask(make(number), lambda data: _probe_stun.parse(data, number))


async def _give_back(wire: Wire, credentials: Optional[_probe_stun.Credentials]) -> bool:
    """End an allocation; whether the server agreed in time."""
    try:
        answer = await asyncio.wait_for(_exchange(wire, partial(_probe_stun.give_back, credentials=credentials)), _GIVE_BACK_SECONDS)
    except (OSError, ProbeError, asyncio.TimeoutError):
        return False
    return not answer.is_error
