# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Messages to and from the kernel's netfilter subsystems.

Reference: linux/netlink.h, linux/netfilter/nfnetlink.h, netlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import ip_address
from typing import Iterator

NETFILTER = 12
REQUEST, ACK, DUMP, CREATE = 0x1, 0x4, 0x300, 0x400
ERROR, DONE = 0x2, 0x3
NESTED = 0x8000
ANY_FAMILY = 0
GENERIC = struct.Struct("=BBH")
_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
_SECONDS = 10.0


class Connection:
    """A netlink socket of our own.

    Raises:
        OSError: no such kernel feature, or no right to use it (CAP_NET_ADMIN).
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETFILTER)
        self._socket.bind((0, 0))
        self._socket.settimeout(_SECONDS)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.port = int(self._socket.getsockname()[0])
        self.sequence = 0

    def message(self, kind: int, flags: int, payload: bytes, family: int = ANY_FAMILY, resource: int = 0) -> bytes:
        """A message with the next sequence number."""
        self.sequence = self.sequence % 0xFFFFFFFF + 1
        length = _HEADER.size + GENERIC.size + len(payload)
        return _HEADER.pack(length, kind, flags, self.sequence, 0) + GENERIC.pack(family, 0, socket.htons(resource)) + payload

    def send(self, data: bytes) -> None:
        """Send messages."""
        self._socket.send(data)

    def receive(self) -> Iterator[tuple[int, int, bytes]]:
        """What has come, as (sequence, kind, body)."""
        yield from ((sequence, kind, body) for kind, sequence, _port, body in messages(self._socket.recv(1 << 18)))

    def dump(self, kind: int, payload: bytes, family: int = ANY_FAMILY) -> Iterator[bytes]:
        """The bodies of all messages that answer a question.

        Raises:
            OSError: the kernel refuses.
        """
        self.send(self.message(kind, REQUEST | DUMP, payload, family))
        mine = self.sequence
        while True:
            for sequence, kind_of_reply, body in self.receive():
                if sequence != mine:
                    continue
                if kind_of_reply in (DONE, ERROR):
                    error = error_in(body)
                    if error:
                        raise OSError(error, os.strerror(error))
                    return
                yield body

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def error_in(body: bytes) -> int:
    """The error number in an acknowledgement; 0 if all went well."""
    return -int(struct.unpack_from("=i", body)[0])


def address(data: bytes) -> str:
    """An address in text."""
    # The kernel's way is far faster, and the same for IPv4.
    return socket.inet_ntop(socket.AF_INET, data) if len(data) == 4 else str(ip_address(data))


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a text."""
    return pack(kind, value.encode() + b"\0")


def pack(kind: int, data: bytes) -> bytes:
    """An attribute."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a body, as (kind, data)."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[offset + _ATTRIBUTE.size : offset + length]
        offset += length + -length % 4


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages in what was received, as (kind, sequence, port, body)."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, sequence, port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, sequence, port, data[offset + _HEADER.size : offset + length]
        offset += length + -length % 4
