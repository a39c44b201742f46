# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_describe, _firewalld_render, _firewalld_zones
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import complement
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.firewalld import Firewalld
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

RTP = Flow("vonage/rtp-media", "udp", ((10000, 50000),), Destination(ipv4=("168.100.64.0/18", "216.147.0.0/18")))
TYPES = _firewalld_render.ICMP + _firewalld_render.ICMPV6_TRANSIT


def rendered(*flows, **frame):
    policy = Policy(Frame(**frame), {"vonage": flows})
    return {item.name: item for item in _firewalld_render.render(policy, Zones(), Zones(("ANY",), ("external",)), TYPES)}


def test_a_flow_is_a_rule_for_each_network_and_its_priority_is_its_own():
    alone = rendered(RTP)["webrtc-forward"]
    assert {rule.partition(' family="')[2] for rule in alone.rules} == {
        'ipv4" destination address="168.100.64.0/18" port port="10000-50000" protocol="udp" accept',
        'ipv4" destination address="216.147.0.0/18" port port="10000-50000" protocol="udp" accept',
    }
    more = rendered(RTP, Flow("vonage/turn-tcp", "tcp", ((443, 443),), Destination(any=True)))["webrtc-forward"]
    assert alone.rules < more.rules
    assert _firewalld_render.names_in(more.description)[_firewalld_render.priority_of(min(alone.rules))] == "vonage/rtp-media"


def test_the_words_are_those_of_every_backend():
    item = rendered(RTP)["webrtc-forward"]
    words = _firewalld_describe.describe({item.name: item.settings})
    assert words["vonage/rtp-media"] == "udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18"


def test_what_is_denied_depends_on_the_sources():
    rules = rendered(RTP, baseline="deny_egress", sources_ipv4=("10.0.0.0/8",))["webrtc-deny"].rules
    drops = [rule for rule in rules if rule.endswith("drop")]
    assert len(drops) == 1
    assert 'family="ipv4" source address="10.0.0.0/8"' in drops[0]
    assert all('source address="10.0.0.0/8"' in rule for rule in rules)


def test_what_comes_in_by_the_uplink_is_dropped_before_it_is_left_open():
    found = rendered(RTP, baseline="deny_egress", uplinks=("wan0",))
    assert found["webrtc-unasked"].zones == Zones(("external",), ("ANY",))
    assert found["webrtc-unasked"].settings["priority"] < found["webrtc-deny"].settings["priority"]


@pytest.mark.parametrize(
    ("family", "servers"), [("ipv4", ("192.0.2.53",)), ("ipv4", ("192.0.2.53", "9.9.9.9")), ("ipv6", ("2001:db8::53",))]
)
def test_a_complement_is_all_but_the_servers(family, servers):
    rest = [ip_network(network) for network in complement(servers, family)]
    whole = 2 ** (32 if family == "ipv4" else 128)
    assert sum(network.num_addresses for network in rest) == whole - len(servers)
    assert not any(ip_address(server) in network for network in rest for server in servers)


SEEN = {
    "default": "public",
    "interfaces": {"lan0": "internal", "lan1": "internal", "wan0": "external"},
    "zones": {"external": {"sources": []}},
}


def test_an_interface_stands_for_its_zone_where_it_is_alone_in_it():
    found = _firewalld_zones.zones_of(Frame(in_interfaces=("lan0", "lan1"), out_interfaces=("wan0",)), SEEN)
    assert (found.scope, found.problems) == (Zones(("internal",), ("external",)), [])


def test_a_zone_with_more_than_was_named_is_refused():
    (problem,) = _firewalld_zones.zones_of(Frame(in_interfaces=("lan0",), out_interfaces=("wan0",)), SEEN).problems
    assert problem.path == "webrtc_egress_in_interfaces[0]"
    assert problem.value == "lan0 in zone internal beside lan1"
    assert problem.remedy == "Name lan1 too, or move lan0 into a zone of its own."
    seen = {**SEEN, "zones": {"external": {"sources": ["192.0.2.0/24"]}}}
    (problem,) = _firewalld_zones.zones_of(Frame(out_interfaces=("wan0",)), seen).problems
    assert problem.value == "wan0 in zone external beside source 192.0.2.0/24"


def test_what_firewalld_cannot_express_is_refused_by_id():
    learns = Flow("liveavatar/signaling", "tcp", ((443, 443),), Destination(learned=("*.livekit.cloud",)))
    many = Flow(
        "site/many", "udp", ((1, 1),), Destination(ipv4=tuple(f"192.0.{high}.{low}" for high in range(10) for low in range(0, 250)))
    )
    problems = Firewalld.unsupported(Policy(Frame(), {"liveavatar": (learns,), "site": (many,)}))
    assert [problem.path for problem in problems] == ["liveavatar/signaling", "site/many"]
