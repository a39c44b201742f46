# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Addresses into and out of ipsets, by netlink and without the command ipset.

Reference: linux/netfilter/ipset/ip_set.h.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing
from ipaddress import ip_address
from typing import Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _netlink
from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import (
    ACK,
    ERROR,
    GENERIC,
    NESTED,
    REQUEST,
    Connection,
    attributes,
    pack,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Element, Found, Full, Gone, Sets

_SUBSYSTEM = 6
_LIST, _ADD, _DELETE = (_SUBSYSTEM << 8 | number for number in (7, 9, 10))
# Understood by all kernels since 3.x; newer ones take it as the oldest.
_VERSION = 6
# IPSET_ATTR_*: of a message, of an element, of a set's head.
_PROTOCOL, _SET_NAME, _FLAGS, _DATA, _CONTAINER, _LINE = 1, 2, 6, 7, 8, 9
_ADDRESS, _PACKETS, _ELEMENTS = 1, 25, 24
_HEAD_ONLY = 1 << 2
_NET_ORDER = 0x4000
# IPSET_ERR_HASH_FULL: numbers beyond those of the system.
_PRIVATE, _HASH_FULL = 4096, 4352
_IN_ONE_MESSAGE, _IN_ONE_SLICE = 1000, 200


class IpSets(Sets):
    """Each message is for one set; the kernel takes its elements one after the other.

    Raises:
        OSError: no such kernel feature, or no right to use it (CAP_NET_ADMIN).
    """

    polled = True

    def __init__(self) -> None:
        self._kernel = Connection()

    def add(self, elements: Iterable[Element]) -> None:
        self._change(_ADD, elements)

    def remove(self, elements: Iterable[Element]) -> None:
        self._change(_DELETE, elements)

    def slices(self, name: str) -> Iterator[list[Found]]:
        for body in self._listed(name, 0):
            items = [item for kind, data in attributes(body) if kind == _CONTAINER for _kind, item in attributes(data)]
            for start in range(0, len(items), _IN_ONE_SLICE):
                yield [_found(item) for item in items[start : start + _IN_ONE_SLICE]]

    def fileno(self) -> int:
        return -1

    def touched(self) -> Optional[list[Element]]:
        return None

    def altered(self, filled: Mapping[str, int]) -> bool:
        # A kernel without this count is looked at in vain once a second, and no harm done.
        with closing(IpSets()) as reader:
            return any(reader.count(name) != count for name, count in filled.items())

    def count(self, name: str) -> int:
        """How many elements a set holds; -1 if there is no such set."""
        try:
            for body in self._listed(name, _HEAD_ONLY):
                head = dict(attributes(dict(attributes(body)).get(_DATA, b"")))
                return int.from_bytes(head.get(_ELEMENTS, b""), "big")
        except Gone:
            pass
        return -1

    def close(self) -> None:
        self._kernel.close()

    def _listed(self, name: str, flags: int) -> Iterator[bytes]:
        payload = _head(name) + (pack(_FLAGS | _NET_ORDER, flags.to_bytes(4, "big")) if flags else b"")
        try:
            for body in self._kernel.dump(_LIST, payload, socket.AF_INET):
                yield body[GENERIC.size :]
        except FileNotFoundError as error:
            raise Gone from error

    def _change(self, kind: int, elements: Iterable[Element]) -> None:
        by_set: dict[str, list[str]] = {}
        for name, address in elements:
            by_set.setdefault(name, []).append(address)
        for name, addresses in by_set.items():
            for start in range(0, len(addresses), _IN_ONE_MESSAGE):
                self._send(kind, name, addresses[start : start + _IN_ONE_MESSAGE])

    def _send(self, kind: int, name: str, addresses: list[str]) -> None:
        items = b"".join(pack(_DATA | NESTED, _key(address)) for address in addresses)
        payload = _head(name) + pack(_LINE | _NET_ORDER, (1).to_bytes(4, "big")) + pack(_CONTAINER | NESTED, items)
        family = socket.AF_INET6 if ":" in addresses[0] else socket.AF_INET
        self._kernel.send(self._kernel.message(kind, REQUEST | ACK, payload, family))
        mine = self._kernel.sequence
        while True:
            for sequence, kind_of_reply, body in self._kernel.receive():
                if sequence == mine and kind_of_reply == ERROR:
                    _raise(_netlink.error_in(body))
                    return


def _raise(error: int) -> None:
    if error == errno.ENOENT:
        raise Gone
    if error == _HASH_FULL:
        raise Full
    if error:
        raise OSError(error, f"error {error} of ip_set" if error >= _PRIVATE else os.strerror(error))


def _head(name: str) -> bytes:
    return pack(_PROTOCOL, bytes([_VERSION])) + _netlink.text(_SET_NAME, name)


def _key(address: str) -> bytes:
    packed = ip_address(address).packed
    # IPSET_ATTR_IPADDR_IPV4 and _IPV6.
    return pack(_ADDRESS | NESTED, pack((1 if len(packed) == 4 else 2) | _NET_ORDER, packed))


def _found(item: bytes) -> Found:
    parts = dict(attributes(item))
    ((_kind, packed),) = attributes(parts[_ADDRESS])
    return Found(_netlink.address(packed), int.from_bytes(parts.get(_PACKETS, b""), "big"))
