# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Probes of the servers that ICE asks for a way through NATs: STUN and TURN."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Callable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Endpoint, Facts, Probe, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# An allocation ends by itself after ten minutes: giving it back is not worth more.
_GIVE_BACK_SECONDS = 1.0
_UNAUTHORIZED, _STALE_NONCE = 401, 438


async def stun(wire: Wire, _endpoint: Endpoint) -> None:
    """A binding; the answer names the address that we are seen as."""
    await wire.open()
    wire.facts.update(mapping(wire.local(), await bind(wire)))


async def turn(wire: Wire, endpoint: Endpoint) -> None:
    """A relay, asked for with credentials and given back; without credentials, the server's challenge."""
    await wire.open()
    relay = await allocate(wire, endpoint.probe)
    if relay is None:
        return
    answer, credentials = relay
    wire.facts.update({"relay": answer.address(_probe_stun.XOR_RELAYED_ADDRESS), "lifetime": lifetime(answer)})
    wire.facts.update(mapping(wire.local(), answer))
    wire.facts["given_back"] = await _give_back(wire, credentials)


async def allocate(wire: Wire, probe: Probe, ipv6: bool = False) -> Optional[tuple[_probe_stun.Message, Optional[_probe_stun.Credentials]]]:
    """Ask for a relay, with the probe's credentials if the server asks for some.

    Args:
        wire: an open one.
        probe: whose credentials they are.
        ipv6: whether the relay is to have an address of IPv6.

    Returns:
        The answer, and what to sign further requests with; None where the server asks for credentials and there are none.

    Raises:
        OSError, asyncio.TimeoutError: there was no answer.
        ProbeError: the server refuses.
    """
    answer = await exchange(wire, partial(_probe_stun.allocate, ipv6=ipv6))
    wire.facts["authenticated"] = False
    if answer.error == _UNAUTHORIZED:
        wire.facts["realm"] = answer.text(_probe_stun.REALM)
        if not probe.username:
            return None
    credentials: Optional[_probe_stun.Credentials] = None
    # A nonce may go stale between the challenge and the answer, once.
    for expected in (_UNAUTHORIZED, _STALE_NONCE):
        if answer.error == expected:
            credentials = _probe_stun.answer_challenge(answer, probe.username, probe.password)
            answer = await exchange(wire, partial(_probe_stun.allocate, credentials=credentials, ipv6=ipv6))
    if answer.is_error:
        refused = "the credentials are refused: " if answer.error == _UNAUTHORIZED else ""
        raise ProbeError(f"{refused}TURN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})
    if credentials and not answer.signed_by(credentials.key):
        raise ProbeError("TURN: the answer is not signed with the password")
    wire.facts["authenticated"] = credentials is not None
    return answer, credentials


def lifetime(answer: _probe_stun.Message) -> int:
    """For how many seconds a relay is ours."""
    return int.from_bytes(answer.attributes.get(_probe_stun.LIFETIME, b"")[:4], "big")


async def bind(wire: Wire) -> _probe_stun.Message:
    """The answer to a binding request.

    Raises:
        OSError, asyncio.TimeoutError: there was no answer.
        ProbeError: what came was no answer, or a refusal.
    """
    answer = await exchange(wire, _probe_stun.binding)
    if answer.is_error:
        raise ProbeError(f"STUN error {answer.error} {answer.reason}".rstrip(), facts={"code": answer.error})
    return answer


def mapping(local: str, answer: _probe_stun.Message) -> Facts:
    """Where we are and where we are seen; they differ where a NAT is in between.

    Args:
        local: our own address and port.
        answer: to a binding or an allocation.

    Raises:
        ProbeError: it does not say.
    """
    mapped = answer.mapped()
    if not mapped:
        raise ProbeError("STUN: an answer without the mapped address")
    return {"local": local, "mapped": mapped, "nat": mapped != local, "software": answer.text(_probe_stun.SOFTWARE)}


async def exchange(wire: Wire, make: Callable[[bytes], bytes]) -> _probe_stun.Message:
    """The answer to a request.

    Args:
        wire: an open one.
        make: makes the request for a transaction id.

    Raises:
        OSError, asyncio.TimeoutError: there was no answer.
        ProbeError: what came was no answer.
    """
    number = _probe_stun.transaction()
    return await wire.ask(make(number), lambda data: _probe_stun.parse(data, number))


async def _give_back(wire: Wire, credentials: Optional[_probe_stun.Credentials]) -> bool:
    """End an allocation; whether the server agreed in time."""
    try:
        answer = await asyncio.wait_for(exchange(wire, partial(_probe_stun.give_back, credentials=credentials)), _GIVE_BACK_SECONDS)
    except (OSError, ProbeError, asyncio.TimeoutError):
        return False
    return not answer.is_error
