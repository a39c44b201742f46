# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The kinds of probes: what each sends, and what must come back. A new kind is a function and a line in `KINDS`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Awaitable, Callable

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _probe_http,
    _probe_ice,
    _probe_media,
    _probe_nat,
    _probe_sip,
    _probe_stream,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Endpoint, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# The status is what counts: a body gets no longer than this.
_BODY_SECONDS = 2.0
_SHOWN = 4096


async def connect(wire: Wire, _endpoint: Endpoint) -> None:
    """A connection and no more: TCP, or TLS with its certificate."""
    await wire.open()


async def https(wire: Wire, endpoint: Endpoint) -> None:
    """A request and its response, whatever its status."""
    probe = endpoint.probe
    await wire.open()
    response = await wire.ask(_probe_http.request(probe.name, endpoint.port, probe.path, probe.token), _probe_http.parse_head)
    wire.facts.update({"status": response.status, "reason": response.reason})
    body = _probe_http.Body(response)
    with suppress(asyncio.TimeoutError, ProbeError, OSError):
        await asyncio.wait_for(_read_body(wire, body), _BODY_SECONDS)
    wire.facts["body"] = body.text()[:_SHOWN]
    wire.facts["body_whole"] = body.whole() and len(body.text()) <= _SHOWN


async def websocket(wire: Wire, endpoint: Endpoint) -> None:
    """An upgrade to a WebSocket."""
    probe, key = endpoint.probe, _probe_http.new_key()
    await wire.open()
    response = await wire.ask(_probe_http.request(probe.name, endpoint.port, probe.path, probe.token, key), _probe_http.parse_head)
    _probe_http.check_upgrade(response, key)
    wire.facts.update({"status": response.status, "reason": response.reason})


async def sip(wire: Wire, endpoint: Endpoint) -> None:
    """OPTIONS and its response, whatever its status."""
    call = _probe_sip.call_id()
    await wire.open()
    request = _probe_sip.options(call, endpoint.probe.name, endpoint.probe.transport, wire.local())
    response = await wire.ask(request, lambda data: _probe_sip.parse(data, call))
    wire.facts.update({"status": response.status, "reason": response.reason, "server": response.server})
    wire.facts.update({"local": wire.local(), "seen_as": response.seen_as})


async def udp(wire: Wire, _endpoint: Endpoint) -> None:
    """A random word, and any answer."""
    word = os.urandom(16)
    await wire.open()
    answer = await wire.ask(word, lambda data: data or None)
    wire.facts.update({"bytes": len(answer), "echoed": answer == word})


async def _read_body(wire: Wire, body: _probe_http.Body) -> None:
    while not body.whole() and len(body.data) < _probe_http.BODY_LIMIT:
        piece = await wire.receive()
        if not piece:
            body.ended = True
            return
        body.data += piece


KINDS: dict[str, Callable[[Wire, Endpoint], Awaitable[None]]] = {
    "tcp": connect,
    "tls": connect,
    "https": https,
    "websocket": websocket,
    "stun": _probe_ice.stun,
    "turn": _probe_ice.turn,
    "sip": sip,
    "udp": udp,
    "stream": _probe_stream.stream,
    "nat": _probe_nat.nat,
    "media": _probe_media.media,
}
