# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""One connection of a probe, over udp, tcp or tls: bounded in what it reads, and with errors that say what became of it."""

from __future__ import annotations

import asyncio
import functools
import socket
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Awaitable, Callable, Optional, TypeVar

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_icmp, _probe_x509
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import RESET, TIMED_OUT, UNTESTED, Endpoint, Facts, ProbeError

try:
    import ssl as _ssl
except ImportError:
    # Interpreters that were built without OpenSSL exist; everything but TLS works there.
    _ssl = None  # type: ignore[assignment]

# No answer of any protocol here is longer; what goes on beyond it is no answer.
LIMIT = 65536
_DATAGRAMS = 64
_PIECE = 16384
# When a request over UDP is sent again: RFC 8489 section 6.2.1 and RFC 3261 section 17.1.2.2 double half a second up to four.
_AGAIN_FIRST, _AGAIN_LAST = 0.5, 4.0

T = TypeVar("T")
# Reads an answer: None asks for more bytes of a stream, ProbeError says that it is none.
Parser = Callable[[bytes], Optional[T]]


class Wire:
    """A connection to an endpoint.

    Args:
        endpoint: where to.
        seconds: after this time nothing is waited for any more.

    Attributes:
        facts: what is known so far, whatever comes of it.
    """

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        self.facts: Facts = {}
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + seconds
        self._stage = "connecting"
        self._socket: Optional[socket.socket] = None
        self._tls: Any = None
        self._incoming: Any = None
        self._outgoing: Any = None
        self._shaken = False
        # The last datagram that was no answer: if no better one comes, it is what is told.
        self._bad: Optional[ProbeError] = None

    async def run(self, work: Callable[[Wire, Endpoint], Any]) -> None:
        """Do the work of a kind within the time limit, and close.

        Args:
            work: a coroutine function that takes this wire and its endpoint.

        Raises:
            ProbeError: with what is wrong, if the answer did not come.
        """
        try:
            await self.within(self.left(), work(self, self._endpoint))
        finally:
            self.close()

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Do a part of the work within a time of its own.

        Args:
            seconds: how long it may take.
            work: what to wait for.

        Raises:
            ProbeError: with what is wrong, if the answer did not come.
        """
        try:
            return await asyncio.wait_for(work, max(0.0, seconds))
        except asyncio.TimeoutError:
            raise self._bad or ProbeError(f"no answer while {self._stage}", TIMED_OUT) from None
        except OSError as error:
            raise self.icmp(error) from error

    def left(self) -> float:
        """The seconds that are left until the time limit."""
        return self._deadline - self._loop.time()

    async def open(self) -> None:
        """Connect, and shake hands if the transport is tls; with udp nothing is sent by that.

        Raises:
            OSError: the kernel says why not.
            ProbeError: TLS says why not.
        """
        if self._endpoint.probe.transport != "tls":
            await self._connect()
            return
        if _ssl is None:
            raise ProbeError("this machine's Python has no ssl module", UNTESTED)
        reason = await self._shake(_context(True))
        if reason:
            # Whose certificate it is can only be seen without believing in it.
            self.close()
            self._stage = "connecting again"
            await self._shake(_context(False))
        certificate = self._tls.getpeercert(binary_form=True)
        self.facts.update({"tls": self._tls.version(), "trusted": not reason, "trust_error": reason or None})
        if certificate:
            self.facts["certificate"] = _probe_x509.facts(certificate, datetime.now(timezone.utc))

    async def turn_to(self, address: str, port: int) -> None:
        """Go on with another peer from the same port of ours; over udp alone.

        Raises:
            OSError: the kernel says why not.
        """
        self._stage = "turning to the second server"
        await self._loop.sock_connect(self._open_socket(), (address, port))

    async def ask(self, request: bytes, parse: Parser[T]) -> T:
        """Send a request and read its answer; over UDP the request is sent again and again until the time is over.

        Args:
            request: the message.
            parse: reads the answer.

        Raises:
            OSError: the kernel says why there is none.
            ProbeError: what came was no answer.
            asyncio.TimeoutError: nothing came.
        """
        pause = _AGAIN_FIRST
        while True:
            await self.send(request)
            if self._endpoint.probe.transport != "udp":
                return await self._receive_stream(parse)
            left = self.left()
            with suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(self._receive_datagram(parse), min(pause, max(0.0, left)))
            if left <= 0:
                raise asyncio.TimeoutError
            pause = min(2 * pause, _AGAIN_LAST)

    async def send(self, data: bytes) -> None:
        """Send one message.

        Raises:
            OSError: the kernel says why not.
        """
        self._stage = "waiting for an answer"
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        await self._loop.sock_sendall(self._open_socket(), data)

    async def receive(self) -> bytes:
        """What comes next: a datagram, or some bytes of a stream; nothing at the end of a stream.

        Raises:
            OSError: the kernel says why there is none.
        """
        data = await self._pump(lambda: self._tls.read(_PIECE)) if self._tls is not None else await self._read()
        # A peer that sends without end must not keep the loop from its clock.
        await asyncio.sleep(0)
        return bytes(data or b"")

    def icmp(self, error: OSError) -> ProbeError:
        """The verdict behind an error, and room in the error queue for the next."""
        return _probe_icmp.explain(error, _probe_icmp.take(self._socket) if self._socket else None, self._stage)

    def local(self) -> str:
        """Our own address and port, ``192.0.2.1:40000`` or ``[2001:db8::1]:40000``."""
        return address_text(*self._open_socket().getsockname()[:2])

    def close(self) -> None:
        """Close it, if it is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _connect(self) -> None:
        there = self._endpoint
        udp = there.probe.transport == "udp"
        family = socket.AF_INET6 if there.family == "ipv6" else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self._socket.setblocking(False)
        _probe_icmp.listen(self._socket)
        if not udp:
            # Packets of media through TURN must not wait for each other.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self._loop.sock_connect(self._socket, (there.address, there.port))

    async def _shake(self, context: Any) -> str:
        """Connect and shake hands; returns why the certificate is not to be trusted, with the connection of no use then."""
        await self._connect()
        self._stage = "shaking hands after the ClientHello"
        self._shaken = False
        self._incoming, self._outgoing = _ssl.MemoryBIO(), _ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._endpoint.probe.name)
        try:
            await self._pump(self._tls.do_handshake)
        except _ssl.SSLCertVerificationError as error:
            return str(error.verify_message)
        self._shaken = True
        return ""

    async def _pump(self, step: Callable[[], Any]) -> Any:
        """Repeat a step of TLS, with what it wants to send and to read in between, until it is done."""
        while True:
            try:
                done = step()
            except _ssl.SSLWantReadError:
                await self._flush()
            except _ssl.SSLCertVerificationError:
                await self._flush()
                raise
            except (_ssl.SSLZeroReturnError, _ssl.SSLEOFError):
                # Many servers end a connection without the alert that should come first.
                if self._shaken:
                    return b""
                raise ProbeError(f"closed while {self._stage}", RESET) from None
            except _ssl.SSLError as error:
                raise self._tls_error(error) from error
            else:
                await self._flush()
                return done
            data = await self._read()
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            await asyncio.sleep(0)

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._loop.sock_sendall(self._open_socket(), data)

    def _tls_error(self, error: Any) -> ProbeError:
        return ProbeError(f"TLS: {str(error.reason or error).replace('_', ' ').lower()} while {self._stage}")

    async def _read(self) -> bytes:
        return await self._loop.sock_recv(self._open_socket(), LIMIT)

    async def _receive_stream(self, parse: Parser[T]) -> T:
        data = b""
        while True:
            piece = await self.receive()
            data += piece
            found = parse(data) if data else None
            if found is not None:
                return found
            if not piece and data:
                raise ProbeError(f"closed after {len(data)} bytes of an answer")
            if not piece:
                raise ProbeError(f"closed while {self._stage}", RESET)
            if len(data) > LIMIT:
                raise ProbeError(f"more than {LIMIT} bytes without an end")

    async def _receive_datagram(self, parse: Parser[T]) -> T:
        """The first datagram that is an answer; one that is none may be a late or a forged one."""
        for _datagram in range(_DATAGRAMS):
            data = await self.receive()
            try:
                found = parse(data)
            except ProbeError as error:
                self._bad = error
                continue
            if found is not None:
                return found
            self._bad = ProbeError(f"an answer that is cut short after {len(data)} bytes")
        raise self._bad or ProbeError("nothing but empty datagrams")

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise ProbeError("the connection is closed", UNTESTED)
        return self._socket


def address_text(host: str, port: int) -> str:
    """An address and a port as people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@functools.cache
def _context(verify: bool) -> Any:
    """Loading the system's certificates takes a while: once a run."""
    context = _ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = _ssl.CERT_NONE
    return context
