# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets aimed at the edges of a policy: of its networks, ports, sources, resolvers and interfaces."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from random import Random
from typing import Iterable, Mapping

from packets import Packet
from strategies import BASES, BITS
from wires import DEVICES, OWN, ROUTES

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

ROUTED = [(ip_network(network), device) for network, device in (route.split() for route in ROUTES) if network != "default"]
# DNS, DNS over TLS, NTP, and their neighbours; DHCP's servers; the web.
PORTS = (53, 53, 53, 853, 853, 123, 123, 52, 54, 122, 124, 852, 854, 67, 547, 443)
DHCP = {4: (68, 67), 6: (546, 547)}
# Which types conntrack takes for a beginning, and one that is an answer to nothing.
ICMP = {4: ("8", "8", "13", "0"), 6: ("128", "128", "139", "129")}
TCP = ("syn", "syn", "syn", "syn", "ack", "synack", "finack", "rst")
# What no router forwards, and what the control packets have for themselves.
_NEVER = [ip_network(text) for text in ("0.0.0.0/8", "10.8.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "fd00:8::/32")]
# The routers of a network in IPv6: to them the kernel sends no errors, and so no refusals.
_ANYCAST = {str(network[0]) for network, _device in ROUTED if network.version == 6}
_UNICAST = [ip_network(text) for text in ("0.0.0.0/0", "2000::/3", "fd00::/16")]


def aimed(policy: Policy, taught: Mapping[str, Iterable[str]], seed: int, count: int) -> list[Packet]:
    """Some packets for a policy; the same seed gives the same packets."""
    aim = _Aim(policy, taught, Random(seed))
    return [aim.packet() for _number in range(count)]


class _Aim:
    """Chooses; all that is chosen from is one step inside or outside of what the policy names."""

    def __init__(self, policy: Policy, taught: Mapping[str, Iterable[str]], random: Random) -> None:
        frame = policy.frame
        self.random, self.policy = random, policy
        self.hooks = {"gateway": (1, 1, 1, 0), "host": (0, 0, 0, 1), "both": (0, 1)}[frame.placement]
        self.sources = {version: _edges((*frame.sources_ipv4, *frame.sources_ipv6), version) for version in (4, 6)}
        self.resolvers = {version: _edges((*frame.resolvers_ipv4, *frame.resolvers_ipv6), version) for version in (4, 6)}
        self.targets = {
            (flow.id, version): _edges((*flow.destination.ipv4, *flow.destination.ipv6, *taught.get(flow.id, ())), version)
            for flow in policy.flows
            for version in (4, 6)
        }

    def packet(self) -> Packet:
        """Any packet."""
        version = self.random.choice((4, 6))
        enter = self.random.choice(DEVICES) if self.random.choice(self.hooks) else ""
        while True:
            chosen = self._flow if self.policy.flows and self.random.random() < 0.65 else self._other
            target, protocol, dport = chosen(version, not enter)
            source = self._source(version, enter)
            if source not in (target, *_ANYCAST) and usable(target) and usable(source):
                break
        kind, sport = "", 0
        if protocol == "tcp":
            kind = self.random.choice(TCP)
        elif protocol == "icmp":
            kind, dport = self.random.choice(ICMP[version]), 0
        elif protocol == "dhcp":
            protocol, (sport, dport) = "udp", DHCP[version]
        elif protocol == "99":
            dport = 0
        return Packet(enter, leaving(target), source, target, protocol, kind, sport, dport)

    def _flow(self, version: int, own: bool) -> tuple[str, str, int]:
        flow = self.random.choice(self.policy.flows)
        edges = [port for first, last in flow.ports for port in (first - 1, first, last, last + 1) if 0 < port < 65536]
        port = self.random.choice(edges) if self.random.random() < 0.8 else self.random.randint(*self.random.choice(flow.ports))
        protocol = flow.protocol if self.random.random() < 0.9 else self.random.choice(("tcp", "udp"))
        near = self.targets[flow.id, version]
        return self._one(near, 0.9) or self._anywhere(version, own), protocol, port

    def _other(self, version: int, own: bool) -> tuple[str, str, int]:
        protocol, port = self.random.choice(("tcp", "tcp", "udp", "udp", "udp", "icmp", "dhcp", "99")), self.random.choice(PORTS)
        if self.policy.frame.other_resolvers == "reject" and self.random.random() < 0.5:
            protocol, port = self.random.choice(("tcp", "udp")), self.random.choice((53, 853))
        return self._one(self.resolvers[version], 0.7) or self._anywhere(version, own), protocol, port

    def _source(self, version: int, enter: str) -> str:
        if not enter:
            return OWN[version].format(self.random.randint(1, 200))
        return self._one(self.sources[version], 0.8) or self._anywhere(version)

    def _one(self, near: list[str], share: float) -> str:
        """One of them in a share of all cases, otherwise none."""
        return self.random.choice(near) if near and self.random.random() < share else ""

    def _anywhere(self, version: int, own: bool = False) -> str:
        kind = self.random.randrange(8)
        if kind == 0 and own:
            return OWN[version].format(self.random.randint(201, 250))
        if kind <= 1:
            return self.random.choice({4: ("10.1.0.7", "10.1.1.7", "203.0.112.7"), 6: ("fd00:1::7", "fd00:1:0:1::7", "2a00::7")}[version])
        width = {4: 32, 6: 128}[version]
        return str(ip_network((BASES[width] + self.random.randrange(1 << BITS), width))[0])


def _edges(networks: Iterable[str], version: int) -> list[str]:
    """The first and the last address of each network of one version, and their neighbours outside."""
    found = []
    for network in map(ip_network, networks):
        if network.version == version:
            first, last = int(network[0]), int(network[-1])
            within = (first - 1, first, last, last + 1)
            found += [str(type(network[0])(number)) for number in within if 0 <= number < 1 << network.max_prefixlen]
    return [address for address in found if usable(address)]


def usable(address: str) -> bool:
    """Whether a router may forward to this address and from it."""
    found = ip_address(address)
    return any(found in network for network in _UNICAST) and not any(found in network for network in _NEVER)


def leaving(target: str) -> str:
    """By which device the route to an address goes out."""
    address = ip_address(target)
    if target.startswith(("10.9.0.", "fd00:9:")):
        return "lo"
    return next((device for network, device in ROUTED if address in network), "wan0")
