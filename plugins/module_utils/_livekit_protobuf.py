# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Just enough of protocol buffers' wire format: https://protobuf.dev/programming-guides/encoding/."""

from __future__ import annotations

from typing import Iterator, Union

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

Value = Union[int, bytes]
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message in their order: numbers of varints, bytes of all else; nothing within is looked at.

    Args:
        data: the message.

    Raises:
        ProbeError: it is none.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ProbeError(f"protocol buffers: a field of an unknown kind ({kind})")
        if not number or at + size > len(data):
            raise ProbeError("protocol buffers: a message is cut short")
        yield number, data[at : at + size]
        at += size


def field(number: int, value: Union[int, str, bytes]) -> bytes:
    """One field.

    Args:
        number: the field's number.
        value: a number from 0 up is a varint; text and bytes have their length before them.
    """
    if isinstance(value, int):
        return _pack(number << 3 | _VARINT) + _pack(value)
    data = value.encode() if isinstance(value, str) else value
    return _pack(number << 3 | _LENGTH) + _pack(len(data)) + data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ProbeError("protocol buffers: a number has no end")


def _pack(value: int) -> bytes:
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)
