# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a rule of somebody else asks of a packet, as far as its text tells, and whether the packets of a flow are among those.

What is not understood makes a match opaque: it may hold or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner_network
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Flow, Frame

_EVERY = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
# The ports that a client may begin from (RFC 6056, section 3.2).
_EPHEMERAL = (1024, 65535)
NO, SOME, ALL = "no", "some", "all"
# Texts, networks as text, or port ranges.
Values = tuple[Any, ...]
# The packets of a flow, field by field; None where a field may have any value.
Packets = Mapping[str, Optional[Values]]


@dataclass(frozen=True)
class Condition:
    """One thing that a rule asks: that a field has one of some values, or has none of them."""

    field: str
    values: Values
    negated: bool = False


@dataclass(frozen=True)
class Match:
    """All that a rule asks.

    Attributes:
        conditions: each must hold.
        opaque: whether it asks for more, which is not understood.
        never: whether no packet that begins a flow can meet it.
    """

    conditions: tuple[Condition, ...] = ()
    opaque: bool = False
    never: bool = False


@dataclass(frozen=True)
class Reading:
    """What a rule does with the packets that match: drop, accept, return, jump, goto, or nothing (empty)."""

    match: Match
    verdict: str = ""
    target: str = ""


def packets(flow: Flow, frame: Frame, hook: str, family: str) -> Optional[Packets]:
    """The packets of one family that begin a flow, or in the hook ``input`` their answers; None if there are none.

    Args:
        flow: the flow, without host names.
        frame: what holds for all flows.
        hook: the hook in which they are met.
        family: ipv4 or ipv6.
    """
    there = flow.destination
    known = not (there.any or there.learned or there.hostnames)
    networks: Values = getattr(there, family)
    sources: Values = getattr(frame, f"sources_{family}")
    limited = bool(frame.sources_ipv4 or frame.sources_ipv6) and frame.placement == "gateway"
    if family not in frame.families or (known and not networks) or (limited and not sources):
        return None
    # Of what DNS answers teach nothing is known; and sources that are every address are as good as none.
    far = networks if known else (_EVERY[family],)
    near = None if not sources or _EVERY[family] in sources else sources
    inward, outward = frame.in_interfaces or None, frame.out_interfaces or frame.uplinks or None
    common: dict[str, Optional[Values]] = {"family": (family,), "protocol": (flow.protocol,)}
    if hook == "input":
        return {**common, "from": far, "sport": flow.ports, "dport": (_EPHEMERAL,), "state": ("established",), "in": outward}
    if hook in ("output", "postrouting") and frame.placement != "gateway":
        near = inward = None
    return {**common, "from": near, "to": far, "dport": flow.ports, "state": ("new",), "in": inward, "out": outward}


def meets(match: Match, those: Packets) -> str:
    """How many of the packets a match holds for: ``no``, ``some`` (or it cannot be told), ``all``."""
    if match.never:
        return NO
    found = [_holds(condition, those.get(condition.field)) for condition in match.conditions]
    if NO in found:
        return NO
    return SOME if match.opaque or SOME in found else ALL


def _holds(condition: Condition, there: Optional[Values]) -> str:
    found = _compare(condition, there)
    if condition.negated and found != SOME:
        return ALL if found == NO else NO
    return found


def _compare(condition: Condition, there: Optional[Values]) -> str:
    asked = condition.values
    if there is None:
        # Nothing to or from the outside goes over the loopback.
        return NO if condition.field in ("in", "out") and set(asked) == {"lo"} else SOME
    if condition.field in ("dport", "sport"):
        return _sum(_ports(item, asked) for item in there)
    if condition.field in ("to", "from"):
        return _sum(_networks(item, asked) for item in there)
    if condition.field in ("in", "out"):
        return _sum(ALL if any(_named(item, name) for name in asked) else NO for item in there)
    return _sum(ALL if item in asked else NO for item in there)


def _sum(each: Iterable[str]) -> str:
    found = set(each)
    return SOME if len(found) > 1 else found.pop() if found else NO


def _ports(mine: tuple[int, int], asked: Values) -> str:
    if any(first <= mine[0] and mine[1] <= last for first, last in asked):
        return ALL
    return SOME if any(first <= mine[1] and mine[0] <= last for first, last in asked) else NO


def _networks(mine: str, asked: Values) -> str:
    network = ip_network(mine)
    others = [other for other in map(ip_network, asked) if other.version == network.version]
    if network.prefixlen == 0:
        # A flow to every address goes to servers, and those that filters drop as bogus no server has.
        others = [other for other in others if not is_inner_network(other)]
    if any(network.subnet_of(other) for other in others):  # type: ignore[arg-type]
        return ALL
    return SOME if any(network.overlaps(other) for other in others) else NO


def _named(name: str, asked: str) -> bool:
    return name.startswith(asked[:-1]) if asked.endswith(("+", "*")) else name == asked


def both(one: Match, other: Match) -> Match:
    """What two matches ask together."""
    return Match((*one.conditions, *other.conditions), one.opaque or other.opaque, one.never or other.never)
