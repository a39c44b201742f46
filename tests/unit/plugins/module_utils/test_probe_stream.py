# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told from the packets of a stream that came back, with numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stream


def test_jitter_of_rfc_3550():
    # D is 0, 16, -32: J goes 0, 0 + 16/16 = 1, 1 + (32 - 1)/16.
    assert _probe_stream.jitter([10.0, 10.0, 26.0, -6.0]) == 1 + 31 / 16
    assert _probe_stream.jitter([10.0]) == _probe_stream.jitter([]) == 0.0


def told(count, answered, pace=50):
    sent = {number: number / pace for number in range(count)}
    return _probe_stream.tell(sent, {number: sent[number] + 0.25 for number in answered}, pace)


def test_a_whole_stream():
    assert told(100, range(100)) == {
        "sent": 100, "received": 100, "loss_percent": 0.0, "jitter_ms": 0.0,
        "round_trip_ms": {"least": 250.0, "mean": 250.0, "most": 250.0}, "stopped_after": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "answered", "loss", "stopped"),
    [
        (100, [], 100.0, None),
        (100, range(10), 90.0, 10),
        (100, range(50), 50.0, 50),
        # Less than a second's worth at the end is loss like any other.
        (100, range(51), 49.0, None),
        (100, range(0, 100, 2), 50.0, None),
        (100, [0, 49], 98.0, 50),
        (10, range(5), 50.0, 5),
        (10, range(6), 40.0, None),
        (1, [0], 0.0, None),
    ],
)
def test_loss_and_where_a_stream_stopped(count, answered, loss, stopped):
    found = told(count, answered)
    assert (found["loss_percent"], found["stopped_after"]) == (loss, stopped)
    assert (found["round_trip_ms"] is None) == (not answered)


@pytest.mark.parametrize("payload", ["echo", "stun"])
@pytest.mark.parametrize("number", [0, 1, 65535, 65536, 599999])
def test_a_packet_is_known_again(payload, number):
    packets, others = _probe_stream.Packets(payload, 50), _probe_stream.Packets(payload, 50)
    made = packets.make(number)
    # A STUN server answers with the request's transaction in a response of its own.
    answer = b"\x01\x01\0\0" + made[4:20] if payload == "stun" else made
    assert packets.number(answer) == number
    assert others.number(answer) is None
    assert packets.number(answer[:-90]) is None


def test_a_packet_of_speech():
    made = _probe_stream.Packets("echo", 50).make(65537)
    assert (made[:4], made[4:8], len(made)) == (b"\x80\x6f\0\1", ((65537 * 960) % 2**32).to_bytes(4, "big"), 92)


@given(st.binary(max_size=120), st.sampled_from(["echo", "stun"]))
def test_random_datagrams(data, payload):
    assert _probe_stream.Packets(payload, 50).number(data) is None
