# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of WebSocket (RFC 6455) as an upgrade and one short text frame take."""

from __future__ import annotations

import base64
import hashlib

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT = 0x81
_SHORT = 125


def accept(key: bytes) -> bytes:
    """What the server must answer to a Sec-WebSocket-Key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def upgrade(key: bytes, host: str) -> bytes:
    """The request that asks for a WebSocket."""
    lines = [
        b"GET /rtc HTTP/1.1",
        b"Host: " + host.encode(),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + key,
    ]
    return b"\r\n".join([*lines, b"", b""])


def accepted(response: bytes, key: bytes) -> bool:
    """Whether a response agrees to the upgrade, and answers this key and no other."""
    status, *headers = response.split(b"\r\n\r\n")[0].split(b"\r\n")
    values = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(b":") for line in headers)}
    return status.startswith(b"HTTP/1.1 101") and values.get(b"sec-websocket-accept") == accept(key)


def frame(body: bytes, mask: bytes = b"") -> bytes:
    """A text frame of at most 125 bytes; what a client sends is masked with four bytes (section 5.3).

    Raises:
        ValueError: the body is longer than that.
    """
    if len(body) > _SHORT:
        raise ValueError(f"{len(body)} bytes do not fit a short frame")
    if not mask:
        return bytes([_TEXT, len(body)]) + body
    return bytes([_TEXT, 0x80 | len(body)]) + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))
