# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection of a probe, over udp, tcp or tls, that counts what goes out and what comes back."""

from __future__ import annotations

import socket
import ssl
from typing import Any, Callable, Union

SECONDS = 1.5
# More pieces than any answer of the far side comes in.
PIECES = 64


class Unexpected(Exception):
    """An answer came, but not the one that the protocol asks for."""


def expect(condition: bool, told: str) -> None:
    """Raise Unexpected with what was told unless the condition holds."""
    if not condition:
        raise Unexpected(told)


def whatever(data: bytes) -> bool:
    """Any answer is a whole one."""
    return bool(data)


class Wire:
    """A connection to a probe's address and port; each wait ends after the probe's timeout, in seconds."""

    def __init__(self, probe: dict[str, Any]) -> None:
        self.sent = 0
        self.received = 0
        self.socket: Union[socket.socket, ssl.SSLSocket, None] = None
        self._probe = probe
        self._timeout = float(probe.get("timeout") or SECONDS)
        self._source = tuple(probe["source"]) if probe.get("source") else None

    def open(self, transport: str) -> None:
        """Connect; with udp nothing is sent by that."""
        address = (self._probe["address"], self._probe["port"])
        if transport == "udp":
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.settimeout(self._timeout)
            if self._source:
                self.socket.bind(self._source)
            self.socket.connect(address)
            return
        self.socket = socket.create_connection(address, timeout=self._timeout, source_address=self._source)
        if transport == "tls":
            # The far side's certificate is of its own making.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=self._probe.get("name", "far"))

    def send(self, data: bytes) -> None:
        """Send one message."""
        assert self.socket is not None
        self.socket.sendall(data)
        self.sent += 1

    def receive(self, whole: Callable[[bytes], bool] = whatever) -> bytes:
        """One datagram, or as much of a stream as makes a whole message.

        Raises:
            Unexpected: the stream ended before that.
        """
        assert self.socket is not None
        data = b""
        for _piece in range(PIECES):
            more = self.socket.recv(65535)
            data += more
            if whole(data) or self.socket.type == socket.SOCK_DGRAM:
                self.received += 1
                return data
            expect(bool(more), f"closed after {len(data)} bytes")
        raise Unexpected(f"no whole message in {len(data)} bytes")

    def close(self) -> None:
        """Close it, if it is open."""
        if self.socket is not None:
            self.socket.close()
