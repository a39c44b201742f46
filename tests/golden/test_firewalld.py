# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalld backend with a real firewalld."""

from __future__ import annotations

import json
from itertools import groupby

import pytest
from contract import BARE, FILES, POLICY, Contract, policy, spoiled
from others import CHAINS, FIREWALLD_ZONES

START = """
mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile
for pair in lan0,lan0x wan0,wan0x; do ip link add ${pair%,*} type veth peer name ${pair#*,}; done
firewalld --nofork --nopid >/dev/null 2>&1 &
for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.2; done
"""
# Zones, services, rich rules, an ipset, a policy and masquerading as people have them.
FOREIGN = """
cd /etc/firewalld
cat >zones/internal.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>Internal</short><interface name="lan0"/><interface name="lan0x"/><service name="ssh"/></zone>
END
cat >zones/external.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>External</short><interface name="wan0"/><interface name="wan0x"/><service name="ssh"/><masquerade/></zone>
END
cat >zones/public.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>Public</short><service name="https"/>
<port port="8080-8090" protocol="tcp"/>
<rule family="ipv4"><source address="192.0.2.0/24"/>
<service name="ssh"/><log prefix="ssh "><limit value="3/m"/></log><accept/></rule></zone>
END
cat >ipsets/others.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<ipset type="hash:ip"><entry>192.0.2.9</entry></ipset>
END
cat >policies/mine.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy target="CONTINUE"><ingress-zone name="internal"/><egress-zone name="external"/><service name="http"/></policy>
END
firewall-cmd --reload >/dev/null
"""
FORWARD = "firewall-cmd --policy=webrtc-forward"
MINE = "firewall-cmd --policy=mine"
FILE = "/etc/firewalld/policies/webrtc-forward.xml"
# What others may have changed in one of the two alone, and how it is told.
STAGED = "firewall-cmd --permanent"
SERVICE = '<?xml version="1.0" encoding="utf-8"?>\n<service><port port="{}" protocol="tcp"/></service>'
APART = (
    (
        (f"{STAGED} --delete-zone=office", "zone office"),
        (f"{STAGED} --zone=public --add-port=7/tcp", "zone public"),
        (f"{STAGED} --policy=mine --add-port=7/tcp", "policy mine"),
        (f"{STAGED} --new-policy=later", "policy later"),
        ("firewall-cmd --direct --add-chain ipv4 filter staged", "direct chains"),
        ("firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -p 253 -j ACCEPT", "direct rules"),
        ("firewall-cmd --direct --add-passthrough ipv4 -t mangle -A PREROUTING -p 253 -j ACCEPT", "direct passthroughs"),
        (f"{STAGED} --service=intern --add-port=8/tcp", "service intern"),
        (f"{STAGED} --service=http --add-port=81/tcp", "service http"),
        (f"{STAGED} --new-service=later", "service later"),
        (f"{STAGED} --ipset=others --add-entry=192.0.2.10", "ipset others"),
        (f"{STAGED} --new-ipset=later --type=hash:ip", "ipset later"),
        (f"{STAGED} --icmptype=echo-request --remove-destination=ipv6", "icmptype echo-request"),
        (f"{STAGED} --new-helper=later --module=nf_conntrack_ftp", "helper later"),
    ),
    (
        (f"{STAGED} --new-zone=lab", "zone lab"),
        (f"{STAGED} --delete-policy=mine", "policy mine"),
        (f"{STAGED} --direct --add-rule ipv4 filter INPUT 0 -p 253 -j ACCEPT", "direct rules"),
        (f"{STAGED} --direct --add-passthrough ipv4 -t mangle -A PREROUTING -p 253 -j ACCEPT", "direct passthroughs"),
        (f"{STAGED} --delete-service=intern", "service intern"),
        ("firewall-cmd --ipset=others --add-entry=192.0.2.10", "ipset others"),
    ),
    (("firewall-cmd --policy=mine --add-port=7/tcp", "policy mine"),),
)
SEEN_APART = """
import json
from ansible_collections.webrtc.firewall.plugins.module_utils import _commands
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
print(json.dumps(BACKENDS["firewalld"](_commands.run).read().seen["apart"]))
"""
EMPTIED = "for table in filter nat; do iptables -t $table -F; iptables -t $table -X; done\n"
CLEAN = f"""
rm -rf /etc/firewalld/zones/* /etc/firewalld/ipsets/* /etc/firewalld/policies/* /usr/lib/firewalld/*/libvirt*
{EMPTIED}firewall-cmd --reload >/dev/null
"""


class TestFirewalld(Contract):
    backend = "firewalld"
    image = "-firewalld"
    # firewalld 0.9 matches no destination with a set.
    deaf = ("bullseye",)
    # Its policies come before the host's known connections.
    undenied = ("bullseye",)
    # The table of firewalld itself, without the handles and counters that each reload makes anew; iptables without counters, built-in
    # chains that accept everything, and the order in which chains were made; and firewalld's files.
    live = (
        "nft list tables | grep -v -e ' ip6* [a-z]*$' | sort | while read -r table; do nft -s list $table; done\n"
        f"for tool in iptables ip6tables; do $tool-save; done | {BARE} | sort -s -k 1,1 -k 2,2\n"
        "cd /etc/firewalld && find . -type f | sort | xargs -r grep -H ''"
    )
    foreign = FOREIGN
    # Our policies' chains and the jumps to them, and our files.
    ours = r"^\tchain \S*webrtc\S* \{\n(?:.*\n)*?\t\}\n|^\t+.*jump \S*webrtc\S*.*\n|^\./(?:policies|ipsets)/webrtc.*\n"
    tampering = (
        ("firewall-cmd --permanent --delete-policy=webrtc-forward; firewall-cmd --reload", "vonage/rtp-media", ""),
        ("firewall-cmd --permanent --delete-policy=webrtc-forward", "vonage/rtp-media", ""),
        (f"{FORWARD} --add-rich-rule='rule protocol value=gre accept'", "unknown rule", ""),
        (f"{FORWARD} --permanent --add-rich-rule='rule protocol value=gre accept'", "unknown rule", ""),
        (f"{FORWARD} --remove-rich-rule=\"$({FORWARD} --list-rich-rules | grep -m1 10000-)\"", "vonage/rtp-media", ""),
        (f"{FORWARD} --add-service=http", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --add-service=http", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-target=ACCEPT", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-target=ACCEPT; firewall-cmd --reload", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-priority=-5", "policy/webrtc-forward", ""),
        (f"{FORWARD} --remove-ingress-zone=ANY && {FORWARD} --add-ingress-zone=public", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-description=x", "", ""),
        ("firewall-cmd --permanent --new-policy=webrtc-other", "policy/webrtc-other", ""),
        (f"{FORWARD} --remove-egress-zone=$({FORWARD} --list-egress-zones) && {FORWARD} --add-egress-zone=internal",
         "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --remove-egress-zone=$({FORWARD} --list-egress-zones)", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --remove-ingress-zone=ANY", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --remove-rich-rule=\"$({FORWARD} --list-rich-rules | grep -m1 10000-)\"", "vonage/rtp-media", ""),
        (f"{FORWARD} --permanent --remove-rich-rule=\"$({FORWARD} --list-rich-rules | grep -m1 10000-)\"; firewall-cmd --reload",
         "vonage/rtp-media", ""),
        (f"{FORWARD} --list-rich-rules | while read -r rule; do {FORWARD} --permanent --remove-rich-rule=\"$rule\"; done",
         "vonage/rtp-media", ""),
        (f"{FORWARD} --add-rich-rule='rule family=ipv4 destination address=192.0.2.0/24 port port=1 protocol=udp drop'", "", ""),
        (f"{FORWARD} --permanent --add-rich-rule='rule priority=-1 family=ipv4 destination address=216.147.0.0/18 drop'", "", ""),
        (f"{FORWARD} --add-port=9/udp", "policy/webrtc-forward", ""),
        (f"{FORWARD} --add-protocol=gre", "policy/webrtc-forward", ""),
        (f"{FORWARD} --add-source-port=9/udp", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --add-icmp-block=echo-request", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --add-masquerade", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --add-forward-port=port=9:proto=udp:toport=10:toaddr=192.0.2.1", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-short=x", "", ""),
        (f"{FORWARD} --permanent --set-target=DROP; firewall-cmd --reload", "policy/webrtc-forward", ""),
        # Behind firewalld's back, and with its knowledge.
        (f"truncate -s 0 {FILE}", "vonage/rtp-media", ""),
        (f"truncate -s 300 {FILE}", "vonage/rtp-media", ""),
        (f"sed 's/webrtc-forward/webrtc-other/' {FILE} >{FILE.replace('forward', 'other')}", "policy/webrtc-other", ""),
        (f"rm {FILE}", "vonage/rtp-media", ""),
        (f"rm {FILE}; firewall-cmd --reload", "vonage/rtp-media", ""),
        (f"sed -i 's/10000-50000/10000-50001/' {FILE}", "vonage/rtp-media", ""),
        (f"sed -i 's/10000-50000/10000-50001/' {FILE}; firewall-cmd --reload", "vonage/rtp-media", ""),
        *spoiled(POLICY),
    )  # fmt: skip

    blocking = (
        ("firewall-cmd --panic-on", "firewalld", True, (), "firewall-cmd --panic-off"),
        (
            "nft add table inet office; nft 'add chain inet office forward { type filter hook forward priority 5; policy drop; }'",
            "nft inet office forward",
            True,
            (),
            "nft delete table inet office",
        ),
        (
            "firewall-cmd --direct --add-rule ipv4 mangle FORWARD 0 -p udp --dport 3478 -j DROP",
            # What firewalld makes of it is a chain of its own.
            None,
            True,
            ("vonage/turn-udp",),
            "firewall-cmd --direct --remove-rule ipv4 mangle FORWARD 0 -p udp --dport 3478 -j DROP",
        ),
        (
            f"{MINE} --add-rich-rule='rule family=ipv4 port port=3478 protocol=udp drop'\n"
            "firewall-cmd --zone=drop --add-source=192.0.2.0/24\n"
            "firewall-cmd --permanent --new-policy=first; first='firewall-cmd --permanent --policy=first'\n"
            "$first --set-priority=-32700; $first --add-ingress-zone=ANY; $first --add-egress-zone=ANY; $first --set-target=DROP\n"
            "firewall-cmd --reload",
            "firewalld policy first",
            False,
            (),
            "firewall-cmd --permanent --delete-policy=first; firewall-cmd --reload",
        ),
    )

    def test_what_docker_libvirt_podman_and_fail2ban_have_put_there_stays_too(self, there):
        # A reload takes it away, with firewalld 0.9 and 1.x iptables as a whole; so it has to come back.
        there.sh(f"{FIREWALLD_ZONES}iptables-restore --noflush <<'END'\n{CHAINS}END\n")
        there.before = there.sh(self.live)
        for name in ("docker0", "virbr0", "virbr1", "LIBVIRT_FWO", "f2b-sshd", "10.88.0.0/16", "fd00:88::/64"):
            assert name in there.before
        assert there.apply(policy(), id="killed", seconds=60)["changes"]
        there.sh(EMPTIED)
        assert there.ask("revoke", id="killed") == {"changed": True}
        assert there.sh(self.live) == there.before
        assert there.apply(policy())["changes"]
        self.test_rules_of_others_stay_as_they_are_and_a_removal_leaves_nothing(there)

    def others(self, text):
        # Jumps of several interfaces that follow each other stand in any order.
        runs = groupby(super().others(text), lambda line: line.startswith("\t\tiifname "))
        return [line for jumps, lines in runs for line in (sorted(lines) if jumps else lines)]

    def start(self, machine):
        machine.sh(START)

    def stop(self, machine):
        machine.absent()
        machine.sh(CLEAN)


class TestWays:
    """From and to other backends, and what is refused."""

    @pytest.fixture(scope="class")
    def box(self, machines):
        with machines("bookworm-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as machine:
            yield machine

    def test_firewalld_takes_over_from_nftables_when_it_has_been_started(self, box):
        link = "/etc/systemd/system/multi-user.target.wants/firewalld.service"
        for enable, wakes in (
            ("true", False),
            ("systemctl enable firewalld", True),
            ("systemctl mask firewalld", False),
            ("systemctl unmask firewalld", True),
        ):
            box.sh(f"{enable} 2>/dev/null")
            told = box.apply(policy(), backend="auto")
            assert told["backend"] == "nftables"
            assert any(f"the next boot starts it ({link})" in text for text in told["warnings"]) == wakes, (enable, told)
        before = box.sh(f"nft -s list ruleset; {FILES}; find /etc/firewalld -ls")
        assert "installed and stopped" in box.apply(policy(), backend="firewalld")["error"]
        box.sh("mv /usr/sbin/firewalld /root/")
        told = box.apply(policy(), backend="firewalld")["error"]
        box.sh("mv /root/firewalld /usr/sbin/")
        assert "firewalld: got 'not installed'" in told and "apt install firewalld" in told and "stopped" not in told
        assert box.sh(f"nft -s list ruleset; {FILES}; find /etc/firewalld -ls") == before
        box.sh("systemctl disable firewalld 2>/dev/null")
        box.sh(START + FOREIGN)
        # What ruled before is still there, and firewalld is what rules now.
        told = box.apply(policy(), backend="auto", check=True)
        assert (told["backend"], told["changes"]["backend"]) == ("firewalld", ["nftables", "firewalld"])
        assert told["reason"] == f"firewalld runs (process {box.sh('pgrep -f [/]usr/sbin/firewalld').strip()})"
        assert box.apply(policy(), backend="auto")["changes"] == told["changes"]
        assert box.apply(policy(), backend="auto")["changes"] == {}
        assert "webrtc_firewall" not in box.sh("nft list ruleset")
        assert "ruleset.nft" not in box.sh("ls /etc/webrtc-firewall")

    def test_another_backend_beside_it_is_refused(self, box):
        for backend in ("nftables", "iptables"):
            told = box.apply(policy(), backend=backend)["error"]
            assert "firewalld runs (process " in told
            assert f"auto or firewalld instead of {backend}" in told

    def test_what_others_have_changed_at_runtime_alone_is_not_lost_by_a_reload(self, box):
        box.absent(backend="auto")
        before = box.sh(TestFirewalld.live)
        box.sh("firewall-cmd --zone=public --add-port=7/tcp; firewall-cmd --zone=home --add-source=192.0.2.0/24")
        changed = box.sh(TestFirewalld.live)
        told = box.apply(policy(), backend="auto")["error"]
        assert "zone home, zone public" in told
        assert "--runtime-to-permanent" in told
        assert box.sh(TestFirewalld.live) == changed
        box.sh("firewall-cmd --reload")
        assert box.sh(TestFirewalld.live) == before

    def test_what_others_have_only_stored_or_taken_away_is_not_put_in_force_by_a_reload(self, box):
        box.sh(f"echo '{SERVICE.format(7)}' >/etc/firewalld/services/intern.xml; sleep 0.5")
        box.sh(f"{STAGED} --new-zone=office; firewall-cmd --reload")
        box.sh("rm -rf /tmp/etc; cp -a /etc/firewalld /tmp/etc")
        before = box.sh(TestFirewalld.live)
        for group in APART:
            # firewalld sees at once what it is told.
            box.sh("; ".join(change for change, _name in group))
            changed = box.sh(TestFirewalld.live)
            error = box.apply(policy(), backend="auto").get("error", "")
            # The message is cut where there is this much.
            assert f"got '{min(name for _change, name in group)}" in error and "permanent and runtime to be the same" in error, error
            assert json.loads(box.python(SEEN_APART)) == sorted(name for _change, name in group)
            assert box.sh(TestFirewalld.live) == changed
            box.sh("rm -rf /etc/firewalld; cp -a /tmp/etc /etc/firewalld; sleep 1; firewall-cmd --reload")
            # What iptables has made for direct rules stays behind, empty.
            box.sh("for table in filter mangle; do nft delete table ip $table 2>/dev/null; done; true")
            assert box.sh(TestFirewalld.live) == before

    def test_a_change_of_ports_needs_no_reload(self, box):
        box.apply(policy(), backend="auto")
        box.sh("firewall-cmd --zone=public --add-port=7/tcp")
        services = [{"name": "vonage", "overrides": {"rtp-media": {"ports": ["10000-49999"]}}}]
        told = box.apply(policy(services), backend="auto")["changes"]["vonage/rtp-media"]
        assert told == [f"udp 10000-{last} to 168.100.64.0/18, 216.147.0.0/18" for last in (50000, 49999)]
        assert box.apply(policy(services), backend="auto")["changes"] == {}
        # A reload would have taken it away.
        assert "7/tcp" in box.sh("firewall-cmd --zone=public --list-ports; firewall-cmd --zone=public --remove-port=7/tcp")

    def test_a_zone_that_holds_more_is_refused(self, box):
        told = box.apply(policy(out_interfaces=["lan0"]), backend="auto")["error"]
        assert "webrtc_egress_out_interfaces[0]: got 'lan0 in zone internal beside lan0x'" in told

    def test_its_files_go_when_another_backend_takes_over_after_it_was_stopped_or_taken_away(self, box):
        box.apply(policy(), backend="auto")
        box.sh("pkill -f '[/]usr/sbin/firewalld'; sleep 2; nft flush ruleset")
        told = box.apply(policy(), backend="auto", check=True)
        assert (told["backend"], told["changes"]["backend"]) == ("nftables", ["firewalld", "nftables"])
        # With its package its files would stay for ever, and come back to life with it.
        box.sh("dpkg --remove --force-depends firewalld >/dev/null 2>&1")
        assert box.sh("find /etc/firewalld -name 'webrtc*'")
        asked = box.apply(policy(), backend="firewalld")["error"]
        assert "firewalld: got 'not installed'" in asked and "apt install firewalld" in asked
        assert box.apply(policy(), backend="auto")["changes"] == told["changes"]
        assert box.apply(policy(), backend="auto")["changes"] == {}
        assert box.sh("find /etc/firewalld -name 'webrtc*'") == ""
        box.absent(backend="auto")
        assert "webrtc" not in box.sh("nft list ruleset; find /etc -name '*webrtc*'")


def test_through_iptables_its_own_chains_are_not_taken_for_those_of_others(machines, suite):
    direct = "ipv4 filter FORWARD 0 -p udp --dport 3478 -j DROP"
    with machines(f"{suite}-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as machine:
        machine.backend = "firewalld"
        machine.sh("sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' /etc/firewalld/firewalld.conf")
        machine.sh(START + FOREIGN)
        for placement in ("gateway", "host"):
            assert machine.apply(policy(placement=placement, out_interfaces=["wan0", "wan0x"])).get("changes")
            assert machine.drift()["clean"], machine.drift()["summary"]
        machine.apply(policy(out_interfaces=["wan0", "wan0x"]))
        machine.sh(f"firewall-cmd --direct --add-rule {direct}")
        (found,) = machine.drift()["blocked"]
        assert (found["flows"], found["sure"], "FORWARD_direct" in found["where"]) == (["vonage/turn-udp"], True, True)
        machine.sh(f"firewall-cmd --direct --remove-rule {direct}; iptables-restore --noflush <<'END'\n{CHAINS}END\n")
        before = machine.sh("iptables-save | grep -v '^#'")
        told = machine.apply(policy(placement="host"))["error"]
        assert "chains of others: DOCKER, DOCKER-USER, LIBVIRT_FWO, f2b-sshd" in told and "FirewallBackend=nftables" in told
        assert machine.sh("iptables-save | grep -v '^#'") == before
