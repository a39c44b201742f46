# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forwarder on the loopback, before resolvers that are silent, fail, or talk nonsense."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Callable, Optional

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _dns, _forwarder

QUERY = struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + b"\1x\7livekit\5cloud\0\0\1\0\1"
# An answer with 198.18.2.1, the name as a pointer to the question.
GOOD = struct.pack("!HHHHHH", 0x1234, 0x8180, 1, 1, 0, 0) + QUERY[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + bytes([198, 18, 2, 1])


def failure(code: int) -> bytes:
    return struct.pack("!HHHHHH", 0x1234, 0x8180 | code, 1, 0, 0, 0) + QUERY[12:]


Behaviour = Callable[[bytes], Optional[bytes]]


class Resolver(asyncio.DatagramProtocol):
    """Answers every datagram in its own way."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked = 0

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        self.asked += 1
        answer = self.behaviour(data)
        if answer is not None:
            self.transport.sendto(answer, addr)


def ask(*behaviours: Behaviour, times: int = 1, teach=lambda query, asked, reply: reply):
    """The replies to a query, and how often each resolver was asked."""

    async def run():
        resolvers, servers = [], []
        for behaviour in behaviours:
            transport, resolver = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda behaviour=behaviour: Resolver(behaviour), local_addr=("127.0.0.1", 0)
            )
            resolvers.append(resolver)
            servers.append(transport.get_extra_info("sockname"))
        forwarder = _forwarder.Forwarder(servers, teach)
        replies = [await forwarder.reply(QUERY, False) for _time in range(times)]
        return replies, [resolver.asked for resolver in resolvers]

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(_forwarder, "UDP_SECONDS", 0.2)


def test_a_good_answer_is_handed_on_as_it_is():
    assert ask(lambda query: GOOD) == ([GOOD], [1])


@pytest.mark.parametrize(
    "first",
    [
        lambda query: None,
        lambda query: failure(_dns.SERVFAIL),
        lambda query: failure(_dns.REFUSED),
        lambda query: b"nonsense",
        lambda query: GOOD[:20],
        # Answers to other questions: another id, another name.
        lambda query: b"\0\0" + GOOD[2:],
        lambda query: GOOD.replace(b"\1x", b"\1y"),
        lambda query: query,
    ],
)
def test_the_next_resolver_is_asked_where_one_gives_no_good_answer(first):
    replies, asked = ask(first, lambda query: GOOD)
    assert (replies, asked) == ([GOOD], [1, 1])


def test_a_resolver_that_is_silent_is_asked_last_from_then_on(capsys):
    replies, asked = ask(lambda query: None, lambda query: GOOD, times=3)
    assert (replies, asked) == ([GOOD] * 3, [1, 3])
    assert "127.0.0.1 does not answer" in capsys.readouterr().err


def test_where_none_has_a_better_answer_the_failure_is_handed_on():
    assert ask(lambda query: failure(_dns.REFUSED), lambda query: None)[0] == [failure(_dns.REFUSED)]
    assert ask(lambda query: None)[0] == [_dns.refusal(QUERY, _dns.SERVFAIL)]


def test_a_name_that_does_not_exist_is_an_answer():
    assert ask(lambda query: failure(_dns.NXDOMAIN), lambda query: GOOD) == ([failure(_dns.NXDOMAIN)], [1, 0])


def test_a_reply_that_the_teacher_cannot_read_is_a_failure():
    def teach(query, asked, reply):
        raise ValueError("cut off")

    assert ask(lambda query: GOOD, teach=teach)[0] == [_dns.refusal(QUERY, _dns.SERVFAIL)]


@pytest.mark.parametrize(("query", "reply"), [(b"", None), (b"x" * 11, None), (QUERY[:12], _dns.refusal(QUERY[:12], _dns.FORMERR))])
def test_what_is_no_query_is_refused_or_passed_over(query, reply):
    assert asyncio.run(_forwarder.Forwarder([], lambda *parts: b"").reply(query, False)) == reply


def test_both_transports_are_served_and_several_queries_on_one_connection():
    async def run():
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(upstream, "127.0.0.1", 0)
        transport, _resolver = await loop.create_datagram_endpoint(
            lambda: Resolver(lambda query: GOOD), local_addr=server.sockets[0].getsockname()
        )
        forwarder = _forwarder.Forwarder([server.sockets[0].getsockname()], lambda query, asked, reply: reply)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        stream = socket.create_server(datagrams.getsockname())
        serving = asyncio.ensure_future(_forwarder.serve(forwarder, [datagrams, stream]))
        await asyncio.sleep(0.05)
        found = [await loop.run_in_executor(None, over_udp, datagrams.getsockname())]
        reader, writer = await asyncio.open_connection(*stream.getsockname())
        for _time in range(2):
            writer.write(len(QUERY).to_bytes(2, "big") + QUERY)
            found.append(await asyncio.wait_for(reader.readexactly(2 + len(GOOD)), 2))
        writer.close()
        serving.cancel()
        transport.close()
        server.close()
        return found

    async def upstream(reader, writer):
        await reader.readexactly(2 + len(QUERY))
        writer.write(len(GOOD).to_bytes(2, "big") + GOOD)
        writer.close()

    def over_udp(address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.sendto(QUERY, address)
            return client.recv(4096)

    framed = len(GOOD).to_bytes(2, "big") + GOOD
    assert asyncio.run(run()) == [GOOD, framed, framed]
