# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the kernel's errors say about the way to an endpoint: errno alone, and the ICMP message behind it where it can be had.

Several ICMP codes become one errno: only the error queue (``IP_RECVERR``, ip(7)) tells a filter's answer from a missing host.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    PROHIBITED,
    REFUSED,
    RESET,
    UNREACHABLE,
    UNTESTED,
    ProbeError,
)

# Names that Python's socket module lacks before 3.14.
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
# struct sock_extended_err: errno, origin, type, code, padding, info, data; the address of who sent it follows.
_EXTENDED = struct.Struct("=IBBBxII")
_OFFENDER_IPV4, _OFFENDER_IPV6 = slice(4, 8), slice(8, 24)
# More than one socket gathers between two looks.
_QUEUED = 64

# By origin and type, the codes that say more than "unreachable": RFC 792 and RFC 1812 section 5.2.7.1, RFC 4443 section 3.1.
_CODES = {
    (_ORIGIN_ICMP, 3): {
        3: (REFUSED, "port unreachable"),
        9: (PROHIBITED, "network administratively prohibited"),
        10: (PROHIBITED, "host administratively prohibited"),
        13: (PROHIBITED, "communication administratively prohibited"),
    },
    (_ORIGIN_ICMP6, 1): {
        1: (PROHIBITED, "communication administratively prohibited"),
        4: (REFUSED, "port unreachable"),
        5: (PROHIBITED, "source address failed a filter's policy"),
        6: (PROHIBITED, "reject route"),
    },
}
_ERRNOS = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    # IPv6 alone makes this of "administratively prohibited"; a prohibiting route of this machine does, too.
    errno.EACCES: PROHIBITED,
    # The answer of this machine's own output chain to a datagram that it drops.
    errno.EPERM: PROHIBITED,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EHOSTDOWN: UNREACHABLE,
    errno.ENETDOWN: UNREACHABLE,
    errno.EADDRNOTAVAIL: UNREACHABLE,
    # A connection that the kernel itself gives up after an ICMP message that it calls harmless.
    errno.ENOPROTOOPT: UNREACHABLE,
    errno.EAFNOSUPPORT: UNTESTED,
    errno.EMFILE: UNTESTED,
    errno.ENFILE: UNTESTED,
    errno.ENOBUFS: UNTESTED,
    errno.ENOMEM: UNTESTED,
}


@dataclass(frozen=True)
class Icmp:
    """An ICMP message about a packet of ours.

    Attributes:
        origin: which ICMP: 2 is that of IPv4, 3 that of IPv6.
        type: the message's type.
        code: its code.
        sender: who sent it; empty where the kernel does not tell.
    """

    origin: int
    type: int
    code: int
    sender: str


def listen(sock: socket.socket) -> None:
    """Ask the kernel to keep ICMP messages about a socket's packets."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def take(sock: socket.socket) -> Optional[Icmp]:
    """Empty a socket's error queue; returns the last ICMP message in it, if there was one."""
    last = None
    for _message in range(_QUEUED):
        try:
            _data, ancillary, _flags, _peer = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
        except OSError:
            break
        for _level, _type, data in ancillary:
            last = parse(data) or last
    return last


def parse(data: bytes) -> Optional[Icmp]:
    """Read a message of the error queue; None where it is not about ICMP."""
    if len(data) < _EXTENDED.size:
        return None
    _errno, origin, kind, code, _info, _data = _EXTENDED.unpack_from(data)
    if origin not in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
        return None
    offender = data[_EXTENDED.size :]
    family = int.from_bytes(offender[:2], "little" if struct.pack("=H", 1) == b"\1\0" else "big")
    address = offender[_OFFENDER_IPV4] if family == socket.AF_INET else offender[_OFFENDER_IPV6] if family == socket.AF_INET6 else b""
    return Icmp(origin, kind, code, str(ip_address(address)) if len(address) in (4, 16) else "")


def explain(error: OSError, icmp: Optional[Icmp], stage: str) -> ProbeError:
    """The verdict behind an error of a socket.

    Args:
        error: what the kernel returned.
        icmp: the ICMP message behind it, if it is known.
        stage: what was being done, such as ``connecting``.
    """
    # asyncio puts words of its own in place of the system's.
    text = os.strerror(error.errno) if error.errno else str(error)
    if icmp:
        verdict, meaning = _CODES.get((icmp.origin, icmp.type), {}).get(icmp.code, (UNREACHABLE, text))
        sender = f" from {icmp.sender}" if icmp.sender else ""
        facts = {"icmp": {"type": icmp.type, "code": icmp.code, "sender": icmp.sender or None}}
        return ProbeError(f"ICMP{sender} while {stage}: {meaning}", verdict, facts)
    if error.errno == errno.EPERM:
        return ProbeError(f"this machine's own output rules drop it while {stage}", PROHIBITED)
    return ProbeError(f"{text} while {stage}", _ERRNOS.get(error.errno or 0, UNTESTED))
