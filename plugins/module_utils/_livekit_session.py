# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Signalling: a WebSocket to a LiveKit server, from the upgrade to the end of the session."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ansible_collections.webrtc.firewall.plugins.module_utils import _livekit_http, _livekit_messages, _livekit_websocket, _probe_http
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_messages import Join, Leave, Response
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import RESET, Endpoint, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# What the vendor's client gives a server to end the connection.
_LEAVE_SECONDS = 0.25
_SWITCHING = 101


class Session:
    """A conversation with a server, from the upgrade on.

    Args:
        wire: the connection, open.
        endpoint: where to, with the path and its query in its probe.
        token: goes along as a bearer token, which servers take as well as a parameter of the query, and do not log.
    """

    def __init__(self, wire: Wire, endpoint: Endpoint, token: str) -> None:
        self._wire, self._endpoint, self._token = wire, endpoint, token
        self._frames = _livekit_websocket.Frames()
        self._waiting: list[_livekit_websocket.Message] = []
        self._upgraded = False

    async def join(self) -> Join:
        """Upgrade, and wait for the JoinResponse.

        Raises:
            ProbeError: it does not come, and why.
            OSError: the kernel says why not.
        """
        probe, key = self._endpoint.probe, _probe_http.new_key()
        request = _probe_http.request(probe.name, self._endpoint.port, probe.path, self._token, key)
        response = await self._wire.ask(request, _probe_http.parse_head)
        _livekit_http.check_status(self._wire, response, probe.path, _SWITCHING)
        _probe_http.check_upgrade(response, key)
        self._upgraded = True
        self._waiting = self._frames.feed(response.body)
        answer = await self.next()
        if isinstance(answer, Leave):
            raise ProbeError(f"the server sends us away: {answer.reason}")
        if not isinstance(answer, Join):
            raise ProbeError("LiveKit: the first message is no JoinResponse")
        return answer

    async def next(self) -> Response:
        """The next message of the server; None for one that is of no interest.

        Raises:
            ProbeError: it is none, or the server ended the connection.
            OSError: the kernel says why there is none.
        """
        while True:
            message = await self._message()
            if message.opcode == _livekit_websocket.PING:
                await self._wire.send(_livekit_websocket.frame(_livekit_websocket.PONG, message.data))
            elif message.opcode == _livekit_websocket.CLOSE:
                raise ProbeError(f"the server ended the WebSocket: {message.closing()}")
            elif message.opcode == _livekit_websocket.TEXT:
                raise ProbeError("LiveKit: a message of text, where binary ones were agreed on")
            elif message.opcode == _livekit_websocket.BINARY:
                return _livekit_messages.read(message.data)

    async def send(self, request: bytes) -> None:
        """Send a SignalRequest.

        Raises:
            OSError: the kernel says why not.
        """
        await self._wire.send(_livekit_websocket.frame(_livekit_websocket.BINARY, request))

    async def leave(self) -> None:
        """End the session politely, if there is one; whatever comes of it."""
        if not self._upgraded:
            return
        with suppress(ProbeError, OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._part(), _LEAVE_SECONDS)

    async def _part(self) -> None:
        await self.send(_livekit_messages.leave())
        await self._wire.send(_livekit_websocket.close())
        # A connection that is closed with something left to read is reset, and takes our last words with it.
        while True:
            await self.next()

    async def _message(self) -> _livekit_websocket.Message:
        while not self._waiting:
            data = await self._wire.receive()
            if not data:
                raise ProbeError("the connection ended after the upgrade to a WebSocket", RESET)
            self._waiting = self._frames.feed(data)
        return self._waiting.pop(0)
