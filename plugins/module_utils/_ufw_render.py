# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From a policy to ufw rules that say the same, in the order in which they must decide: the first that matches does.

ufw knows no sets and no negation. So a flow is a rule for each of its networks, in each scope, and what is out of scope is met by no
rule at all. What the deny baseline leaves open is accepted before the rule that denies the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from ipaddress import ip_network
from itertools import product
from typing import Iterable, Iterator, NamedTuple

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import Network, text
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_render import breadth
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import ANYWHERE, Rule, canonical

HOOKS = {"gateway": ("forward",), "host": ("output",), "both": ("forward", "output")}
# More than a machine should walk for each new connection, and than a person can read in `ufw status`.
MOST_RULES = 2000
# What ufw counts in a list of ports: a range counts for two.
_PORTS = 15
# What ufw can read back: it takes ! for the border between two names, and a name must begin with a letter, a digit or _.
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}")
_DNS, _DNS_ALL, _UNASKED = "53", "53,853", {"udp": "53,123", "tcp": "53"}
_DHCP = (("68", "67"), ("546", "547"))


class Scope(NamedTuple):
    """Which packets are our business; an empty text stands for any."""

    source: str = ""
    inward: str = ""
    outward: str = ""


def render(policy: Policy) -> dict[str, tuple[Rule, ...]]:
    """All rules for a policy, by family.

    Args:
        policy: the policy; host names in it are expected to be resolved already, what is still a name is left out.

    Returns:
        The rules in order; equal policies give equal rules.
    """
    return {family: tuple(rule for hook in HOOKS[policy.frame.placement] for rule in _rules(policy, family, hook)) for family in FAMILIES}


def _rules(policy: Policy, family: str, hook: str) -> Iterator[Rule]:
    frame = policy.frame
    # A flow to every address must not be taken for a way in, and a name server inside not for another resolver.
    outs = frame.uplinks if hook == "forward" and frame.uplinks else frame.out_interfaces
    maker = _Maker(family, hook == "forward", _scopes(frame, family, hook, outs), _scopes(frame, family, hook, frame.out_interfaces))
    if family in frame.families:
        for flow in sorted(policy.flows, key=breadth):
            yield from maker.flow(flow)
    if frame.baseline == "deny_egress":
        yield from maker.refusal(frame)
    elif frame.other_resolvers == "reject":
        servers = _resolvers(frame, family)
        yield from maker.other_resolvers(outside(servers, family) if servers else ("",))


def _scopes(frame: Frame, family: str, hook: str, outs: tuple[str, ...]) -> list[Scope]:
    """The alternatives of which one must match for a packet to be our business; none if none can."""
    if hook == "output":
        return [Scope(outward=out) for out in outs or ("",)]
    sources = tuple(map(canonical, getattr(frame, f"sources_{family}")))
    if (frame.sources_ipv4 or frame.sources_ipv6) and not sources:
        return []
    return [Scope(*parts) for parts in product(sources or ("",), frame.in_interfaces or ("",), outs or ("",))]


def _resolvers(frame: Frame, family: str) -> tuple[str, ...]:
    return tuple(map(canonical, getattr(frame, f"resolvers_{family}")))


class _Maker:
    """Makes the rules of one family and hook.

    Args:
        family: ipv4 or ipv6.
        forward: whether they are route rules.
        outward: the scopes in which flows are opened and other resolvers refused.
        all_ways: the scopes of the deny baseline.
    """

    def __init__(self, family: str, forward: bool, outward: list[Scope], all_ways: list[Scope]) -> None:
        self.family = family
        self.forward = forward
        self.outward = outward
        self.all_ways = all_ways

    def rules(
        self, name: str, action: str, scopes: list[Scope], protocol: str = "any", ports: str = "any", to: Iterable[str] = ("",)
    ) -> Iterator[Rule]:
        for address, scope in product(to, scopes):
            yield Rule(
                name,
                self.family,
                action,
                self.forward,
                protocol,
                ports,
                address,
                source=scope.source,
                inward=scope.inward,
                outward=scope.outward,
            )

    def flow(self, flow: Flow) -> Iterator[Rule]:
        there = flow.destination
        to = ("",) if there.any else tuple(map(canonical, getattr(there, self.family)))
        for ports in port_lists(flow.ports):
            yield from self.rules(flow.id, "allow", self.outward, flow.protocol, ports, to)

    def other_resolvers(self, to: Iterable[str]) -> Iterator[Rule]:
        """Refuses DNS, over TLS and QUIC as well, to these networks."""
        where = tuple(to)
        for protocol in ("udp", "tcp"):
            yield from self.rules("frame/other-resolvers", "reject", self.outward, protocol, _DNS_ALL, where)

    def refusal(self, frame: Frame) -> Iterator[Rule]:
        """What the deny baseline leaves open, then the denial of the rest."""
        deny = "deny_log" if frame.log.enabled else "deny"
        servers, named = _resolvers(frame, self.family), bool(frame.resolvers_ipv4 or frame.resolvers_ipv6)
        if frame.other_resolvers == "reject":
            if named:
                # What the named ones may be asked is decided first, so that the refusal need not spell out all others.
                yield from self.unasked(frame, deny, servers)
                yield from self.dns(servers)
                for protocol in ("udp", "tcp"):
                    yield from self.rules("frame/deny", deny, self.outward, protocol, "853", servers)
            yield from self.other_resolvers(("",))
            yield from self.unasked(frame, deny, ("",))
            yield from self.dns(() if named else ("",))
        else:
            yield from self.unasked(frame, deny, ("",))
            yield from self.dns(servers if named else ("",))
        yield from self.rules("frame/ntp", "allow", self.all_ways, "udp", "123")
        if not self.forward:
            for (client, server), scope in product(_DHCP, self.all_ways):
                yield Rule("frame/dhcp", self.family, "allow", False, "udp", server, origin=client, outward=scope.outward)
        yield from self.rules("frame/deny", deny, self.all_ways)

    def unasked(self, frame: Frame, deny: str, to: Iterable[str]) -> Iterator[Rule]:
        """What the deny baseline leaves open is for those inside."""
        where = tuple(to)
        for protocol, ports in _UNASKED.items() if self.forward else ():
            yield from self.rules("frame/unasked", deny, [Scope(inward=name) for name in frame.uplinks], protocol, ports, where)

    def dns(self, to: Iterable[str]) -> Iterator[Rule]:
        where = tuple(to)
        for protocol in ("udp", "tcp"):
            yield from self.rules("frame/dns", "allow", self.all_ways, protocol, _DNS, where)


def port_lists(ranges: Iterable[tuple[int, int]]) -> Iterator[str]:
    """Ports as ufw writes them, each list no longer than one rule can hold."""
    piece: list[str] = []
    for first, last in ranges:
        item = str(first) if first == last else f"{first}:{last}"
        if sum(1 + (":" in other) for other in (*piece, item)) > _PORTS:
            yield ",".join(piece)
            piece = []
        piece.append(item)
    if piece:
        yield ",".join(piece)


def outside(networks: Iterable[str], family: str) -> tuple[str, ...]:
    """The fewest networks that hold all addresses but those of the networks given."""
    rest: list[Network] = [ip_network(ANYWHERE[family])]
    for item in networks:
        inner = ip_network(item or ANYWHERE[family])
        rest = [piece for network in rest for piece in _without(network, inner)]
    return tuple(canonical(text(network)) for network in sorted(rest))


def _without(network: Network, inner: Network) -> list[Network]:
    if inner.supernet_of(network):  # type: ignore[arg-type]
        return []
    if not inner.subnet_of(network):  # type: ignore[arg-type]
        return [network]
    return list(network.address_exclude(inner))  # type: ignore[arg-type]


def unsupported(policy: Policy) -> list[Problem]:
    """What ufw can never express of a policy, by the id of the flow or the name of the option."""
    frame = policy.frame
    remedy = "Set webrtc_egress_wildcards to hostnames or any, or let webrtc_egress_backend be nftables or iptables."
    found = [
        Problem(flow.id, "addresses learned from DNS", "networks, host names, or every address with ufw", remedy)
        for flow in policy.flows if flow.destination.learned
    ]  # fmt: skip
    remedy = "Rename it, or leave it out and name the sources instead."
    found += [
        Problem(f"webrtc_egress_{key}", name, "an interface name that ufw can read: letters, digits, _ . @ and -", remedy)
        for key, names in (("in_interfaces", frame.in_interfaces), ("out_interfaces", (*frame.out_interfaces, *frame.uplinks)))
        for name in names if not _INTERFACE.fullmatch(name)
    ]  # fmt: skip
    return found + too_many(policy)


def too_many(policy: Policy) -> list[Problem]:
    """What takes more rules than ufw should hold, the largest first, until the rest would fit."""
    counts = Counter(rule.id for rules in render(policy).values() for rule in rules)
    found, left = [], sum(counts.values())
    for name, count in counts.most_common():
        if left <= MOST_RULES:
            break
        left -= count
        path = "webrtc_egress_other_resolvers" if name == "frame/other-resolvers" else name
        path = "webrtc_egress_sources" if path.startswith("frame/") else path
        remedy = "Name fewer networks, sources or interfaces, or let webrtc_egress_backend be nftables or iptables, which have sets."
        found.append(Problem(path, f"{count} ufw rules", f"at most {MOST_RULES} in all", remedy))
    return found
