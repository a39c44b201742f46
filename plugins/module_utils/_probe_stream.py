# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A stream of packets at the pace of speech, and what is told from those that came back.

Some firewalls pass the first packets of a flow and block it then: one packet proves little.
"""

from __future__ import annotations

import asyncio
import os
import struct
from contextlib import suppress
from typing import Any, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import TIMED_OUT, Endpoint, Probe, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# Version 2, a dynamic payload type, then sequence number, timestamp and source (RFC 3550, section 5.1).
_RTP = struct.Struct("!BBHII")
_VERSION, _PAYLOAD_TYPE = 0x80, 111
# Of Opus, in the clock's 48,000 ticks a second; 20 ms of speech are some 80 bytes.
_CLOCK, _SPEECH = 48000, 80
# The last packets get this long to come back.
_TAIL_SECONDS = 1.0


class Packets:
    """The packets of one stream: RTP that an echo server sends back, or STUN requests that any STUN server answers.

    Args:
        payload: echo or stun.
        pace: packets a second.
    """

    def __init__(self, payload: str, pace: int) -> None:
        self._stun = payload == "stun"
        self._step = _CLOCK // pace
        self._source = int.from_bytes(os.urandom(4), "big")
        self._secret = os.urandom(8)

    def make(self, number: int) -> bytes:
        """The packet of a number, counted from 0."""
        if self._stun:
            return _probe_stun.binding(self._secret + struct.pack("!I", number))
        head = _RTP.pack(_VERSION, _PAYLOAD_TYPE, number & 0xFFFF, number * self._step & 0xFFFFFFFF, self._source)
        return head + self._secret + struct.pack("!I", number) + bytes(_SPEECH - 12)

    def number(self, data: bytes) -> Optional[int]:
        """Which packet a datagram is the answer to; None where it is none of ours."""
        if not self._stun:
            at = _RTP.size
            ours = data[8:at] == struct.pack("!I", self._source) and data[at : at + 8] == self._secret
            return int.from_bytes(data[at + 8 : at + 12], "big") if ours and len(data) >= at + 12 else None
        if data[8:16] != self._secret or len(data) < 20:
            return None
        try:
            return int.from_bytes(data[16:20], "big") if _probe_stun.parse(data, data[8:20]) else None
        except ProbeError:
            return None


def tell(sent: dict[int, float], back: dict[int, float], pace: int) -> dict[str, Any]:
    """Loss, jitter and delay of a stream.

    Args:
        sent: packet number to the time it went out, in seconds.
        back: packet number to the time its first answer came, in the order in which they came.
        pace: packets a second.

    Returns:
        Facts: counts, ``loss_percent``, and in milliseconds ``jitter_ms`` (interarrival jitter of RFC 3550, section 6.4.1, of the way there
        and back) and ``round_trip_ms``; ``stopped_after`` is the number of packets that passed before silence for good, or None.
    """
    trips = [1000 * (came - sent[number]) for number, came in back.items()]
    delay = None
    if trips:
        delay = {"least": round(min(trips), 3), "mean": round(sum(trips) / len(trips), 3), "most": round(max(trips), 3)}
    count = len(sent)
    return {
        "sent": count,
        "received": len(back),
        "loss_percent": loss_percent(count, len(back)),
        "jitter_ms": round(jitter(trips), 3),
        "round_trip_ms": delay,
        "stopped_after": stopped_after(count, back, pace),
    }


def loss_percent(sent: int, came: int) -> float:
    """How many of a hundred packets were lost."""
    return round(100 * (sent - came) / sent, 1) if sent else 0.0


def jitter(trips: list[float]) -> float:
    """The interarrival jitter (RFC 3550, section 6.4.1) of packets in the order of their arrival.

    Args:
        trips: how long each was under way; the unit of the result is that of these.
    """
    found = 0.0
    for before, now in zip(trips, trips[1:]):
        found += (abs(now - before) - found) / 16
    return found


def stopped_after(count: int, back: dict[int, float], pace: int) -> Optional[int]:
    """How many packets went out until the last one that came, if after it a second's worth, or half of all, did not.

    Args:
        count: how many went out.
        back: those that came, by their numbers.
        pace: packets a second.
    """
    if not back:
        return None
    passed = max(back) + 1
    return passed if count - passed >= min(pace, max(1, count // 2)) else None


def note(packets: Packets, sent: dict[int, float], back: dict[int, float], now: float, data: bytes) -> bool:
    """Note a datagram that came.

    Args:
        packets: the stream.
        sent: packet number to the time it went out.
        back: the same for when it came.
        now: the time.
        data: the datagram.

    Returns:
        Whether it was noted; what is not the first of a packet that went out is left alone.
    """
    number = packets.number(data)
    if number is None or number not in sent or number in back:
        return False
    back[number] = now
    return True


async def stream(wire: Wire, endpoint: Endpoint) -> None:
    """Packets at an even pace for some seconds."""
    probe = endpoint.probe
    packets = Packets(probe.payload, probe.pace)
    sent: dict[int, float] = {}
    back: dict[int, float] = {}
    errors: list[ProbeError] = []
    await wire.open()
    gathering = asyncio.ensure_future(gather(wire, packets, sent, back, errors))
    try:
        await send(wire, packets, probe, sent, errors)
        await settle(sent, back, _TAIL_SECONDS)
    finally:
        await end(gathering)
    wire.facts.update(tell(sent, back, probe.pace))
    _judge(wire.facts["stopped_after"], bool(back), errors)


async def send(wire: Wire, packets: Packets, probe: Probe, sent: dict[int, float], errors: list[ProbeError]) -> None:
    """Send packets at an even pace.

    Args:
        wire: an open one, over udp.
        packets: what to send.
        probe: for how long, and at which pace.
        sent: takes when each went out.
        errors: holds the last that the kernel says is wrong.
    """
    clock = asyncio.get_running_loop().time
    begin = clock()
    for number in range(max(1, round(probe.seconds * probe.pace))):
        await asyncio.sleep(begin + number / probe.pace - clock())
        sent[number] = clock()
        try:
            await wire.send(packets.make(number))
        except OSError as error:
            errors[:] = [wire.icmp(error)]


async def gather(wire: Wire, packets: Packets, sent: dict[int, float], back: dict[int, float], errors: list[ProbeError]) -> None:
    """Note what comes back, until it is cancelled; the arguments are those of `send` and `note`."""
    clock = asyncio.get_running_loop().time
    while True:
        try:
            data = await wire.receive()
            note(packets, sent, back, clock(), data)
        except OSError as error:
            errors[:] = [wire.icmp(error)]
            # An error that stays must not keep the loop from its clock.
            await asyncio.sleep(0)


async def settle(sent: dict[int, float], back: dict[int, float], seconds: float) -> None:
    """Wait until all packets have come back, but no longer than some seconds."""
    clock = asyncio.get_running_loop().time
    last = clock() + seconds
    while len(back) < len(sent) and clock() < last:
        await asyncio.sleep(0.02)


async def end(task: asyncio.Future[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _judge(stopped: Optional[int], heard: bool, errors: list[ProbeError]) -> None:
    """Raise what is wrong with a stream, if something is."""
    if heard and stopped is None:
        return
    if errors:
        after = f", after {stopped} packets had passed" if heard else ""
        raise ProbeError(errors[0].why + after, errors[0].verdict, errors[0].facts)
    raise ProbeError(f"no answer any more after packet {stopped}" if heard else "no answer to any packet", TIMED_OUT)
