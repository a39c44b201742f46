# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a certificate says of itself (RFC 5280).

Python's ssl tells the fields of trusted certificates alone, and those that are not trusted are the ones that a diagnosis is about.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import Any, Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

_SEQUENCE, _SET, _OID, _OCTETS, _UTC_TIME, _TIME = 0x30, 0x31, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS, _DNS_NAME, _ADDRESS = 0xA0, 0xA3, 0x82, 0x87
# id-at-..., the last byte of 2.5.4.x (RFC 5280, appendix A.1).
_NAMES = {b"\x55\x04" + bytes([number]): name for number, name in ((3, "CN"), (6, "C"), (7, "L"), (8, "ST"), (10, "O"), (11, "OU"))}
_ALTERNATIVE_NAMES = b"\x55\x1d\x11"
_ENCODINGS = {0x1E: "utf-16-be", 0x0C: "utf-8", 0x13: "ascii"}
# A certificate may name more; a diagnosis needs no more.
_SHOWN = 50


def facts(certificate: bytes, now: datetime) -> dict[str, Any]:
    """Subject, issuer, times, names and fingerprint of a certificate.

    Args:
        certificate: as DER.
        now: to tell whether it has expired; with a time zone.

    Raises:
        ProbeError: it is malformed.
    """
    try:
        return _facts(certificate, now)
    except (IndexError, ValueError, StopIteration, OverflowError) as error:
        raise ProbeError(f"a malformed certificate ({error})") from error


def _facts(certificate: bytes, now: datetime) -> dict[str, Any]:
    (_tag, outer), *_rest = _values(certificate)
    (_tag, signed), *_rest = _values(outer)
    fields = [field for field in _values(signed) if field[0] != _VERSION]
    # Serial number and algorithm come first.
    issuer, validity, subject = (field[1] for field in fields[2:5])
    begin, end = (_time(*field) for field in _values(validity))
    return {
        "subject": _name(subject),
        "issuer": _name(issuer),
        "self_signed": subject == issuer,
        "not_before": begin.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expired": end < now,
        "names": [name for tag, value in fields[5:] if tag == _EXTENSIONS for name in _alternative_names(value)][:_SHOWN],
        "sha256": hashlib.sha256(certificate).hexdigest(),
    }


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value, one after the other (X.690, with tags of one byte)."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("a length that DER does not know")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _name(data: bytes) -> str:
    """A distinguished name as people write it, the parts that they know."""
    parts = []
    for _set, relative in _values(data):
        for _sequence, pair in _values(relative):
            (_tag, kind), (tag, value), *_rest = _values(pair)
            if kind in _NAMES:
                parts.append(f"{_NAMES[kind]}={_line(value.decode(_ENCODINGS.get(tag, 'latin-1'), 'replace'))}")
    return ", ".join(parts)


def _time(tag: int, value: bytes) -> datetime:
    """A time of RFC 5280, section 4.1.2.5: two digits of the year from 1950 to 2049, or four."""
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _alternative_names(extensions: bytes) -> Iterator[str]:
    for _tag, everything in _values(extensions):
        for _sequence, extension in _values(everything):
            (_oid, kind), *_critical, (_octets, value) = _values(extension)
            if kind != _ALTERNATIVE_NAMES:
                continue
            for _outer, names in _values(value):
                yield from (_alternative(tag, name) for tag, name in _values(names) if tag in (_DNS_NAME, _ADDRESS))


def _alternative(tag: int, value: bytes) -> str:
    return str(ip_address(value)) if tag == _ADDRESS else _line(value.decode("ascii", "replace"))


def _line(text: str) -> str:
    return "".join(character for character in text[:256] if character.isprintable())
