# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The iptables backend: ipsets that DNS answers fill, the boot, what is refused, and the way from and to other backends."""

from __future__ import annotations

import json

import pytest
from contract import FILES, PRESENT, policy

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict

FOUR, SIX = "wf4l.liveavatar.signaling", "wf6l.liveavatar.signaling"
DROPPING = "add table inet filter; add chain inet filter forward { type filter hook forward priority %d; policy drop; }"


def learning(*, size=100, ports=((443, 443),)):
    flow = Flow("liveavatar/signaling", "tcp", ports, Destination(learned=("*.livekit.cloud",)))
    return to_dict(Policy(Frame(out_interfaces=("lo",), learned_size=size), {"liveavatar": (flow,)}))


@pytest.fixture
def box(machine):
    machine.backend = "iptables"
    yield machine
    machine.absent()
    # The tests run on the machine of others too.
    machine.backend = "nftables"
    machine.ask("reset")
    policies = "$tool -P INPUT ACCEPT; $tool -P FORWARD ACCEPT"
    machine.sh(f"for tool in iptables-legacy ip6tables-legacy; do $tool -F; $tool -X; {policies}; done; ipset destroy")


def kernel(box, script):
    """Run a script with a netlink connection in the machine; what it prints is JSON."""
    head = """
            import json
            from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_sets import IpSets

            kernel = IpSets()

            def read(name):
                return sorted(item.address for found in kernel.slices(name) for item in found)

            def caught(function, *arguments):
                try:
                    function(*arguments)
                except Exception as error:
                    return type(error).__name__
    """
    return json.loads(box.python(head + script))


def elements(box, name):
    lines = box.sh(f"ipset save {name}").splitlines()
    return sorted(line.split()[2] for line in lines if line.startswith("add "))


def test_elements_come_and_go_by_netlink(box):
    box.apply(learning())
    seen = kernel(
        box,
        f"""
            four, six = "{FOUR}", "{SIX}"
            kernel.add([(four, "198.18.2.1"), (six, "2001:2:0:2::1"), (four, "198.18.2.2")])
            kernel.add([(four, "198.18.2.2"), (four, "198.18.2.3")])
            kernel.remove([(four, "198.18.2.1"), (four, "198.18.2.9")])
            print(json.dumps([
                read(four), read(six), caught(read, "nothing"), caught(kernel.add, [("nothing", "198.18.2.8")]),
                kernel.count(four), kernel.count("nothing"), kernel.altered({{four: 2, six: 1}}), kernel.altered({{four: 3, six: 1}}),
            ]))
        """,
    )
    assert seen == [["198.18.2.2", "198.18.2.3"], ["2001:2:0:2::1"], "Gone", "Gone", 2, -1, False, True]
    assert elements(box, FOUR) == ["198.18.2.2", "198.18.2.3"]


def test_a_full_set_and_ten_thousand_elements(box):
    box.apply(learning(size=10000))
    seen = kernel(
        box,
        f"""
            items = [("{FOUR}", f"198.18.{{high}}.{{low}}") for high in range(40) for low in range(250)]
            kernel.add(items)
            more = [("{FOUR}", f"198.19.{{high}}.{{low}}") for high in range(40) for low in range(250)]
            full = [len(read("{FOUR}")), caught(kernel.add, more)]
            kernel.remove(items + more)
            print(json.dumps([full, read("{FOUR}")]))
        """,
    )
    assert seen == [[10000, "Full"], []]


def test_packets_to_a_learned_address_are_counted(box):
    wanted = Policy(
        Frame(placement="host", families=("ipv4",), out_interfaces=("out0",)),
        {"site": (Flow("site/any", "udp", ((1, 65535),), Destination(learned=("*.livekit.cloud",))),)},
    )
    box.sh("ip link add out0 type veth peer name out1; ip link set out0 up; ip link set out1 up; ip address replace 192.0.2.1/24 dev out0")
    box.apply(to_dict(wanted))
    seen = kernel(
        box,
        """
            import socket
            kernel.add([("wf4l.site.any", "192.0.2.7"), ("wf4l.site.any", "192.0.2.8")])
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.7", 9))
            print(json.dumps(sorted(item for found in kernel.slices("wf4l.site.any") for item in found)))
        """,
    )
    box.sh("ip link delete out0")
    assert seen == [["192.0.2.7", 1], ["192.0.2.8", 0]]


def test_a_run_keeps_what_a_set_has_learned(box):
    box.apply(learning())
    box.sh(f"ipset add {FOUR} 198.18.2.1")
    assert box.apply(learning())["changes"] == {}
    told = box.apply(learning(ports=((443, 443), (8443, 8443))))["changes"]["liveavatar/signaling"]
    assert told == [
        "tcp 443 to what DNS answers teach (100 addresses at most)",
        "tcp 443,8443 to what DNS answers teach (100 addresses at most)",
    ]
    assert elements(box, FOUR) == ["198.18.2.1"]
    # Another size is another set, which takes over what the first one holds.
    assert "liveavatar/signaling" in box.apply(learning(size=200))["changes"]
    assert elements(box, FOUR) == ["198.18.2.1"]
    assert box.apply(learning(size=200))["changes"] == {}


def test_counters_outlive_a_change(box):
    box.apply(policy(placement="both"))
    rule = "-p udp -m udp --dport 3478 -m set --match-set $(ipset -n list | grep 'wf4.vonage.turn-udp') dst"
    box.sh(f"iptables -I OUTPUT 1 {rule} -m comment --comment vonage/turn-udp -j webrtc-permit; iptables -D OUTPUT 1")
    box.sh("iptables-save -c -t filter | sed 's/^.0:0.\\(.*turn-udp.*permit\\)/[7:700]\\1/' | iptables-restore -c")
    assert [flow["packets"] for flow in box.state()["flows"] if flow["id"] == "vonage/turn-udp"] == [7]
    box.apply(policy(placement="both", tier="minimum"))
    assert [flow["packets"] for flow in box.state()["flows"] if flow["id"] == "vonage/turn-udp"] == [7]


def rules(box):
    saved = box.sh("iptables-save -t filter; ip6tables-save -t filter; ipset save").splitlines()
    return sorted(line.split(" hashsize")[0].split(" [")[0] for line in saved if not line.startswith("#"))


@pytest.mark.parametrize("lost", ["", "rm /etc/webrtc-firewall/sets.ipset;", "echo rubbish >/var/lib/webrtc-firewall/learned;"])
def test_a_boot_brings_the_rules_back_also_when_data_of_sets_are_missing(box, lost):
    box.apply(learning())
    box.sh(f"mkdir -p /var/lib/webrtc-firewall; echo 'add {FOUR} 198.18.2.1 -exist' >/var/lib/webrtc-firewall/learned")
    wanted = rules(box)
    box.sh("iptables -F; iptables -X; ip6tables -F; ip6tables -X; ipset destroy")
    box.sh(f"{lost} /etc/webrtc-firewall/restore sets 2>/dev/null || true")
    assert FOUR in box.sh("ipset -n list")
    # What another service loads then may name our sets.
    box.sh(f"iptables -A INPUT -m set --match-set {FOUR} src -j ACCEPT; iptables -F INPUT")
    box.sh("/etc/webrtc-firewall/restore 2>/dev/null || true")
    box.sh("/etc/webrtc-firewall/restore 2>/dev/null || true")
    assert [line for line in rules(box) if not line.startswith("add ")] == wanted
    assert elements(box, FOUR) == ([] if "learned" in lost else ["198.18.2.1"])


def test_a_boot_moves_the_jump_to_docker_when_that_has_come(box):
    box.apply(policy())
    box.sh("iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER")
    box.sh("/etc/webrtc-firewall/restore")
    assert box.apply(policy())["changes"] == {}
    assert box.sh("iptables -S FORWARD").splitlines()[1:] == ["-A FORWARD -j DOCKER-USER"]


def test_two_masters_are_refused_and_nothing_is_changed(box):
    for variant in ("nft", "legacy"):
        box.sh(f"iptables-{variant} -P FORWARD DROP")
    assert "iptables-nft and iptables-legacy both hold rules" in box.apply(policy())["error"]
    box.sh("iptables-legacy -P FORWARD ACCEPT")
    box.sh("nft -f -", DROPPING % 0)
    told = box.apply(policy())["error"]
    assert "nft inet filter forward may drop at priority 0" in told
    assert "webrtc_egress_backend be nftables" in told
    assert "webrtc-" not in box.sh("iptables-save")
    # After iptables has decided, a permit helps.
    box.sh("nft delete table inet filter")
    box.sh("nft -f -", DROPPING % 10)
    assert "permit/nft inet filter forward" in box.apply(policy())["changes"]
    assert box.apply(policy())["changes"] == {}


BOTH = (
    "for name in iptables ip6tables; do for kind in nft legacy; do $name-$kind-save | grep webrtc; done; done;"
    " ipset save | sed 's/ hashsize.*//'; true"
)


def test_ours_leave_the_variant_that_rules_no_more(box):
    box.apply(policy())
    # Others have put theirs into the other variant since.
    box.sh("iptables-legacy -P FORWARD DROP")
    before = sorted(box.sh(BOTH).splitlines())
    # Sets go too, which the old chains use.
    wanted = policy(tier="minimum")
    told = box.apply(wanted, check=True)["changes"]
    for name in ("chain/iptables-nft webrtc-forward", "chain/ip6tables-nft webrtc-flows"):
        assert told[name] == ["there", None]
    assert told["jump/iptables-nft FORWARD"][1] is None and told["jump/iptables-legacy FORWARD"][0] is None
    assert box.apply(wanted, id="stray", seconds=60)["changes"] == told
    assert "webrtc" not in box.sh("iptables-nft-save; ip6tables-nft-save")
    assert "-j webrtc-forward" in box.sh("iptables-legacy-save")
    assert box.ask("revoke", id="stray") == {"changed": True}
    assert sorted(box.sh(BOTH).splitlines()) == before
    assert box.apply(wanted)["changes"] == told
    assert box.apply(wanted)["changes"] == {}
    # And back again; a removal finds them in either.
    box.sh("iptables-legacy -P FORWARD ACCEPT; iptables-nft -P FORWARD DROP")
    assert "chain/iptables-legacy webrtc-forward" in box.apply(wanted, check=True)["changes"]
    assert "chain/iptables-legacy webrtc-forward" in box.absent()["changes"]
    assert box.sh(BOTH) == ""


def test_auto_where_both_variants_hold_rules_is_refused_and_nothing_is_changed(box):
    box.sh("for variant in nft legacy; do iptables-$variant -A FORWARD -p tcp --dport 7 -j DROP; ip6tables-$variant -P INPUT DROP; done")
    state = (
        f"nft -s list ruleset; for tool in iptables ip6tables; do $tool-legacy-save | grep -v '^#'; done; ipset save; {FILES}; {PRESENT}"
    )
    before = box.sh(state)
    for check in (True, False):
        told = box.apply(policy(), backend="auto", check=check)["error"]
        assert "iptables-nft and iptables-legacy both hold rules" in told and "iptables-legacy-save" in told
        assert box.sh(state) == before


def test_a_log_prefix_that_iptables_cannot_print_is_refused(box):
    told = box.apply(policy(baseline="deny_egress", log_prefix="x" * 30))["error"]
    assert "webrtc_egress_log_prefix" in told and "at most 29 characters" in told


@pytest.mark.parametrize(("first", "second"), [("nftables", "iptables"), ("iptables", "nftables")])
def test_another_backend_takes_over_in_one_run(box, first, second):
    box.sh("iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -p tcp --dport 7 -j ACCEPT")
    before = box.sh("nft list ruleset; ipset save")
    assert box.apply(policy(), backend=first)["changes"]
    told = box.apply(policy(), backend=second, check=True)["changes"]
    assert told["backend"] == [first, second]
    assert box.apply(policy(), backend=second)["changes"] == told
    assert box.apply(policy(), backend=second)["changes"] == {}
    gone = {"nftables": "table inet webrtc_firewall", "iptables": "webrtc-forward"}[first]
    assert gone not in box.sh("nft list ruleset; iptables-save; ip6tables-save; cat /etc/webrtc-firewall/*")
    again = {"backend": second, "reason": "the last run used it", "changes": {}, "warnings": []}
    assert box.apply(policy(), backend="auto") == again
    assert box.apply(policy(), backend=second) == {**again, "reason": "webrtc_egress_backend names it"}
    box.absent(backend="auto")
    after = box.sh("nft list ruleset; ipset save")
    assert after.replace(after.partition("table ip6 filter")[1] and after[after.index("table ip6 filter") :], "").strip() == before.strip()


@pytest.mark.parametrize(
    ("rules_of_others", "chosen", "reason"),
    [
        ("true", "nftables", "no other firewall rules this machine"),
        ("iptables-nft -A FORWARD -j ACCEPT", "iptables", "iptables-nft holds rules"),
        ("for tool in iptables ip6tables; do $tool-nft -P INPUT DROP; done", "iptables", "ip6tables-nft and iptables-nft hold rules"),
        ("iptables-legacy -P FORWARD DROP", "iptables", "iptables-legacy holds rules"),
        (
            "nft add table inet x; nft 'add chain inet x y { type filter hook input priority 0; }'; iptables -P INPUT DROP",
            "nftables",
            "nft holds nft inet x y",
        ),
    ],
)
def test_auto_finds_what_rules_the_machine_and_says_why(box, rules_of_others, chosen, reason):
    box.sh(rules_of_others)
    found = box.apply(policy(), backend="auto", check=True)
    assert (found["backend"], found["reason"]) == (chosen, reason)


def test_auto_says_that_no_firewall_is_installed(box):
    box.sh("for name in nft iptables; do mv /usr/sbin/$name /usr/sbin/$name.gone; done")
    try:
        found = box.drift(backend="auto")
    finally:
        box.sh("for name in nft iptables; do mv /usr/sbin/$name.gone /usr/sbin/$name; done")
    assert (found["backend"], found["backend_reason"]) == ("nftables", "no firewall is installed")
