# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_describe, _firewalld_render, _firewalld_zones
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import complement
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Plan
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.firewalld import Firewalld, Steps
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_live import Live
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Rules, Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output

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
    words = _firewalld_describe.describe(Rules({item.name: item.settings}))
    assert words["vonage/rtp-media"] == "udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18"


LEARNS = Flow("liveavatar/signaling", "udp", ((10000, 20000),), Destination(ipv4=("192.0.2.0/24",), learned=("*.livekit.cloud",)))
LEARNING = Policy(Frame(sources_ipv4=("10.0.0.0/8",), learned_size=100), {"liveavatar": (LEARNS,)})
RULES = Rules(
    {item.name: item.settings for item in _firewalld_render.render(LEARNING, Zones(), Zones(), TYPES)}, _firewalld_render.sets(LEARNING)
)


def test_a_flow_that_learns_has_a_set_for_each_family_beside_its_networks():
    flow = rendered(LEARNS, sources_ipv4=("10.0.0.0/8",))["webrtc-forward"]
    assert {rule.partition(' address="10.0.0.0/8" ')[2] for rule in flow.rules} == {
        'destination address="192.0.2.0/24" port port="10000-20000" protocol="udp" accept',
        'destination ipset="webrtc-v4.liveavatar.signaling" port port="10000-20000" protocol="udp" accept',
    }
    assert {name: item["options"] for name, item in RULES.sets.items()} == {
        "webrtc-v4.liveavatar.signaling": {"family": "inet", "maxelem": "100"},
        "webrtc-v6.liveavatar.signaling": {"family": "inet6", "maxelem": "100"},
    }
    # Stored entries would come back by a reload long after they have ended; and of a set with a timeout firewalld tells none.
    assert all(item["type"] == "hash:ip" and item["entries"] == [] for item in RULES.sets.values())


def test_names_of_sets_are_no_longer_than_firewalld_takes():
    names = {_firewalld_render.learned_set(f"site/a-name-of-a-flow-that-is-long-{number}", "ipv6") for number in range(9)}
    assert len(names) == 9
    assert all(len(name) <= 31 and name.startswith("webrtc-v6.site.") for name in names)


def test_sets_are_told_with_their_flow_and_what_they_hold_is_no_change():
    told = "udp 10000-20000 to 192.0.2.0/24, what DNS answers teach (100 addresses at most) from 10.0.0.0/8"
    assert _firewalld_describe.describe(RULES)["liveavatar/signaling"] == told
    full = {name: {**item, "description": "", "entries": ["198.18.2.1"]} for name, item in RULES.sets.items()}
    assert _firewalld_describe.changes(RULES, RULES, Rules(RULES.policies, full)) == []
    # Stored entries, as `firewall-cmd --runtime-to-permanent` leaves them, are one.
    stored = {name: {**item, "entries": ["198.18.2.1"]} for name, item in RULES.sets.items()}
    (change,) = _firewalld_describe.changes(RULES, Rules(RULES.policies, stored), RULES)
    assert change.id == "liveavatar/signaling"
    assert "198.18.2.1" in change.before and "198.18.2.1" not in change.after
    strange = {"webrtc-v4.strange": {**RULES.sets["webrtc-v4.liveavatar.signaling"], "description": ""}}
    (change,) = _firewalld_describe.changes(RULES, RULES, Rules(RULES.policies, {**RULES.sets, **strange}))
    assert (change.id, change.after) == ("set/webrtc-v4.strange", None)


@pytest.mark.parametrize(("version", "refused"), [("0.9.3", ["liveavatar/signaling"]), ("1.3.3", []), ("2.3.1", [])])
def test_what_learns_is_refused_by_id_where_no_set_can_be_matched(version, refused):
    seen = {"version": version, "ipv6": True, "default": "public", "interfaces": {}, "zones": {}, "icmp_types": TYPES, "apart": []}
    seen["by_iptables"] = False
    problems = Firewalld(None).obstacles(LEARNING, Live(True, seen))
    assert [problem.path for problem in problems] == refused
    assert all("webrtc_egress_wildcards" in problem.remedy for problem in problems)


def reloads(wanted, permanent, runtime):
    """Whether a plan from these to those is applied with a reload, and what it stores of sets."""
    jobs = []
    backend = Firewalld(lambda argv, text: jobs.append(json.loads(text)) or Output(0, "{}", ""))
    seen = {kind: dict(rules.policies) for kind, rules in (("permanent", permanent), ("runtime", runtime))} | {
        "sets": {"permanent": dict(permanent.sets), "runtime": dict(runtime.sets)},
        "by_iptables": True,
    }
    backend.apply(Plan((), (), Steps(wanted, Live(True, seen), {"webrtc-v4.liveavatar.signaling": ("198.18.2.9",)})))
    return jobs[0]["reload"], jobs[0]["sets"], jobs[0]["fill"]


def test_sets_come_and_go_by_a_reload_which_brings_back_what_they_hold():
    name = "webrtc-v4.liveavatar.signaling"
    held = Rules(RULES.policies, {key: {**item, "entries": ["198.18.2.1"] if key == name else []} for key, item in RULES.sets.items()})
    assert reloads(RULES, RULES, held) == (False, {}, {name: ["198.18.2.1"]})
    # A set that is new is given what was learned before.
    assert reloads(RULES, Rules(), Rules()) == (True, dict(RULES.sets), {name: ["198.18.2.9"]})
    more = {key: {**item, "options": {**item["options"], "maxelem": "200"}} for key, item in RULES.sets.items()}
    assert reloads(Rules(RULES.policies, more), RULES, held) == (True, more, {name: ["198.18.2.1"]})
    # Others make and unmake policies: what the sets hold comes through that reload too.
    assert reloads(Rules({}, RULES.sets), RULES, held) == (True, {name: RULES.sets[name]}, {name: ["198.18.2.1"]})
    assert reloads(Rules(), RULES, held) == (True, dict.fromkeys(RULES.sets), {})


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
    "version": "1.3.3",
    "default": "public",
    "interfaces": {"lan0": "internal", "lan1": "internal", "wan0": "external"},
    "zones": {"external": {"sources": []}},
}


def test_an_interface_stands_for_its_zone_where_it_is_alone_in_it():
    found = _firewalld_zones.zones_of(Frame(in_interfaces=("lan0", "lan1"), out_interfaces=("wan0",)), SEEN)
    assert (found.scope, found.problems) == (Zones(("internal",), ("external",)), [])


@pytest.mark.parametrize(("version", "refused"), [("0.9.3", 1), ("1.3.3", 1), ("2.3.1", 0)])
def test_an_interface_in_no_zone_is_refused_where_policies_would_pass_it_by(version, refused):
    frame = Frame(out_interfaces=("lan0", "lan1", "wan0", "ppp0", "lo"))
    problems = _firewalld_zones.zones_of(frame, {**SEEN, "version": version}).problems
    # What interfaces the machine of this test has in the default zone does not matter here.
    told = [(problem.path, problem.value) for problem in problems if "beside" not in problem.value]
    assert told == [("webrtc_egress_out_interfaces[3]", "ppp0 in no zone")] * refused


def test_a_zone_with_more_than_was_named_is_refused():
    (problem,) = _firewalld_zones.zones_of(Frame(in_interfaces=("lan0",), out_interfaces=("wan0",)), SEEN).problems
    assert problem.path == "webrtc_egress_in_interfaces[0]"
    assert problem.value == "lan0 in zone internal beside lan1"
    assert problem.remedy == "Name lan1 too, or move lan0 into a zone of its own."
    seen = {**SEEN, "zones": {"external": {"sources": ["192.0.2.0/24"]}}}
    (problem,) = _firewalld_zones.zones_of(Frame(out_interfaces=("wan0",)), seen).problems
    assert problem.value == "wan0 in zone external beside source 192.0.2.0/24"


def test_what_firewalld_cannot_express_is_refused_by_id():
    many = Flow(
        "site/many", "udp", ((1, 1),), Destination(ipv4=tuple(f"192.0.{high}.{low}" for high in range(10) for low in range(0, 250)))
    )
    problems = Firewalld.unsupported(Policy(Frame(), {"site": (RTP, many)}))
    assert [problem.path for problem in problems] == ["site/many"]
