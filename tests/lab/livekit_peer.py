# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that a LiveKit client can join: the vendor's own protocol buffers over a real WebSocket server.

It stands for the signalling of LiveKit as its sources and the vendor's documents tell it; no LiveKit server can be had without a registry.
The paths, statuses and texts are those of rtcservice.go of github.com/livekit/livekit. Run as a program, it takes its settings from stdin.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import re
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aioice
from aioice import stun
from livekit.protocol import rtc
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


@dataclass
class Settings:
    """What the server does.

    Attributes:
        token: the one that it takes.
        regions: pairs of a name and a URL; None for a server that is not LiveKit Cloud.
        ice_servers: lists of URLs, each with a user and a password.
        v1: whether the server knows the newer paths.
        parts: whether the JoinResponse comes in parts, with a ping in between.
        first: messages that come in place of the JoinResponse.
        after: messages that come after it.
        participants: others in the room, which make the JoinResponse long.
        media: the address at which ICE is spoken; empty for a server that answers no offer.
        media_port: the port of ICE over TCP; 0 takes any.
        trickle: whether its candidates come by themselves, after the answer.
        password: what the server says its ICE password is, if that is not to be the true one.
    """

    token: str
    regions: list[Any] | None = None
    ice_servers: list[Any] = field(default_factory=list)
    v1: bool = True
    parts: bool = False
    first: list[Any] | None = None
    after: list[Any] = field(default_factory=list)
    participants: int = 0
    media: str = ""
    media_port: int = 0
    trickle: bool = True
    password: str = ""


class Peer:
    """The server and what it saw."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths: list[str] = []
        self.joins: list[rtc.JoinRequest] = []
        self.requests: list[rtc.SignalRequest] = []
        self.pongs = 0
        self.closed: list[int | None] = []
        self.agents: list[Any] = []

    def answer(self, connection: Any, request: Any) -> Any:
        """A response in place of an upgrade, or None (http.process_request of the library)."""
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        self.paths.append(path)
        if "/rtc/v1" in path and not self.settings.v1:
            return connection.respond(HTTPStatus.NOT_FOUND, "404 page not found\n")
        if request.headers.get("Authorization") != f"Bearer {self.settings.token}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, f"invalid token: {request.headers.get('Authorization')}\n")
        if path == "/settings/regions":
            return self._regions(connection)
        if path not in ("/rtc/v1", "/rtc", "/rtc/v1/validate", "/rtc/validate"):
            return connection.respond(HTTPStatus.NOT_FOUND, "404 page not found\n")
        if "/rtc/v1" in path:
            if "join_request" not in query:
                return connection.respond(HTTPStatus.BAD_REQUEST, "join_request is required\n")
            wrapped = rtc.WrappedJoinRequest.FromString(base64.urlsafe_b64decode(query["join_request"][0]))
            assert wrapped.compression == rtc.WrappedJoinRequest.NONE
            self.joins.append(rtc.JoinRequest.FromString(wrapped.join_request))
        return connection.respond(HTTPStatus.OK, "success") if path.endswith("/validate") else None

    def _regions(self, connection: Any) -> Any:
        if self.settings.regions is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "404 page not found\n")
        regions = [{"region": name, "url": url, "distance": str(index)} for index, (name, url) in enumerate(self.settings.regions)]
        return connection.respond(HTTPStatus.OK, json.dumps({"regions": regions}))

    def join(self) -> bytes:
        """The JoinResponse."""
        response = rtc.SignalResponse()
        response.join.room.name = "room"
        response.join.participant.identity = "client"
        for number in range(self.settings.participants):
            response.join.other_participants.add(identity=f"participant-{number}", metadata="x" * 200)
        for urls, username, credential in self.settings.ice_servers:
            response.join.ice_servers.add(urls=urls, username=username, credential=credential)
        response.join.server_version = "1.9.12"
        response.join.server_info.version = "1.9.12"
        response.join.server_info.region = "Lab"
        response.join.ping_interval = 5
        return response.SerializeToString()

    async def talk(self, socket: Any) -> None:
        """One client, from the upgrade to its end."""
        for message in [self.join()] if self.settings.first is None else self.settings.first:
            if self.settings.parts:
                waiter = await socket.ping(b"are you there")
                await socket.send(message[at : at + 7] for at in range(0, len(message), 7))
                await waiter
                self.pongs += 1
            else:
                await socket.send(message)
        for message in self.settings.after:
            await socket.send(message)
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                request = rtc.SignalRequest.FromString(message)
                self.requests.append(request)
                if request.WhichOneof("message") == "offer" and self.settings.media:
                    await self._answer(socket, request.offer.sdp)
        self.closed.append(socket.close_code)
        await self.end()

    async def _answer(self, socket: Any, offer: str) -> None:
        """The answer to an offer, with the candidates of a real ICE agent for UDP, and of ours over TCP."""
        agent = aioice.Connection(ice_controlling=False)
        agent.remote_username, agent.remote_password = (re.findall(f"a=ice-{name}:(.*)\r", offer)[0] for name in ("ufrag", "pwd"))
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [self.settings.media]
        await agent.gather_candidates()
        self.agents.append(agent)
        checked = functools.partial(self._ice_over_tcp, agent)
        tcp = await asyncio.start_server(checked, self.settings.media, self.settings.media_port)
        self.agents.append(tcp)
        udp, port = agent.local_candidates[0], tcp.sockets[0].getsockname()[1]
        lines = [f"candidate:{udp.to_sdp()}", f"candidate:2 1 tcp 1671430143 {self.settings.media} {port} typ host tcptype passive"]
        answer = rtc.SignalResponse()
        answer.answer.type = "answer"
        head = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0"]
        ice = [f"a=ice-ufrag:{agent.local_username}", f"a=ice-pwd:{self.settings.password or agent.local_password}"]
        inside = [] if self.settings.trickle else [f"a={line}" for line in lines]
        answer.answer.sdp = "\r\n".join([*head, *ice, *inside, ""])
        await socket.send(answer.SerializeToString())
        for line in lines if self.settings.trickle else ():
            trickle = rtc.SignalResponse()
            trickle.trickle.candidateInit = json.dumps({"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0})
            await socket.send(trickle.SerializeToString())

    async def _ice_over_tcp(self, agent: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Checks with their lengths before them (RFC 4571); first one of our own, as a full agent sends it."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                data = await reader.readexactly(size)
                message = stun.parse_message(data, integrity_key=agent.local_password.encode())
                assert message.attributes["USERNAME"] == f"{agent.local_username}:{agent.remote_username}"
                own = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
                own.add_message_integrity(agent.remote_password.encode())
                answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
                answer.attributes["XOR-MAPPED-ADDRESS"] = writer.get_extra_info("peername")[:2]
                answer.add_message_integrity(agent.local_password.encode())
                for one in (own, answer):
                    writer.write(struct.pack("!H", len(bytes(one))) + bytes(one))
        writer.close()

    async def end(self) -> None:
        """The session is over, and nothing is listened to any more."""
        while self.agents:
            agent = self.agents.pop()
            agent.close() if isinstance(agent, asyncio.AbstractServer) else await agent.close()


async def run(peer: Peer, context: ssl.SSLContext, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve until cancelled.

    Args:
        peer: the server.
        context: with its certificate.
        host: the address.
        port: the port; 0 takes any.
        ready: called with the port.
    """
    async with serve(peer.talk, host, port, ssl=context, process_request=peer.answer, ping_interval=None) as server:
        ready(next(iter(server.sockets)).getsockname()[1])
        try:
            await server.serve_forever()
        finally:
            await peer.end()


@contextlib.contextmanager
def running(peer: Peer, context: ssl.SSLContext, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve in a thread; gives the port.

    Args:
        peer: the server.
        context: with its certificate.
        host: the address.
        port: the port; 0 takes any.
    """
    ports: list[int] = []
    loop, started = asyncio.new_event_loop(), threading.Event()

    def ready(number: int) -> None:
        ports.append(number)
        started.set()

    task = loop.create_task(run(peer, context, host, port, ready))

    def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


def main() -> None:
    """Serve with the settings on stdin: host, port, certificate, key, and those of `Settings`."""
    given = json.loads(sys.stdin.read())
    host, port, certificate, key = (given.pop(name) for name in ("host", "port", "certificate", "key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asyncio.run(run(Peer(Settings(**given)), context, host, port, lambda number: print(number, flush=True)))


if __name__ == "__main__":
    main()
