# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Addresses into and out of the sets of our table, by netlink and without nft; and the live connections that we have marked.

An answer may wait for nothing else: `nft`, and everything built on libnftables, first reads all interval sets of the whole
machine, which takes a second where there are 100,000 such elements, and ends where another version's set confuses it. A message
to the kernel takes some microseconds, whatever else is there.
Reference: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink_conntrack.h, linux/netlink.h, netlink(7).
"""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import ip_address
from itertools import islice
from typing import Iterable, Iterator, NamedTuple, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import TABLE

_NETLINK_NETFILTER, _SUBSYSTEM, _GROUP = 12, 10, 7
_INET = 1
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_ELEMENTS, _GET_ELEMENTS, _DELETE_ELEMENTS = (_SUBSYSTEM << 8 | number for number in (12, 13, 14))
_REQUEST, _ACK, _DUMP, _CREATE = 0x1, 0x4, 0x300, 0x400
_ERROR, _DONE = 0x2, 0x3
_NESTED = 0x8000
_ADD_MEMBERSHIP = 1
_SOL_NETLINK = 270
_HEADER, _GENERIC, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
# Connections: IPCTNL_MSG_CT_GET, CTA_*, CTA_TUPLE_*, CTA_IP_*, CTA_PROTOINFO_TCP_STATE.
_GET_CONNECTIONS, _ANY_FAMILY = 1 << 8 | 1, 0
_ORIGINAL, _PROTOCOL, _MARK, _MARK_MASK, _ADDRESSES, _IPV4_TO, _IPV6_TO, _TCP, _TCP_STATE, _ESTABLISHED = 1, 4, 8, 21, 1, 2, 4, 1, 1, 3
# NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_*, NFTA_EXPR_*, NFTA_COUNTER_*.
_TABLE_NAME, _SET_NAME, _ELEMENTS, _ITEM, _KEY, _VALUE = 1, 2, 3, 1, 1, 1
_EXPRESSION, _EXPRESSIONS, _EXPRESSION_DATA, _COUNTER_PACKETS = 7, 11, 2, 2
# An attribute's length has 16 bits.
_IN_ONE_MESSAGE, _IN_ONE_BATCH, _IN_ONE_SLICE = 1000, 4000, 200
_SECONDS = 10.0

# An element as (name of the set, address).
Element = tuple[str, str]


class Gone(Exception):
    """The table, a set or an element is not there (any more)."""


class Full(Exception):
    """A set takes no more elements."""


class Torn(Exception):
    """Something was changed while a set was read: elements may be missing in what was read."""


class Found(NamedTuple):
    """An element of a set as the kernel has it: the address, and how many packets of new connections have met it."""

    address: str
    packets: int


class Elements:
    """A connection to nf_tables; one call is one transaction for each few thousand elements.

    Raises:
        OSError: no such kernel feature, or no right to use it (CAP_NET_ADMIN).
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.settimeout(_SECONDS)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.port = self._socket.getsockname()[0]
        self._sequence = 0

    def add(self, elements: Iterable[Element]) -> None:
        """Put elements into their sets; what is there already stays.

        Raises:
            Gone: there is no such set; nothing of its batch was added.
            Full: a set is full; nothing of its batch was added.
            OSError: the kernel refuses.
        """
        self._change(_NEW_ELEMENTS, _CREATE, elements)

    def remove(self, elements: Iterable[Element]) -> None:
        """Take elements out of their sets.

        Raises:
            Gone: one of them, or its set, is not there; nothing of its batch was removed.
            OSError: the kernel refuses.
        """
        self._change(_DELETE_ELEMENTS, 0, elements)

    def slices(self, name: str) -> Iterator[list[Found]]:
        """The elements of a set, some hundred at a time, so that a caller may do other things in between.

        Until the last one this connection is good for nothing else.

        Raises:
            Gone: there is no such set (any more).
            Torn: after the last slice.
            OSError: the kernel refuses.
        """
        payload = _text(_TABLE_NAME, TABLE) + _text(_SET_NAME, name)
        generations = set()
        for body in self._dump(_GET_ELEMENTS, payload):
            generations.add(_GENERIC.unpack_from(body)[2])
            for kind, data in _attributes(body[_GENERIC.size :]):
                if kind == _ELEMENTS:
                    yield [_found(item) for _kind, item in _attributes(data)]
        if len(generations) > 1:
            raise Torn

    def destinations(self, mark: int) -> Iterator[list[str]]:
        """Where the live connections go that carry a bit of the conntrack mark, some at a time; see `slices`.

        Raises:
            OSError: the kernel refuses, or cannot list connections.
        """
        bit = mark.to_bytes(4, "big")
        bodies = self._dump(_GET_CONNECTIONS, _pack(_MARK, bit) + _pack(_MARK_MASK, bit), _ANY_FAMILY)
        while piece := list(islice(bodies, _IN_ONE_SLICE)):
            yield [address for body in piece for address in _destination(body[_GENERIC.size :])]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _change(self, kind: int, flags: int, elements: Iterable[Element]) -> None:
        items = list(elements)
        for start in range(0, len(items), _IN_ONE_BATCH):
            self._batch(kind, flags, items[start : start + _IN_ONE_BATCH])

    def _batch(self, kind: int, flags: int, elements: list[Element]) -> None:
        by_set: dict[str, list[str]] = {}
        for name, address in elements:
            by_set.setdefault(name, []).append(address)
        parts = [self._message(_BATCH_BEGIN, _REQUEST, b"", 0, _SUBSYSTEM)]
        waiting = set()
        for name, addresses in by_set.items():
            for start in range(0, len(addresses), _IN_ONE_MESSAGE):
                parts.append(self._message(kind, _REQUEST | _ACK | flags, _list(name, addresses[start : start + _IN_ONE_MESSAGE])))
                waiting.add(self._sequence)
        parts.append(self._message(_BATCH_END, _REQUEST, b"", 0, _SUBSYSTEM))
        self._socket.send(b"".join(parts))
        error = 0
        while waiting:
            for sequence, kind_of_reply, body in self._receive():
                if kind_of_reply == _ERROR and sequence in waiting:
                    waiting.discard(sequence)
                    error = error or -int(struct.unpack_from("=i", body)[0])
        _raise(error)

    def _dump(self, kind: int, payload: bytes, family: int = _INET) -> Iterator[bytes]:
        self._socket.send(self._message(kind, _REQUEST | _DUMP, payload, family))
        mine = self._sequence
        while True:
            for sequence, kind_of_reply, body in self._receive():
                if sequence != mine:
                    continue
                if kind_of_reply in (_DONE, _ERROR):
                    _raise(-int(struct.unpack_from("=i", body)[0]))
                    return
                yield body

    def _message(self, kind: int, flags: int, payload: bytes, family: int = _INET, resource: int = 0) -> bytes:
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        length = _HEADER.size + _GENERIC.size + len(payload)
        return _HEADER.pack(length, kind, flags, self._sequence, 0) + _GENERIC.pack(family, 0, socket.htons(resource)) + payload

    def _receive(self) -> Iterator[tuple[int, int, bytes]]:
        yield from ((sequence, kind, body) for kind, sequence, _port, body in _messages(self._socket.recv(1 << 18)))


class Watch:
    """Hears of every change to our table that others make, be it a flush of the whole ruleset.

    Args:
        own: netlink ports whose changes do not count.
    """

    def __init__(self, own: Iterable[int]) -> None:
        self._own = set(own)
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP)

    def fileno(self) -> int:
        """For an event loop: readable when something was changed."""
        return self._socket.fileno()

    def touched(self) -> Optional[list[Element]]:
        """Take what has come: the elements of our table that others have added or removed; None where more may have changed."""
        found: Optional[list[Element]] = []
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # So much has happened that the kernel let go of some of it: ours may have been among it.
                found = None
                continue
            for kind, _sequence, port, body in _messages(data):
                payload = body[_GENERIC.size :]
                if port in self._own or not _names_our_table(payload):
                    continue
                if found is not None and kind in (_NEW_ELEMENTS, _DELETE_ELEMENTS):
                    found += _touched(payload)
                else:
                    found = None

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


def _raise(error: int) -> None:
    if error == errno.ENOENT:
        raise Gone
    if error in (errno.ENFILE, errno.ENOSPC):
        raise Full
    if error:
        raise OSError(error, errno.errorcode.get(error, str(error)))


def _names_our_table(payload: bytes) -> bool:
    """The name of the table is attribute 1 in all messages of nf_tables."""
    return any(kind == _TABLE_NAME and data.rstrip(b"\0") == TABLE.encode() for kind, data in _attributes(payload))


def _touched(payload: bytes) -> Iterator[Element]:
    parts = dict(_attributes(payload))
    name = parts[_SET_NAME].rstrip(b"\0").decode()
    yield from ((name, _found(item).address) for _kind, item in _attributes(parts.get(_ELEMENTS, b"")))


def _list(name: str, addresses: list[str]) -> bytes:
    items = b"".join(_pack(_ITEM | _NESTED, _pack(_KEY | _NESTED, _pack(_VALUE, ip_address(address).packed))) for address in addresses)
    return _text(_TABLE_NAME, TABLE) + _text(_SET_NAME, name) + _pack(_ELEMENTS | _NESTED, items)


def _found(item: bytes) -> Found:
    address, packets = "", 0
    for kind, data in _attributes(item):
        if kind == _KEY:
            address = _address(dict(_attributes(data))[_VALUE])
        elif kind == _EXPRESSION:
            packets = _packets(data)
        elif kind == _EXPRESSIONS:
            packets = max((_packets(expression) for _kind, expression in _attributes(data)), default=0)
    return Found(address, packets)


def _address(data: bytes) -> str:
    # The kernel's way is far faster, and the same for IPv4.
    return socket.inet_ntop(socket.AF_INET, data) if len(data) == 4 else str(ip_address(data))


def _packets(expression: bytes) -> int:
    counter = dict(_attributes(dict(_attributes(expression)).get(_EXPRESSION_DATA, b"")))
    return int.from_bytes(counter.get(_COUNTER_PACKETS, b""), "big")


def _destination(connection: bytes) -> Iterator[str]:
    """Where a connection goes; nowhere where its ends have said good-bye."""
    parts = dict(_attributes(connection))
    protocol = dict(_attributes(parts.get(_PROTOCOL, b"")))
    state = dict(_attributes(protocol.get(_TCP, b""))).get(_TCP_STATE, b"\0")
    original = dict(_attributes(parts.get(_ORIGINAL, b"")))
    if state[0] > _ESTABLISHED:
        return
    for kind, data in _attributes(original.get(_ADDRESSES, b"")):
        if kind in (_IPV4_TO, _IPV6_TO):
            yield _address(data)


def _text(kind: int, value: str) -> bytes:
    return _pack(kind, value.encode() + b"\0")


def _pack(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[offset + _ATTRIBUTE.size : offset + length]
        offset += length + -length % 4


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, sequence, port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, sequence, port, data[offset + _HEADER.size : offset + length]
        offset += length + -length % 4
