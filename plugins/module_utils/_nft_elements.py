# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Addresses into and out of the sets of our nftables table, by netlink and without nft.

An answer may wait for nothing else: `nft`, and everything built on libnftables, first reads all interval sets of the whole
machine, which takes a second where there are 100,000 such elements, and ends where another version's set confuses it. A message
to the kernel takes some microseconds, whatever else is there.
Reference: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import ip_address
from typing import Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _netlink
from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import (
    ACK,
    CREATE,
    ERROR,
    GENERIC,
    NESTED,
    REQUEST,
    Connection,
    attributes,
    messages,
    pack,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import TABLE
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Element, Found, Full, Gone, Sets, Torn

_SUBSYSTEM, _GROUP = 10, 7
_INET = 1
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_ELEMENTS, _GET_ELEMENTS, _DELETE_ELEMENTS = (_SUBSYSTEM << 8 | number for number in (12, 13, 14))
_ADD_MEMBERSHIP = 1
_SOL_NETLINK = 270
# NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_*, NFTA_EXPR_*, NFTA_COUNTER_*.
_TABLE_NAME, _SET_NAME, _ELEMENTS, _ITEM, _KEY, _VALUE = 1, 2, 3, 1, 1, 1
_EXPRESSION, _EXPRESSIONS, _EXPRESSION_DATA, _COUNTER_PACKETS = 7, 11, 2, 2
# An attribute's length has 16 bits.
_IN_ONE_MESSAGE, _IN_ONE_BATCH = 1000, 4000


class NftSets(Sets):
    """One call is one transaction for each few thousand elements; nothing of one that fails is done.

    Raises:
        OSError: no such kernel feature, or no right to use it (CAP_NET_ADMIN).
    """

    def __init__(self) -> None:
        self._kernel = Connection()
        self._ear: Optional[socket.socket] = None

    def add(self, elements: Iterable[Element]) -> None:
        self._change(_NEW_ELEMENTS, CREATE, elements)

    def remove(self, elements: Iterable[Element]) -> None:
        self._change(_DELETE_ELEMENTS, 0, elements)

    def slices(self, name: str) -> Iterator[list[Found]]:
        payload = _netlink.text(_TABLE_NAME, TABLE) + _netlink.text(_SET_NAME, name)
        generations = set()
        try:
            for body in self._kernel.dump(_GET_ELEMENTS, payload, _INET):
                generations.add(GENERIC.unpack_from(body)[2])
                for kind, data in attributes(body[GENERIC.size :]):
                    if kind == _ELEMENTS:
                        yield [_found(item) for _kind, item in attributes(data)]
        except FileNotFoundError as error:
            raise Gone from error
        if len(generations) > 1:
            raise Torn

    def fileno(self) -> int:
        if self._ear is None:
            self._ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _netlink.NETFILTER)
            self._ear.bind((0, 0))
            self._ear.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP)
        return self._ear.fileno()

    def touched(self) -> Optional[list[Element]]:
        found: Optional[list[Element]] = []
        while self._ear:
            try:
                data = self._ear.recv(1 << 18)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # So much has happened that the kernel let go of some of it: ours may have been among it.
                found = None
                continue
            for kind, _sequence, port, body in messages(data):
                payload = body[GENERIC.size :]
                if port == self._kernel.port or not _names_our_table(payload):
                    continue
                if found is not None and kind in (_NEW_ELEMENTS, _DELETE_ELEMENTS):
                    found += _touched(payload)
                else:
                    found = None
        return found

    def altered(self, filled: Mapping[str, int]) -> bool:
        return False

    def close(self) -> None:
        self._kernel.close()
        if self._ear:
            self._ear.close()

    def _change(self, kind: int, flags: int, elements: Iterable[Element]) -> None:
        items = list(elements)
        for start in range(0, len(items), _IN_ONE_BATCH):
            self._batch(kind, flags, items[start : start + _IN_ONE_BATCH])

    def _batch(self, kind: int, flags: int, elements: list[Element]) -> None:
        by_set: dict[str, list[str]] = {}
        for name, address in elements:
            by_set.setdefault(name, []).append(address)
        kernel = self._kernel
        parts = [kernel.message(_BATCH_BEGIN, REQUEST, b"", resource=_SUBSYSTEM)]
        waiting = set()
        for name, addresses in by_set.items():
            for start in range(0, len(addresses), _IN_ONE_MESSAGE):
                payload = _list(name, addresses[start : start + _IN_ONE_MESSAGE])
                parts.append(kernel.message(kind, REQUEST | ACK | flags, payload, _INET))
                waiting.add(kernel.sequence)
        parts.append(kernel.message(_BATCH_END, REQUEST, b"", resource=_SUBSYSTEM))
        kernel.send(b"".join(parts))
        error = 0
        while waiting:
            for sequence, kind_of_reply, body in kernel.receive():
                if kind_of_reply == ERROR and sequence in waiting:
                    waiting.discard(sequence)
                    error = error or _netlink.error_in(body)
        _raise(error)


def _raise(error: int) -> None:
    if error == errno.ENOENT:
        raise Gone
    if error in (errno.ENFILE, errno.ENOSPC):
        raise Full
    if error:
        raise OSError(error, os.strerror(error))


def _names_our_table(payload: bytes) -> bool:
    """The name of the table is attribute 1 in all messages of nf_tables."""
    return any(kind == _TABLE_NAME and data.rstrip(b"\0") == TABLE.encode() for kind, data in attributes(payload))


def _touched(payload: bytes) -> Iterator[Element]:
    parts = dict(attributes(payload))
    name = parts[_SET_NAME].rstrip(b"\0").decode()
    yield from ((name, _found(item).address) for _kind, item in attributes(parts.get(_ELEMENTS, b"")))


def _list(name: str, addresses: list[str]) -> bytes:
    items = b"".join(pack(_ITEM | NESTED, pack(_KEY | NESTED, pack(_VALUE, ip_address(address).packed))) for address in addresses)
    return _netlink.text(_TABLE_NAME, TABLE) + _netlink.text(_SET_NAME, name) + pack(_ELEMENTS | NESTED, items)


def _found(item: bytes) -> Found:
    address, packets = "", 0
    for kind, data in attributes(item):
        if kind == _KEY:
            address = _netlink.address(dict(attributes(data))[_VALUE])
        elif kind == _EXPRESSION:
            packets = _packets(data)
        elif kind == _EXPRESSIONS:
            packets = max((_packets(expression) for _kind, expression in attributes(data)), default=0)
    return Found(address, packets)


def _packets(expression: bytes) -> int:
    counter = dict(attributes(dict(attributes(expression)).get(_EXPRESSION_DATA, b"")))
    return int.from_bytes(counter.get(_COUNTER_PACKETS, b""), "big")
