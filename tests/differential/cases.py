# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases: a policy, what DNS has taught, somebody else's firewall, and the number from which the packets are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Mapping, Optional

from aim import aimed
from hypothesis import strategies as st
from packets import Packet
from strategies import ADDRESSES, FAMILIES, IPV4, IPV6, NAMED, PORTS, RANGES, as_written, flows, frames, interfaces, networks
from wires import DEVICES

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import merge_ports
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Policy
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

PACKETS = 80
# Where it takes long to apply a policy.
MANY = 200


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes:
        policy: what shall be in force.
        meaning: what the reference goes by.
        taught: by flow and family the addresses that DNS answers have taught.
        others: the mode of somebody else's firewall.
        seed: what the packets are chosen by.
        before: what is in force until then; None for nothing of ours.
        count: of packets.
    """

    policy: Policy
    meaning: Policy
    taught: Mapping[str, Mapping[str, tuple[str, ...]]]
    others: str = "none"
    seed: int = 0
    before: Optional[Policy] = None
    count: int = PACKETS

    def packets(self) -> list[Packet]:
        """Packets aimed at the policy's edges."""
        return aimed(self.meaning, self.known, self.seed, self.count)

    @property
    def taught_before(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """The same, for what learns already: sets that are there keep what they have learned, and are given nothing."""
        learning = {flow.id for flow in self.before.flows if flow.destination.learned} if self.before else set()
        return {name: there for name, there in self.taught.items() if name in learning}

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """The same addresses, of both families at once."""
        return {name: tuple(address for found in families.values() for address in found) for name, families in self.taught.items()}


@dataclass(frozen=True)
class Meant:
    """A policy, and one that nobody has merged or sorted, which says what is meant by it."""

    policy: Policy
    meaning: Policy


def _directed(frame):
    """A gateway whose site names nothing lets its flows out by its uplinks, and no other machine has any; see _uplinks."""
    named = frame.in_interfaces or frame.out_interfaces or frame.sources_ipv4 or frame.sources_ipv6
    return replace(frame, uplinks=() if named or frame.placement == "host" else frame.uplinks or ("wan0",))


def _taught(policy):
    """Addresses for the flows that learn, as single ones."""
    learning = [flow.id for flow in policy.flows if flow.destination.learned]
    few = st.fixed_dictionaries({"ipv4": ADDRESSES[0], "ipv6": ADDRESSES[1]})
    return st.fixed_dictionaries({name: few.map(_single) for name in learning})


def _single(families):
    return {family: tuple(address for address in found if "/" not in address) for family, found in families.items()}


LEARNED = st.builds(Destination, ipv4=IPV4, ipv6=IPV6, learned=st.just(("*.example.com",)))
ANY = st.just(Destination(any=True))
THERE = st.one_of(NAMED, NAMED, ANY, LEARNED)
INTERFACES = st.one_of(st.just(()), interfaces(*DEVICES))
# Ports about those that the deny baseline and the refusal of other resolvers speak of.
NEAR = st.tuples(st.sampled_from([53, 123, 443, 853, 1024]), st.integers(0, 3)).map(lambda pair: ((pair[0], sum(pair)),))
EDGED = st.one_of(PORTS, NEAR)


def _maybe(networks):
    return st.one_of(st.just(()), networks)


FRAMES = frames(
    INTERFACES,
    sources_ipv4=_maybe(IPV4),
    sources_ipv6=_maybe(IPV6),
    resolvers_ipv4=_maybe(ADDRESSES[0]),
    resolvers_ipv6=_maybe(ADDRESSES[1]),
).map(_directed)


def _uplinked(frame):
    return replace(frame, uplinks=("wan0",) if frame.uplinks else ())


def direct(frames=FRAMES, there=THERE, ports=EDGED):
    """Policies as a target could get them."""
    return st.builds(lambda frame, rows: Policy(frame, {"site": rows}), frames, flows(there, ports)).map(
        lambda policy: Meant(policy, policy)
    )


def _entry(name, tier):
    return {"name": name, "tier": tier}


def _row(flow, families):
    """A flow as a site writes it in a service of its own."""
    there = [network for family in families for network in getattr(flow.destination, family)]
    ports = [f"{first}-{last}" for first, last in flow.ports]
    return {"id": flow.id.partition("/")[2], "protocol": flow.protocol, "ports": ports, "destinations": there}


def _site(frame, services, rows, families, wildcards):
    """What a site's options compile to, with a service of its own beside the catalog's; and the same, but this service as written."""
    rows = [row for row in rows if any(getattr(row.destination, family) for family in families)]
    custom = [{"service": "site", "requirements": [_row(row, families) for row in rows]}] if rows else []
    options = {"custom_services": custom, "families": list(families), "wildcards": wildcards}
    policy = compile_site([*services, *(item["service"] for item in custom)], options).policy
    policy = replace(policy, frame=replace(frame, families=policy.frame.families))
    return Meant(policy, replace(policy, services={**policy.services, **({"site": tuple(rows)} if rows else {})}))


ENTRIES = st.builds(_entry, st.sampled_from(["vonage", "liveavatar"]), st.sampled_from(["minimum", "recommended"]))
SERVICES = st.lists(ENTRIES, max_size=2, unique_by=lambda entry: entry["name"])
WRITTEN4, WRITTEN6 = networks(IPv4Network, 32, merge=as_written), networks(IPv6Network, 128, merge=as_written)
WRITTEN = flows(st.builds(Destination, ipv4=WRITTEN4, ipv6=WRITTEN6), st.lists(RANGES, min_size=1, max_size=4).map(tuple))
SITES = st.builds(_site, FRAMES, SERVICES, WRITTEN, FAMILIES, st.sampled_from(["any", "dns"]))


def cases(policies, others, before=None, count=PACKETS):
    """Cases of some policies, on a machine with nothing of ours or with what `before` gives, with that many packets."""
    rest = (st.sampled_from(others), st.integers(0, 2**32 - 1), st.none() if before is None else before, st.just(count))
    return policies.flatmap(lambda meant: st.builds(Case, st.just(meant.policy), st.just(meant.meaning), _taught(meant.policy), *rest))


# Somebody else's firewall where no manager runs: none, one that drops all, one that drops what is not known, one of another kind.
PLAIN = ("none", "drop", "known", "beside")
POLICIES = st.one_of(direct(), SITES)
# As the whole line takes them: it finds the uplinks itself, and what DNS has taught elsewhere.
LINE = cases(direct(FRAMES.map(_uplinked), st.one_of(NAMED, ANY)), PLAIN)
ALL = st.one_of(*[cases(POLICIES, PLAIN)] * 3, cases(POLICIES, PLAIN, before=POLICIES.map(lambda meant: meant.policy)))


# Managers make a rule of each combination, so theirs are short.
FEW4, FEW6 = networks(IPv4Network, 32, most=2), networks(IPv6Network, 128, most=2)
FEW_WRITTEN4 = networks(IPv4Network, 32, most=2, merge=as_written)
FEW_WRITTEN6 = networks(IPv6Network, 128, most=2, merge=as_written)
ONE4, ONE6 = networks(IPv4Network, 32, 32, most=1), networks(IPv6Network, 128, 128, most=1)
FEW_PORTS = st.one_of(NEAR, st.lists(RANGES, min_size=1, max_size=2).map(merge_ports))
FEW_THERE = st.one_of(*[st.builds(Destination, ipv4=FEW4, ipv6=FEW6)] * 3, ANY)
PAIRS, SINGLES = [(), (), ("lan0", "lan1"), ("wan0", "wan1")], [("lan0",), ("wan0",), ("lan1", "wan1")]


def _managed_frames(names):
    found = frames(
        st.sampled_from(names),
        sources_ipv4=_maybe(FEW4),
        sources_ipv6=_maybe(FEW6),
        resolvers_ipv4=_maybe(ONE4),
        resolvers_ipv6=_maybe(ONE6),
        uplinks=st.just(("wan0", "wan1")),
    )
    return found.map(_directed).map(_short)


def _short(frame):
    """Without what becomes a thousand rules: all networks that are not a resolver's, for each port of DNS and each source."""
    if frame.other_resolvers == "allow":
        return frame
    return replace(frame, resolvers_ipv6=(), resolvers_ipv4=() if frame.sources_ipv4 else frame.resolvers_ipv4)


def managed(modes):
    """Cases for a firewall that manages the packet filter; most of them it can express, some it must refuse.

    Args:
        modes: of somebody else's rules there; in the mode `pairs` it does not tell apart the two interfaces of a side.
    """
    pairs, any_of_them = _managed_frames(PAIRS), _managed_frames(PAIRS + SINGLES)
    known = [cases(direct(pairs if mode == "pairs" else any_of_them, FEW_THERE, FEW_PORTS), (mode,), count=MANY) for mode in modes]
    learning = cases(direct(pairs, LEARNED, FEW_PORTS), modes, count=MANY)
    narrow = cases(direct(_managed_frames(SINGLES), FEW_THERE, FEW_PORTS), modes, count=MANY)
    written = flows(st.builds(Destination, ipv4=FEW_WRITTEN4, ipv6=FEW_WRITTEN6), FEW_PORTS)
    sites = cases(st.builds(_site, pairs, SERVICES, written, FAMILIES, st.just("any")), modes, count=MANY)
    return st.one_of(*known * 3, *[sites] * 2, learning, narrow)
