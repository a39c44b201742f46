# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

# What damages the rules of others too, as a shell command, and the id under which a check run tells it; all else is in test_nftables.py.
TAMPERING = [
    ("nft flush ruleset", "vonage/rtp-media"),
    ("nft flush chain inet filter forward; nft add rule inet filter forward ct state established accept", "permit/nft inet filter forward"),
    ("iptables-nft -F DOCKER-USER", "permit/iptables-nft ip filter DOCKER-USER"),
]

FOREIGN = """
table inet filter {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established accept
    }
}
"""
DOCKER = """*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -j DROP
-A DOCKER-USER -j RETURN
COMMIT
"""


def policy(services=("vonage",), **site):
    # The machine has no default route; so the way out is named.
    return to_dict(compile_site(list(services), {"wildcards": "any", "out_interfaces": ["lo"], **site}).policy)


@pytest.fixture
def busy(machine):
    """A machine with rules of somebody else and of Docker's kind, and with ours among them."""
    machine.sh("nft -f -", FOREIGN)
    machine.sh("iptables-nft-restore --noflush", DOCKER)
    before = machine.foreign()
    first = machine.apply(policy())
    assert "permit/iptables-nft ip filter DOCKER-USER" in first["changes"]
    machine.before = before
    return machine


def test_what_was_applied_is_found_and_nothing_is_written(busy):
    before = busy.sh("nft list ruleset; ls -la --time-style=full-iso /etc/webrtc-firewall")
    assert busy.apply(policy())["changes"] == {}
    assert busy.apply(policy(), check=True)["changes"] == {}
    assert busy.sh("nft list ruleset; ls -la --time-style=full-iso /etc/webrtc-firewall") == before


@pytest.mark.parametrize(("damage", "told"), TAMPERING)
def test_damage_is_found_by_a_check_and_mended_by_the_next_run(busy, damage, told):
    busy.sh(damage)
    state = busy.sh("nft list ruleset; cat /etc/webrtc-firewall/*")
    found = busy.apply(policy(), check=True)["changes"]
    assert any(name.startswith(told) for name in found), found
    told_by_drift = [item["id"] for item in busy.drift(backend="auto")["drift"]]
    assert any(name.startswith(told) for name in told_by_drift), told_by_drift
    # Where the stored policy is damaged nobody knows what the rest should be; otherwise a check run and this say the same.
    assert told_by_drift == list(found) or "truncate" in damage
    assert busy.sh("nft list ruleset; cat /etc/webrtc-firewall/*") == state
    assert busy.apply(policy())["changes"] == found
    assert busy.apply(policy())["changes"] == {}


def test_foreign_rules_are_byte_for_byte_the_same(busy):
    assert busy.foreign() == busy.before
    busy.apply(policy(tier="minimum"))
    assert busy.foreign() == busy.before
    busy.absent()
    assert busy.sh("nft list ruleset") == busy.before
    assert busy.sh("ls -d /etc/webrtc-firewall /etc/init.d/webrtc-firewall 2>/dev/null || true") == ""


def test_what_no_policy_tells_is_drift_all_the_same(busy):
    stored = "file//etc/webrtc-firewall/policy.json"
    busy.sh("cp -a /etc/webrtc-firewall/policy.json /root/kept; rm /etc/webrtc-firewall/policy.json")
    assert [(item["id"], item["found"]) for item in busy.drift(backend="auto")["drift"]] == [(stored, None)]
    # With the policy from elsewhere all the rest is found to be right.
    assert [item["id"] for item in busy.drift(policy=policy())["drift"]] == [stored]
    busy.sh("sed s/10000/10001/ /root/kept >/etc/webrtc-firewall/policy.json")
    told = busy.drift(backend="auto")["drift"]
    assert [(item["id"], item["found"]) for item in told] == [(stored, "its checksum does not fit")]
    busy.sh("cp -a /root/kept /etc/webrtc-firewall/policy.json")
    assert busy.drift(backend="auto")["clean"]


def test_another_policy_than_the_stored_one_can_be_asked_for(busy):
    wanted = policy(tier="minimum")
    assert {item["id"] for item in busy.drift(policy=wanted)["drift"]} == set(busy.apply(wanted, check=True)["changes"])
    assert busy.drift()["clean"]


def test_a_change_that_waits_is_told(machine):
    assert machine.drift()["clean"]
    assert machine.drift()["services"] == []
    machine.apply(policy(), id="a1", seconds=60)
    found = machine.drift()
    assert (found["drift"], found["blocked"], found["clean"]) == ([], [], False)
    assert (found["waiting"]["id"], found["waiting"]["made"]) == ("a1", True)
    assert 50 < found["waiting"]["seconds_left"] <= 60
    assert "change a1: waits for its confirmation; goes back by itself in" in found["summary"][0]
    machine.sh("cp /var/lib/webrtc-firewall/pending/record.json /root/record")
    machine.sh("echo '{' >/var/lib/webrtc-firewall/pending/record.json")
    assert [item["id"] for item in machine.drift()["drift"]] == ["file//var/lib/webrtc-firewall/pending/record.json"]
    machine.sh("cp /root/record /var/lib/webrtc-firewall/pending/record.json")
    assert machine.ask("confirm", id="a1") == {"changed": True}
    assert machine.drift()["clean"]


def test_what_drops_before_flows_are_known_blocks_them_although_a_permit_stands_there(machine):
    machine.sh("nft add table inet t; nft 'add chain inet t early { type filter hook forward priority -151; policy drop; }'")
    machine.sh("iptables-nft -t raw -A OUTPUT -p udp --dport 3478 -j DROP")
    warnings = machine.apply(policy(placement="both"))["warnings"]
    assert [text.split(" (")[0].partition("blocked by ")[2] for text in warnings] == [
        "nft inet t early: policy drop",
        "iptables-nft ip raw OUTPUT: -A OUTPUT -p udp -m udp --dport 3478 -j DROP",
    ]
    found = machine.drift()
    assert (found["drift"], found["clean"]) == ([], False)
    told = {item["where"]: (len(item["flows"]), item["sure"]) for item in found["blocked"]}
    assert told == {"nft inet t early": (7, True), "iptables-nft ip raw OUTPUT": (1, True)}
    assert "no rule of ours can go before it" in found["summary"][0]


def test_a_manager_or_a_tool_that_is_gone_is_no_crash(busy):
    busy.sh("mv /usr/sbin/nft /root/nft")
    try:
        told = busy.drift()
    finally:
        busy.sh("mv /root/nft /usr/sbin/nft")
    assert (told["clean"], told["drift"], told["blocked"][0]["where"]) == (False, [], "command nft")


@pytest.mark.parametrize("bit", [0, 15, 30, 31])
def test_every_bit_of_the_mark_is_known_again(machine, bit):
    machine.sh("nft -f -", FOREIGN)
    machine.sh("iptables-nft-restore --noflush", DOCKER)
    wanted = policy(baseline="deny_egress", mark=1 << bit)
    assert machine.apply(wanted)["changes"]
    assert machine.apply(wanted)["changes"] == {}


@pytest.mark.parametrize("baseline", ["existing", "deny_egress"])
def test_a_refusal_is_known_again_and_its_damage_found(machine, baseline):
    wanted = policy(placement="both", baseline=baseline, other_resolvers="reject", resolvers=["192.0.2.53", "2001:db8::53"])
    assert "frame/other-resolvers" in machine.apply(wanted)["changes"]
    assert machine.apply(wanted)["changes"] == {}
    # As a roll-back does: from nft's own text, which says less than its JSON.
    machine.sh("nft list ruleset >/tmp/text && nft flush ruleset && nft -f /tmp/text")
    assert machine.apply(wanted)["changes"] == {}
    for reason in ("tcp reset", "icmpx type no-route"):
        machine.sh(f"nft insert rule inet webrtc_firewall wf_dns tcp dport 53 reject with {reason} comment frame/other-resolvers")
        assert "frame/other-resolvers" in machine.apply(wanted, check=True)["changes"]
        machine.apply(wanted)
    assert machine.apply(policy(placement="both", baseline=baseline))["changes"]["frame/other-resolvers"][1] is None
    assert "wf_dns" not in machine.sh("nft list ruleset; cat /etc/webrtc-firewall/ruleset.nft")


def test_removal_of_what_is_not_there_changes_nothing(machine):
    assert machine.absent()["changes"] == {}
    assert machine.absent(services=["vonage"])["changes"] == {}


def test_services_compose_in_either_order(machine):
    def rules():
        return machine.sh("nft -s list table inet webrtc_firewall")

    def files():
        return machine.sh("cat /etc/webrtc-firewall/ruleset.nft /etc/webrtc-firewall/policy.json")

    machine.apply(policy(["vonage", "liveavatar"]))
    both = files()
    machine.absent()
    machine.apply(policy(["vonage"]), exclusive=False)
    alone = rules()
    machine.apply(policy(["liveavatar"]), exclusive=False)
    assert files() == both
    machine.absent(services=["liveavatar"])
    assert rules() == alone
    machine.absent()
    machine.apply(policy(["liveavatar"]), exclusive=False)
    machine.apply(policy(["vonage"]), exclusive=False)
    assert files() == both
    assert machine.apply(policy(["vonage", "liveavatar"]))["changes"] == {}


def test_an_exclusive_run_closes_what_it_does_not_name(machine):
    machine.apply(policy(["vonage", "liveavatar"]))
    assert "liveavatar/media-udp" in machine.apply(policy(["vonage"]))["changes"]
    assert "liveavatar" not in machine.sh("nft list ruleset; cat /etc/webrtc-firewall/*")


def test_counters_outlive_a_change(machine):
    machine.apply(policy(placement="both"))
    machine.sh("nft insert rule inet webrtc_firewall wf_output counter name vonage.turn-udp")
    machine.python('import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))')
    counted = machine.sh("nft list counter inet webrtc_firewall vonage.turn-udp")
    assert "packets 0" not in counted
    machine.apply(policy(placement="both", tier="minimum"))
    assert machine.sh("nft list counter inet webrtc_firewall vonage.turn-udp") == counted


def test_a_boot_brings_everything_back(busy):
    wanted = busy.sh("nft -s list ruleset")
    busy.sh("nft flush ruleset")
    busy.sh("nft -f -", FOREIGN)
    busy.sh("iptables-nft-restore --noflush", DOCKER)
    busy.sh("/etc/webrtc-firewall/restore")
    busy.sh("/etc/webrtc-firewall/restore")
    assert sorted(busy.sh("nft -s list ruleset").splitlines()) == sorted(wanted.splitlines())
    assert busy.apply(policy())["changes"] == {}


def test_a_boot_with_a_foreign_chain_gone_still_brings_our_table(busy):
    busy.sh("nft flush ruleset")
    assert "no permit in nft inet filter forward" in busy.sh("/etc/webrtc-firewall/restore 2>&1")
    assert "vonage/rtp-media" in busy.sh("nft list ruleset")
