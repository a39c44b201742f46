# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections rather than packets: what comes in unasked, and what goes on when the policy changes beneath it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import Case
from kinds import KINDS
from packets import Packet

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

INSIDE, OUTSIDE = {4: "198.18.12.9", 6: "2001:2::c09"}, {4: "198.18.0.9", 6: "2001:2::9"}
OWN = {4: "10.9.0.77", 6: "fd00:9::77"}
OUT = ("wan0", "wan1")
WEB = Flow("site/web", "tcp", ((443, 443),), Destination(any=True))
MEDIA = Flow("site/media", "udp", ((3478, 3479),), Destination(any=True))
VERSIONS = (4, 6)


def policy(*flows, **frame):
    return Policy(Frame(**{"placement": "both", "out_interfaces": OUT, **frame}), {"site": flows})


def forwarded(version, protocol="tcp", kind="syn", sport=0, dport=443):
    return Packet("lan0", "wan0", INSIDE[version], OUTSIDE[version], protocol, kind, sport, dport)


def own(version, protocol="tcp", kind="syn", sport=0, dport=443):
    return Packet("", "wan0", OWN[version], OUTSIDE[version], protocol, kind, sport, dport)


@pytest.fixture(scope="module", params=KINDS)
def machine(request, start):
    return start(request.param, "bookworm")


def put(machine, wanted, others):
    """Put a policy in force with no connections there, beside somebody else's firewall of one mode, or of the first that drops."""
    modes = [mode for mode in machine.kind.others if mode != "none"]
    machine.begin(Case(wanted, wanted, {}, others if others in modes else modes[1]), [])
    assert machine.verdicts() == []


def blocked(verdict):
    return verdict == "drop" or verdict.startswith("reject")


@pytest.mark.parametrize("others", ["drop", "known"])
@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_comes_in_unasked(machine, version, others):
    put(machine, policy(WEB, MEDIA, out_interfaces=(), uplinks=OUT), others)
    asked = [forwarded(version), forwarded(version, "udp", "", dport=3478), own(version), own(version, "udp", "", dport=3479)]
    assert machine.send(*asked) == ["pass wan0"] * 4
    tcp, udp = forwarded(version).reversed(), forwarded(version, "udp", "", dport=3478).reversed()
    unasked = [replace(way, sport=0, dport=port) for way in (tcp, udp) for port in (443, 3478, 9)]
    answers = [replace(tcp, kind=kind, dport=40000 + number) for number, kind in enumerate(("synack", "ack", "rst", "finack"))]
    assert [verdict for verdict in machine.send(*unasked, *answers, replace(udp, dport=40000)) if not blocked(verdict)] == []


@pytest.mark.parametrize("maker", [forwarded, own])
@pytest.mark.parametrize("version", VERSIONS)
def test_connections_go_on_when_their_flow_goes(machine, version, maker):
    """Under a policy that denies all, and under none, beside a firewall that lets known connections pass."""
    put(machine, policy(WEB, MEDIA), "known")
    begun = [maker(version, sport=5000), maker(version, "udp", "", sport=5001, dport=3478)]
    later = [maker(version, kind="ack", sport=5000), begun[1]]
    assert machine.send(*begun) == ["pass wan0"] * 2
    for then in (policy(baseline="deny_egress"), policy(baseline="deny_egress", other_resolvers="reject"), None, policy(MEDIA)):
        machine.load(then)
        assert machine.send(*later, known=True) == ["pass wan0"] * 2, then
        if then and then.frame.baseline == "deny_egress":
            assert all(map(blocked, machine.send(maker(version), maker(version, "udp", "", dport=3478))))


@pytest.mark.parametrize("version", VERSIONS)
def test_connections_go_on_by_their_mark_alone(machine, version):
    """Beside a firewall that drops even what is known."""
    if not machine.kind.fresh:
        pytest.skip("managers let known connections pass")
    put(machine, policy(WEB, MEDIA), "drop")
    assert machine.send(forwarded(version, sport=5002)) == ["pass wan0"]
    assert machine.load(policy(MEDIA))["changes"]
    assert machine.send(forwarded(version, kind="ack", sport=5002), known=True) == ["pass wan0"]
    assert machine.send(forwarded(version)) == ["drop"]


def test_a_lost_packet_is_not_taken_for_a_dropped_one(start):
    """The control packets are lost as well then, and so nothing is said."""
    machine = start("nftables", "bookworm")
    put(machine, policy(WEB), "drop")
    closed = forwarded(4, dport=444)
    assert machine.send(closed) == ["drop"]
    machine.sh("ip route replace blackhole 10.8.0.3")
    assert machine.send(closed, forwarded(4)) == ["lost", "pass wan0"]
