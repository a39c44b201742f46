# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""conntrack's memory: everything forgotten but for connections that were there before any rule.

Reference: linux/netfilter/nfnetlink_conntrack.h, linux/netfilter/nf_conntrack_common.h.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Iterable

from packets import NUMBERS, Packet, family_of

from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import (
    ACK,
    CREATE,
    ERROR,
    NESTED,
    REQUEST,
    Connection,
    error_in,
    pack,
)

_NEW, _DELETE = 1 << 8, 1 << 8 | 2
_TUPLE_ORIG, _TUPLE_REPLY, _STATUS, _TIMEOUT, _MARK = 1, 2, 3, 7, 8
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_IP_PLACE = {4: 1, 6: 3}
_PROTO_NUM, _PROTO_SPORT, _PROTO_DPORT = 1, 2, 3
_SEEN_REPLY_ASSURED_CONFIRMED = 0x2 | 0x4 | 0x8
_LONG = 1_000_000


def forget(connection: Connection, but: Iterable[Packet]) -> None:
    """Make conntrack forget all connections but some of UDP, which it takes for long established, with every bit of their marks.

    Args:
        connection: to the kernel.
        but: the first packet of each.

    Raises:
        OSError: the kernel refuses.
    """
    _ask(connection, _DELETE, 0, b"", 0)
    for packet in but:
        ends = ((packet.source, packet.sport), (packet.target, packet.dport))
        number = struct.pack("!I", _SEEN_REPLY_ASSURED_CONFIRMED), struct.pack("!I", _LONG), struct.pack("!I", 0xFFFFFFFF)
        data = _tuple(_TUPLE_ORIG, *ends) + _tuple(_TUPLE_REPLY, *reversed(ends))
        data += b"".join(pack(kind, value) for kind, value in zip((_STATUS, _TIMEOUT, _MARK), number))
        _ask(connection, _NEW, CREATE, data, family_of(packet.version))


def _tuple(kind: int, source: tuple[str, int], target: tuple[str, int]) -> bytes:
    place = _IP_PLACE[ip_address(source[0]).version]
    addresses = b"".join(pack(place + number, ip_address(end[0]).packed) for number, end in enumerate((source, target)))
    ports = b"".join(pack(name, struct.pack("!H", end[1])) for name, end in ((_PROTO_SPORT, source), (_PROTO_DPORT, target)))
    proto = pack(_PROTO_NUM, bytes([NUMBERS["udp"]])) + ports
    return pack(kind | NESTED, pack(_TUPLE_IP | NESTED, addresses) + pack(_TUPLE_PROTO | NESTED, proto))


def _ask(connection: Connection, kind: int, flags: int, data: bytes, family: int) -> None:
    connection.send(connection.message(kind, REQUEST | ACK | flags, data, family))
    for _sequence, kind_of_reply, body in connection.receive():
        if kind_of_reply == ERROR and error_in(body):
            raise OSError(error_in(body), "conntrack")
