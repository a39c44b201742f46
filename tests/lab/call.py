# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both ends of a real call share: a voice that can be told from silence, an ear that counts it, and the path that ICE chose."""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

# The vendor's media server: within the document's networks, and on the far side alone.
MEDIA = "216.147.1.1"
USER, PASSWORD = "lab", "lab"
PITCH, LOUD = 440, 8000
# Opus keeps a tone nearly as loud as it was; what is below that is silence.
AUDIBLE = LOUD // 4


class Voice(AudioStreamTrack):
    """A tone, in frames of 20 ms: 50 a second."""

    async def recv(self) -> Any:
        """The next frame, when it is due."""
        frame = await super().recv()
        tone = (LOUD * math.sin(2 * math.pi * PITCH * (frame.pts + index) / frame.sample_rate) for index in range(frame.samples))
        frame.planes[0].update(array.array("h", map(int, tone)).tobytes())
        return frame


class Ear:
    """Counts the frames of a connection's incoming track in which the other end's voice is heard."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.heard = 0
        self._listening: list[asyncio.Task[None]] = []
        connection.on("track", lambda track: self._listening.append(asyncio.ensure_future(self._listen(track))))

    async def _listen(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.heard += max(map(abs, array.array("h", bytes(frame.planes[0])))) > AUDIBLE


def selected(connection: RTCPeerConnection) -> Any:
    """The pair of candidates that media take, as aioice has it; None where none is chosen."""
    transceivers = connection.getTransceivers()
    return transceivers[0].receiver.transport.transport._connection._nominated.get(1) if transceivers else None
