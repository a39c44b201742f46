# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings and counters of a machine say, at the edges of what is harmful."""

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_findings, _gateway_look
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import from_iptables_save
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_model import Gateway
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

TURN = Flow("a/turn", "udp", ((3478, 3478),), Destination(ipv4=("192.0.2.0/24",)))
SIP = Flow("a/sip", "tcp", ((5060, 5061),), Destination(ipv4=("192.0.2.0/24",)))
WEB = Flow("a/web", "tcp", ((443, 443),), Destination(any=True))
POLICY = Policy(Frame(), {"a": (SIP, TURN, WEB)})
EVERY = ("a/sip", "a/turn", "a/web")


def found(policy=POLICY, known=True, settings=None, **more):
    values = {f"net.{name.replace('__', '.')}": value for name, value in (settings or {}).items()}
    told = _gateway_findings.find(Gateway(policy=policy, known=known, settings=values, **more))
    return [(item.id, item.severity, item.where, item.flows) for item in told]


def conntrack(**values):
    return {f"netfilter__nf_conntrack_{name}": value for name, value in values.items()}


def test_nothing_is_known_and_nothing_is_found():
    assert found() == []
    assert found(Gateway().policy, known=False) == []


@pytest.mark.parametrize(
    ("name", "value", "harms"),
    [("udp_timeout", 29, True), ("udp_timeout", 30, False), ("udp_timeout_stream", 119, True), ("udp_timeout_stream", 120, False)],
)
def test_times_of_udp(name, value, harms):
    expected = [("udp-timeout", "warning", f"net.netfilter.nf_conntrack_{name} = {value}", ("a/turn",))]
    assert found(settings=conntrack(**{name: value})) == (expected if harms else [])


@pytest.mark.parametrize(("count", "severity"), [(799, ""), (800, "warning"), (949, "warning"), (950, "harmful"), (1000, "harmful")])
def test_a_table_that_fills_up(count, severity):
    expected = [("conntrack-full", severity, f"{count} of 1000 connections ({count / 10:.0f} %)", EVERY)]
    assert found(settings=conntrack(count=count, max=1000)) == (expected if severity else [])


def test_a_table_without_a_limit():
    assert found(settings=conntrack(count=5, max=0)) == []


def test_a_table_that_was_full():
    line = "2026-11-21T11:50:35.000Z nf_conntrack: nf_conntrack: table full, dropping packet"
    assert found(full=("an earlier one", line)) == [("conntrack-full", "harmful", f"kernel log: {line}", EVERY)]
    counted = found(counters={"drop": 3, "early_drop": 0})
    assert counted == [("conntrack-full", "note", "/proc/net/stat/nf_conntrack: drop 3", EVERY)]


def test_the_kernels_counters():
    # As kernel 5.10 and kernel 6.18 name them; a row for each processor.
    old = (
        "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new "
        "expect_create expect_delete search_restart\n"
        "00000002  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000a 00000001 00000000  00000000 "
        "00000000 00000000 00000000\n"
    )
    row = (
        "00000002  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000005 00000010 00000002 00000000  00000000 "
        "00000000 00000000 00000000\n"
    )
    new = (
        "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new "
        f"expect_create expect_delete search_restart\n{row}{row}"
    )
    assert _gateway_look.counters(old) == {"drop": 10, "early_drop": 1}
    assert _gateway_look.counters(new) == {"drop": 32, "early_drop": 4}
    assert _gateway_look.counters("") == {}
    assert _gateway_look.counters("other words\n1 2\n") == {}


def test_the_sip_helper_without_a_rule():
    parts = frozenset({"nf_conntrack", "nf_conntrack_sip"})
    (on,) = found(settings=conntrack(helper=1), parts=parts)
    assert (on[:2], on[3]) == (("sip-helper", "harmful"), ("a/sip",))
    assert found(settings=conntrack(helper=1), parts=frozenset({"nf_conntrack"})) == []
    # Built into the kernel it cannot be taken away, and does nothing by itself.
    assert found(settings=conntrack(helper=0), parts=parts) == []
    loaded = frozenset({"nf_conntrack", "nf_conntrack_sip", "nf_nat_sip"})
    (note,) = found(settings=conntrack(helper=0), parts=loaded, modules=loaded)
    assert note == ("sip-helper", "note", "module nf_conntrack_sip, nf_nat_sip", ("a/sip",))


@pytest.mark.parametrize(
    ("placement", "families", "expected"),
    [
        (
            "gateway", ("ipv4", "ipv6"),
            [("harmful", "net.ipv4.ip_forward = 0", EVERY), ("warning", "net.ipv6.conf.all.forwarding = 0", ("a/web",))],
        ),
        ("both", ("ipv4",), [("harmful", "net.ipv4.ip_forward = 0", EVERY)]),
        ("host", ("ipv4", "ipv6"), []),
    ],
)  # fmt: skip
def test_a_gateway_that_does_not_forward(placement, families, expected):
    policy = Policy(Frame(placement=placement, families=families), POLICY.services)
    settings = {"ipv4__ip_forward": 0, "ipv6__conf__all__forwarding": 0}
    assert [item[1:] for item in found(policy, settings=settings)] == expected
    assert found(policy, settings={"ipv4__ip_forward": 1, "ipv6__conf__all__forwarding": 1}) == []
    assert found(policy, known=False, settings=settings) == []


@pytest.mark.parametrize(
    ("uplinks", "values", "strict"),
    [
        ({"wan0", "wan1"}, {"all": 0, "wan0": 1, "wan1": 1}, ["wan0", "wan1"]),
        ({"wan0", "wan1"}, {"all": 1, "wan0": 0, "wan1": 2}, ["wan0"]),
        ({"wan0", "wan1"}, {"all": 2, "wan0": 1, "wan1": 1}, []),
        ({"wan0", "wan1"}, {"all": 0, "wan0": 0, "wan1": 0}, []),
        ({"wan0"}, {"all": 1, "wan0": 1}, []),
    ],
)
def test_several_uplinks_and_a_strict_way_back(uplinks, values, strict):
    settings = {f"ipv4__conf__{name}__rp_filter": value for name, value in values.items()}
    told = found(settings=settings, uplinks=frozenset(uplinks))
    expected = ", ".join(f"net.ipv4.conf.{name}.rp_filter" for name in strict)
    assert told == ([("reverse-path", "note", expected, EVERY)] if strict else [])


def test_packets_that_are_not_counted():
    assert found(settings=conntrack(acct=0)) == [("conntrack-accounting", "note", "net.netfilter.nf_conntrack_acct = 0", ())]
    assert found(settings=conntrack(acct=1)) == []


def test_times_that_iptables_names_are_not_read():
    rules = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --dport {} -j CT --timeout patient\nCOMMIT\n"
    chains = [tuple(from_iptables_save("iptables-nft", "ip", rules.format(port))) for port in (3478, 53)]
    (note,) = found(chains=chains[0])
    assert (note[:2], note[3]) == (("udp-timeout", "note"), ("a/turn",))
    assert found(chains=chains[1]) == []


def test_the_worst_comes_first():
    told = found(settings={**conntrack(acct=0, udp_timeout=5, count=99, max=100), "ipv4__ip_forward": 0})
    assert [item[1] for item in told] == ["harmful", "harmful", "warning", "note"]


def test_every_look_is_told_of_in_the_documentation(request):
    text = (request.config.rootpath / "docs" / "findings.md").read_text(encoding="utf-8")
    names = {"forwarding-off", "sip-helper", "conntrack-full", "notrack", "masquerade-random", "rate-limit", "udp-timeout", "icmp-dropped",
             "reverse-path", "conntrack-accounting"}  # fmt: skip
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    ("since", "log_prefix", "paths"),
    [
        (-1.0, None, ["since"]),
        (float("nan"), None, ["since"]),
        (float("inf"), None, ["since"]),
        (None, "", ["log_prefix"]),
        (-5.0, "x" * 128, ["since", "log_prefix", "endpoints[0]"]),
    ],
)
def test_wrong_options(since, log_prefix, paths):
    with pytest.raises(InvalidInput) as error:
        _gateway_look.read_options(since, ["x"] if len(paths) > 1 else None, log_prefix)
    assert [problem.path for problem in error.value.problems] == paths


def test_options():
    options = _gateway_look.read_options(None, None, None)
    assert (options.since, options.endpoints, options.log_prefix) == (0.0, {}, "")
    assert _gateway_look.read_options(1.5, ["192.0.2.1:1/udp"], "x").since == 1.5
