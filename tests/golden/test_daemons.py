# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker, libvirt and fail2ban themselves, running on the gateway: what they have put there stays, and ours stays when they start anew."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from test_firewalld_boot import LINKS
from test_live import FIREWALLD, IPTABLES, Call, gateways, wanted
from test_migration import LIVE, Traffic, others

# dockerd and libvirtd mount and write below /proc/sys.
OPTIONS = ("--systemd=always", "--security-opt", "unmask=/proc/sys", "--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN")
MANAGERS = {
    "nftables": "true",
    "iptables": IPTABLES.format("nft"),
    # dbus is systemd's here.
    "firewalld": FIREWALLD[FIREWALLD.index("cd /etc") : FIREWALLD.index("firewalld --nofork")] + "systemctl start firewalld",
    "ufw": "ufw --force enable",
}
# dockerd drops what it does not know only where it has turned forwarding on itself.
NO_FORWARDING = "sysctl -qw net.ipv4.ip_forward=0"
DAEMONS = """
systemctl start docker libvirtd
docker network create --ipv6 --subnet 172.30.0.0/24 --subnet fd00:30::/64 office
virsh net-start default
printf '[sshd]\\nbackend = systemd\\n' >/etc/fail2ban/jail.d/lab.conf
systemctl start fail2ban
for try in $(seq 100); do fail2ban-client status sshd >/dev/null 2>&1 && break; sleep 0.1; done
fail2ban-client set sshd banip 192.0.2.7
"""
AGAIN = {
    "docker": "systemctl restart docker",
    "libvirt": "virsh net-destroy default; virsh net-start default; systemctl restart libvirtd",
    "fail2ban": "fail2ban-client reload",
}


def assert_settled(box, before):
    """All of others is as it was. Docker and libvirt write their rules anew when firewalld has reloaded, which takes them a moment."""
    for _try in range(100):
        if others(box.sh(LIVE)) == before:
            return
        time.sleep(0.2)
    assert others(box.sh(LIVE)) == before


# What they leave there; fail2ban of trixie has a table of its own in nftables.
SIGNS = {
    "bookworm": ("-A FORWARD -j DOCKER-USER", "-A LIBVIRT_FWO", "-A f2b-sshd -s 192.0.2.7"),
    "trixie": ("-A FORWARD -j DOCKER-USER", "-A LIBVIRT_FWO", "\t\telements = { 192.0.2.7 }"),
}


def missing(lines, release):
    """Whose signs are not there."""
    return [sign for sign in SIGNS[release] if not any(line.startswith(sign) for line in lines)]


# Both releases' daemons meet what differs between them; all pairs would take minutes and show nothing more.
RUNNING = (
    ("bookworm", "nftables"),
    ("bookworm", "ufw"),
    ("trixie", "nftables"),
    *((release, backend) for release in SIGNS for backend in ("iptables", "firewalld")),
)
BOOTING = (("bookworm", "iptables"), ("trixie", "nftables"), ("trixie", "iptables"), ("trixie", "firewalld"), ("trixie", "ufw"))


@contextmanager
def gateway(machines, release, backend, admin="true"):
    """A gateway with the daemons, and its traffic; `admin` is what somebody has done before they were started."""
    with gateways(machines, f"{release}-others", *OPTIONS) as (box, client):
        box.backend = backend
        for script in (MANAGERS[backend], admin, DAEMONS):
            box.sh(script)
        yield box, Traffic(Call(box, client))


@pytest.mark.parametrize(("release", "backend"), RUNNING)
def test_daemons_and_ours_leave_each_other_alone(machines, release, backend):
    # What drops in iptables is final for firewalld, see below.
    with gateway(machines, release, backend, "true" if backend == "firewalld" else NO_FORWARDING) as (box, traffic):
        before = others(box.sh(LIVE))
        assert not missing(before, release), before
        told = box.apply(wanted("vonage"))
        assert told["changes"] and not told["warnings"]
        assert_settled(box, before)
        # Nothing of theirs is told as a blocker either.
        told = box.drift()
        assert (told["drift"], told["blocked"]) == ([], [])
        with traffic.fresh():
            assert box.apply(wanted("vonage"))["changes"] == {}
        for name, again in AGAIN.items():
            box.sh(again)
            with traffic.fresh():
                assert box.apply(wanted("vonage"))["changes"] == {}, name
        assert_settled(box, before)
        assert box.absent().get("changes")
        assert_settled(box, before)


def test_a_chain_of_dockers_that_firewalld_cannot_come_before_is_told(machines):
    with gateway(machines, "bookworm", "firewalld", NO_FORWARDING) as (box, traffic):
        told = box.apply(wanted("vonage"))
        assert told["changes"]
        (warning,) = told["warnings"]
        assert "vonage/rtp-media, vonage/signaling" in warning
        assert "may be blocked by iptables-nft ip filter FORWARD: policy drop" in warning
        with pytest.raises(AssertionError, match=r"'lost': \[0, 1"), traffic.fresh():
            time.sleep(1)
        # As the warning says: they pass before it.
        box.sh("iptables -I DOCKER-USER -i lan0 -o wan0 -j ACCEPT; iptables -I DOCKER-USER -i wan0 -o lan0 -j ACCEPT")
        with traffic.fresh():
            time.sleep(1)


@pytest.mark.parametrize(("release", "backend"), BOOTING)
def test_all_of_it_is_there_after_a_boot(machines, release, backend):
    with machines(f"{release}-others", *OPTIONS) as box:
        box.backend = backend
        for script in (LINKS, MANAGERS[backend], NO_FORWARDING, DAEMONS, "virsh net-autostart default"):
            box.sh(script)
        box.sh(f"systemctl enable docker libvirtd fail2ban {'' if backend in ('nftables', 'iptables') else backend}")
        assert box.apply(wanted("vonage")).get("changes")
        box.reboot()
        box.sh(LINKS)
        # libvirtd starts its networks behind the boot.
        for _try in range(100):
            there = others(box.sh(LIVE))
            if not missing(there, release):
                break
            time.sleep(0.2)
        assert not missing(there, release), there
        told = box.drift()
        assert told["drift"] == []
        # Docker drops what is forwarded if nobody has turned forwarding on before it, which is left to chance here.
        assert backend == "firewalld" or not told["blocked"]
