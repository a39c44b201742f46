# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS messages as RFC 1035 and RFC 9460 write them, put together here by hand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _dns

A, CNAME, AAAA, OPT, HTTPS = 1, 5, 28, 41, 65
NODE = bytes([198, 18, 4, 77])


def wire(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def asked(name: str, kind: int = A, flags: int = 0x0100, extra: int = 0) -> bytes:
    return struct.pack("!HHHHHH", 0x1234, flags, 1, 0, 0, extra) + wire(name) + struct.pack("!HH", kind, 1)


def record(owner: bytes, kind: int, data: bytes, ttl: int = 300) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def reply(name: str, answers: list[bytes], authority: tuple[bytes, ...] = (), additional: tuple[bytes, ...] = (), kind: int = A) -> bytes:
    counts = (1, len(answers), len(authority), len(additional))
    head = struct.pack("!HHHHHH", 0x1234, 0x8180, *counts)
    return head + wire(name) + struct.pack("!HH", kind, 1) + b"".join([*answers, *authority, *additional])


def test_a_question_is_lower_case_and_without_the_last_dot():
    question = _dns.question(asked("Ip-198-18-4-77.HOST.LiveKit.Cloud"))
    assert (question.name, question.type) == ("ip-198-18-4-77.host.livekit.cloud", A)
    assert question.wire == wire("Ip-198-18-4-77.HOST.LiveKit.Cloud") + b"\0\1\0\1"


@pytest.mark.parametrize(
    ("label", "text"),
    [(b"a b", "a\\032b"), (b"a\nb", "a\\010b"), (b"a.b", "a\\046b"), (b"\xff", "\\255"), (b"a#b", "a\\035b")],
)
def test_odd_bytes_of_a_label_can_neither_end_a_line_nor_make_another_name(label, text):
    message = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + bytes([len(label)]) + label + wire("livekit.cloud") + b"\0\1\0\1"
    assert _dns.question(message).name == f"{text}.livekit.cloud"


def test_addresses_of_both_families():
    four = reply("x.livekit.cloud", [record(b"\xc0\x0c", A, NODE), record(b"\xc0\x0c", A, bytes([198, 18, 4, 78]))])
    six = reply("x.livekit.cloud", [record(b"\xc0\x0c", AAAA, bytes.fromhex("20010002000000020000000000000001"))], kind=AAAA)
    assert _dns.addresses(four) == ("198.18.4.77", "198.18.4.78")
    assert _dns.addresses(six) == ("2001:2:0:2::1",)


def test_a_chain_of_aliases_is_followed_to_foreign_names_in_whatever_order():
    chain = [
        record(wire("node.cdn.example"), A, NODE),
        record(b"\xc0\x0c", CNAME, wire("edge.cdn.example")),
        record(wire("EDGE.cdn.example"), CNAME, wire("node.cdn.example")),
    ]
    assert _dns.addresses(reply("chain.livekit.cloud", chain)) == ("198.18.4.77",)


def test_an_address_of_a_name_that_nobody_asked_for_is_not_learned():
    stuffed = [record(b"\xc0\x0c", A, NODE), record(wire("www.example.net"), A, bytes([198, 18, 13, 1]))]
    extra = (record(wire("x.livekit.cloud"), A, bytes([198, 18, 13, 2])),)
    assert _dns.addresses(reply("x.livekit.cloud", stuffed, additional=extra)) == ("198.18.4.77",)


def test_the_hints_of_an_https_record_are_addresses():
    # Priority 1, target ".", alpn=h2 (key 1), ipv4hint (4) with two addresses, ipv6hint (6).
    parts = [
        struct.pack("!H", 1) + b"\0",
        struct.pack("!HH", 1, 3) + b"\x02h2",
        struct.pack("!HH", 4, 8) + NODE + bytes([198, 18, 4, 78]),
        struct.pack("!HH", 6, 16) + bytes.fromhex("20010002000000150000000000000001"),
    ]
    message = reply("hint.livekit.cloud", [record(b"\xc0\x0c", HTTPS, b"".join(parts))], kind=HTTPS)
    assert _dns.addresses(message) == ("198.18.4.77", "198.18.4.78", "2001:2:0:15::1")


def test_times_are_capped_everywhere_but_in_opt():
    soa = record(b"\xc0\x0c", 6, wire("ns.example") + wire("admin.example") + bytes(20), ttl=7200)
    # The flags of OPT (RFC 6891) stand where other records have their time: the DO bit.
    opt = record(b"\0", OPT, b"", ttl=0x8000)
    long = reply("x.livekit.cloud", [record(b"\xc0\x0c", A, NODE, 86400), record(b"\xc0\x0c", A, NODE, 30)], (soa,), (opt,))
    short = reply(
        "x.livekit.cloud",
        [record(b"\xc0\x0c", A, NODE, 60), record(b"\xc0\x0c", A, NODE, 30)],
        (soa.replace(struct.pack("!I", 7200), struct.pack("!I", 60)),),
        (opt,),
    )
    assert _dns.with_ttl_at_most(long, 60) == short
    assert _dns.with_ttl_at_most(short, 60) == short


def test_a_reply_belongs_to_its_query_by_id_and_question():
    query, right = asked("x.livekit.cloud"), reply("X.livekit.CLOUD", [])
    assert _dns.answers(query, right)
    assert not _dns.answers(query, b"\0\0" + right[2:])
    assert not _dns.answers(query, reply("y.livekit.cloud", []))
    assert not _dns.answers(query, query)
    assert not _dns.answers(query, right[:20])


def test_a_refusal_repeats_the_question_and_nothing_else():
    query = asked("x.livekit.cloud", extra=1) + record(b"\0", OPT, b"")
    # QR, RD and RA set; the code is REFUSED (5).
    assert _dns.refusal(query, _dns.REFUSED) == struct.pack("!HHHHHH", 0x1234, 0x8185, 1, 0, 0, 0) + wire("x.livekit.cloud") + b"\0\1\0\1"
    assert _dns.refusal(query[:12], _dns.FORMERR) == struct.pack("!HHHHHH", 0x1234, 0x8181, 0, 0, 0, 0)


@pytest.mark.parametrize("flags", [0x2800, 0x1000])
def test_other_operations_are_no_queries(flags):
    with pytest.raises(ValueError, match="one question"):
        _dns.question(asked("x.livekit.cloud", flags=flags))


def test_a_name_that_points_at_itself_ends():
    message = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1"
    with pytest.raises(ValueError, match="without an end"):
        _dns.question(message)


WHOLE = reply(
    "chain.livekit.cloud",
    [record(b"\xc0\x0c", CNAME, wire("node.cdn.example")), record(wire("node.cdn.example"), A, NODE)],
    additional=(record(b"\0", OPT, b""),),
)


def read(message: bytes) -> None:
    for function in (_dns.question, _dns.addresses, lambda data: _dns.with_ttl_at_most(data, 60), _dns.code, _dns.truncated):
        try:
            function(message)
        except ValueError:
            continue


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_every_cut_is_an_error_and_nothing_else(length):
    read(WHOLE[:length])
    with pytest.raises(ValueError, match=r"cut|shorter|wrong label"):
        _dns.addresses(WHOLE[:length])


@given(st.binary(max_size=300))
def test_noise_is_an_error_and_nothing_else(noise):
    read(noise)
    read(WHOLE[:12] + noise)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_an_error_and_nothing_else(place, byte):
    read(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
