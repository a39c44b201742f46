# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""STUN messages (RFC 8489) and what of TURN (RFC 8656) asks for a relay and gives it back."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import zlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH = 0x0001, 0x0003, 0x0004
SUCCESS, ERROR = 0x0100, 0x0110
MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, LIFETIME = 0x0001, 0x0006, 0x0008, 0x0009, 0x000D
REALM, NONCE, XOR_RELAYED_ADDRESS, REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT = 0x0014, 0x0015, 0x0016, 0x0017, 0x0019
MESSAGE_INTEGRITY_SHA256, PASSWORD_ALGORITHM, XOR_MAPPED_ADDRESS = 0x001C, 0x001D, 0x0020
PASSWORD_ALGORITHMS, SOFTWARE, FINGERPRINT, OTHER_ADDRESS = 0x8002, 0x8022, 0x8028, 0x802C
_CLASS = 0x0110
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_MASK = 0x5354554E
_UDP = 17
_IPV6 = 2
# What a nonce begins with whose server knows RFC 8489 (section 9.2).
_NONCE_COOKIE = b"obMatJos2"
_SHA256 = 2
_DIGESTS = {MESSAGE_INTEGRITY: hashlib.sha1, MESSAGE_INTEGRITY_SHA256: hashlib.sha256}


@dataclass(frozen=True)
class Credentials:
    """Long-term credentials with what the server's challenge brought (RFC 8489, section 9.2); short-term ones, if without realm and nonce.

    Attributes:
        username: the user.
        realm: as the server sent it.
        nonce: as the server sent it.
        key: what messages are signed with.
        algorithms: PASSWORD-ALGORITHMS as the server sent it, where SHA-256 is used; empty where MD5 and SHA-1 are.
    """

    username: str
    realm: bytes
    nonce: bytes
    key: bytes
    algorithms: bytes = b""


@dataclass(frozen=True)
class Message:
    """A message that was read.

    Attributes:
        raw: the whole of it.
        type: method and class.
        transaction: 12 bytes that name the request.
        attributes: each type's first value.
        offsets: where each of them begins.
    """

    raw: bytes
    type: int
    transaction: bytes
    attributes: dict[int, bytes]
    offsets: dict[int, int]

    @property
    def is_error(self) -> bool:
        """Whether it is an error response."""
        return self.type & _CLASS == ERROR

    @property
    def error(self) -> int:
        """The code of an error response (section 14.8); 0 where there is none."""
        value = self.attributes.get(ERROR_CODE, b"")
        return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0

    @property
    def reason(self) -> str:
        """The text beside it, with no more than a line may hold."""
        return self.text(ERROR_CODE, 4)

    def text(self, kind: int, start: int = 0) -> str:
        """An attribute as text; empty where it is missing."""
        value = self.attributes.get(kind, b"")[start : start + 128].decode("utf-8", "replace")
        return "".join(character for character in value if character.isprintable())

    def pair(self, kind: int) -> Optional[tuple[str, int]]:
        """An address attribute as host and port; None where it is missing.

        Raises:
            ProbeError: it is malformed.
        """
        value = self.attributes.get(kind)
        if value is None:
            return None
        mask = b"" if kind in (MAPPED_ADDRESS, OTHER_ADDRESS) else struct.pack("!I", COOKIE) + self.transaction
        if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
            raise ProbeError("STUN: an address with a wrong family or length")
        host = _xor(value[4:], mask)
        return str(IPv4Address(host) if len(host) == 4 else IPv6Address(host)), int.from_bytes(_xor(value[2:4], mask), "big")

    def address(self, kind: int) -> str:
        """The same as text, ``192.0.2.1:32853`` or ``[2001:db8::1]:32853``; empty where it is missing.

        Raises:
            ProbeError: it is malformed.
        """
        host, port = self.pair(kind) or ("", 0)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else ""

    def mapped(self) -> str:
        """The address that the server saw the request come from; servers of RFC 3489 do not hide it from NATs."""
        return self.address(XOR_MAPPED_ADDRESS) or self.address(MAPPED_ADDRESS)

    def mapped_pair(self) -> Optional[tuple[str, int]]:
        """The same as host and port; None where it is missing."""
        return self.pair(XOR_MAPPED_ADDRESS) or self.pair(MAPPED_ADDRESS)

    def signed_by(self, key: bytes) -> bool:
        """Whether every integrity attribute that is there was made with a key, and there is one."""
        kinds = [kind for kind in _DIGESTS if kind in self.attributes]
        return bool(kinds) and all(
            hmac.compare_digest(_signature(kind, key, self.raw[: self.offsets[kind]]), self.attributes[kind]) for kind in kinds
        )


def transaction() -> bytes:
    """A new transaction id."""
    return os.urandom(12)


def binding(number: bytes, attributes: bytes = b"") -> bytes:
    """A binding request.

    Args:
        number: the transaction id, 12 bytes.
        attributes: what is asked for beside that.
    """
    return build(BINDING, number, attributes)


def allocate(number: bytes, credentials: Optional[Credentials] = None, ipv6: bool = False) -> bytes:
    """A request for a UDP relay (RFC 8656, section 7.1).

    Args:
        number: the transaction id, 12 bytes.
        credentials: None asks for the server's challenge.
        ipv6: whether the relay is to have an address of IPv6; without a word about it, servers give one of IPv4.
    """
    family = attribute(REQUESTED_ADDRESS_FAMILY, struct.pack("!Bxxx", _IPV6)) if ipv6 else b""
    return build(ALLOCATE, number, attribute(REQUESTED_TRANSPORT, struct.pack("!Bxxx", _UDP)) + family, credentials)


def give_back(number: bytes, credentials: Optional[Credentials] = None) -> bytes:
    """A refresh with a lifetime of zero, which ends an allocation (RFC 8656, section 8).

    Args:
        number: the transaction id, 12 bytes.
        credentials: those of the allocation.
    """
    return build(REFRESH, number, attribute(LIFETIME, bytes(4)), credentials)


def answer_challenge(challenge: Message, username: str, password: str) -> Credentials:
    """The credentials for the realm and nonce of a 401 or 438 response; SHA-256 where the server offers it (section 9.2.4).

    Raises:
        ProbeError: the response has no realm or nonce.
    """
    realm, nonce = challenge.attributes.get(REALM), challenge.attributes.get(NONCE)
    if realm is None or nonce is None:
        raise ProbeError("TURN: a challenge without realm or nonce", facts={"code": challenge.error})
    secret = username.encode() + b":" + realm + b":" + password.encode()
    offered = challenge.attributes.get(PASSWORD_ALGORITHMS, b"")
    if nonce.startswith(_NONCE_COOKIE) and _SHA256 in _algorithms(offered):
        return Credentials(username, realm, nonce, hashlib.sha256(secret).digest(), offered)
    return Credentials(username, realm, nonce, hashlib.md5(secret, usedforsecurity=False).digest())


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes (section 14)."""
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def parse(data: bytes, number: bytes) -> Optional[Message]:
    """Read the response to a request (section 6.3).

    Args:
        data: a datagram, or what has come of a stream so far.
        number: the transaction id of the request.

    Returns:
        The message; None where more bytes must come.

    Raises:
        ProbeError: it is no STUN, or no response to this request.
    """
    if data and data[0] & 0xC0:
        raise ProbeError(f"no STUN, but {data[:16]!r}")
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if cookie != COOKIE or length % 4:
        raise ProbeError(f"no STUN, but {data[:16]!r}")
    if len(data) < _HEADER.size + length:
        return None
    if kind & _CLASS not in (SUCCESS, ERROR) or transaction_id != number:
        raise ProbeError("STUN: no response to this request")
    return read(data[: _HEADER.size + length])


def read(raw: bytes) -> Message:
    """Read a message of any class.

    Args:
        raw: the whole of it; its header must be sound.

    Raises:
        ProbeError: its attributes are not.
    """
    kind, _length, _cookie, transaction_id = _HEADER.unpack_from(raw)
    attributes: dict[int, bytes] = {}
    offsets: dict[int, int] = {}
    at = _HEADER.size
    signed = False
    while at < len(raw):
        name, size = _ATTRIBUTE.unpack_from(raw, at)
        start = at + _ATTRIBUTE.size
        if start + size > len(raw):
            raise ProbeError("STUN: an attribute is cut short")
        # What follows the signature is not covered by it, and must not be believed (section 14.5).
        if name not in attributes and (not signed or name in (MESSAGE_INTEGRITY_SHA256, FINGERPRINT)):
            attributes[name], offsets[name] = raw[start : start + size], at
        signed = signed or name in _DIGESTS
        at = start + size + -size % 4
    message = Message(raw, kind, transaction_id, attributes, offsets)
    found = attributes.get(FINGERPRINT)
    if found is not None and found != _fingerprint(raw[: offsets[FINGERPRINT]]):
        raise ProbeError("STUN: a wrong fingerprint")
    return message


def build(kind: int, number: bytes, attributes: bytes, credentials: Optional[Credentials] = None) -> bytes:
    """A message with a fingerprint, and with credentials and signature if there are some.

    Args:
        kind: method and class.
        number: the transaction id, 12 bytes.
        attributes: those of the method.
        credentials: what it is signed with.
    """
    integrity = 0
    if credentials:
        integrity = MESSAGE_INTEGRITY_SHA256 if credentials.algorithms else MESSAGE_INTEGRITY
        attributes += attribute(USERNAME, credentials.username.encode())
        if credentials.realm or credentials.nonce:
            attributes += attribute(REALM, credentials.realm) + attribute(NONCE, credentials.nonce)
        if credentials.algorithms:
            attributes += attribute(PASSWORD_ALGORITHMS, credentials.algorithms)
            attributes += attribute(PASSWORD_ALGORITHM, struct.pack("!HH", _SHA256, 0))
    message = _HEADER.pack(kind, len(attributes), COOKIE, number) + attributes
    if credentials:
        message += attribute(integrity, _signature(integrity, credentials.key, message))
    length = len(message) - _HEADER.size + 8
    message = _HEADER.pack(kind, length, COOKIE, number) + message[_HEADER.size :]
    return message + attribute(FINGERPRINT, _fingerprint(message))


def _signature(kind: int, key: bytes, before: bytes) -> bytes:
    """The HMAC over what is before the attribute, with the length as if the attribute were the last (sections 14.5 and 14.6)."""
    digest = _DIGESTS[kind]
    length = len(before) - _HEADER.size + _ATTRIBUTE.size + digest().digest_size
    return hmac.new(key, before[:2] + struct.pack("!H", length) + before[4:], digest).digest()


def _fingerprint(before: bytes) -> bytes:
    """The checksum over what is before it, with the length as if it were the last (section 14.7)."""
    length = len(before) - _HEADER.size + 8
    return struct.pack("!I", zlib.crc32(before[:2] + struct.pack("!H", length) + before[4:]) ^ _FINGERPRINT_MASK)


def _algorithms(offered: bytes) -> set[int]:
    """The numbers in PASSWORD-ALGORITHMS (section 14.11)."""
    found, at = set(), 0
    while at + 4 <= len(offered):
        number, size = struct.unpack_from("!HH", offered, at)
        found.add(number)
        at += 4 + size + -size % 4
    return found


def _xor(value: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(value, mask)) if mask else value
