# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes as users write them, right and wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Probe

GOOD = {"id": "office/media", "kind": "tcp", "host": "192.0.2.1", "port": 443}


def read(*probes, timeout=5, total=60):
    return _probe_input.read(probes, timeout, total)


def problems(*probes, **limits):
    with pytest.raises(InvalidInput) as caught:
        read(*probes, **limits)
    return [str(problem) for problem in caught.value.problems]


def test_the_least_that_must_be_said():
    assert read(GOOD) == (Probe("office/media", "tcp", "192.0.2.1", ((443, 443),), "tcp"),)


def test_all_that_can_be_said():
    (probe,) = read(
        {
            "id": "a", "kind": "turn", "host": "2001:DB8::1", "ports": ["10000-10010", 10011, "443"], "transport": "tls",
            "families": ["ipv6"], "server_name": "turn.example", "path": "/x", "token": "t", "username": "u", "password": "p",
            "seconds": 2.5, "pace": 20, "payload": "stun",
        }
    )  # fmt: skip
    assert probe == Probe(
        "a", "turn", "2001:db8::1", ((443, 443), (10000, 10011)), "tls", ("ipv6",), "turn.example", "/x", "u", "p", "t", 2.5, 20, "stun"
    )
    assert "'p'" not in repr(probe)


@pytest.mark.parametrize(("kind", "transport"), [("tls", "tls"), ("https", "tls"), ("udp", "udp"), ("stun", "udp"), ("sip", "udp")])
def test_each_kind_has_its_transport(kind, transport):
    assert read({**GOOD, "kind": kind})[0].transport == transport


@pytest.mark.parametrize(("kind", "seconds"), [("stream", 5), ("media", 5), ("nat", 0)])
def test_a_nat_is_not_left_alone_unless_asked(kind, seconds):
    assert read({**GOOD, "kind": kind})[0].seconds == seconds


def test_everything_wrong_is_told_at_once():
    wrong = {
        "id": "",
        "kind": "ping",
        "host": "*.example.com",
        "port": 70000,
        "families": ["ipv5"],
        "path": "x y",
        "seconds": 0,
        "pace": "fast",
    }
    assert problems(
        wrong, {"id": "b", "kind": "nat", "host": "10.1", "ports": ["9-5", True], "second_port": 1}, timeout=0, total="long"
    ) == [
        "timeout: got 0, expected a number from 0.1 to 60.",
        "total_timeout: got 'long', expected a number from 1 to 3600.",
        "probes[0].kind: got 'ping', expected one of tcp, tls, https, websocket, stun, turn, sip, udp, stream, nat, media.",
        "probes[0].id: got '', expected a text of at most 200 characters on one line.",
        "probes[0].host: got '*.example.com', expected an address or a host name. A wildcard cannot be probed: name a host.",
        "probes[0].port: got 70000, expected a port from 1 to 65535.",
        "probes[0].families: got \"['ipv5']\", expected a list of ipv4 and ipv6, or one of them.",
        "probes[0].path: got 'x y', expected a path that begins with a slash, without spaces.",
        "probes[0].seconds: got 0, expected a number from 0.1 to 600.",
        "probes[0].pace: got 'fast', expected a number from 1 to 1000.",
        "probes[1].second_host: got nothing, expected a value, as second_port has one.",
        "probes[1].host: got '10.1', expected an address or a host name.",
        "probes[1].ports[0]: got '9-5', expected a port from 1 to 65535, or a range such as 10000-10010.",
        "probes[1].ports[1]: got True, expected a port from 1 to 65535, or a range such as 10000-10010.",
    ]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"port": None}, "probes[0].port"),
        ({"ports": [1]}, "probes[0].port"),
        ({"port": None, "ports": []}, "probes[0].ports"),
        ({"port": "1-2"}, "probes[0].port"),
        ({"host": "a..b"}, "probes[0].host"),
        ({"host": "-a"}, "probes[0].host"),
        ({"host": "a\nb"}, "probes[0].host"),
        ({"host": "a\n"}, "probes[0].host"),
        ({"host": "fe80::1%eth0"}, "probes[0].host"),
        ({"host": "2130706433"}, "probes[0].host"),
        ({"host": "a" * 64}, "probes[0].host"),
        ({"server_name": "a b"}, "probes[0].server_name"),
        ({"kind": "stun", "transport": "sctp"}, "probes[0].transport"),
        ({"transport": "udp"}, "probes[0].transport"),
        ({"path": "/\r\nX: y"}, "probes[0].path"),
        ({"id": "a\nb"}, "probes[0].id"),
        ({"kind": "media", "seconds": 241}, "probes[0].seconds"),
        ({"kind": "turn", "username": "u"}, "probes[0].password"),
        ({"second_host": "192.0.2.2"}, "probes[0].second_host"),
        ({"kind": "nat", "second_host": "192.0.2.2", "second_port": 0}, "probes[0].second_port"),
        ({"kind": "nat", "second_host": "192.0.2.2"}, "probes[0].second_port"),
        ({"kind": "nat", "seconds": 601}, "probes[0].seconds"),
    ],
)
def test_one_thing_wrong(changes, where):
    (problem,) = problems({**GOOD, **changes})
    assert problem.startswith(f"{where}: got")


@pytest.mark.parametrize("changes", [{"token": "s3cret\n"}, {"password": "s3cret"}])
def test_secrets_are_not_shown(changes):
    (problem,) = problems({**GOOD, **changes})
    assert "s3cret" not in problem
    assert "(hidden)" in problem


def test_too_many_endpoints():
    (problem,) = problems({**GOOD, "port": None, "ports": ["1-50001"]})
    assert problem.startswith("probes: got 100002, expected at most 100000 endpoints")
    assert len(read({**GOOD, "port": None, "ports": ["1-50000"]})) == 1


def test_a_long_list_of_problems_is_cut():
    found = problems(*[{**GOOD, "port": 0}] * 500)
    assert len(found) == 101
    assert found[-1].startswith("probes (further problems): got 400,")


ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers() | st.text(max_size=5), max_size=3)
)


@given(st.fixed_dictionaries(dict.fromkeys(("id", "host", "port", "ports", "families", "seconds", "pace", "token", "second_port"), ANY)))
def test_random_input(given_probe):
    try:
        read({**GOOD, "kind": "nat", "second_host": "192.0.2.2", **given_probe})
    except InvalidInput as error:
        assert error.problems
