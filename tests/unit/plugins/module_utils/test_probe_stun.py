# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""STUN messages against the vectors of RFC 5769 and of RFC 8489, appendix B.1, and against nonsense."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

SHORT_TERM = b"VOkJxbRl1RmTxUk/WvJxBt"
NUMBER = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769, sections 2.1 to 2.4.
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473"
    "41"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)
# RFC 8489, appendix B.1 (with erratum 6268).
LONG_TERM_SHA256 = bytes.fromhex(
    "000100902112a44278ad3433c6ad72c029da412e"
    "001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f62"
    "4d61744a6f7332414141"
    "43662f2f3439396b39353464364f4c33346f4c394653547679363473"
    "41000000"
    "0014000b6578616d706c652e6f726700"
    "001d000400020000"
    "001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65"
)
USER = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
PASSWORD = "TheMatrIX"
REALM = b"example.org"
NONCE = b"f//499k954d6OL34oL9FSTvy64sA"
NONCE_SHA256 = b"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind: int, *attributes: bytes, number: bytes = NUMBER) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI", kind, len(body), 0x2112A442) + number + body


def challenge(nonce: bytes, *more: bytes) -> _probe_stun.Message:
    found = _probe_stun.parse(message(0x0113, attribute(9, b"\0\0\4\1"), attribute(0x14, REALM), attribute(0x15, nonce), *more), NUMBER)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("raw", "mapped"), [(RESPONSE_IPV4, "192.0.2.1:32853"), (RESPONSE_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
)
def test_the_responses_of_rfc_5769(raw, mapped):
    found = _probe_stun.parse(raw, NUMBER)
    assert (found.type, found.mapped(), found.text(0x8022)) == (0x0101, mapped, "test vector")
    assert found.signed_by(SHORT_TERM)
    assert not found.signed_by(b"another")
    assert not found.is_error


def test_the_request_of_rfc_5769():
    assert _probe_stun.read(REQUEST).signed_by(SHORT_TERM)


@pytest.mark.parametrize(
    ("raw", "credentials"),
    [
        (LONG_TERM, _probe_stun.answer_challenge(challenge(NONCE), USER, PASSWORD)),
        (LONG_TERM_SHA256, _probe_stun.answer_challenge(challenge(NONCE_SHA256, attribute(0x8002, b"\0\2\0\0\0\1\0\0")), USER, PASSWORD)),
    ],
    ids=["md5", "sha256"],
)
def test_the_long_term_keys_of_the_vectors(raw, credentials):
    assert _probe_stun.read(raw).signed_by(credentials.key)
    assert len(credentials.key) == (32 if raw is LONG_TERM_SHA256 else 16)


def test_sha256_only_where_nonce_and_list_both_offer_it():
    old = _probe_stun.answer_challenge(challenge(NONCE_SHA256), USER, PASSWORD)
    other = _probe_stun.answer_challenge(challenge(NONCE_SHA256, attribute(0x8002, b"\0\1\0\0")), USER, PASSWORD)
    assert (len(old.key), len(other.key)) == (16, 16)


def test_a_request_with_credentials_by_hand():
    found = _probe_stun.allocate(NUMBER, _probe_stun.Credentials("u", b"r", b"n", b"key"))
    body = attribute(0x19, b"\x11\0\0\0") + attribute(6, b"u") + attribute(0x14, b"r") + attribute(0x15, b"n")
    head = struct.pack("!HHI", 3, len(body) + 24, 0x2112A442) + NUMBER
    body += attribute(8, hmac.new(b"key", head + body, hashlib.sha1).digest())
    head = struct.pack("!HHI", 3, len(body) + 8, 0x2112A442) + NUMBER
    assert found == head + body + attribute(0x8028, struct.pack("!I", zlib.crc32(head + body) ^ 0x5354554E))


def test_a_request_with_sha256_repeats_what_the_server_offered():
    credentials = _probe_stun.answer_challenge(challenge(NONCE_SHA256, attribute(0x8002, b"\0\2\0\0")), USER, PASSWORD)
    found = _probe_stun.read(_probe_stun.give_back(NUMBER, credentials))
    assert found.signed_by(credentials.key)
    assert list(found.attributes) == [0x0D, 0x06, 0x14, 0x15, 0x8002, 0x1D, 0x1C, 0x8028]
    assert (found.attributes[0x8002], found.attributes[0x1D], found.attributes[0x0D]) == (b"\0\2\0\0", b"\0\2\0\0", bytes(4))


def test_an_error_response():
    found = _probe_stun.parse(message(0x0113, attribute(9, b"\0\0\4\x26Stale\nNonce")), NUMBER)
    assert (found.is_error, found.error, found.reason) == (True, 438, "StaleNonce")


def test_servers_of_rfc_3489_name_the_address_plainly():
    found = _probe_stun.parse(message(0x0101, attribute(1, b"\0\1\x80\x55\xc0\0\2\1")), NUMBER)
    assert found.mapped() == "192.0.2.1:32853"


@pytest.mark.parametrize("length", range(len(RESPONSE_IPV4)))
def test_a_stream_may_be_cut_anywhere(length):
    assert _probe_stun.parse(RESPONSE_IPV4[:length], NUMBER) is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"HTTP/1.1 400 Bad Request", "no STUN"),
        (RESPONSE_IPV4[:4] + b"\0\0\0\0" + RESPONSE_IPV4[8:], "no STUN"),
        (RESPONSE_IPV4[:-1] + b"\0", "fingerprint"),
        (REQUEST, "no response"),
        (message(0x0101, number=bytes(12)), "no response"),
        (message(0x0101, b"\0\x20\0\x09" + bytes(8)), "cut short"),
    ],
)
def test_what_is_no_response_to_this_request(raw, why):
    with pytest.raises(ProbeError, match=why):
        _probe_stun.parse(raw, NUMBER)


def test_a_challenge_without_a_nonce():
    found = _probe_stun.parse(message(0x0113, attribute(9, b"\0\0\4\1"), attribute(0x14, REALM)), NUMBER)
    with pytest.raises(ProbeError, match="without realm or nonce"):
        _probe_stun.answer_challenge(found, "u", "p")


def test_what_follows_the_signature_is_not_believed():
    found = _probe_stun.parse(message(0x0101, attribute(8, bytes(20)), attribute(0x20, b"\0\1\xa1\x47\xe1\x12\xa6\x43")), NUMBER)
    assert found.mapped() == ""


ATTRIBUTES = st.lists(
    st.tuples(st.sampled_from([1, 6, 8, 9, 0x0D, 0x14, 0x15, 0x16, 0x1C, 0x20, 0x8002, 0x8022, 0x8028]), st.binary(max_size=40)), max_size=6
)


def use(raw):
    """All that a probe does with an answer."""
    found = _probe_stun.parse(raw, NUMBER)
    if found:
        found.mapped()
        found.signed_by(b"key")
        _probe_stun.answer_challenge(found, "u", "p")
        assert found.error >= 0
        assert found.reason.isprintable()


@given(st.binary(max_size=200))
def test_random_bytes(raw):
    try:
        use(raw)
    except ProbeError:
        pass


@given(st.sampled_from([0x0101, 0x0113, 0x0111]), ATTRIBUTES)
def test_random_attributes(kind, attributes):
    try:
        use(message(kind, *(attribute(*pair) for pair in attributes)))
    except ProbeError:
        pass


@given(st.integers(8, len(RESPONSE_IPV6) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unseen(at, change):
    raw = bytearray(RESPONSE_IPV6)
    raw[at] ^= change
    try:
        found = _probe_stun.parse(bytes(raw), NUMBER)
    except ProbeError:
        return
    # Only a changed header can hide the fingerprint; the signature then still covers all before it, or is hidden as well.
    assert found is not None
    assert 0x8028 not in found.attributes
    assert at >= 84 or not found.signed_by(SHORT_TERM)
