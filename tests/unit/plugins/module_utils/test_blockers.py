# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What blocks a flow: rules of others read, and each flow taken through their chains."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _blockers, _firewalld_others
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner_network
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import iptables as by_iptables
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import nftables as by_nftables
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import FORWARD, HOST, FirewalldPolicy, Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import from_iptables_save, from_nft
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_live import Live
from ansible_collections.webrtc.firewall.plugins.module_utils._match_read import read
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

TURN = Flow("a/turn", "udp", ((3478, 3478),), Destination(ipv4=("192.0.2.0/24",)))
MEDIA = Flow("a/media", "udp", ((10000, 20000),), Destination(ipv4=("198.51.100.0/24",), ipv6=("2001:db8::/32",)))
WEB = Flow("a/web", "tcp", ((443, 443),), Destination(any=True))
LEARNED = Flow("a/learned", "tcp", ((7881, 7881),), Destination(learned=("*.example.com",)))
POLICY = Policy(Frame(in_interfaces=("lan0",), out_interfaces=("wan0",)), {"a": (TURN, MEDIA, WEB, LEARNED)})
EVERY = {"turn", "media", "web", "learned"}
PERMIT = "-A FORWARD -m connmark --mark 0x10000/0x10000 -m comment --comment webrtc.firewall -j ACCEPT"
IPTABLES = _blockers.Ways(0x10000, -150)


def of(chains, policy=POLICY, ways=IPTABLES):
    """(flow, whether it is sure) of all that is blocked."""
    return {(flow.partition("/")[2], item.sure) for item in _blockers.find(chains, policy, ways) for flow in item.flows}


def iptables(rules, policy="ACCEPT", table="filter", name="FORWARD", tool="iptables-nft", family="ip"):
    own = "".join(f":{chain} - [0:0]\n" for chain in ("one", "two"))
    return from_iptables_save(tool, family, f"*{table}\n:{name} {policy} [0:0]\n{own}{rules}\nCOMMIT\n")


def sure(*names):
    return {(name, True) for name in names}


def maybe(*names):
    return {(name, False) for name in names}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("-A FORWARD -j DROP", sure(*EVERY)),
        ("-A FORWARD -j REJECT --reject-with icmp-port-unreachable", sure(*EVERY)),
        ("-A FORWARD -p udp -m udp --dport 3478 -j DROP", sure("turn")),
        ("-A FORWARD -p udp -m udp --dport 3479 -j DROP", set()),
        ("-A FORWARD -p udp -m udp ! --dport 3478 -j DROP", sure("media")),
        ("-A FORWARD -p udp -m multiport --dports 53,19999:30000 -j DROP", sure("media")),
        ("-A FORWARD ! -p udp -j DROP", sure("web", "learned")),
        ("-A FORWARD -d 0.0.0.0/0 -p tcp -m tcp --dport 443 -j DROP", sure("web")),
        ("-A FORWARD -d 0.0.0.0/1 -p tcp -m tcp --dport 443 -j DROP", sure("web")),
        ("-A FORWARD -d 10.0.0.0/8 -j DROP\n-A FORWARD -d 224.0.0.0/4 -j DROP\n-A FORWARD -d 192.168.7.0/24 -j DROP", set()),
        (
            "-A FORWARD ! -d 10.0.0.0/8 -p tcp --dport 443 -j DROP\n-A FORWARD -s 10.0.0.0/8 -p tcp --dport 7881 -j DROP",
            sure("web", "learned"),
        ),
        ("-A FORWARD -d 192.0.2.7/32 -j DROP", sure("turn", "web", "learned")),
        ("-A FORWARD ! -d 192.0.2.0/24 -j DROP", sure("media", "web", "learned")),
        ("-A FORWARD -s 10.0.0.0/8 -p udp --dport 3478 -j DROP", sure("turn")),
        ("-A FORWARD -i guest0 -j DROP", set()),
        ("-A FORWARD -i lan+ -o wan0 -p tcp -m tcp --dport 443 -j DROP", sure("web")),
        ("-A FORWARD ! -i lan0 -j DROP", set()),
        ("-A FORWARD -m conntrack --ctstate INVALID -j DROP", set()),
        ("-A FORWARD -m conntrack --ctstate NEW,INVALID -p tcp --dport 443 -j DROP", sure("web")),
        ("-A FORWARD -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP", set()),
        ("-A FORWARD -m rpfilter --validmark --invert -j DROP", set()),
        ("-A FORWARD -m rpfilter -j DROP", maybe(*EVERY)),
        ("-A FORWARD -m rt --rt-type 0 -j DROP\n-A FORWARD -p udp -m rt --rt-type 0 --rt-len 4 -j DROP", maybe("turn", "media")),
        ("-A FORWARD -p udp -m string --string x --algo bm --to 65535 -j DROP", maybe("turn", "media")),
        ("-A FORWARD -p udp -m set --match-set bad dst -m udp --dport 3478 -j DROP", maybe("turn")),
        ("-A FORWARD -p tcp --dport 443 -j NFQUEUE --queue-num 0", maybe("web")),
        ("-A FORWARD -p udp -j LOG", set()),
        # What accepts before saves a flow, or a part of it, which cannot be told.
        ("-A FORWARD -p udp -j ACCEPT\n-A FORWARD -j DROP", sure("web", "learned")),
        ("-A FORWARD -d 198.51.100.0/25 -j ACCEPT\n-A FORWARD -p udp -j DROP", maybe("media") | sure("turn")),
        ("-A FORWARD -m limit --limit 1/sec -j ACCEPT\n-A FORWARD -p udp --dport 3478 -j DROP", maybe("turn")),
        # Through chains.
        ("-A FORWARD -p udp -j one\n-A one -j DROP", sure("turn", "media")),
        ("-A FORWARD -j one\n-A one -p udp -j RETURN\n-A one -j DROP", sure("web", "learned")),
        ("-A FORWARD -j one\n-A FORWARD -j DROP\n-A one -p udp -j ACCEPT", sure("web", "learned")),
        ("-A FORWARD -g one\n-A FORWARD -j DROP\n-A one -p tcp --dport 443 -j DROP", sure("web")),
        ("-A FORWARD -m mac --mac-source 0:0:0:0:0:1 -j one\n-A one -p udp --dport 3478 -j DROP", maybe("turn")),
        ("-A FORWARD -j one\n-A one -j two\n-A two -j one\n-A two -p tcp --dport 7881 -j DROP", sure("learned")),
        # Ours lets everything through that comes to it; one that is damaged lets nothing through.
        (f"{PERMIT}\n-A FORWARD -j DROP", set()),
        (f"-A FORWARD -p udp --dport 3478 -j DROP\n{PERMIT}\n-A FORWARD -j DROP", sure("turn")),
        (f"-A FORWARD -j one\n-A FORWARD -j DROP\n{PERMIT.replace('-A FORWARD', '-A one')}", set()),
        (PERMIT.replace("0x10000", "0x20000") + "\n-A FORWARD -j DROP", sure(*EVERY)),
        (PERMIT.replace("0x10000/", "0x20000/") + "\n-A FORWARD -j DROP", maybe(*EVERY)),
    ],
)
def test_rules_of_iptables(rules, found):
    assert of(iptables(rules)) == found


def test_a_policy_drops_what_nobody_accepts():
    assert of(iptables("-A FORWARD -p tcp -j ACCEPT", policy="DROP")) == sure("turn", "media")
    assert of(iptables(PERMIT, policy="DROP")) == set()


def test_a_permit_before_flows_are_known_is_none():
    early = iptables(PERMIT.replace("FORWARD", "PREROUTING"), policy="DROP", table="raw", name="PREROUTING")
    assert of(early) == sure(*EVERY)
    assert "not known yet" in _blockers.find(early, POLICY, IPTABLES)[0].why


@pytest.mark.parametrize(
    ("table", "name", "placement", "counts"),
    [
        ("mangle", "POSTROUTING", "gateway", True),
        ("security", "FORWARD", "gateway", True),
        ("nat", "PREROUTING", "gateway", False),
        ("filter", "INPUT", "gateway", False),
        ("filter", "OUTPUT", "gateway", False),
        ("filter", "OUTPUT", "host", True),
        ("filter", "FORWARD", "host", False),
        ("filter", "FORWARD", "both", True),
    ],
)
def test_only_chains_on_the_way_count(table, name, placement, counts):
    policy = Policy(Frame(placement=placement, out_interfaces=("wan0",)), POLICY.services)
    assert bool(of(iptables(f"-A {name} -j DROP", table=table, name=name), policy)) is counts


def test_the_answers_to_a_host_must_come_in():
    policy = Policy(Frame(placement="host"), {"a": (TURN,)})
    known = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    assert of(iptables(known, policy="DROP", name="INPUT"), policy) == set()
    assert of(iptables("-A INPUT -p udp --sport 3478 -s 192.0.2.0/25 -j DROP", name="INPUT"), policy) == sure("turn")
    assert of(iptables("-A INPUT -p udp --dport 3478 -j DROP\n" + known, name="INPUT"), policy) == sure("turn")
    assert of(iptables("-A INPUT -p udp --sport 53 -j DROP\n" + known, name="INPUT"), policy) == set()
    # Answers come to a port of the client's (RFC 6056): a ban from ssh is none of theirs.
    ban = "-A INPUT -p {} -m multiport --dports {} -j one\n-A one -s 192.0.2.7/32 -j REJECT"
    web = Policy(Frame(placement="host"), {"a": (WEB,)})
    assert of(iptables(ban.format("tcp", "22"), name="INPUT"), web) == set()
    assert of(iptables(ban.format("tcp", "22,5000"), name="INPUT"), web) == sure("web")


def test_families_and_sources_are_kept_apart():
    six = iptables("-A FORWARD -j DROP", tool="ip6tables-nft", family="ip6")
    assert of(six) == sure("media", "web", "learned")
    inside = Policy(Frame(sources_ipv4=("10.0.0.0/8",), out_interfaces=("wan0",)), POLICY.services)
    assert of(six, inside) == set()
    assert of(iptables("-A FORWARD -s 192.168.0.0/16 -j DROP"), inside) == set()
    assert of(iptables("-A FORWARD -s 10.1.0.0/16 -p udp --dport 3478 -j DROP"), inside) == sure("turn")


@pytest.mark.parametrize(
    ("network", "inner"),
    [
        ("10.0.0.0/8", True),
        ("10.1.2.3/32", True),
        ("8.0.0.0/6", False),
        ("0.0.0.0/0", False),
        ("::/0", False),
        ("fc00::/8", True),
        ("2001:db8::/32", False),
        ("2002:e000::/19", True),
        ("2002:a00::/24", True),
        ("2002:808::/32", False),
        ("2002::/16", False),
        ("64:ff9b::a00:0/104", True),
        ("64:ff9b::/96", False),
    ],
)
def test_what_no_server_has(network, inner):
    assert is_inner_network(ip_network(network)) is inner


def test_a_chain_that_holds_ours_is_a_way():
    rules = "-A FORWARD -j one\n-A one -j two\n-A two -j DROP"
    assert of(iptables(rules)) == sure(*EVERY)
    assert of(iptables(rules), ways=_blockers.Ways(chains=("two",))) == set()


def nft(*rules, hook="forward", prio=0, policy="accept", family="inet", table="t"):
    chain = {"family": family, "table": table, "name": "c", "handle": 1, "type": "filter", "hook": hook, "prio": prio, "policy": policy}
    own = [{"rule": {"family": family, "table": table, "chain": "c", "handle": n, "expr": expr}} for n, expr in enumerate(rules, 2)]
    return from_nft({"nftables": [{"chain": chain}, *own]})


def match(left, right, op="=="):
    kind, name = left.split()
    field = {"payload": {"protocol": kind, "field": name}}
    if kind in ("meta", "ct"):
        field = {kind: {"key": name}}
    return {"match": {"op": op, "left": field, "right": right}}


DROP, ACCEPT = {"drop": None}, {"accept": None}
PREFIX = {"prefix": {"addr": "192.0.2.0", "len": 25}}
RP_FILTER = {"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "right": False}}
STATES = {"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", ACCEPT], ["invalid", DROP]]}}}
PORTS = {"vmap": {"key": {"payload": {"protocol": "udp", "field": "dport"}}, "data": {"set": [[3478, DROP], [53, DROP]]}}}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([[DROP]], sure(*EVERY)),
        ([[match("udp dport", 3478), {"counter": {"packets": 0, "bytes": 0}}, {"reject": None}]], sure("turn")),
        ([[match("udp dport", {"range": [15000, 16000]}), DROP]], sure("media")),
        ([[match("tcp dport", {"set": [80, {"range": [440, 450]}]}), DROP]], sure("web")),
        ([[match("udp dport", {"set": [3478]}, "!="), DROP]], sure("media")),
        ([[match("th dport", 3478), match("meta l4proto", "udp"), DROP]], sure("turn")),
        ([[match("icmp type", "echo-request"), DROP], [match("tcp flags", "rst"), match("udp dport", 1), DROP]], set()),
        ([[match("ip protocol", {"set": ["tcp", "icmp"]}), DROP]], sure("web", "learned")),
        ([[match("ip daddr", PREFIX), DROP]], sure("turn", "web", "learned")),
        ([[match("ip6 daddr", "2001:db8::1"), match("meta l4proto", "udp"), DROP]], sure("media")),
        ([[match("ip daddr", {"range": ["192.0.2.3", "192.0.2.9"]}), match("udp dport", 3478), DROP]], sure("turn")),
        ([[match("ip daddr", "@bad"), match("udp dport", 3478), DROP]], maybe("turn")),
        ([[match("meta iifname", "lan0"), match("meta oifname", "wan0", "!="), DROP]], set()),
        ([[match("meta oifname", "wan*"), match("udp dport", 3478), DROP]], sure("turn")),
        ([[match("meta nfproto", "ipv6"), DROP]], sure("media", "web", "learned")),
        ([[match("ct state", "invalid", "in"), DROP], [STATES], [RP_FILTER, DROP]], set()),
        ([[match("ct state", ["established", "related"], "in"), ACCEPT], [match("udp dport", 3478), DROP]], sure("turn")),
        ([[match("ct state", "established", "!="), match("udp dport", 3478), DROP]], sure("turn")),
        ([[PORTS]], sure("turn")),
        ([[{"vmap": {"key": {"ct": {"key": "state"}}, "data": "@verdicts"}}]], maybe(*EVERY)),
        ([[match("udp dport", 3478), {"limit": {"rate": 1, "per": "second", "inv": True}}, DROP]], maybe("turn")),
        ([[{"meta": {}}, DROP]], maybe(*EVERY)),
        ([[match("meta nfproto", "ipv4"), ACCEPT], [match("udp dport", {"range": [1, 65535]}), DROP]], sure("media")),
    ],
)
def test_rules_of_nft(rules, found):
    assert of(nft(*rules)) == found


def test_a_rule_is_told_with_its_handle():
    (found,) = _blockers.find(nft([match("udp dport", 1), DROP], [match("udp dport", 3478), DROP]), POLICY, IPTABLES)
    assert (found.where, found.handle, found.flows) == ("nft inet t c", 3, ("a/turn",))


@pytest.mark.parametrize("rest", ["", "-j", "-p", "!", "--dport x -j DROP", "-d x -j DROP", "--dports 1,, -j DROP", "-m -j DROP"])
def test_no_line_of_iptables_is_too_odd_to_be_read(rest):
    assert len(read("iptables-nft", ForeignRule(f"-A FORWARD {rest}"))) == 1


GRE = 'rule protocol value="gre" drop'


LIBVIRT = """*filter
:FORWARD ACCEPT [0:0]
:LIBVIRT_FWI - [0:0]
:LIBVIRT_FWO - [0:0]
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -j LIBVIRT_FWO
-A LIBVIRT_FWI -o virbr0 -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
-A LIBVIRT_FWO -i virbr0 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""


@pytest.mark.parametrize("tool", ["iptables", "nft"])
def test_how_libvirt_isolates_its_guests_is_told_where_the_site_names_their_bridge(tool):
    own = match("ip saddr", {"prefix": {"addr": "192.168.122.0", "len": 24}}), match("meta iifname", "virbr0")
    by_nft = nft([*own, ACCEPT], [own[1], {"reject": None}], table="libvirt_network", family="ip")
    chains = by_nft if tool == "nft" else from_iptables_save("iptables-nft", "ip", LIBVIRT)
    others = iptables("-A FORWARD -i virbr0 -j REJECT")
    assert of(others, Policy(Frame(out_interfaces=("wan0",)), POLICY.services)) == sure(*EVERY)
    assert of(chains, Policy(Frame(out_interfaces=("wan0",)), POLICY.services)) == set()
    assert of(chains) == set()
    # All of libvirt's own range may pass; the flows' sources may be others.
    named = Policy(Frame(in_interfaces=("virbr0",), out_interfaces=("wan0",)), POLICY.services)
    assert of(chains, named) == maybe(*EVERY)
    # Nor do the rules of others count less behind them.
    behind = LIBVIRT.replace("COMMIT", "-A FORWARD -j DROP\nCOMMIT")
    assert of(from_iptables_save("iptables-nft", "ip", behind)) == sure(*EVERY)


def settings(**more):
    return {"priority": -32500, "target": "CONTINUE", "ingress_zones": ["ANY"], "egress_zones": ["ANY"], "rich_rules": [], **more}


@pytest.mark.parametrize(
    ("theirs", "rules"),
    [
        (settings(target="DROP"), ["target DROP"]),
        (settings(target="REJECT", ingress_zones=["lan"]), ["target REJECT"]),
        (settings(target="DROP", ingress_zones=["guest"]), []),
        (settings(target="DROP", ingress_zones=["HOST"]), []),
        (settings(target="DROP", egress_zones=["HOST"]), []),
        (settings(target="DROP", priority=-1), []),
        (settings(target="ACCEPT"), []),
        (settings(rich_rules=[GRE, "rule service name=http accept"]), [GRE]),
    ],
)
def test_policies_of_firewalld_that_decide_before_ours(theirs, rules):
    ours = [FirewalldPolicy(FORWARD, Zones(("lan",), ("wan",)), frozenset(), ())]
    found = _firewalld_others.blockers(POLICY, {"panic": False, "others": {"first": theirs}}, ours)
    assert [item.rule for item in found] == rules
    assert not any(item.sure for item in found)


def test_panic_mode_and_the_machine_itself():
    ours = [FirewalldPolicy(HOST, Zones(("HOST",), ("ANY",)), frozenset(), ())]
    theirs = {"first": settings(target="DROP"), "own": settings(target="DROP", ingress_zones=["HOST"])}
    found = _firewalld_others.blockers(POLICY, {"panic": True, "others": theirs}, ours)
    assert [(item.where, item.sure) for item in found] == [("firewalld", True), ("firewalld policy own", False)]
    assert set(found[0].flows) == {f"a/{name}" for name in EVERY}


@pytest.mark.parametrize(
    ("backend", "live"),
    [(by_nftables.Nftables, by_nftables.Live), (by_iptables.Iptables, lambda _ours, foreign: Live("nft", ("ipv4",), foreign=foreign))],
)
def test_what_a_run_mends_is_told_apart(backend, live):
    # Ours go into DOCKER-USER, where Docker rules FORWARD: what is dropped before that jump stays dropped.
    chains = from_iptables_save(
        "iptables-nft",
        "ip",
        "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n"
        "-A FORWARD -p udp -m udp --dport 3478 -j DROP\n-A FORWARD -j DOCKER-USER\n-A FORWARD -i docker0 -j ACCEPT\nCOMMIT\n",
    )
    firewall = backend(None)
    there = live(None, tuple(chains))
    staying = firewall.blockers(POLICY, firewall.settled(POLICY, there))
    told = _blockers.mended(firewall.blockers(POLICY, there), staying)
    assert {flow: item.remedy.split(" ")[0] for item in told for flow in item.flows} == {
        "a/turn": "Take", "a/media": "Run", "a/web": "Run", "a/learned": "Run",
    }  # fmt: skip
    assert [(item.flows, item.sure) for item in staying] == [(("a/turn",), True)]
