# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _nft_describe
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.nftables import Live, Nftables
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_listing import parse, same
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import Ruleset, Set, canonical
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_render import render
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_transaction import transaction
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

VONAGE = Destination(ipv4=("168.100.64.0/18", "216.147.0.0/18"))
RTP = Flow("vonage/rtp-media", "udp", ((10000, 50000),), VONAGE)
SIP = Flow("vonage/sip-tcp", "tcp", ((5060, 5060),), VONAGE)


def ruleset(*flows, **frame):
    return render(Policy(Frame(**frame), {"vonage": flows or (RTP,)}))


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        ({"|": [{"|": ["fin", "syn"]}, "rst"]}, ["fin", "rst", "syn"]),
        (["syn", "fin"], ["fin", "syn"]),
        ({"|": ["syn", "fin"]}, ["fin", "syn"]),
        ({"set": [5061, {"range": [1, 2]}, 5060]}, {"set": [5060, 5061, {"range": [1, 2]}]}),
        ({"counter": {"packets": 7, "bytes": 9}}, {"counter": None}),
        (
            {"match": {"op": "==", "left": {"ct": {"key": "mark"}}, "right": {"prefix": {"addr": 0x80000000, "len": 1}}}},
            {"match": {"op": "==", "left": {"&": [{"ct": {"key": "mark"}}, 0x80000000]}, "right": 0x80000000}},
        ),
        ({"reject": None}, {"reject": {"type": "icmpx", "expr": "port-unreachable"}}),
        ({"reject": {"type": "icmpx", "expr": "no-route"}}, {"reject": {"type": "icmpx", "expr": "no-route"}}),
        ({"reject": {"type": "tcp reset"}}, {"reject": {"type": "tcp reset"}}),
        ({"|": [{"ct": {"key": "mark"}}, 1]}, {"|": [{"ct": {"key": "mark"}}, 1]}),
    ],
)
def test_what_nft_versions_print_differently_is_one(printed, wanted):
    assert canonical(printed) == wanted


def listing(*entries):
    return {"nftables": [{"metainfo": {}}, {"table": {"family": "inet", "name": "webrtc_firewall", "handle": 1}}, *entries]}


@pytest.mark.parametrize(
    "entry",
    [
        {"set": {"name": "s", "type": "ipv4_addr", "flags": ["interval", "timeout"]}},
        {"set": {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "timeout": 60}},
        {"set": {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "comment": "x"}},
        {"set": {"name": "s", "type": "ipv4_addr"}},
        {"set": {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elem": [{"elem": {"val": "192.0.2.1", "timeout": 9}}]}},
        {"map": {"name": "m"}},
        {"chain": {"name": "c", "comment": "x"}},
        {"counter": {"name": "c", "comment": "x"}},
    ],
)
def test_nothing_unknown_is_overlooked(entry):
    plain = Ruleset(sets=(Set("s", "ipv4_addr", frozenset()),))
    assert not same(plain, parse(listing(entry)))
    assert not same(Ruleset(), parse(listing(entry)))


def test_a_dormant_table_is_not_a_live_one():
    live = {"nftables": [{"table": {"family": "inet", "name": "webrtc_firewall", "handle": 1, "flags": "dormant"}}]}
    assert parse(live).extra
    assert transaction(Ruleset(), parse(live), {}).startswith("add table inet webrtc_firewall\ndelete table inet webrtc_firewall\n")


def test_an_unchanged_set_and_its_counter_are_not_touched():
    wanted = ruleset(RTP, SIP)
    text = transaction(wanted, ruleset(RTP), {})
    assert "add set inet webrtc_firewall vonage.sip-tcp.ipv4" in text
    assert "add counter inet webrtc_firewall vonage.sip-tcp" in text
    assert "set inet webrtc_firewall vonage.rtp-media.ipv4" not in text
    assert "counter inet webrtc_firewall vonage.rtp-media" not in text
    assert "delete table" not in text


def test_a_changed_set_is_replaced_and_the_counter_stays():
    narrow = Flow("vonage/rtp-media", "udp", ((10000, 50000),), Destination(ipv4=("216.147.0.0/18",)))
    text = transaction(ruleset(narrow), ruleset(RTP), {})
    assert text.index("delete set inet webrtc_firewall vonage.rtp-media.ipv4") < text.index(
        "add set inet webrtc_firewall vonage.rtp-media.ipv4"
    )
    assert "counter inet webrtc_firewall" not in text


def test_changes_are_told_by_flow_id_and_in_words():
    wide = Flow("vonage/rtp-media", "udp", ((10000, 60000),), VONAGE)
    (change,) = _nft_describe.changes(ruleset(wide), ruleset(RTP))
    assert change.id == "vonage/rtp-media"
    assert change.before == "udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18"
    assert change.after == "udp 10000-60000 to 168.100.64.0/18, 216.147.0.0/18"


def test_a_refusal_of_other_resolvers_is_told_in_words():
    wanted = ruleset(other_resolvers="reject", resolvers_ipv4=("192.0.2.53",), resolvers_ipv6=("2001:db8::53",))
    words = _nft_describe.describe(wanted)
    assert words["frame/other-resolvers"] == "udp 53,853 refused with port-unreachable; tcp 53,853 refused with tcp reset"
    assert words["frame/resolvers"] == "to 192.0.2.53; to 2001:db8::53"
    told = {change.id: (change.before, change.after) for change in _nft_describe.changes(wanted, ruleset())}
    assert told["frame/other-resolvers"] == (None, words["frame/other-resolvers"])
    assert told["chain/wf_dns_forward"] == (None, "forward 9 accept")


def test_refusals_and_drops_are_counted_apart():
    wanted = ruleset(other_resolvers="reject", baseline="deny_egress")
    live = replace(wanted, packets={"wf_rejected": (3, 210), "wf_dropped": (5, 300), "vonage.rtp-media": (7, 420)})
    state = Nftables(lambda _argv, _text: None).state(Live(live, ()))
    assert (state.rejected_packets, state.dropped_packets) == (3, 5)
    assert [(flow.id, flow.packets) for flow in state.flows] == [("vonage/rtp-media", 7)]


def test_other_resolvers_are_refused_before_the_deny_baseline_drops_them():
    chains = {chain.name: chain for chain in ruleset(other_resolvers="reject", baseline="deny_egress").chains}
    assert chains["wf_dns_forward"].priority < chains["wf_deny_forward"].priority


def test_a_difference_that_words_leave_out_is_still_told():
    changes = _nft_describe.changes(ruleset(mark=0x20000), ruleset())
    flow = next(change for change in changes if change.id == "vonage/rtp-media")
    assert flow.before != flow.after
    assert "131072" in flow.after


def test_a_large_set_shows_what_differs():
    many = tuple(f"192.0.{index}.0/25" for index in range(40))
    one = Flow("vonage/rtp-media", "udp", ((1, 1),), Destination(ipv4=many))
    other = Flow("vonage/rtp-media", "udp", ((1, 1),), Destination(ipv4=(*many[1:], "198.51.100.0/24")))
    (change,) = _nft_describe.changes(ruleset(other), ruleset(one))
    assert change.before == "udp 1 to 40 networks (here alone 192.0.0.0/25)"
    assert change.after == "udp 1 to 40 networks (here alone 198.51.100.0/24)"


def test_the_number_of_rules_does_not_grow_with_the_networks():
    many = Flow("vonage/rtp-media", "udp", ((1, 1),), Destination(ipv4=tuple(f"10.0.{index}.0/25" for index in range(200))))
    assert len(ruleset(many).rules) == len(ruleset(RTP).rules)


def test_where_flows_overlap_the_narrowest_counts():
    wide = Flow("vonage/a", "tcp", ((443, 443),), Destination(any=True))
    narrow = Flow("vonage/b", "tcp", ((443, 443),), Destination(ipv4=("192.0.2.1",)))
    between = Flow("vonage/c", "tcp", ((443, 443),), Destination(ipv4=("192.0.2.0/24",), ipv6=("2001:db8::/32",)))
    order = [rule.id for rule in ruleset(wide, narrow, between).rules if rule.chain == "wf_flows"]
    assert list(dict.fromkeys(order)) == ["vonage/b", "vonage/c", "vonage/a"]


def test_rfc_4890_types_pass_the_deny_baseline():
    """RFC 4890, section 4.3.1: 1, 2, 3 code 0, 4 code 1, echo 128 and 129; section 4.4.1 adds those of the local link."""
    rule = next(rule for rule in ruleset(placement="host", baseline="deny_egress").rules if rule.id == "frame/icmpv6")
    for name in (
        "destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "echo-request", "echo-reply",
        "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert", "mld-listener-report",
    ):  # fmt: skip
        assert name in rule.text


def test_the_existing_baseline_drops_nothing():
    assert not any('"drop"' in statement.key for rule in ruleset(placement="both").rules for statement in rule.statements)
    assert all(chain.policy in ("", "accept") for chain in ruleset(placement="both", baseline="deny_egress").chains)
