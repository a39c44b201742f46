# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections as the kernel's messages have them, and endpoints as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_conntrack as conntrack
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput

# Two messages of kernel 6.18: three packets of 100 bytes to 198.18.0.7:3478 and two of 50 back, and a TCP connection to [2001:2::7]:443.
UDP = bytes.fromhex(
    "020000003400018014000180080001007f00000108000200c61200071c0002800500010011000000060002009c400000060003000d96000034000280140001800800"
    "0100c6120007080002007f0000011c0002800500010011000000060002000d960000060003009c400000080003000000000a080008000000000008000c002416de19"
    "08000b0000000001080007000000001d1c0009800c00010000000000000000030c00020000000000000001801c000a800c00010000000000000000020c0002000000"
    "00000000009c"
)
TCP = bytes.fromhex(
    "0a0000004c0001802c000180140003002001000200000000000000000000000714000400200100020000000000000000000000071c00028005000100060000000600"
    "02009c4200000600030001bb00004c0002802c000180140003002001000200000000000000000000000714000400200100020000000000000000000000071c000280"
    "05000100060000000600020001bb0000060003009c420000080003000000000e080008000000000008000c0025d22dc708000b000000000108000700"
    "0006977f300004802c0001800500010003000000050002000a000000050003000a000000060004002300000006000500230000001c0009800c000100000000000000"
    "00020c00020000000000000000981c000a800c00010000000000000000010c0002000000000000000050"
)
SEEN = {
    "endpoint": "turn",
    "source": "127.0.0.1:40000",
    "translated": "127.0.0.1:40000",
    "replied": True,
    "assured": False,
    "state": "",
    "seconds_left": 29,
    "packets_out": 3,
    "packets_back": 2,
    # IP and UDP take 28 bytes of each packet.
    "bytes_out": 3 * 128,
    "bytes_back": 2 * 78,
}


def matched(*endpoints, bodies=(UDP, TCP)):
    asked = conntrack.read_endpoints(endpoints)
    return [conntrack.told(data, asked[one]) for data, one in conntrack.matching(bodies, asked)]


def test_a_connection_over_udp():
    (seen,) = matched("198.18.0.7:3478/udp")
    assert seen == {**SEEN, "endpoint": "198.18.0.7:3478/udp"}
    assert conntrack.told(UDP[4:], "turn") == SEEN


def test_a_connection_over_tcp():
    (seen,) = matched("[2001:2::7]:443/tls")
    assert (seen["source"], seen["state"], seen["replied"], seen["assured"]) == ("[2001:2::7]:40002", "ESTABLISHED", True, True)
    assert (seen["seconds_left"], seen["packets_out"], seen["packets_back"]) == (431999, 2, 1)


@pytest.mark.parametrize("other", ["198.18.0.7:3478/tcp", "198.18.0.7:3479/udp", "198.18.0.8:3478/udp", "127.0.0.1:40000/udp"])
def test_another_endpoint_is_not_meant(other):
    assert matched(other) == []


def test_without_accounting_nothing_is_counted():
    # The two attributes that count are the last.
    seen = conntrack.told(UDP[4:-56], "turn")
    assert [seen[key] for key in ("packets_out", "packets_back", "bytes_out", "bytes_back")] == [None] * 4
    assert seen["replied"]


@given(st.integers(0, len(TCP)), st.integers(0, len(TCP)), st.binary(max_size=8))
def test_a_message_that_is_cut_or_altered_is_no_crash(cut, place, other):
    body = (TCP[:place] + other + TCP[place + len(other) :])[:cut]
    asked = conntrack.read_endpoints(["[2001:2::7]:443/tcp"])
    assert len(list(conntrack.matching([body], asked))) <= 1


@pytest.mark.parametrize(
    ("given_one", "name"),
    [
        ("216.147.1.1:3478/udp", "216.147.1.1:3478/udp"),
        ("216.147.1.1:443/tls", "216.147.1.1:443/tls"),
        ("[2001:2:0::7]:443/tcp", "[2001:2:0::7]:443/tcp"),
        ({"address": "216.147.1.1", "port": 3478, "protocol": "udp"}, "216.147.1.1:3478/udp"),
        ({"address": "2001:2:0::7", "port": "443", "protocol": "tls"}, "[2001:2::7]:443/tls"),
    ],
)
def test_endpoints(given_one, name):
    assert list(conntrack.read_endpoints([given_one]).values()) == [name]


def test_a_name_has_no_connections():
    assert conntrack.read_endpoints(["nowhere.invalid:443/tls", "ws.nexmo.com:443/tcp"]) == {}


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ("216.147.1.1", "endpoints[1]"),
        ("216.147.1.1:3478", "endpoints[1]"),
        ("216.147.1.1:0/udp", "endpoints[1]"),
        ("216.147.1.1:70000/udp", "endpoints[1]"),
        ("216.147.1.1:1/sctp", "endpoints[1]"),
        ("2001:2::7:443/tcp", "endpoints[1]"),
        ("[nowhere]:443/tcp", "endpoints[1]"),
        (5, "endpoints[1]"),
        (None, "endpoints[1]"),
        ({}, "endpoints[1].address"),
        ({"address": "fe80::1%eth0", "port": 1, "protocol": "udp"}, "endpoints[1].address"),
        ({"address": ["x"], "port": 1, "protocol": "udp"}, "endpoints[1].address"),
        ({"address": "192.0.2.1", "port": True, "protocol": "udp"}, "endpoints[1].port"),
        ({"address": "192.0.2.1", "port": 65536, "protocol": "udp"}, "endpoints[1].port"),
        ({"address": "192.0.2.1", "port": 1, "protocol": "icmp"}, "endpoints[1].protocol"),
        ({"address": "192.0.2.1", "port": 1, "protocol": "udp", "host": "x"}, "endpoints[1].host"),
    ],
)
def test_wrong_endpoints(wrong, path):
    with pytest.raises(InvalidInput) as error:
        conntrack.read_endpoints(["216.147.1.1:3478/udp", wrong])
    assert [problem.path for problem in error.value.problems] == [path]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidInput) as error:
        conntrack.read_endpoints(["x", "y", *["216.147.1.1:3478/udp"] * conntrack.MOST_ENDPOINTS])
    assert [problem.path for problem in error.value.problems] == ["endpoints[0]", "endpoints[1]", "endpoints"]
