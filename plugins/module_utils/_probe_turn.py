# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What is said to a TURN server about a relay that one has: who may send to it, what goes out of it, and what has come (RFC 8656)."""

from __future__ import annotations

import os
import struct
from ipaddress import ip_address
from typing import Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

CREATE_PERMISSION, SEND_INDICATION, DATA_INDICATION = 0x0008, 0x0016, 0x0017
XOR_PEER_ADDRESS, DATA = 0x0012, 0x0013
_HEADER_SIZE = 20
_START = struct.Struct("!HHI")
Peer = tuple[str, int]


def permission(number: bytes, hosts: Iterable[str], credentials: Optional[_probe_stun.Credentials] = None) -> bytes:
    """A request that lets hosts send to the relay (sections 9 and 10); their ports do not matter.

    Args:
        number: the transaction id, 12 bytes.
        hosts: their addresses, of the relay's family.
        credentials: those of the allocation.
    """
    attributes = b"".join(_peer((host, 0), number) for host in hosts)
    return _probe_stun.build(CREATE_PERMISSION, number, attributes, credentials)


def send(peer: Peer, data: bytes) -> bytes:
    """An indication by which the relay sends a datagram (section 11.1); nothing answers it.

    Args:
        peer: address and port of where to.
        data: the datagram's payload.
    """
    number = os.urandom(12)
    return _probe_stun.build(SEND_INDICATION, number, _peer(peer, number) + _probe_stun.attribute(DATA, data))


def arrived(message: bytes) -> Optional[tuple[Peer, bytes]]:
    """Who sent a datagram to the relay, and its payload (section 11.4).

    Args:
        message: a whole message, as `cut` gives it.

    Returns:
        Peer and payload; None where the message tells of something else.

    Raises:
        ProbeError: it is malformed.
    """
    if _START.unpack_from(message)[0] != DATA_INDICATION:
        return None
    found = _probe_stun.read(message)
    peer, data = found.pair(XOR_PEER_ADDRESS), found.attributes.get(DATA)
    return (peer, data) if peer and data is not None else None


def cut(data: bytes) -> Optional[bytes]:
    """The first message in what has come; None where more bytes must come (RFC 8489, section 5).

    Raises:
        ProbeError: what has come is no STUN.
    """
    if data and data[0] & 0xC0:
        raise ProbeError(f"no STUN, but {data[:16]!r}")
    if len(data) < _HEADER_SIZE:
        return None
    _kind, length, cookie = _START.unpack_from(data)
    if cookie != _probe_stun.COOKIE or length % 4:
        raise ProbeError(f"no STUN, but {data[:16]!r}")
    return data[: _HEADER_SIZE + length] if len(data) >= _HEADER_SIZE + length else None


class Inbox:
    """What comes from a TURN server: one message in a datagram, or a stream of them.

    Args:
        datagrams: whether it comes in datagrams.

    Attributes:
        rest: the beginning of a message of a stream, whose end must still come; at most one message long.
        ended: why nothing more will come, if that is so.
    """

    def __init__(self, datagrams: bool) -> None:
        self.datagrams, self.rest, self.ended = datagrams, b"", ""

    def take(self, data: bytes) -> Iterator[tuple[Peer, bytes]]:
        """The datagrams that have come to the relay.

        Args:
            data: what has come from the server; nothing is the end of a stream.

        Raises:
            ProbeError: a stream is no STUN; a datagram that is none is left alone.
        """
        for message in self.messages(data):
            try:
                found = arrived(message)
            except ProbeError:
                continue
            if found:
                yield found

    def messages(self, data: bytes) -> Iterator[bytes]:
        """All messages that are whole; arguments and errors are those of `take`."""
        if not data and not self.datagrams:
            self.ended = "the server closed the connection"
        self.rest = data if self.datagrams else self.rest + data
        while self.rest:
            try:
                message = cut(self.rest)
            except ProbeError:
                if not self.datagrams:
                    raise
                message = None
            if message is None:
                return
            self.rest = b"" if self.datagrams else self.rest[len(message) :]
            yield message

    def response(self, data: bytes, number: bytes) -> Optional[_probe_stun.Message]:
        """The response to a request among what has come since, all of which is given; None if it is not there yet."""
        later = Inbox(self.datagrams)
        later.rest = self.rest
        for message in later.messages(data):
            if message[8:20] == number:
                return _probe_stun.parse(message, number)
        return None


def _peer(peer: Peer, number: bytes) -> bytes:
    """XOR-PEER-ADDRESS (section 18.3), which is written as XOR-MAPPED-ADDRESS is (RFC 8489, section 14.2)."""
    host, port = ip_address(peer[0]).packed, peer[1]
    mask = struct.pack("!I", _probe_stun.COOKIE) + number
    hidden = bytes(one ^ other for one, other in zip(host, mask))
    value = struct.pack("!BBH", 0, 1 if len(host) == 4 else 2, port ^ _probe_stun.COOKIE >> 16) + hidden
    return _probe_stun.attribute(XOR_PEER_ADDRESS, value)
