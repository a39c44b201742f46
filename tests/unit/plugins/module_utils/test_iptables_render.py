# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _ipt_boot, _ipt_listing, _ipt_model, _ipt_render, _ipt_script
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Log, Policy

# The row of Vonage's document: UDP 10000-50000 to 216.147.0.0/18 and 168.100.64.0/18.
RTP = Flow("vonage/rtp-media", "udp", ((10000, 50000),), Destination(ipv4=("168.100.64.0/18", "216.147.0.0/18")))


def rules(flow, family="ipv4", **frame):
    ruleset = _ipt_render.render(Policy(Frame(**frame), {flow.service: (flow,)}))
    return [rule.text for rule in ruleset.rules.get(family, ()) if rule.id == flow.id]


def test_a_flow_is_one_rule_with_one_look_up():
    (rule,) = rules(RTP)
    head, _set, tail = rule.partition("wf4.vonage.rtp-media.")
    assert head == "-A webrtc-flows -p udp -m udp --dport 10000:50000 -m set --match-set "
    assert tail[8:] == ' dst -m comment --comment "vonage/rtp-media" -j webrtc-permit'


def test_a_family_in_which_nothing_is_opened_has_no_rules():
    assert set(_ipt_render.render(Policy(Frame(), {"vonage": (RTP,)})).rules) == {"ipv4"}
    assert set(_ipt_render.render(Policy(Frame(baseline="deny_egress"), {"vonage": (RTP,)})).rules) == {"ipv4", "ipv6"}


@pytest.mark.parametrize(
    ("ports", "pieces"),
    [
        (((5060, 5061),), ["--dport 5060:5061"]),
        (((53, 53), (853, 853)), ["--dports 53,853"]),
        # Fifteen ports, of which a range counts for two.
        (tuple((port, port) for port in range(1, 31, 2)), ["--dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29"]),
        (tuple((port, port) for port in range(1, 33, 2)), ["--dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29", "--dports 31"]),
        (tuple((port, port + 1) for port in range(1, 33, 4)), ["--dports 1:2,5:6,9:10,13:14,17:18,21:22,25:26", "--dports 29:30"]),
    ],
)
def test_ports_are_split_where_one_rule_cannot_hold_them(ports, pieces):
    found = rules(Flow("site/row", "tcp", ports, Destination(any=True)))
    assert [rule.split(" -m comment")[0].partition("--")[1:] for rule in found] == [("--", piece[2:]) for piece in pieces]


def test_names_of_sets_fit_and_tell_their_content():
    long = Flow("a" * 32 + "/" + "b" * 32, "udp", ((1, 1),), Destination(ipv4=("192.0.2.1",), learned=("*.example.com",)))
    other = Flow("a" * 32 + "/" + "b" * 31 + "c", "udp", ((1, 1),), Destination(ipv4=("192.0.2.2",), learned=("*.example.com",)))
    sets = _ipt_render.render(Policy(Frame(), {"a" * 32: (long, other)})).sets
    # Two of networks, and two families each of what is learned.
    assert len(sets) == 6
    assert all(len(name) <= 31 and _ipt_model.is_our_set(name) for name in sets)


def test_every_address_is_two_halves_in_a_set():
    flow = Flow("site/row", "udp", ((1, 1),), Destination(ipv4=("0.0.0.0/0",)))
    sets = _ipt_render.render(Policy(Frame(), {"site": (flow,)})).sets
    assert [set(item.elements) for item in sets.values()] == [{"0.0.0.0/1", "128.0.0.0/1"}]


@pytest.mark.parametrize(("text", "ticks"), [("5/sec", 2000), ("300/min", 2000), ("625/sec", 16), ("600/sec", 16), ("1/day", 864000000)])
def test_rates_are_compared_as_the_kernel_rounds_them(text, ticks):
    rule = _ipt_model.Rule("webrtc-drop", "frame/log", ("-m", "limit", "--limit", text), ("-j", "LOG"))
    assert f"every {ticks} ticks" in _ipt_listing.comparable([rule])[0]


def test_what_was_counted_goes_on_with_the_first_rule_of_the_id():
    policy = Policy(Frame(), {"vonage": (RTP,)})
    live = _ipt_model.Ruleset(packets={("ipv4", "vonage/rtp-media"): (7, 700)})
    text = _ipt_script.script(_ipt_render.render(policy), live, {}, {}).rules["ipv4"]
    assert "[7:700] -A webrtc-flows" in text
    assert text.count("[7:700]") == 1


def test_a_log_prefix_is_refused_where_iptables_cannot_print_it():
    assert Iptables.unsupported(Policy(Frame(baseline="deny_egress", log=Log(prefix="x" * 29)), {})) == []
    (problem,) = Iptables.unsupported(Policy(Frame(baseline="deny_egress", log=Log(prefix="x" * 30)), {}))
    assert problem.path == "webrtc_egress_log_prefix"
    assert Iptables.unsupported(Policy(Frame(log=Log(prefix="x" * 30)), {})) == []


def test_saved_rulesets_lose_what_is_ours_and_nothing_else(monkeypatch, tmp_path):
    theirs = ["*filter", ":FORWARD DROP [0:0]", ":webrtc [0:0]", "-A FORWARD -j webrtc", "[1:2] -A INPUT -j ACCEPT", "COMMIT"]
    ours = [
        ":webrtc-flows - [0:0]",
        '-A FORWARD -m comment --comment "webrtc.firewall" -j webrtc-forward',
        "[3:4] -A webrtc-forward -m connmark --mark 0x10000/0x10000 -j ACCEPT",
        "-A FORWARD -m connmark --mark 0x10000/0x10000 -m comment --comment webrtc.firewall -j ACCEPT",
    ]
    path = tmp_path / "rules.v4"
    path.write_text("".join(f"{line}\n" for line in [*theirs[:3], *ours, *theirs[3:]]))
    path.chmod(0o640)
    monkeypatch.setattr(_ipt_boot, "SAVED", (str(path), str(tmp_path / "none")))
    assert _ipt_boot.cleaned() == {str(path): ("".join(f"{line}\n" for line in theirs), 0o640)}
    path.write_text("".join(f"{line}\n" for line in theirs))
    assert _ipt_boot.cleaned() == {}
