# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own protocol code, against published vectors; its servers and probes meet each other in every scenario."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

import sip
import stun
from expectations import Row, outbound

# RFC 5769, sections 2.2 and 2.3: responses for 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, both port 32853.
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


@pytest.mark.parametrize(
    ("data", "address"),
    [(RESPONSE_IPV4, "192.0.2.1 port 32853"), (RESPONSE_IPV6, "2001:db8:1234:5678:11:2233:4455:6677 port 32853")],
)
def test_stun_responses_of_rfc_5769(data, address):
    message = stun.parse(data)
    assert message.type == stun.BINDING | stun.SUCCESS
    assert message.address(stun.XOR_MAPPED_ADDRESS) == address


def test_message_integrity_of_rfc_5769():
    """Section 2.2: the response's attributes before MESSAGE-INTEGRITY, keyed with the short-term password."""
    before = RESPONSE_IPV4[20:48]
    transaction = RESPONSE_IPV4[8:20]
    made = stun.message(stun.BINDING | stun.SUCCESS, before, transaction, b"VOkJxbRl1RmTxUk/WvJxBt")
    assert made[-20:] == bytes.fromhex("2b91f599fd9e90c38c7489f92af9ba53f06be7d7")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(19),
        b"GET / HTTP/1.1\r\n\r\n.....",
        RESPONSE_IPV4[:40],
        RESPONSE_IPV4[:20].replace(b"\x00\x3c", b"\x00\x04") + b"\0\1\0\\9",
    ],
)
def test_what_is_no_stun_is_refused(data):
    with pytest.raises(ValueError):
        stun.parse(data)


def test_sip_options_and_its_answer_fit():
    request = sip.options("2001:db8::1", "tcp")
    answer = sip.answer(request)
    assert request.startswith(b"OPTIONS sip:[2001:db8::1] SIP/2.0\r\n")
    assert sip.status(answer) == 200
    branch = next(line for line in request.split(b"\r\n") if line.startswith(b"Via:"))
    assert branch in answer.split(b"\r\n")
    assert sip.status(sip.answer(request.replace(b"OPTIONS", b"INVITE"))) == 501
    assert sip.status(b"HTTP/1.1 200 OK\r\n") == 0


def test_each_requirement_has_traffic():
    rows = {row.id for row in outbound()}
    assert rows == {
        "vonage/signaling", "vonage/turn-udp", "vonage/turn-tcp", "vonage/rtp-media", "vonage/sip-udp", "vonage/sip-tcp", "vonage/sip-tls",
        "liveavatar/signaling", "liveavatar/turn-tls", "liveavatar/turn-udp", "liveavatar/api",
        "liveavatar/media-udp", "liveavatar/media-tcp",
        "neighbour", "essential",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("opened_by", "services", "wildcards", "baseline", "expected"),
    [
        ("", ["vonage"], "any", "deny", "blocked"),
        ("", ["vonage"], "any", "open", "open"),
        ("always", [], "hostnames", "deny", "open"),
        ("vonage", ["liveavatar"], "any", "deny", "blocked"),
        ("vonage+any", ["vonage"], "hostnames", "deny", "blocked"),
        ("vonage+any", ["vonage"], "any", "deny", "open"),
    ],
)
def test_what_is_expected(opened_by, services, wildcards, baseline, expected):
    assert Row("x", "udp", "udp", "192.0.2.1", 1, opened_by).expected(services, wildcards, baseline) == expected
