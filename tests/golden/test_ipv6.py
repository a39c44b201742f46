# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 switched off, in the kernel or in the firewall alone: every backend refuses the same flows, or none."""

from __future__ import annotations

import pytest
from contract import PRESENT, policy
from subject import KINDS, subjects

OFF = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=1", "--sysctl", "net.ipv6.conf.default.disable_ipv6=1")
# podman hides the directory, as a kernel with ipv6.disable=1 has none; all else of the kernel is as it is.
NONE = ("--security-opt", "mask=/proc/sys/net/ipv6/conf")
# Beside flows to anywhere, and to IPv4 networks alone, one to IPv6 networks alone.
SIX = [{"service": "six", "requirements": [{"id": "turn", "destinations": ["2001:db8::/48"], "protocol": "udp", "ports": [3478]}]}]
MAY = {"six/turn", "vonage/signaling"}
# What makes the firewall leave IPv6 alone; the backends without a manager always rule what the kernel has.
LEAVE = {
    "ufw": "sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw; ufw reload",
    "firewalld": "pkill -f '[/]usr/sbin/firewalld'; sleep 1; mv /usr/sbin/ip6tables-restore /usr/sbin/ip6tables /root\n"
    "sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' /etc/firewalld/firewalld.conf; firewalld --nofork --nopid >/dev/null 2>&1 &\n"
    "for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.2; done",
}


def wanted():
    return policy(["vonage", "six"], custom_services=SIX)


@pytest.mark.parametrize("name", KINDS)
def test_where_no_ipv6_packet_can_pass_nothing_is_lost_and_nothing_refused(machines, name):
    with subjects(machines, name, *OFF) as there:
        before = there.whole()
        if name in LEAVE:
            there.box.sh(LEAVE[name])
        told = there.box.apply(wanted())
        assert "vonage/signaling" in told.get("changes", {}), told
        assert there.box.apply(wanted())["changes"] == {}
        if name not in LEAVE:
            there.box.absent()
            assert there.whole() == before


def test_what_a_firewall_without_ipv6_would_lose_is_refused_by_id(machines):
    """The same for ufw is in test_ufw_machine.py."""
    with subjects(machines, "firewalld") as there:
        there.box.sh(LEAVE["firewalld"])
        before = there.box.sh(f"{there.kind.live}; {PRESENT}")
        told = there.box.apply(wanted())["error"]
        ids = {line.split(": got")[0].split()[-1] for line in told.splitlines() if ": got 'IPv6" in line}
        assert ids == MAY, told
        assert there.box.sh(f"{there.kind.live}; {PRESENT}") == before
        assert there.box.apply(policy(families=["ipv4"]), check=True).get("changes")


@pytest.mark.parametrize("name", ["iptables-nft", "iptables-legacy"])
def test_a_kernel_without_ipv6_has_the_rest(machines, name):
    with subjects(machines, name, *NONE) as there:
        assert "vonage/signaling" in there.box.apply(wanted()).get("changes", {})
        assert there.box.apply(wanted())["changes"] == {}
        assert "vonage/" not in there.box.sh("ip6tables-nft-save; ip6tables-legacy-save")
