# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""WebSocket frames (RFC 6455, section 5): ours, which are masked, and those of a server, bounded in size and number."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# A join of a room with hundreds of participants has less.
MESSAGE_LIMIT = 1 << 20
# A server that has said so much without what is waited for does not say it any more.
FRAMES_LIMIT = 4096
_CONTROL_LIMIT = 125
_GOING_AWAY = 1001
# What a status code of a close frame means (section 7.4.1), as far as it says more than the number.
_CODES = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1008: "against its policy",
    1009: "too big",
    1011: "error of the server",
}


@dataclass(frozen=True)
class Message:
    """A message that has come whole, or a control frame.

    Attributes:
        opcode: TEXT, BINARY, CLOSE, PING or PONG.
        data: what it carries.
    """

    opcode: int
    data: bytes

    def closing(self) -> str:
        """What a close frame says: its code, what that means, and its reason (section 5.5.1)."""
        if len(self.data) < 2:
            return "without a code"
        code = int.from_bytes(self.data[:2], "big")
        reason = "".join(character for character in self.data[2:].decode("utf-8", "replace") if character.isprintable())
        return ", ".join(filter(None, [f"code {code}", _CODES.get(code, ""), reason]))


class Frames:
    """Puts messages together from what a server sends.

    Args:
        limit: a message with more bytes is an error, as soon as a frame says so.
    """

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self._buffer, self._limit = bytearray(), limit
        self._frames = 0
        self._opcode = CONTINUATION
        self._parts = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that have become whole by some more bytes.

        Raises:
            ProbeError: what came is against RFC 6455, too long, or too much.
        """
        self._buffer += data
        found: list[Message] = []
        while True:
            frame = self._next()
            if frame is None:
                return found
            message = self._add(*frame)
            if message:
                found.append(message)

    def _next(self) -> Optional[tuple[bool, int, bytes]]:
        """The next whole frame, taken off the buffer: whether it is the last of its message, its opcode, its payload (section 5.2)."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if buffer[0] & 0x70:
            raise ProbeError("WebSocket: a frame with reserved bits, though no extension was agreed on")
        if buffer[1] & 0x80:
            raise ProbeError("WebSocket: a masked frame from a server")
        last, opcode, size = bool(buffer[0] & 0x80), buffer[0] & 0x0F, buffer[1] & 0x7F
        extended = {126: 2, 127: 8}.get(size, 0)
        if opcode >= CLOSE and (extended or not last):
            raise ProbeError("WebSocket: a control frame that is too long, or in parts")
        begin = 2 + extended
        if len(buffer) < begin:
            return None
        if extended:
            size = int.from_bytes(buffer[2:begin], "big")
        # Before anything of it is kept: a length is cheap to claim.
        if size + (len(self._parts) if opcode < CLOSE else 0) > self._limit:
            raise ProbeError(f"WebSocket: a message of more than {self._limit} bytes")
        if len(buffer) < begin + size:
            return None
        payload = bytes(buffer[begin : begin + size])
        del buffer[: begin + size]
        self._frames += 1
        if self._frames > FRAMES_LIMIT:
            raise ProbeError(f"WebSocket: more than {FRAMES_LIMIT} frames without what was asked for")
        return last, opcode, payload

    def _add(self, last: bool, opcode: int, payload: bytes) -> Optional[Message]:
        """The message that a frame ends, if it does (section 5.4)."""
        if opcode in (CLOSE, PING, PONG):
            return Message(opcode, payload)
        if opcode not in (CONTINUATION, TEXT, BINARY):
            raise ProbeError(f"WebSocket: an unknown opcode {opcode}")
        if (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise ProbeError("WebSocket: the parts of a message are out of order")
        self._opcode = self._opcode or opcode
        self._parts += payload
        if not last:
            return None
        message = Message(self._opcode, bytes(self._parts))
        self._opcode, self._parts = CONTINUATION, bytearray()
        return message


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole message as one frame of a client, masked (section 5.3).

    Args:
        opcode: BINARY, PONG, ...
        payload: fewer than 65536 bytes.
    """
    size = len(payload)
    head = struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def close() -> bytes:
    """The close frame of a client that goes away."""
    return frame(CLOSE, struct.pack("!H", _GOING_AWAY))
