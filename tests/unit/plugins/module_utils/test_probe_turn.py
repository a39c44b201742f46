# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages about a relay, written by hand after RFC 8656 with the addresses of RFC 5769, and nonsense."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_stun, _probe_turn
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

NUMBER = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# The addresses of RFC 5769, sections 2.2 and 2.3, as they are written for this transaction.
IPV4, IPV4_WRITTEN = ("192.0.2.1", 32853), "0001a147e112a643"
IPV6, IPV6_WRITTEN = ("2001:db8:1234:5678:11:2233:4455:6677", 32853), "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
# A Data indication: XOR-PEER-ADDRESS, and DATA of 5 bytes and their padding.
DATA_IPV4 = bytes.fromhex(f"001700182112a442b7e7a701bc34d686fa87dfae 00120008{IPV4_WRITTEN} 0013000568656c6c6f000000")
DATA_IPV6 = bytes.fromhex(f"001700242112a442b7e7a701bc34d686fa87dfae 00120014{IPV6_WRITTEN} 0013000568656c6c6f000000")
# A refresh's response, with LIFETIME 0.
REQUEST = bytes.fromhex("78ad3433c6ad72c029da412e")
RESPONSE = bytes.fromhex("010400082112a442") + REQUEST + bytes.fromhex("000d000400000000")


def fingerprinted(text):
    """A message written by hand, with the length that the fingerprint makes it have, and the fingerprint."""
    raw = bytes.fromhex(text)
    return raw + b"\x80\x28\0\4" + struct.pack("!I", zlib.crc32(raw) ^ 0x5354554E)


def test_a_permission_for_two_addresses():
    # The port, which means nothing, is 0: 2112 once it is hidden.
    first, second = f"00120008{IPV4_WRITTEN}", "00120008000121125e12a443"
    wanted = fingerprinted(f"000800202112a442b7e7a701bc34d686fa87dfae {first.replace('a147', '2112')} {second}")
    assert _probe_turn.permission(NUMBER, ["192.0.2.1", "127.0.0.1"]) == wanted


def test_a_permission_is_signed():
    credentials = _probe_stun.Credentials("u", b"r", b"n", b"key")
    raw = _probe_turn.permission(NUMBER, ["192.0.2.1"], credentials)
    at = raw.index(b"\0\x08\0\x14")
    signed = raw[:2] + struct.pack("!H", at + 4) + raw[4:at]
    assert raw[at + 4 : at + 24] == hmac.new(b"key", signed, hashlib.sha1).digest()


@pytest.mark.parametrize(("peer", "size"), [(IPV4, 12), (IPV6, 24)])
def test_an_indication_to_send(peer, size):
    raw = _probe_turn.send(peer, b"hello")
    # Peer, the 5 bytes with head and padding, the fingerprint.
    assert raw[:8] == struct.pack("!HHI", 0x0016, size + 12 + 8, 0x2112A442)
    assert raw[20 + size : 32 + size] == b"\0\x13\0\5hello\0\0\0"
    assert _probe_stun.read(raw).pair(0x0012) == peer
    assert raw[8:20] != _probe_turn.send(peer, b"hello")[8:20]


def test_addresses_are_written_as_in_the_vectors():
    for peer, written in ((IPV4, IPV4_WRITTEN), (IPV6, IPV6_WRITTEN)):
        assert _probe_turn._peer(peer, NUMBER)[4:] == bytes.fromhex(written)


@pytest.mark.parametrize(("raw", "peer"), [(DATA_IPV4, IPV4), (DATA_IPV6, IPV6)])
def test_what_has_come_to_the_relay(raw, peer):
    assert _probe_turn.arrived(raw) == (peer, b"hello")
    assert _probe_turn.cut(raw + b"\0") == raw


@pytest.mark.parametrize(
    "raw",
    [
        RESPONSE,
        # Without a peer, and without data: an ICMP message that the relay got (RFC 8656, section 11.5).
        DATA_IPV4[:2] + b"\0\x0c" + DATA_IPV4[4:20] + DATA_IPV4[32:],
        DATA_IPV4[:2] + b"\0\x0c" + DATA_IPV4[4:32],
    ],
)
def test_messages_of_something_else(raw):
    assert _probe_turn.cut(raw) == raw
    assert _probe_turn.arrived(raw) is None


@pytest.mark.parametrize("raw", [b"HTTP/1.1 400", b"\x40\0\0\4abcd", DATA_IPV4[:4] + bytes(16), DATA_IPV4[:3] + b"\x17" + DATA_IPV4[4:]])
def test_what_is_no_stun(raw):
    with pytest.raises(ProbeError, match="no STUN"):
        _probe_turn.cut(raw)
    stream, datagrams = _probe_turn.Inbox(False), _probe_turn.Inbox(True)
    with pytest.raises(ProbeError, match="no STUN"):
        list(stream.take(raw))
    # A datagram may be anybody's.
    assert list(datagrams.take(raw)) == []
    assert list(datagrams.take(DATA_IPV4)) == [(IPV4, b"hello")]


@pytest.mark.parametrize("at", range(len(DATA_IPV4) + len(DATA_IPV6) + 1))
def test_a_stream_may_be_cut_anywhere(at):
    both, inbox = DATA_IPV4 + DATA_IPV6, _probe_turn.Inbox(False)
    # What is empty is the end of a stream.
    pieces = [piece for piece in (both[:at], both[at:]) if piece]
    assert [found for piece in pieces for found in inbox.take(piece)] == [(IPV4, b"hello"), (IPV6, b"hello")]
    assert (inbox.rest, inbox.ended) == (b"", "")
    assert list(inbox.take(b"")) == []
    assert inbox.ended == "the server closed the connection"


@pytest.mark.parametrize("at", range(1, len(DATA_IPV6) + len(RESPONSE)))
def test_the_response_behind_a_message_that_began_earlier(at):
    whole, inbox = DATA_IPV6 + RESPONSE, _probe_turn.Inbox(False)
    list(inbox.take(whole[:at]) if at < len(DATA_IPV6) else inbox.take(DATA_IPV6))
    later = whole[at:] if at < len(DATA_IPV6) else whole[len(DATA_IPV6) :]
    # All that has come since is given each time.
    assert inbox.response(later[:-1], REQUEST) is None
    assert inbox.response(later, REQUEST).type == 0x0104


def test_an_empty_datagram_is_no_end():
    inbox = _probe_turn.Inbox(True)
    assert list(inbox.take(b"")) == []
    assert inbox.ended == ""


MESSAGES = st.builds(
    lambda kind, attributes: struct.pack("!HHI", kind, len(attributes), 0x2112A442) + NUMBER + attributes,
    st.sampled_from([0x0017, 0x0104, 0x0114]),
    st.lists(st.tuples(st.sampled_from([0x0012, 0x0013, 0x8028, 9]), st.binary(max_size=24)), max_size=4).map(
        lambda pairs: b"".join(_probe_stun.attribute(*pair) for pair in pairs)
    ),
)


@given(st.lists(st.one_of(MESSAGES, st.binary(max_size=40)), max_size=6), st.booleans())
def test_random_messages(pieces, datagrams):
    inbox = _probe_turn.Inbox(datagrams)
    for piece in pieces:
        try:
            inbox.response(piece, NUMBER)
            for (host, port), data in inbox.take(piece):
                assert _probe_stun.read(_probe_turn.send((host, port), data)).pair(0x0012) == (host, port)
        except ProbeError:
            return
        assert len(inbox.rest) <= 65535 + 20


@given(st.sampled_from([IPV4, IPV6]), st.binary(max_size=1500))
def test_round_trip(peer, data):
    raw = _probe_turn.send(peer, data)
    assert _probe_turn.arrived(b"\0\x17" + raw[2:-8].replace(raw[2:4], struct.pack("!H", len(raw) - 28), 1)) == (peer, data)
