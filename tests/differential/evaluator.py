# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must become of a packet, from the meaning of a policy alone: nothing here has been taken from a renderer."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Iterable, Mapping

from packets import Packet

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Flow, Frame, Policy

# What addresses DNS answers have taught each flow.
Taught = Mapping[str, Iterable[str]]
# What conntrack takes for the beginning of something: its own tables say so for each protocol; a TCP packet in mid-stream is picked up.
BEGINNINGS = {"tcp": {"syn", "ack"}, "udp": {""}, "icmp": {"8", "13", "15", "17", "128", "139"}}
DENY_LEAVES_OPEN = {"8", "128"}


def expected(policy: Policy, packet: Packet, taught: Taught, others_drop: bool) -> str:
    """The verdict: pass, reject or drop.

    Args:
        policy: what is in force.
        packet: the first of its connection.
        taught: the addresses that DNS answers have taught.
        others_drop: whether another firewall on the machine drops what nobody has permitted.
    """
    frame, ours, begins = policy.frame, concerns(policy.frame, packet), packet.kind != "ack"
    outward = not packet.enter or not frame.uplinks or packet.leave in frame.uplinks
    if ours and outward and any(opens(flow, frame, packet, taught) for flow in policy.flows):
        return "pass"
    if ours and outward and begins and frame.other_resolvers == "reject" and asks_another(frame, packet):
        return "reject"
    if ours and begins and frame.baseline == "deny_egress" and not essential(frame, packet):
        return "drop"
    return "drop" if others_drop else "pass"


def concerns(frame: Frame, packet: Packet) -> bool:
    """Whether the packet begins something that is the policy's business."""
    begins = packet.kind in BEGINNINGS.get(packet.protocol, {packet.kind})
    hook = frame.placement in (("gateway", "both") if packet.enter else ("host", "both"))
    out = packet.leave != "lo" and (not frame.out_interfaces or packet.leave in frame.out_interfaces)
    sources = (*frame.sources_ipv4, *frame.sources_ipv6)
    inside = not frame.in_interfaces or packet.enter in frame.in_interfaces
    return begins and hook and out and (not packet.enter or (inside and (not sources or within(packet.source, sources))))


def opens(flow: Flow, frame: Frame, packet: Packet, taught: Taught) -> bool:
    """Whether a flow lets the packet through."""
    there = (*flow.destination.ipv4, *flow.destination.ipv6, *taught.get(flow.id, ()))
    port = any(first <= packet.dport <= last for first, last in flow.ports)
    target = flow.destination.any or within(packet.target, there)
    return flow.protocol == packet.protocol and port and f"ipv{packet.version}" in frame.families and target


def asks_another(frame: Frame, packet: Packet) -> bool:
    """Whether the packet is DNS, plain or over TLS or QUIC, for anyone but the site's resolvers."""
    dns = packet.protocol in ("tcp", "udp") and packet.dport in (53, 853)
    return dns and not within(packet.target, (*frame.resolvers_ipv4, *frame.resolvers_ipv6))


def essential(frame: Frame, packet: Packet) -> bool:
    """Whether the deny baseline leaves it open: DNS and NTP of those inside, the machine's own DHCP, and ICMP."""
    resolvers = (*frame.resolvers_ipv4, *frame.resolvers_ipv6)
    if packet.protocol == "icmp":
        return packet.kind in DENY_LEAVES_OPEN
    if packet.protocol == "udp" and (packet.sport, packet.dport) in ((68, 67), (546, 547)) and not packet.enter:
        return True
    if packet.enter and packet.enter in frame.uplinks:
        return False
    if packet.dport == 53 and packet.protocol in ("tcp", "udp"):
        return not resolvers or within(packet.target, resolvers)
    return packet.dport == 123 and packet.protocol == "udp"


def within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address lies in one of some networks."""
    return any(ip_address(address) in ip_network(network) for network in networks)
