# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the resolver, and the configuration of dnsmasq that follows from them (dnsmasq(8))."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

GOOD: dict[str, Any] = {"mode": "instance", "listen": ["10.99.0.1", "fd00:99::1"], "servers": ["198.51.100.2", "2001:db8:51::2#5300"]}
BESIDE: dict[str, Any] = {"mode": "dropin", "servers": ["198.51.100.2"]}


def policy(*learned: str) -> Policy:
    return Policy(Frame(), {"x": (Flow("x/y", "tcp", ((443, 443),), Destination(learned=learned)),)})


def paths(data: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        _resolver.from_dict(data)
    return [problem.path for problem in raised.value.problems]


@pytest.mark.parametrize("data", [GOOD, BESIDE])
def test_settings_come_back_as_they_were(data):
    resolver = _resolver.from_dict(data)
    assert _resolver.from_dict(_resolver.to_dict(resolver)) == resolver


def test_upstreams_have_a_port_of_their_own_or_that_of_dns():
    assert _resolver.from_dict(GOOD).upstreams == [("198.51.100.2", 53), ("2001:db8:51::2", 5300)]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("mode", "forward"),
        ("mode", None),
        ("listen", []),
        ("listen", ["10.99.0.1/24"]),
        ("listen", ["gateway"]),
        ("listen", "10.99.0.1"),
        ("servers", []),
        ("servers", ["resolver.example.com"]),
        ("servers", ["198.51.100.2#0"]),
        ("servers", ["198.51.100.2#99999"]),
        ("servers", ["198.51.100.2\nserver=/#/203.0.113.9"]),
        ("servers", ["10.99.0.1"]),
        ("servers", ["127.0.0.1#5453"]),
        ("port", 53),
        ("port", True),
        ("keep", 1),
        ("keep", 604801),
        ("max_ttl", 0),
        ("max_ttl", 3601),
        ("cache_size", -1),
        ("allowed", ["10.0.0.1/8"]),
        ("canaries", "yes"),
        ("address", "10.99.0.1"),
    ],
)
def test_each_wrong_option_is_named(option, value):
    assert paths({**GOOD, option: value}) == [f"webrtc_domains_{option}"]


def test_all_that_is_wrong_is_told_at_once():
    wrong = {"mode": "instance", "listen": [], "servers": [], "keep": 60, "max_ttl": 60}
    assert paths(wrong) == ["webrtc_domains_listen", "webrtc_domains_servers", "webrtc_domains_max_ttl"]


def test_a_dropin_says_nothing_of_where_dnsmasq_listens():
    assert paths({**BESIDE, "listen": ["10.99.0.1"]}) == ["webrtc_domains_listen"]


def test_a_domain_below_another_one_needs_no_line():
    wanted = policy("*.livekit.cloud", "*.host.livekit.cloud", "*.turn.livekit.cloud", "api.liveavatar.com", "*.notlivekit.cloud")
    assert _resolver.domains(wanted) == ["api.liveavatar.com", "livekit.cloud", "notlivekit.cloud"]
    assert _resolver.domains(None) == []


def lines(data: dict[str, Any], wanted: Policy) -> list[str]:
    return [line for line in _resolver.dnsmasq_text(_resolver.from_dict(data), wanted).splitlines() if not line.startswith("#")]


def test_a_dropin_is_one_line_a_domain():
    assert lines(BESIDE, policy("*.livekit.cloud", "*.vonage.com")) == [
        "server=/livekit.cloud/127.0.0.1#5453",
        "server=/vonage.com/127.0.0.1#5453",
    ]


def test_an_instance_asks_the_sites_resolvers_and_no_others():
    assert lines({**GOOD, "canaries": True, "cache_size": 500}, policy("*.livekit.cloud")) == [
        "no-resolv",
        "no-hosts",
        "no-poll",
        "bind-dynamic",
        "listen-address=10.99.0.1",
        "listen-address=fd00:99::1",
        "server=198.51.100.2",
        "server=2001:db8:51::2#5300",
        "cache-size=500",
        "dns-forward-max=1000",
        "pid-file=/run/webrtc-firewall-dnsmasq/pid",
        "server=/livekit.cloud/127.0.0.1#5453",
        "address=/mask-h2.icloud.com/",
        "address=/mask.icloud.com/",
        "address=/use-application-dns.net/",
    ]
