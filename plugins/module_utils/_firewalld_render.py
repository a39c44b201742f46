# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From a policy to firewalld's policies and rich rules that say the same.

``webrtc-forward`` and ``webrtc-host`` open the flows; with a deny baseline ``webrtc-deny`` and ``webrtc-host-deny`` accept what stays
open and drop the rest. All come before firewalld's zones. A flow's rules have a priority of their own, drawn from its id, and each
policy's description says whose it is. Reference: firewalld.policy(5), firewalld.richlanguage(5).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import complement
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_render import DNS_PORTS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import learned_name

FORWARD, HOST, DENY, HOST_DENY, UNASKED = "webrtc-forward", "webrtc-host", "webrtc-deny", "webrtc-host-deny", "webrtc-unasked"
HEAD = "Made by the Ansible collection webrtc.firewall."
# Before all zones and other policies; what opens comes before what denies.
_PRIORITIES = {FORWARD: -32000, HOST: -32000, UNASKED: -31900, DENY: -31800, HOST_DENY: -31800}
# Rules of one policy in the order in which they decide.
_FLOWS, _RESOLVERS, _OPEN, _DROP = (1, 19_999), 20_001, 20_002, 30_000
ICMP = ("destination-unreachable", "echo-request", "parameter-problem", "time-exceeded")
# RFC 4890, as far as firewalld has names: sections 4.3.1 and 4.3.2, and 4.4.1.
ICMPV6_TRANSIT = ("destination-unreachable", "echo-reply", "echo-request", "packet-too-big", "parameter-problem", "time-exceeded")
ICMPV6_LOCAL = (
    "mld-listener-done", "mld-listener-query", "mld-listener-report", "mld2-listener-report", "neighbour-advertisement",
    "neighbour-solicitation", "router-advertisement", "router-solicitation",
)  # fmt: skip
_MENTION = re.compile(r"(\d+)=(\S+)")
_PRIORITY = re.compile(r'rule priority="(-?\d+)"')


@dataclass(frozen=True)
class Zones:
    """Where a policy holds: lists of zones, ``ANY`` or ``HOST``."""

    ingress: tuple[str, ...] = ("ANY",)
    egress: tuple[str, ...] = ("ANY",)


@dataclass(frozen=True)
class Rules:
    """All that is ours in firewalld.

    Attributes:
        policies: name to settings, as firewalld takes and gives them.
        sets: the same of the sets that DNS answers fill.
    """

    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class FirewalldPolicy:
    """One of firewalld's policies.

    Attributes:
        name: its name.
        zones: where it holds.
        rules: rich rules; their priorities say in which order they decide.
        names: priority to the id of the flow, or of the part of the frame.
    """

    name: str
    zones: Zones
    rules: frozenset[str]
    names: tuple[tuple[int, str], ...]

    @property
    def description(self) -> str:
        """What firewalld shows of it."""
        return f"{HEAD} Rules by priority: {', '.join(f'{number}={name}' for number, name in self.names)}"

    @property
    def settings(self) -> dict[str, object]:
        """As firewalld takes and gives them, lists sorted."""
        return {
            "description": self.description,
            "target": "CONTINUE",
            "priority": _PRIORITIES[self.name],
            "ingress_zones": sorted(self.zones.ingress),
            "egress_zones": sorted(self.zones.egress),
            "rich_rules": sorted(self.rules),
        }


def render(policy: Policy, scope: Zones, ways_out: Zones, icmp_types: Iterable[str]) -> list[FirewalldPolicy]:
    """All policies of firewalld's for a policy.

    Args:
        policy: the policy, without host names.
        scope: the zones of forwarded traffic that is our business.
        ways_out: the zones by which forwarded flows may go out.
        icmp_types: the names that this firewalld knows.
    """
    frame = policy.frame
    found = []
    host = Zones(("HOST",), scope.egress if frame.out_interfaces else ("ANY",))
    if frame.placement != "host":
        found.append(_opening(FORWARD, policy, ways_out, True))
        if frame.baseline == "deny_egress":
            found += [_denying(DENY, frame, scope, True, set(icmp_types))]
            found += [_unasked(Zones(ways_out.egress, ("ANY",)))] if frame.uplinks else []
    if frame.placement != "gateway":
        found.append(_opening(HOST, policy, host, False))
        if frame.baseline == "deny_egress":
            found.append(_denying(HOST_DENY, frame, host, False, set(icmp_types)))
    return found


def sets(policy: Policy) -> dict[str, dict[str, Any]]:
    """The sets that DNS answers fill, as firewalld takes and gives them; what they hold is never stored.

    They have no timeout: of a set with one firewalld does not tell what is in it.
    """
    found = {}
    for flow in policy.flows:
        for family in policy.frame.families if flow.destination.learned else ():
            options = {"family": "inet" if family == "ipv4" else "inet6", "maxelem": str(policy.frame.learned_size)}
            told = {"version": "", "short": "", "description": f"{HEAD} What DNS answers teach for {flow.id}."}
            found[learned_set(flow.id, family)] = {**told, "type": "hash:ip", "options": options, "entries": []}
    return found


def learned_set(flow_id: str, family: str) -> str:
    """The name of the set that DNS answers fill for a flow; family is ipv4 or ipv6.

    It is none of the iptables backend's: firewalld may make an ipset of that name too.
    """
    return learned_name(f"webrtc-v{family[-1]}", flow_id)


def priorities(policy: Policy) -> dict[str, int]:
    """A number for each flow that does not depend on the other flows, so that these can change alone."""
    taken: dict[int, str] = {}
    for flow in policy.flows:
        number = int(hashlib.sha256(flow.id.encode()).hexdigest(), 16) % _FLOWS[1] + _FLOWS[0]
        while number in taken:
            number = number % _FLOWS[1] + 1
        taken[number] = flow.id
    return {name: number for number, name in taken.items()}


def names_in(description: str) -> dict[int, str]:
    """What a description says of priorities."""
    return {int(number): name.rstrip(",") for number, name in _MENTION.findall(description)}


def priority_of(rule: str) -> int:
    """The priority of a rich rule; 0 where it has none."""
    found = _PRIORITY.match(rule)
    return int(found.group(1)) if found else 0


def _opening(name: str, policy: Policy, zones: Zones, forwarded: bool) -> FirewalldPolicy:
    numbers = priorities(policy)
    rules: set[str] = set()
    for flow in policy.flows:
        rules.update(f'rule priority="{numbers[flow.id]}"{body} accept' for body in _flow(flow, policy.frame, forwarded))
    names = [(number, name_) for name_, number in numbers.items()]
    if policy.frame.other_resolvers == "reject":
        rules.update(f'rule priority="{_RESOLVERS}"{body} reject' for body in _other_resolvers(policy.frame, forwarded))
        names.append((_RESOLVERS, "frame/other-resolvers"))
    return FirewalldPolicy(name, zones, frozenset(rules), tuple(sorted(names)))


def _denying(name: str, frame: Frame, zones: Zones, forwarded: bool, icmp_types: set[str]) -> FirewalldPolicy:
    rules = {f'rule priority="{_OPEN}"{body} accept' for body in _left_open(frame, forwarded, icmp_types)}
    log = f' log prefix="{frame.log.prefix}" limit value="{frame.log.rate}/s"' if frame.log.enabled else ""
    rules.update(f'rule priority="{_DROP}"{source}{log} drop' for source in _all_sources(frame, forwarded))
    return FirewalldPolicy(name, zones, frozenset(rules), ((_OPEN, "frame/open"), (_DROP, "frame/deny")))


def _unasked(zones: Zones) -> FirewalldPolicy:
    """What the deny baseline leaves open is for those inside."""
    ports = [*_ports("udp", ((53, 53), (123, 123))), *_ports("tcp", ((53, 53),))]
    rules = frozenset(f'rule priority="{_OPEN}"{body} drop' for body in ports)
    return FirewalldPolicy(UNASKED, zones, rules, ((_OPEN, "frame/unasked"),))


def _sources(frame: Frame, family: str, forwarded: bool) -> list[str]:
    """Words for the networks that traffic may come from; none if it may come from nowhere."""
    mine: tuple[str, ...] = getattr(frame, f"sources_{family}")
    if not forwarded or not (frame.sources_ipv4 or frame.sources_ipv6):
        return [""]
    return [f' source address="{network}"' for network in mine]


def _all_sources(frame: Frame, forwarded: bool) -> list[str]:
    if not forwarded or not (frame.sources_ipv4 or frame.sources_ipv6):
        return [""]
    return [f' family="{family}"{source}' for family in FAMILIES for source in _sources(frame, family, forwarded)]


def _ports(protocol: str, ranges: Iterable[tuple[int, int]]) -> list[str]:
    return [f' port port="{first if first == last else f"{first}-{last}"}" protocol="{protocol}"' for first, last in ranges]


def _flow(flow: Flow, frame: Frame, forwarded: bool) -> Iterator[str]:
    for family in frame.families:
        networks: tuple[str, ...] = getattr(flow.destination, family)
        where = [""] if flow.destination.any else [f' destination address="{network}"' for network in networks]
        where += [f' destination ipset="{learned_set(flow.id, family)}"'] if flow.destination.learned else []
        for source, there, port in product(_sources(frame, family, forwarded), where, _ports(flow.protocol, flow.ports)):
            yield f' family="{family}"{source}{there}{port}'


def _other_resolvers(frame: Frame, forwarded: bool) -> Iterator[str]:
    for family in FAMILIES:
        servers: tuple[str, ...] = getattr(frame, f"resolvers_{family}")
        elsewhere = [f' destination address="{network}"' for network in complement(servers, family)] if servers else [""]
        ports = [port for protocol in ("tcp", "udp") for port in _ports(protocol, DNS_PORTS)]
        for source, there, port in product(_sources(frame, family, forwarded), elsewhere, ports):
            yield f' family="{family}"{source}{there}{port}'


def _left_open(frame: Frame, forwarded: bool, icmp_types: set[str]) -> Iterator[str]:
    for family in FAMILIES:
        servers: tuple[str, ...] = getattr(frame, f"resolvers_{family}")
        anywhere = [] if frame.resolvers_ipv4 or frame.resolvers_ipv6 else [""]
        where = anywhere or [f' destination address="{server}"' for server in servers]
        dns = [port for protocol in ("tcp", "udp") for port in _ports(protocol, ((53, 53),))]
        bodies = [f"{there}{port}" for there, port in product(where, dns)] + _ports("udp", ((123, 123),))
        bodies += [] if forwarded else _ports("udp", ((67, 67), (547, 547)))
        types = ICMP if family == "ipv4" else (*ICMPV6_TRANSIT, *(() if forwarded else ICMPV6_LOCAL))
        bodies += [f' icmp-type name="{kind}"' for kind in types if kind in icmp_types]
        for source, body in product(_sources(frame, family, forwarded), bodies):
            yield f' family="{family}"{source}{body}'
