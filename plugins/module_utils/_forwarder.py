# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A DNS forwarder for the names that a policy learns: it asks the site's resolvers and shows each reply to a teacher first.

dnsmasq sends it the required domains alone, over the loopback; all other names never come here. UDP and TCP (RFC 7766).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Callable, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils import _dns
from ansible_collections.webrtc.firewall.plugins.module_utils._system import say

# A client gives up after 5 s; until then every resolver shall have had its chance.
UDP_SECONDS, TCP_SECONDS = 1.5, 3.0
# As many as an instance of dnsmasq has under way at most; each takes a file descriptor.
_AT_ONCE = 1000

# Resolvers as (address, port).
Server = tuple[str, int]
# Gets question and reply before the client does, and returns the reply to give.
Teacher = Callable[[bytes, _dns.Question, bytes], bytes]


class Forwarder:
    """Answers queries out of the site's resolvers.

    Args:
        servers: the resolvers, in the order in which they are asked.
        teach: sees each reply before it goes out.
    """

    def __init__(self, servers: Sequence[Server], teach: Teacher) -> None:
        self._servers = list(servers)
        self._teach = teach
        self._under_way = 0

    async def reply(self, query: bytes, stream: bool) -> Optional[bytes]:
        """The reply to a query; None where nothing should be said.

        Args:
            query: the message as it came.
            stream: whether it came over TCP.
        """
        try:
            asked = _dns.question(query)
        except ValueError:
            return _dns.refusal(query, _dns.FORMERR) if len(query) >= 12 else None
        if self._under_way >= _AT_ONCE:
            return _dns.refusal(query, _dns.SERVFAIL)
        self._under_way += 1
        try:
            found = await self._ask(query, stream)
            return self._teach(query, asked, found) if found else _dns.refusal(query, _dns.SERVFAIL)
        except ValueError as error:
            say(f"{asked.name}: a reply that cannot be read ({error})")
            return _dns.refusal(query, _dns.SERVFAIL)
        finally:
            self._under_way -= 1

    async def _ask(self, query: bytes, stream: bool) -> Optional[bytes]:
        """The first good reply; a bad one only where no resolver has a better."""
        bad = None
        for server in tuple(self._servers):
            try:
                if stream:
                    found = await asyncio.wait_for(_over_tcp(server, query), TCP_SECONDS)
                else:
                    found = await asyncio.wait_for(_over_udp(server, query), UDP_SECONDS)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                self._later(server)
                continue
            if _dns.code(found) not in (_dns.SERVFAIL, _dns.REFUSED):
                return found
            bad = found
        return bad

    def _later(self, server: Server) -> None:
        """A resolver that did not answer is asked last from now on."""
        if len(self._servers) > 1 and self._servers[0] == server:
            say(f"resolver {server[0]} does not answer; the others are asked first")
            self._servers.append(self._servers.pop(0))


class _Exchange(asyncio.DatagramProtocol):
    """One query from a port of its own, which an attacker would have to guess beside the id."""

    def __init__(self, query: bytes) -> None:
        self._query = query
        self.found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        transport.sendto(self._query)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.found.done() and _dns.answers(self._query, data):
            self.found.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.found.done():
            self.found.set_exception(exc)


async def _over_udp(server: Server, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, exchange = await loop.create_datagram_endpoint(lambda: _Exchange(query), remote_addr=server)
    try:
        return await exchange.found
    finally:
        transport.close()


async def _over_tcp(server: Server, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        found = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()
    if not _dns.answers(query, found):
        raise OSError("a reply to another query")
    return found


class _Datagrams(asyncio.DatagramProtocol):
    """Queries over UDP."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: Optional[asyncio.DatagramTransport] = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # The loop keeps weak references alone.
        task = asyncio.get_running_loop().create_task(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, query: bytes, peer: tuple[str, int]) -> None:
        reply = await self._forwarder.reply(query, False)
        if reply and self._transport:
            self._transport.sendto(reply, peer)


async def serve(forwarder: Forwarder, sockets: Sequence[socket.socket]) -> None:
    """Answer on bound sockets until cancelled.

    Args:
        forwarder: what answers.
        sockets: bound datagram sockets, and bound stream sockets.
    """
    loop = asyncio.get_running_loop()

    async def on_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 10), "big")
                reply = await forwarder.reply(await asyncio.wait_for(reader.readexactly(length), 10), True)
                if not reply:
                    return
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            # The client has gone, or has nothing more to ask.
            return
        finally:
            writer.close()

    for one in sockets:
        one.setblocking(False)
        if one.type == socket.SOCK_DGRAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            await loop.create_datagram_endpoint(lambda: _Datagrams(forwarder), sock=one)
        else:
            await asyncio.start_server(on_stream, sock=one)
    await loop.create_future()
