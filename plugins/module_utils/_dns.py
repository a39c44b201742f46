# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""DNS messages, as far as one must understand them to learn addresses on their way to the client (RFC 1035, RFC 9460)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Iterator

A, CNAME, AAAA, OPT, SVCB, HTTPS = 1, 5, 28, 41, 64, 65
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_RESPONSE, _TRUNCATED, _RECURSION_DESIRED, _RECURSION_AVAILABLE, _OPCODE = 0x8000, 0x0200, 0x0100, 0x0080, 0x7800
# SvcParamKeys whose values are addresses (RFC 9460, section 7.3): bytes an address.
_HINTS = {4: 4, 6: 16}
# More than any chain or packet needs; a loop ends here.
_POINTERS, _CHAIN = 64, 32
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True)
class Question:
    r"""What a message asks.

    Attributes:
        name: lower case, without the dot at its end; bytes beyond a-z, 0-9, - and _ as \DDD.
        type: the record type.
        wire: the question section as it came; a reply must repeat it.
    """

    name: str
    type: int
    wire: bytes


@dataclass(frozen=True)
class _Record:
    owner: str
    type: int
    ttl_at: int
    ttl: int
    start: int
    end: int


def question(message: bytes) -> Question:
    """The question of a query or a reply.

    Raises:
        ValueError: it is no DNS message with exactly one question.
    """
    _id, flags, questions, *_counts = _header(message)
    if questions != 1 or flags & _OPCODE:
        raise ValueError("not a query with one question")
    name, end = _name(message, _HEADER.size)
    if end + 4 > len(message):
        raise ValueError("cut off in the question")
    return Question(name, int.from_bytes(message[end : end + 2], "big"), message[_HEADER.size : end + 4])


def answers(query: bytes, reply: bytes) -> bool:
    """Whether a datagram is the reply to a query: same id, same question."""
    try:
        return (
            reply[:2] == query[:2] and bool(_header(reply)[1] & _RESPONSE) and question(reply).wire.lower() == question(query).wire.lower()
        )
    except ValueError:
        return False


def code(message: bytes) -> int:
    """The response code of a reply (RCODE)."""
    return _header(message)[1] & 0xF


def truncated(message: bytes) -> bool:
    """Whether the reply says that there is more than fits."""
    return bool(_header(message)[1] & _TRUNCATED)


def addresses(reply: bytes) -> tuple[str, ...]:
    """The addresses that a reply gives for its question: A, AAAA and the hints of HTTPS and SVCB, along the chain of CNAMEs.

    Raises:
        ValueError: the reply is malformed.
    """
    records = [record for section, record in _records(reply) if section == "answer"]
    owners, found = _chain(reply, records), []
    for record in records:
        data = reply[record.start : record.end]
        if record.owner not in owners:
            continue
        if (record.type, len(data)) in ((A, 4), (AAAA, 16)):
            found.append(data)
        elif record.type in (SVCB, HTTPS):
            found += _hints(reply, record)
    return tuple(dict.fromkeys(str(ip_address(data)) for data in found))


def with_ttl_at_most(reply: bytes, seconds: int) -> bytes:
    """The reply with every time to live capped, so that no cache holds it longer.

    Raises:
        ValueError: the reply is malformed.
    """
    changed = bytearray(reply)
    for _section, record in _records(reply):
        # OPT has other things in that place (RFC 6891); the highest bit set means zero (RFC 2181).
        if record.type != OPT and seconds < record.ttl < 0x80000000:
            struct.pack_into("!I", changed, record.ttl_at, seconds)
    return bytes(changed)


def refusal(query: bytes, rcode: int) -> bytes:
    """A reply without any record.

    Args:
        query: the query; at least its header must be there.
        rcode: the response code.
    """
    number, flags, *_counts = _header(query)
    head = _RESPONSE | _RECURSION_AVAILABLE | flags & (_OPCODE | _RECURSION_DESIRED) | rcode
    try:
        asked = question(query).wire
    except ValueError:
        asked = b""
    return _HEADER.pack(number, head, 1 if asked else 0, 0, 0, 0) + asked


def _header(message: bytes) -> tuple[int, ...]:
    if len(message) < _HEADER.size:
        raise ValueError("shorter than a header")
    return _HEADER.unpack_from(message)


def _records(message: bytes) -> Iterator[tuple[str, _Record]]:
    _id, _flags, questions, *counts = _header(message)
    offset = _HEADER.size
    for _index in range(questions):
        offset = _name(message, offset)[1] + 4
    for section, count in zip(("answer", "authority", "additional"), counts):
        for _index in range(count):
            owner, offset = _name(message, offset)
            if offset + _RECORD.size > len(message):
                raise ValueError("cut off in a record")
            kind, _class, ttl, length = _RECORD.unpack_from(message, offset)
            start = offset + _RECORD.size
            if start + length > len(message):
                raise ValueError("cut off in a record's data")
            yield section, _Record(owner, kind, offset + 4, ttl, start, start + length)
            offset = start + length


def _chain(reply: bytes, records: list[_Record]) -> set[str]:
    """The asked name and all names that it is an alias of."""
    aliases = {record.owner: _name(reply, record.start)[0] for record in records if record.type == CNAME}
    name = question(reply).name
    owners = {name}
    for _step in range(_CHAIN):
        name = aliases.get(name, name)
        owners.add(name)
    return owners


def _hints(message: bytes, record: _Record) -> Iterator[bytes]:
    offset = _name(message, record.start + 2)[1]
    while offset + 4 <= record.end:
        key, length = struct.unpack_from("!HH", message, offset)
        offset += 4
        size = _HINTS.get(key, 0)
        if size and length % size == 0 and offset + length <= record.end:
            yield from (message[start : start + size] for start in range(offset, offset + length, size))
        offset += length


def _name(message: bytes, offset: int) -> tuple[str, int]:
    """A name and where it ends; compressed names are followed."""
    labels: list[str] = []
    end = -1
    for _label in range(128 + _POINTERS):
        if offset >= len(message):
            raise ValueError("cut off in a name")
        length = message[offset]
        if length == 0:
            return ".".join(labels), end if end >= 0 else offset + 1
        if length >= 0xC0:
            if offset + 2 > len(message):
                raise ValueError("cut off in a name")
            end = end if end >= 0 else offset + 2
            offset = int.from_bytes(message[offset : offset + 2], "big") & 0x3FFF
        elif length < 64 and offset + 1 + length <= len(message):
            labels.append(_label_text(message[offset + 1 : offset + 1 + length].lower()))
            offset += 1 + length
        else:
            raise ValueError("a name with a wrong label")
    raise ValueError("a name without an end")


def _label_text(label: bytes) -> str:
    return label.decode() if _PLAIN.issuperset(label) else "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03d}" for byte in label)
