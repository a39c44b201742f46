# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases: a policy, what DNS has taught, somebody else's firewall, and the number from which the packets are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping

from aim import aimed
from evaluator import expected
from hypothesis import strategies as st
from machines import OTHERS
from packets import Packet
from strategies import ADDRESSES, FAMILIES, IPV4, IPV6, NAMED, PORTS, flows, frames, interfaces
from wires import DEVICES

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Policy
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

PACKETS = 80


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes:
        policy: what shall be in force.
        taught: by flow and family the addresses that DNS answers have taught.
        others: the mode of somebody else's firewall.
        seed: what the packets are chosen by.
    """

    policy: Policy
    taught: Mapping[str, Mapping[str, tuple[str, ...]]]
    others: str = "none"
    seed: int = 0

    def packets(self, count: int = PACKETS) -> list[Packet]:
        """Packets aimed at the policy's edges."""
        return aimed(self.policy, self._known(), self.seed, count)

    def wanted(self, packet: Packet) -> str:
        """What the reference says of a packet."""
        return expected(self.policy, packet, self._known(), self.others != "none")

    def _known(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(address for found in families.values() for address in found) for name, families in self.taught.items()}


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
THERE = st.one_of(NAMED, NAMED, st.just(Destination(any=True)), LEARNED)
INTERFACES = st.one_of(st.just(()), interfaces(*DEVICES))
# Ports about those that the deny baseline and the refusal of other resolvers speak of.
NEAR = st.tuples(st.sampled_from([53, 123, 443, 853, 1024]), st.integers(0, 3)).map(lambda pair: ((pair[0], sum(pair)),))
EDGED = st.one_of(PORTS, NEAR)


def _sources(networks):
    return st.one_of(st.just(()), networks)


FRAMES = frames(
    INTERFACES,
    sources_ipv4=_sources(IPV4),
    sources_ipv6=_sources(IPV6),
    resolvers_ipv4=_sources(ADDRESSES[0]),
    resolvers_ipv6=_sources(ADDRESSES[1]),
).map(_directed)


def direct(frames=FRAMES, there=THERE, ports=EDGED):
    """Policies as a target could get them."""
    return st.builds(lambda frame, rows: Policy(frame, {"site": rows}), frames, flows(there, ports))


def _entry(name, tier):
    return {"name": name, "tier": tier}


def _row(flow, families):
    """A flow as a site writes it in a service of its own."""
    there = [network for family in families for network in getattr(flow.destination, family)]
    ports = [f"{first}-{last}" for first, last in flow.ports]
    return {"id": flow.id.partition("/")[2], "protocol": flow.protocol, "ports": ports, "destinations": there}


def _site(frame, services, rows, families, wildcards):
    """The policy that a site's options compile to, with a service of its own beside the catalog's."""
    own = [row for row in (_row(flow, families) for flow in rows) if row["destinations"]]
    custom = [{"service": "own", "requirements": own}] if own else []
    options = {"custom_services": custom, "families": list(families), "wildcards": wildcards}
    policy = compile_site([*services, *(item["service"] for item in custom)], options).policy
    return replace(policy, frame=replace(frame, families=policy.frame.families))


ENTRIES = st.builds(_entry, st.sampled_from(["vonage", "liveavatar"]), st.sampled_from(["minimum", "recommended"]))
SERVICES = st.lists(ENTRIES, max_size=2, unique_by=lambda entry: entry["name"])
SITES = st.builds(_site, FRAMES, SERVICES, flows(NAMED), FAMILIES, st.sampled_from(["any", "dns"]))


def cases(policies, others=OTHERS):
    """Cases of some policies."""
    return policies.flatmap(
        lambda policy: st.builds(Case, st.just(policy), _taught(policy), st.sampled_from(others), st.integers(0, 2**32 - 1))
    )


ALL = cases(st.one_of(direct(), SITES))
