# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _foreign
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, Permits
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import from_iptables_save, from_nft
from ansible_collections.webrtc.firewall.plugins.module_utils._match_read import read
from ansible_collections.webrtc.firewall.plugins.module_utils._permits import Files, boot_script, iptables_scripts, nft_lines

MARK = 0x10000
CT_MARK = {"ct": {"key": "mark"}}
PERMIT = [{"match": {"op": "==", "left": {"&": [CT_MARK, MARK]}, "right": MARK}}, {"accept": None}]
DROP = [{"drop": None}]
NATIVE = Address("nft", "inet", "filter", "forward")


def chain(name="forward", hook="forward", policy="accept", **more):
    entry = {"family": "inet", "table": "filter", "name": name, "handle": 1}
    if hook:
        entry.update({"type": "filter", "hook": hook, "prio": 0, "policy": policy})
    return {"chain": {**entry, **more}}


def rule(expr, of="forward", comment=None, handle=5):
    entry = {"family": "inet", "table": "filter", "chain": of, "handle": handle, "expr": expr}
    return {"rule": {**entry, **({"comment": comment} if comment else {})}}


def native(*entries):
    return from_nft({"nftables": [{"metainfo": {}}, *entries]})


def jump(name):
    return [{"jump": {"target": name}}]


@pytest.mark.parametrize(
    ("entries", "doors"),
    [
        ([chain(policy="drop")], [NATIVE]),
        ([chain(), rule(DROP)], [NATIVE]),
        ([chain(), rule([{"reject": None}])], [NATIVE]),
        ([chain(), chain("more", hook=""), rule(jump("more")), rule(DROP, of="more")], [NATIVE]),
        ([chain(), rule([{"vmap": {"key": CT_MARK, "data": {"set": [[1, {"drop": None}]]}}}])], [NATIVE]),
        ([chain(), rule([{"vmap": {"key": CT_MARK, "data": "@verdicts"}}])], [NATIVE]),
        ([chain(), chain("a", hook=""), chain("b", hook=""), rule(jump("a")), rule(jump("b"), of="a"), rule(jump("a"), of="b")], []),
        ([chain(), rule([{"accept": None}])], []),
        ([chain(policy="drop", type="nat", hook="prerouting")], []),
        ([chain("input", hook="input", policy="drop")], []),
        ([chain(policy="drop", table="webrtc_firewall")], []),
    ],
)
def test_only_chains_that_could_drop_a_flow_get_a_permit(entries, doors):
    assert list(_foreign.plan(native(*entries), "gateway", MARK).add) == doors


def test_a_host_is_permitted_out_and_its_answers_in():
    chains = native(chain("input", hook="input", policy="drop"), chain("output", hook="output", policy="drop"), chain(policy="drop"))
    assert [address.name for address in _foreign.plan(chains, "host", MARK).add] == ["input", "output"]


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ([rule(PERMIT, comment="webrtc.firewall")], True),
        ([rule([{"accept": None}], handle=3), rule(PERMIT, comment="webrtc.firewall")], True),
        ([rule(DROP, handle=3), rule(PERMIT, comment="webrtc.firewall")], False),
        ([rule(jump("x"), handle=3), rule(PERMIT, comment="webrtc.firewall")], False),
        # libvirt puts its jumps first whenever a network starts.
        ([rule(jump("LIBVIRT_FWX"), handle=3), rule(jump("LIBVIRT_FWI"), handle=4), rule(PERMIT, comment="webrtc.firewall")], True),
        ([rule(jump("LIBVIRT_FWX"), handle=3), rule(jump("x"), handle=4), rule(PERMIT, comment="webrtc.firewall")], False),
        ([rule(PERMIT, comment="webrtc.firewall"), rule(PERMIT, comment="webrtc.firewall", handle=6)], False),
        ([rule([{"accept": None}], comment="webrtc.firewall")], False),
        ([rule([{"match": {"op": "==", "left": {"&": [CT_MARK, 1]}, "right": 1}}, {"accept": None}], comment="webrtc.firewall")], False),
    ],
)
def test_a_permit_stays_only_if_it_is_whole_and_nothing_before_it_can_drop(rules, kept):
    plan = _foreign.plan(native(chain(policy="drop"), *rules), "gateway", MARK)
    assert plan.keep == ((NATIVE,) if kept else ())
    assert plan.add == (() if kept else (NATIVE,))


def test_removal_takes_every_permit_and_adds_none():
    plan = _foreign.plan(native(chain(policy="drop"), rule(PERMIT, comment="webrtc.firewall", handle=42)), "", 0)
    assert nft_lines(plan, 0) == ["delete rule inet filter forward handle 42"]


SAVE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
"""


def test_docker_is_reached_through_its_own_door_and_other_tables_are_left_alone():
    plan = _foreign.plan(from_iptables_save("iptables-nft", "ip", SAVE), "gateway", MARK)
    assert plan.add == (Address("iptables-nft", "ip", "filter", "DOCKER-USER"),)
    ours = "-I DOCKER-USER 1 -m connmark --mark 0x10000/0x10000 -m comment --comment webrtc.firewall -j ACCEPT"
    assert iptables_scripts(plan, MARK) == {"iptables-nft": f"*filter\n{ours}\nCOMMIT\n"}


def test_an_unused_docker_chain_is_no_door():
    chains = from_iptables_save("iptables-nft", "ip", SAVE.replace("-A FORWARD -j DOCKER-USER\n", ""))
    assert [address.name for address in _foreign.plan(chains, "gateway", MARK).add] == ["FORWARD"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_our_rule_is_known_again_in_what_iptables_prints(quote):
    ours = f"-A DOCKER-USER -m connmark --mark 0x10000/0x10000 -m comment --comment {quote}webrtc.firewall{quote} -j ACCEPT\n"
    chains = from_iptables_save("iptables-nft", "ip", SAVE.replace("-A DOCKER-USER", ours + "-A DOCKER-USER"))
    assert _foreign.plan(chains, "gateway", MARK).add == ()
    other = _foreign.plan(chains, "gateway", 0x20000)
    assert iptables_scripts(other, 0x20000)["iptables-nft"].splitlines()[1].startswith("-D DOCKER-USER")


@pytest.mark.parametrize(
    ("expr", "conflict"),
    [
        ([{"match": {"op": "==", "left": CT_MARK, "right": 1}}], True),
        ([{"match": {"op": "==", "left": {"&": [CT_MARK, 0xFF]}, "right": 1}}], False),
        ([{"match": {"op": "==", "left": {"&": [CT_MARK, 0xFF0000]}, "right": 0x10000}}], True),
        ([{"mangle": {"key": CT_MARK, "value": 1}}], True),
        ([{"mangle": {"key": CT_MARK, "value": {"|": [CT_MARK, 1]}}}], False),
        ([{"mangle": {"key": CT_MARK, "value": {"|": [CT_MARK, 0x10000]}}}], True),
        ([{"mangle": {"key": CT_MARK, "value": {"&": [CT_MARK, 0xFFFF00FF]}}}], False),
        ([{"mangle": {"key": CT_MARK, "value": {"&": [CT_MARK, 0xFF]}}}], True),
        ([{"mangle": {"key": CT_MARK, "value": {"|": [{"&": [CT_MARK, 0xFFFFFF00]}, 7]}}}], False),
        ([{"mangle": {"key": CT_MARK, "value": {"meta": {"key": "mark"}}}}], True),
        ([{"mangle": {"key": {"meta": {"key": "mark"}}, "value": CT_MARK}}], True),
        ([{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 0x10000}}], False),
    ],
)
def test_other_users_of_the_mark_are_found_in_nft(expr, conflict):
    assert bool(_foreign.conflicts(native(chain(), rule(expr)), MARK)) is conflict


@pytest.mark.parametrize(
    ("text", "conflict"),
    [
        ("-m connmark --mark 0x1 -j RETURN", True),
        ("-m connmark --mark 0x1/0xff -j RETURN", False),
        ("-m connmark --mark 0x10000/0x10000 -j DROP", True),
        ("-j CONNMARK --set-xmark 0x1/0xffffffff", True),
        ("-j CONNMARK --set-xmark 0x1/0xff", False),
        ("-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", False),
        ("-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", True),
        ("-j CONNMARK --save-mark", True),
        ("-j MARK --set-xmark 0x10000/0xffffffff", False),
    ],
)
def test_other_users_of_the_mark_are_found_in_iptables(text, conflict):
    chains = from_iptables_save("iptables-nft", "ip", f"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {text}\nCOMMIT\n")
    assert bool(_foreign.conflicts(chains, MARK)) is conflict


@pytest.mark.parametrize(
    ("chains", "manager"),
    [
        (native(chain("filter_FORWARD", table="firewalld")), "firewalld"),
        (from_iptables_save("iptables-nft", "ip", "*filter\n:ufw-user-input - [0:0]\nCOMMIT\n"), "ufw"),
    ],
)
def test_a_manager_is_not_fought(chains, manager):
    assert [problem.value for problem in _foreign.managers(chains)] == [manager]


def test_the_boot_script_quotes_what_it_is_given():
    odd = Address("nft", "inet", "fil;ter", "for ward")
    text = boot_script("/usr/sbin/nft", Files("/etc/webrtc-firewall/ruleset.nft", ""), [odd], MARK, {})
    assert "inet 'fil;ter' 'for ward'" in text
    assert nft_lines(Permits(), MARK) == []


KEYS = st.sampled_from(
    [
        "match",
        "left",
        "right",
        "ct",
        "key",
        "&",
        "|",
        "mangle",
        "value",
        "vmap",
        "data",
        "jump",
        "target",
        "drop",
        "accept",
        "set",
        "prefix",
        "addr",
        "len",
        "op",
        "payload",
        "protocol",
        "field",
        "meta",
        "fib",
        "range",
        "elem",
        "val",
        "dport",
    ]
)
WORDS = ["mark", "@set", "x", "==", "!=", "ip", "udp", "daddr", "dport", "state", "l4proto", "oif", "192.0.2.1"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1 << 32) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def matches(left):
    return st.fixed_dictionaries({"match": st.fixed_dictionaries({"op": st.sampled_from(["==", "!="]), "left": left, "right": VALUES})})


PORT = st.just({"payload": {"protocol": "udp", "field": "dport"}})
PLACE = st.just({"payload": {"protocol": "ip", "field": "daddr"}})


@given(st.lists(VALUES | matches(VALUES) | matches(PORT) | matches(PLACE), max_size=4))
@example([{"match": {"op": "==", "left": {"ct": {"key": "mark"}}, "right": {"prefix": {"addr": 1, "len": 99}}}}])
@example([{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [1]}}}])
@example([{"match": {"op": "==", "left": {"&": []}, "right": 1}}, {"vmap": {"key": 1, "data": {"set": [1, [1], [1, 2, 3]]}}}])
@example([{"match": None}, {"vmap": None}, {"jump": []}, {"mangle": 7}, {"|": 1}, None, "notrack"])
def test_rules_of_any_form_are_read_without_an_error(expr):
    chains = native(chain(policy="drop"), rule(expr, comment="webrtc.firewall"))
    _foreign.plan(chains, "gateway", MARK)
    _foreign.conflicts(chains, MARK)
    for item in chains[0].rules:
        read("nft", item)
