# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure parts of the ufw backend: rules, the blocks of ufw's files, and what iptables-restore is given."""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _ufw_describe, _ufw_files, _ufw_live, _ufw_model, _ufw_render
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.ufw import Ufw
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Log, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_live import Counted
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import Rule

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from strategies import IPV4, IPV6, PORTS, flows, frames, interfaces

# The row of Vonage's document: UDP 10000-50000 to 216.147.0.0/18 and 168.100.64.0/18.
RTP = Flow("vonage/rtp-media", "udp", ((10000, 50000),), Destination(ipv4=("168.100.64.0/18", "216.147.0.0/18")))
ANY = Flow("vonage/signaling", "tcp", ((443, 443),), Destination(any=True))
# As ufw writes them, and as the package ships them.
WRITTEN = """*filter
:ufw-user-input - [0:0]
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=737368
-A ufw-user-input -p tcp --dport 22 -j ACCEPT

### tuple ### route:deny_log udp 1900 0.0.0.0/0 any 0.0.0.0/0 out_wan0
-A ufw-user-logging-forward -o wan0 -p udp --dport 1900 -j RETURN
-A ufw-user-forward -o wan0 -p udp --dport 1900 -j ufw-user-logging-forward
-A ufw-user-forward -o wan0 -p udp --dport 1900 -j DROP

### END RULES ###

### LOGGING ###
-I ufw-user-logging-forward -j RETURN
### END LOGGING ###
COMMIT
"""
SHIPPED = """*filter
:ufw-user-input - [0:0]
### RULES ###
-A ufw-user-limit -j REJECT
COMMIT
"""


def policies():
    few = {"sources_ipv4": st.one_of(st.just(()), IPV4), "sources_ipv6": st.one_of(st.just(()), IPV6)}
    return st.builds(lambda frame, found: Policy(frame, {"site": found}), frames(interfaces("lan0", "wan0"), **few), flows())


def rules(*found, family="ipv4", **frame):
    services = {}
    for flow in found:
        services.setdefault(flow.service, []).append(flow)
    return _ufw_render.render(Policy(Frame(**frame), {name: tuple(items) for name, items in services.items()}))[family]


def commands(*found, **frame):
    return [rule.command.partition(" comment")[0] for rule in rules(*found, **frame)]


def test_a_flow_is_a_rule_for_each_network_in_each_scope():
    assert commands(RTP, in_interfaces=("lan0",), out_interfaces=("wan0",), sources_ipv4=("10.0.0.0/8",)) == [
        "ufw route allow in on lan0 out on wan0 proto udp from 10.0.0.0/8 to 168.100.64.0/18 port 10000:50000",
        "ufw route allow in on lan0 out on wan0 proto udp from 10.0.0.0/8 to 216.147.0.0/18 port 10000:50000",
    ]
    assert commands(ANY, placement="host") == ["ufw allow out proto tcp from 0.0.0.0/0 to 0.0.0.0/0 port 443"]
    assert commands(ANY, uplinks=("ppp0",), family="ipv6") == ["ufw route allow out on ppp0 proto tcp from ::/0 to ::/0 port 443"]
    assert commands(ANY, sources_ipv4=("10.0.0.0/8",), family="ipv6") == []
    assert commands(RTP, family="ipv6") == []


def test_the_deny_baseline_leaves_open_what_the_others_do_and_nothing_from_outside():
    told = commands(ANY, baseline="deny_egress", uplinks=("wan0",), log=Log(enabled=False))
    assert told == [
        "ufw route allow out on wan0 proto tcp from 0.0.0.0/0 to 0.0.0.0/0 port 443",
        "ufw route deny in on wan0 proto udp from 0.0.0.0/0 to 0.0.0.0/0 port 53,123",
        "ufw route deny in on wan0 proto tcp from 0.0.0.0/0 to 0.0.0.0/0 port 53",
        "ufw route allow proto udp from 0.0.0.0/0 to 0.0.0.0/0 port 53",
        "ufw route allow proto tcp from 0.0.0.0/0 to 0.0.0.0/0 port 53",
        "ufw route allow proto udp from 0.0.0.0/0 to 0.0.0.0/0 port 123",
        "ufw route deny from 0.0.0.0/0 to 0.0.0.0/0",
    ]
    host = commands(baseline="deny_egress", placement="host", out_interfaces=("wan0",))
    assert "ufw allow out on wan0 proto udp from 0.0.0.0/0 port 68 to 0.0.0.0/0 port 67" in host
    assert host[-1] == "ufw deny out on wan0 log from 0.0.0.0/0 to 0.0.0.0/0"


def test_other_resolvers_are_refused_without_opening_the_named_ones():
    told = commands(resolvers_ipv4=("128.0.0.0/1",), other_resolvers="reject")
    assert told == [f"ufw route reject proto {name} from 0.0.0.0/0 to 0.0.0.0/1 port 53,853" for name in ("udp", "tcp")]
    # With the deny baseline what they may be asked is said first, so that the refusal need not spell out all others.
    told = commands(resolvers_ipv4=("9.9.9.9",), other_resolvers="reject", baseline="deny_egress", log=Log(enabled=False))
    ports = [(words[2], words[-3], words[-1]) for words in (line.split() for line in told)]
    assert ports[:6] == [
        ("allow", "9.9.9.9", "53"), ("allow", "9.9.9.9", "53"), ("deny", "9.9.9.9", "853"), ("deny", "9.9.9.9", "853"),
        ("reject", "0.0.0.0/0", "53,853"), ("reject", "0.0.0.0/0", "53,853"),
    ]  # fmt: skip


@given(PORTS)
def test_a_list_of_ports_is_never_longer_than_ufw_takes(ranges):
    lists = list(_ufw_render.port_lists(ranges))
    assert all(item.count(",") + item.count(":") <= 14 for item in lists)
    pairs = [part.partition(":") for item in lists for part in item.split(",")]
    assert [(int(first), int(last or first)) for first, _colon, last in pairs] == list(ranges)


@pytest.mark.parametrize(("family", "networks"), [("ipv4", IPV4), ("ipv6", IPV6)])
def test_what_is_outside_of_networks_is_all_the_rest(family, networks):
    @given(networks)
    def each(inner):
        whole = ip_network(_ufw_model.ANYWHERE[family])
        outer = [ip_network(item) if item else whole for item in _ufw_render.outside(inner, family)]
        inner = [ip_network(item) for item in inner]
        assert sum(network.num_addresses for network in (*inner, *outer)) == whole.num_addresses
        assert not any(one.overlaps(other) for one in inner for other in outer)

    each()


@given(policies())
def test_a_rule_is_read_back_from_what_ufw_reads(policy):
    for family, found in _ufw_render.render(policy).items():
        assert [_ufw_model.parse(rule.head, family) for rule in found] == list(found)


@pytest.mark.parametrize(
    ("network", "written"),
    [
        ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"), ("0.0.0.0/0", ""), ("::/0", ""), ("2001:db8::1/128", "2001:db8::1"),
        ("::ffff:102:304", "::ffff:1.2.3.4"), ("2001:db8:0:0:1::/80", "2001:db8:0:0:1::/80"),
    ],
)  # fmt: skip
def test_networks_are_written_as_ufw_does(network, written):
    assert _ufw_model.canonical(network) == written


def test_a_rule_with_a_log_has_the_lines_that_ufw_writes():
    rule = Rule("frame/deny", "ipv6", "deny_log", True, inward="lan0", outward="wan0", source="2001:db8::/32")
    assert rule.text.splitlines()[1].startswith("### tuple ### route:deny_log any any ::/0 any 2001:db8::/32 in_lan0!out_wan0 comment=")
    match = "-i lan0 -o wan0 -s 2001:db8::/32"
    log = '-m conntrack --ctstate NEW -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "'
    assert rule.text.splitlines()[2:] == [
        f"-A ufw6-user-logging-forward {match} {log}",
        f"-A ufw6-user-logging-forward {match} -j RETURN",
        f"-A ufw6-user-forward {match} -j ufw6-user-logging-forward",
        f"-A ufw6-user-forward {match} -j DROP",
    ]


@pytest.mark.parametrize("text", [WRITTEN, SHIPPED, "", "*filter\n### RULES ###", WRITTEN.replace("\n\n", "\n"), f"{WRITTEN}\n\nrest"])
def test_blocks_go_in_and_out_of_a_file_that_stays_as_it_was(text):
    found = rules(RTP, ANY, baseline="deny_egress", placement="both")
    before = _ufw_files.listing(text)
    assert before.whole == text and before.ours == ()
    with_ours = before.text(found)
    if not before.head:
        return
    after = _ufw_files.listing(with_ours)
    assert after.whole == with_ours
    assert [block.text for block in after.ours] == [rule.text for rule in found]
    assert [block.rule("ipv4") for block in after.ours] == list(found)
    assert after.text(()) == text
    assert sorted(after.foreign) == sorted(before.foreign)


def test_what_stands_before_ours_is_seen_where_the_same_packets_meet_it():
    first = _ufw_files.listing(WRITTEN).text(rules(RTP))
    ours = "".join(rule.text for rule in rules(RTP))
    last = WRITTEN.replace("\n### END RULES", f"{ours}\n### END RULES")
    chain = {"ufw-user-forward"}
    assert _ufw_files.listing(first).intruder(chain) == ""
    assert _ufw_files.listing(last).intruder(chain) == "ufw-user-forward -o wan0 -p udp --dport 1900 -j ufw-user-logging-forward"
    assert _ufw_files.listing(last).intruder({"ufw-user-output"}) == ""
    assert _ufw_files.listing(last).text(rules(RTP)) == first


def test_a_sign_of_ours_on_a_rule_for_what_comes_in_makes_it_not_ours():
    text = WRITTEN.replace("737368", b"webrtc.firewall a/b".hex())
    assert _ufw_files.listing(text).ours == ()


def restored(chains, script):
    """What iptables-restore makes of chains."""
    after = {name: list(found) for name, found in chains.items()}
    for line in script.splitlines():
        counters, _space, rest = line.partition(" ") if line.startswith("[") else ("", "", line)
        words = rest.split(" ", 3)
        if rest.startswith("-D"):
            chain, rule = rest.split(" ", 2)[1:]
            after[chain].remove(next(item for item in after[chain] if item.rest == rule))
        elif rest.startswith("-I"):
            packets, size = map(int, counters[1:-1].split(":"))
            after[words[1]].insert(int(words[2]) - 1, Counted(words[3], packets, size))
    return after


FOREIGN = [Counted("-p tcp -m tcp --dport 443 -j ACCEPT", 7, 70), Counted("-j DROP", 3, 30), Counted("-o wan0 -j RETURN", 1, 10)]


@given(policies(), policies(), st.randoms(use_true_random=False))
def test_whatever_is_there_ours_come_first_and_all_others_stay(old, new, random):
    old, new = _ufw_render.render(old)["ipv4"], _ufw_render.render(new)["ipv4"]
    names = [f"ufw-user-{part}{hook}" for part in ("", "logging-") for hook in ("forward", "output")]
    live = {name: [Counted(line.live, 1, 2) for rule in old for line in rule.lines if line.chain == name] for name in names}
    for found in live.values():
        # Somebody has taken some away, put others between them, and moved some.
        del found[: random.randrange(3)]
        found.extend(FOREIGN)
        if random.random() < 0.5:
            random.shuffle(found)
    written = {(line.chain, line.live) for rule in (*old, *new) for line in rule.lines}
    theirs = {name: [rule for rule in found if (name, rule.rest) not in written] for name, found in live.items()}
    after = restored(live, _ufw_live.script(new, _ufw_live.ours(live, [*old, *new], [])))
    for name, found in after.items():
        left = [rule.rest for rule in found]
        for rule in new:
            for line in rule.lines:
                # ufw itself takes such a line away.
                if line.chain == name and not (left[:1] != [line.live] and line.live == "-j RETURN" and "logging" in name):
                    assert left.pop(0) == line.live
        assert left == [rule.rest for rule in theirs[name]]
        assert found[len(found) - len(left) :] == theirs[name]
    there = _ufw_live.ours(after, new, [])
    assert _ufw_live.script(new, there) == ""
    assert [rule for rule, _packets, _bytes in there.rules(new)] == list(new)


def test_a_rule_of_somebody_else_that_says_the_same_stays():
    (ours,) = rules(ANY)
    (line,) = ours.lines
    same = [(line.chain, line.file)]
    both = {line.chain: [Counted(line.live, 1), Counted("-j DROP"), Counted(line.live, 2)]}
    there = _ufw_live.ours(both, [ours], same)
    assert _ufw_live.script([ours], there) == ""
    assert restored(both, _ufw_live.script([], there)) == {line.chain: both[line.chain][1:]}
    alone = {line.chain: [Counted(line.live, 2)]}
    assert len(restored(alone, _ufw_live.script([ours], _ufw_live.ours(alone, [ours], same)))[line.chain]) == 2


def test_where_the_log_is_off_the_line_that_says_so_stays_first():
    (rule,) = rules(baseline="deny_egress")[-1:]
    chain = "ufw-user-logging-forward"
    live = {chain: [Counted("-j RETURN", 5)], "ufw-user-forward": []}
    after = restored(live, _ufw_live.script([rule], _ufw_live.ours(live, [rule], [(chain, "-j RETURN")])))
    assert [item.rest for item in after[chain]] == ["-j RETURN", *(line.live for line in rule.lines[:2])]
    assert _ufw_live.script([rule], _ufw_live.ours(after, [rule], [(chain, "-j RETURN")])) == ""
    gone = restored(after, _ufw_live.script([], _ufw_live.ours(after, [rule], [(chain, "-j RETURN")])))
    assert {name: [item.rest for item in found] for name, found in gone.items()} == {chain: ["-j RETURN"], "ufw-user-forward": []}


def test_ufw_may_take_the_end_of_a_log_away():
    (rule,) = rules(baseline="deny_egress")[-1:]
    chain = "ufw-user-logging-forward"
    live = {chain: [Counted(rule.lines[0].live)], "ufw-user-forward": [Counted(line.live) for line in rule.lines[2:]]}
    there = _ufw_live.ours(live, [rule], [])
    assert _ufw_live.script([rule], there) == ""
    assert [found for found, _packets, _bytes in there.rules([rule])] == [rule]
    whole = {**live, chain: [Counted(line.live) for line in rule.lines[:2]]}
    assert _ufw_live.script([rule], _ufw_live.ours(whole, [rule], [])) == ""
    for found in (live, whole):
        gone = restored(found, _ufw_live.script([], _ufw_live.ours(found, [rule], [])))
        assert gone == {chain: [], "ufw-user-forward": []}


def test_what_cannot_be_said_is_refused_by_name():
    learned = replace(RTP, destination=Destination(learned=("*.example.com",)))
    told = Ufw.unsupported(Policy(Frame(out_interfaces=("lan0:1",)), {"vonage": (learned,)}))
    assert [problem.path for problem in told] == ["vonage/rtp-media", "webrtc_egress_out_interfaces"]
    many = tuple(f"198.18.{number}.0/25" for number in range(256))
    wide = replace(RTP, destination=Destination(ipv4=many))
    told = Ufw.unsupported(Policy(Frame(in_interfaces=tuple(f"lan{number}" for number in range(8))), {"vonage": (ANY, wide)}))
    assert [(problem.path, problem.value) for problem in told] == [("vonage/rtp-media", "2048 ufw rules")]
    frame = Frame(other_resolvers="reject", resolvers_ipv6=("2620:fe::fe",), in_interfaces=tuple(f"lan{number}" for number in range(8)))
    assert [problem.path for problem in Ufw.unsupported(Policy(frame, {}))] == ["webrtc_egress_other_resolvers"]


def test_changes_are_told_in_words_and_apart_where_files_and_kernel_are():
    wanted = {"ipv4": rules(RTP), "ipv6": ()}
    blocks = _ufw_files.listing(_ufw_files.listing(WRITTEN).text(wanted["ipv4"])).ours

    def told(stored, live):
        return [
            (change.before, change.after) for change in _ufw_describe.changes(wanted, {"ipv4": stored}, {"ipv4": live}, ["ipv4", "ipv6"])
        ]

    words = "udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18"
    assert told(blocks, wanted["ipv4"]) == []
    assert told((), ()) == [(None, words)]
    assert told(blocks, ()) == [(f"{words} (in ufw's files, not in force)", words)]
    assert told((), wanted["ipv4"]) == [(f"{words} (in force, not in ufw's files)", words)]
    half = f"{words} (in ufw's files); udp 10000-50000 to 168.100.64.0/18 (in force)"
    assert told(blocks, wanted["ipv4"][:1]) == [(half, words)]
