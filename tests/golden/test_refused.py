# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from test_machine import FOREIGN, policy

# A kernel that was built without nf_tables refuses netlink sockets of family 12 (NETLINK_NETFILTER) with EPROTONOSUPPORT (93).
NO_NETFILTER = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 93,
            "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 12, "op": "SCMP_CMP_EQ"}],
        }
    ],
}


def refused(machine, wanted, **options):
    """Apply, expect an error, and make sure that nothing was changed."""
    state = "nft list ruleset 2>&1; ls -A /etc/webrtc-firewall /run/webrtc-firewall.lock 2>/dev/null || true"
    before = machine.sh(state)
    message = machine.apply(wanted, **options)["error"]
    assert machine.sh(state) == before
    assert "nothing was changed" in message
    assert "Traceback" not in message
    return message


def test_all_that_the_machine_lacks_is_told_at_once(machine):
    machine.sh("nft -f -", FOREIGN.replace("ct state established", "ct mark 0x1"))
    machine.sh("iptables-nft -N ufw-user-input")
    message = refused(machine, policy(["vonage", "liveavatar"], wildcards="hostnames", out_interfaces=["wan9"]))
    for part in ("'wan9'", "vonage/signaling", "liveavatar/turn-tls", "webrtc_egress_mark", "ufw"):
        assert part in message


def test_a_missing_nft_names_the_package(machine):
    machine.sh("mv /usr/sbin/nft /usr/sbin/nft.away")
    try:
        message = machine.apply(policy())["error"]
    finally:
        machine.sh("mv /usr/sbin/nft.away /usr/sbin/nft")
    assert "command nft: got nothing" in message
    assert "Install the package nftables" in message


@pytest.mark.parametrize(
    ("rules", "manager"),
    [
        ("nft add table inet firewalld; nft add chain inet firewalld filter_FORWARD", "firewalld"),
        ("iptables-nft -N ufw-user-input", "ufw"),
    ],
)
def test_two_masters_do_not_fight(machine, rules, manager):
    machine.sh(rules)
    assert manager in refused(machine, policy())


def test_a_full_disk_leaves_the_live_rules_and_the_files_as_they_were(machines, suite):
    with machines(suite, "--cap-add", "NET_ADMIN,NET_RAW", "--tmpfs", "/etc/webrtc-firewall:size=32k") as small:
        small.apply(policy(["liveavatar"]))
        state = "nft -s list ruleset; cat /etc/webrtc-firewall/*; ls -A /etc/webrtc-firewall"
        before = small.sh(state)
        many = [f"10.{index // 250}.{index % 250}.0/25" for index in range(5000)]
        rows = [{"id": "turn", "destinations": many, "protocol": "udp", "ports": [3478]}]
        wanted = policy(["vonage", "site"], custom_services=[{"service": "site", "requirements": rows}])
        assert "No space left on device" in small.apply(wanted)["error"]
        assert small.sh(state) == before
        assert small.apply(policy(["liveavatar"]))["changes"] == {}


def test_a_directory_in_the_place_of_a_file_is_told(machine):
    machine.sh("mkdir -p /etc/webrtc-firewall/restore")
    try:
        message = refused(machine, policy(["liveavatar"]))
    finally:
        machine.sh("rmdir /etc/webrtc-firewall/restore")
    assert "/etc/webrtc-firewall/restore: got 'Is a directory'" in message


def test_a_foreign_table_that_vanishes_meanwhile_is_an_error_and_nothing_else(machine):
    """The plan is made with the table there; it goes before the plan is applied."""
    machine.sh("nft -f -", FOREIGN)
    answer = json.loads(
        machine.python(
            """
            import json, subprocess
            from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
            from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError
            from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict
            from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output

            def command(argv, text):
                done = subprocess.run(argv, input=text, capture_output=True, text=True)
                return Output(done.returncode, done.stdout, done.stderr)

            nft = BACKENDS["nftables"](command)
            plan = nft.plan(from_dict(json.load(sys.stdin)), nft.read(), {})
            subprocess.run(["nft", "delete", "table", "inet", "filter"], check=True)
            try:
                nft.apply(plan)
            except FirewallError as error:
                print(json.dumps({"error": str(error)}))
            """,
            json.dumps(policy()),
        )
    )
    assert "permit in insert rule inet filter forward" in answer["error"]
    assert "No such file or directory" in answer["error"]
    assert machine.sh("nft list ruleset") == ""


def test_no_privileges_is_told(machines, suite):
    with machines(suite, "--cap-drop", "all") as weak:
        message = weak.apply(policy())["error"]
    assert "Operation not permitted" in message
    assert "Run as root" in message


def test_a_kernel_without_nf_tables_is_told(machines, suite, tmp_path):
    profile = tmp_path / "seccomp.json"
    profile.write_text(json.dumps(NO_NETFILTER))
    with machines(suite, "--cap-add", "NET_ADMIN", "--security-opt", f"seccomp={profile}") as bare:
        message = bare.apply(policy())["error"]
    assert "Protocol not supported" in message
    assert "CONFIG_NF_TABLES" in message
