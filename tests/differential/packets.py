# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets: what one is in words that both sides of a test understand, and in bytes as a wire has it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Optional

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
FLAGS = {"syn": 0x02, "ack": 0x10, "synack": 0x12, "finack": 0x11, "rst": 0x04}
# The types that say "not let through": destination unreachable, in either family.
UNREACHABLE = {4: 3, 6: 1}
REASONS = {(4, 3): "port", (6, 4): "port"}


@dataclass(frozen=True)
class Packet:
    """The first packet of something.

    Attributes:
        enter: the interface on which it comes in; empty for a packet of the machine's own.
        leave: the interface by which its route goes out.
        source, target: its addresses.
        protocol: tcp, udp, icmp (of either family), or a number.
        kind: for tcp its flags, for icmp its type.
        sport, dport: its ports; a source port of 0 stands for one that was not used before.
    """

    enter: str
    leave: str
    source: str
    target: str
    protocol: str
    kind: str = ""
    sport: int = 0
    dport: int = 0

    @property
    def version(self) -> int:
        return ip_address(self.target).version

    def reversed(self) -> Packet:
        """From the other side."""
        return replace(self, enter=self.leave, leave=self.enter, source=self.target, target=self.source, sport=self.dport, dport=self.sport)

    def answered(self) -> Optional[Packet]:
        """What the other side would send back, if it is plain what that is."""
        kinds = {"syn": "synack", "ack": "ack", "8": "0", "128": "129", "": ""}
        return replace(self.reversed(), kind=kinds[self.kind]) if self.kind in kinds and self.protocol in NUMBERS else None


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def number_of(packet: Packet) -> int:
    """The packet's protocol as the header has it."""
    name = "icmpv6" if packet.protocol == "icmp" and packet.version == 6 else packet.protocol
    return NUMBERS[name] if name in NUMBERS else int(name)


def build(packet: Packet, token: bytes) -> bytes:
    """The packet in bytes.

    Args:
        packet: with its source port.
        token: its payload, by which it is known again.
    """
    source, target = (ip_address(text).packed for text in (packet.source, packet.target))
    number = number_of(packet)
    return _wrapped(packet.version, number, source, target, _body(packet, token, number, source, target))


def error_about(packet: Packet, data: bytes) -> bytes:
    """What the other side would send if nobody listened there: an error that holds the packet."""
    source, target = (ip_address(text).packed for text in (packet.target, packet.source))
    kind, code, number = (3, 3, 1) if packet.version == 4 else (1, 4, 58)
    body = struct.pack("!BBHI", kind, code, 0, 0) + data
    pseudo = source + target + struct.pack("!II", len(body), number) if packet.version == 6 else b""
    return _wrapped(packet.version, number, source, target, body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:])


def _wrapped(version: int, number: int, source: bytes, target: bytes, body: bytes) -> bytes:
    if version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), number, 64) + source + target + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, number, 0) + source + target
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def _body(packet: Packet, token: bytes, number: int, source: bytes, target: bytes) -> bytes:
    if packet.protocol == "tcp":
        # The same numbers both ways, so that an answer acknowledges what it answers.
        ahead = struct.pack("!HHIIBBHHH", packet.sport, packet.dport, 1000, 1001, 0x50, FLAGS[packet.kind], 64000, 0, 0)
        place = 16
    elif packet.protocol == "udp":
        ahead, place = struct.pack("!HHHH", packet.sport, packet.dport, 8 + len(token), 0), 6
    elif packet.protocol == "icmp":
        identifier = packet.sport or packet.dport
        ahead, place = struct.pack("!BBHHH", int(packet.kind), 0, 0, identifier, 1), 2
    else:
        return token
    body = ahead + token
    pseudo = source + target + struct.pack("!II", len(body), number)
    value = checksum(body if number == NUMBERS["icmp"] else pseudo + body)
    return body[:place] + struct.pack("!H", value or 0xFFFF) + body[place + 2 :]


def seen_in(frame: bytes, packet: Packet, token: bytes) -> str:
    """What a frame that came out says of a packet: pass, reject and how, or nothing.

    Args:
        frame: an IP packet.
        packet: what was sent, with its source port.
        token: what it carried.
    """
    version = frame[0] >> 4
    if version not in (4, 6) or len(frame) < 28:
        return ""
    start = (frame[0] & 15) * 4 if version == 4 else 40
    number = frame[9] if version == 4 else frame[6]
    if token in frame:
        if number in (1, 58) and frame[start] == UNREACHABLE[version]:
            return f"reject {REASONS.get((version, frame[start + 1]), frame[start + 1])}"
        # The kernel's other ICMP, such as a redirect, holds the packet too.
        return "pass" if number == number_of(packet) and (number not in (1, 58) or frame[start] == int(packet.kind)) else ""
    if number == NUMBERS["tcp"] == number_of(packet) and version == packet.version and frame[start + 13] & FLAGS["rst"]:
        sport, dport = struct.unpack_from("!HH", frame, start)
        place = slice(16, 20) if version == 4 else slice(24, 40)
        if (sport, dport) == (packet.dport, packet.sport) and frame[place] == ip_address(packet.source).packed:
            return "reject reset"
    return ""


def family_of(version: int) -> socket.AddressFamily:
    return socket.AF_INET if version == 4 else socket.AF_INET6
