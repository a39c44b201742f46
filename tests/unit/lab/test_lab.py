# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own protocol code, against published vectors; its servers and probes meet each other in every scenario."""

from __future__ import annotations

import argparse
import errno
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

import probe
import prove
import sip
import stun
import websocket
from expectations import MINIMUM, RECOMMENDED, Row, outbound, requirements
from wire import Unexpected, Wire

# RFC 5769, sections 2.2 and 2.3: responses for 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, both port 32853.
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)

# RFC 5769, section 2.4: a request with long-term credentials; the user is U+30DE U+30C8 U+30EA U+30C3 U+30AF U+30B9.
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
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


def test_long_term_credentials_of_rfc_5769():
    user = "".join(map(chr, (0x30DE, 0x30C8, 0x30EA, 0x30C3, 0x30AF, 0x30B9)))
    attributes = stun.parse(LONG_TERM).attributes
    assert attributes[stun.USERNAME].decode() == user
    key = stun.long_term_key(user, attributes[stun.REALM], "TheMatrIX")
    assert stun.message(stun.BINDING, LONG_TERM[20:-24], LONG_TERM[8:20], key) == LONG_TERM


def test_a_stun_message_of_a_stream_is_whole_at_its_last_byte():
    assert [length for length in range(len(LONG_TERM) + 1) if stun.complete(LONG_TERM[:length])] == [len(LONG_TERM)]


def test_accept_key_of_rfc_6455():
    """Section 1.3."""
    key = b"dGhlIHNhbXBsZSBub25jZQ=="
    assert websocket.accept(key) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nsec-websocket-ACCEPT: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    assert websocket.accepted(response, key)
    assert not websocket.accepted(response, b"another key")
    assert not websocket.accepted(response.replace(b"101", b"200"), key)


def test_frames_of_rfc_6455():
    """Section 5.7, a single-frame text message, masked and not."""
    assert websocket.frame(b"Hello") == bytes.fromhex("810548656c6c6f")
    assert websocket.frame(b"Hello", bytes.fromhex("37fa213d")) == bytes.fromhex("818537fa213d7f9f4d5158")
    with pytest.raises(ValueError, match="126 bytes"):
        websocket.frame(bytes(126))


def test_a_stream_is_read_until_the_message_is_whole():
    near, far = socket.socketpair()
    with near, far:
        wire = Wire({"address": "192.0.2.1", "port": 1})
        wire.socket = near
        far.sendall(LONG_TERM[:30])
        threading.Timer(0.05, far.sendall, [LONG_TERM[30:]]).start()
        assert wire.receive(stun.complete) == LONG_TERM
        assert wire.received == 1
        far.sendall(LONG_TERM[:30])
        far.shutdown(socket.SHUT_WR)
        with pytest.raises(Unexpected, match="closed after 30 bytes"):
            wire.receive(stun.complete)


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
    assert rows - {"neighbour", "essential"} == requirements(MINIMUM, "recommended")


def test_every_reason_is_a_requirement_of_a_document():
    reasons = {reason.split("+")[0] for row in outbound() for reason in row.opened_by.split()}
    assert reasons == {row for table in (MINIMUM, RECOMMENDED) for rows in table.values() for row in rows} | {"always"}


def test_tiers():
    assert requirements(["vonage"], "minimum") == {"vonage/signaling", "vonage/turn-udp"}
    assert "vonage/rtp-media" in requirements(["vonage"], "recommended")


@pytest.mark.parametrize(
    ("opened_by", "active", "wildcards", "baseline", "expected"),
    [
        ("", ["vonage/sip-udp"], "any", "deny", "blocked"),
        ("", ["vonage/sip-udp"], "any", "open", "open"),
        ("always", [], "hostnames", "deny", "open"),
        ("vonage/sip-udp", ["vonage/sip-tcp"], "any", "deny", "blocked"),
        ("vonage/sip-udp vonage/sip-tcp", ["vonage/sip-tcp"], "hostnames", "deny", "open"),
        ("vonage/signaling+any", ["vonage/signaling"], "hostnames", "deny", "blocked"),
        ("vonage/signaling+any", ["vonage/signaling"], "any", "deny", "open"),
    ],
)
def test_what_is_expected(opened_by, active, wildcards, baseline, expected):
    assert Row("x", "udp", "udp", "192.0.2.1", 1, opened_by).expected(active, wildcards, baseline) == expected


def test_unknown_names_are_refused():
    assert prove.services("vonage") == ["vonage"]
    with pytest.raises(argparse.ArgumentTypeError, match="vonnage: no service; known are liveavatar, vonage"):
        prove.services("vonnage")
    with pytest.raises(argparse.ArgumentTypeError, match="vonage/sip: no requirement"):
        prove.ids("vonage/sip")


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (socket.timeout(), "blocked"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "blocked"),
        (PermissionError(errno.EACCES, "Permission denied"), "prohibited"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "prohibited"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "error"),
        # Its number is that of EPERM.
        (ssl.SSLError(1, "wrong version number"), "error"),
    ],
)
def test_what_an_error_says(error, seen):
    assert probe.told(error)[0] == seen
