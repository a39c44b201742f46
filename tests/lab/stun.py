# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of STUN (RFC 8489) and TURN (RFC 8656) as a binding and an allocation take."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import struct
from dataclasses import dataclass
from typing import Optional

COOKIE = 0x2112A442
BINDING, ALLOCATE = 0x0001, 0x0003
SUCCESS, ERROR = 0x0100, 0x0110
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
XOR_RELAYED_ADDRESS, REQUESTED_TRANSPORT, XOR_MAPPED_ADDRESS = 0x0016, 0x0019, 0x0020
UDP = 17


@dataclass(frozen=True)
class Message:
    """A message: its type, its transaction id of 12 bytes, and its attributes by type (the first of each)."""

    type: int
    transaction: bytes
    attributes: dict[int, bytes]

    def address(self, attribute: int) -> str:
        """An XOR address attribute as text; empty where it is missing."""
        value = self.attributes.get(attribute)
        if not value:
            return ""
        mask = struct.pack("!I", COOKIE) + self.transaction
        raw = bytes(one ^ other for one, other in zip(value[4:], mask))
        port = struct.unpack("!H", value[2:4])[0] ^ COOKIE >> 16
        return f"{ipaddress.ip_address(raw)} port {port}"

    @property
    def error(self) -> int:
        """The error code; 0 where there is none."""
        value = self.attributes.get(ERROR_CODE, b"\0\0\0\0")
        return value[2] * 100 + value[3]


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind: int, attributes: bytes = b"", transaction: Optional[bytes] = None, key: bytes = b"") -> bytes:
    """A request; with a key it ends with MESSAGE-INTEGRITY (RFC 8489, section 14.5)."""
    transaction = transaction or os.urandom(12)
    if key:
        # The length that is hashed already counts the 24 bytes of the attribute itself.
        head = struct.pack("!HHI", kind, len(attributes) + 24, COOKIE) + transaction
        digest = hmac.new(key, head + attributes, hashlib.sha1).digest()
        return head + attributes + attribute(MESSAGE_INTEGRITY, digest)
    return struct.pack("!HHI", kind, len(attributes), COOKIE) + transaction + attributes


def long_term_key(user: str, realm: bytes, password: str) -> bytes:
    """The key of long-term credentials (RFC 8489, section 9.2.2)."""
    return hashlib.md5(user.encode() + b":" + realm + b":" + password.encode()).digest()


def allocate(nonce: bytes = b"", realm: bytes = b"", user: str = "", password: str = "") -> bytes:
    """An allocation of a UDP relay; without a nonce the server answers 401 with one (RFC 8656, section 7)."""
    wanted = attribute(REQUESTED_TRANSPORT, struct.pack("!Bxxx", UDP))
    if not nonce:
        return message(ALLOCATE, wanted)
    key = long_term_key(user, realm, password)
    credentials = attribute(USERNAME, user.encode()) + attribute(REALM, realm) + attribute(NONCE, nonce)
    return message(ALLOCATE, wanted + credentials, key=key)


def complete(data: bytes) -> bool:
    """Whether the bytes of a stream so far hold a whole message."""
    return len(data) >= 20 and len(data) >= 20 + int(struct.unpack("!H", data[2:4])[0])


def parse(data: bytes) -> Message:
    """Read a message.

    Raises:
        ValueError: it is none, or is cut short.
    """
    if len(data) < 20:
        raise ValueError("too short for STUN")
    kind, length, cookie = struct.unpack("!HHI", data[:8])
    if cookie != COOKIE or kind & 0xC000 or len(data) < 20 + length:
        raise ValueError("not STUN")
    attributes: dict[int, bytes] = {}
    rest = data[20 : 20 + length]
    while len(rest) >= 4:
        name, size = struct.unpack("!HH", rest[:4])
        if len(rest) < 4 + size:
            raise ValueError("an attribute is cut short")
        attributes.setdefault(name, rest[4 : 4 + size])
        rest = rest[4 + size + -size % 4 :]
    return Message(kind, data[8:20], attributes)
