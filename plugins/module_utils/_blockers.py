# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Which rules and policies of others keep, or may keep, a policy's flows from passing, whatever ours say.

A drop in any base chain of a hook is final (nft(8), "Chains"). So each flow is taken through each chain of others, rule by rule, until one
drops it, one accepts it, or ours is met, which lets it through.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Blocker
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain, ForeignRule, of_guests
from ansible_collections.webrtc.firewall.plugins.module_utils._match_read import read
from ansible_collections.webrtc.firewall.plugins.module_utils._matches import ALL, NO, Packets, Reading, meets, packets
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, Policy

# All hooks of the way that flows take; in ``input`` the answers to a host's flows are looked at.
HOOKS = {
    "gateway": ("prerouting", "forward", "postrouting"),
    "host": ("output", "postrouting", "input"),
    "both": ("prerouting", "forward", "output", "postrouting", "input"),
}
# firewalld's own tables, which it fills by its policies.
_FIREWALLD = "firewalld"
_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": FAMILIES}
# A flow's id, and a family.
_Name = tuple[str, str]
# Those that are somewhere, and whether it is sure that they are.
_Flows = dict[_Name, bool]
_EARLY = "flows are not known yet where it stands: no rule of ours can go before it"
_FIRST = "no rule of ours lets flows through before it"
_REMEDY = "Take it away, or let these flows pass before it."
_MENDED = "Run the playbook: it puts a rule of ours before it."


@dataclass(frozen=True)
class Ways:
    """How a backend gets flows through chains of others.

    Attributes:
        mark: the bit that its permits accept; 0 if it has none.
        marked: the last priority at which flows are not marked yet, so that a permit lets none through.
        chains: the chains that hold its rules; a jump to one of them lets flows through.
    """

    mark: int = 0
    marked: int = 0
    chains: tuple[str, ...] = ()


@dataclass
class _Walk:
    """One base chain and all that it leads to.

    Attributes:
        index: all chains of others.
        flows: the packets of each flow, by its id and family.
        ways: how ours get through.
        early: whether the mark is not there yet.
        found: which rule, or policy (None), of which chain drops which flow, and whether that is sure.
    """

    index: dict[Address, ForeignChain]
    flows: dict[_Name, Packets]
    ways: Ways
    early: bool
    found: list[tuple[Address, Optional[ForeignRule], _Name, bool]] = field(default_factory=list)

    def through(self, address: Address, here: _Flows, above: tuple[Address, ...] = ()) -> _Flows:
        """Take flows through a chain.

        Args:
            address: the chain.
            here: the flows that come to it, and whether it is sure that they do.
            above: the chains that have led here.

        Returns:
            Those that leave it at its end, and whether that is sure.
        """
        chain = self.index.get(address)
        if chain is None or address in above:
            return here
        here = dict(here)
        left: _Flows = {}
        for rule in chain.rules:
            if self._ours(rule):
                return left
            if rule.ours and rule.permit:
                # It accepts a mark that no packet of a flow has here.
                continue
            for reading in read(address.tool, rule):
                self._step(reading, rule, (*above, address), here, left)
        return {**here, **{name: sure and here.get(name, True) for name, sure in left.items()}}

    def _ours(self, rule: ForeignRule) -> bool:
        permit = rule.ours and rule.permit and rule.permit == self.ways.mark and not self.early
        return bool(permit) or any(name in self.ways.chains for name in (*rule.targets, rule.jump))

    def _step(self, reading: Reading, rule: ForeignRule, above: tuple[Address, ...], here: _Flows, left: _Flows) -> None:
        """One verdict of one rule, for every flow that has come so far."""
        hits = {name: hit for name in here if (hit := meets(reading.match, self.flows[name])) != NO}
        if _of_guests(above[-1]):
            hits = {name: hit for name, hit in hits.items() if hit == ALL or self.flows[name].get("in")}
        sure = {name: here[name] and not reading.match.opaque for name in hits}
        below: _Flows = {}
        if reading.verdict == "drop":
            self.found += [(above[-1], rule, name, sure[name]) for name in hits]
        elif reading.verdict in ("jump", "goto"):
            target = replace(above[-1], name=reading.target)
            below = self.through(target, sure, above)
        for name, hit in hits.items():
            gone = reading.verdict in ("accept", "return", "goto") or (reading.verdict == "jump" and name not in below)
            if hit == ALL and reading.verdict:
                came = here.pop(name)
                if reading.verdict == "jump" and name in below:
                    here[name] = came and below[name]
                elif reading.verdict == "return" or (reading.verdict == "goto" and name in below):
                    left[name] = came and below.get(name, True)
            elif gone:
                # A part of it, or all, goes another way here.
                here[name] = False


def _of_guests(address: Address) -> bool:
    """Whether libvirt made a chain: its rules speak of its guests' bridges alone, which it isolates as their owner has asked for.

    So they count only where a site names such a bridge.
    """
    return of_guests(address.name) or address.table == "libvirt_network"


def find(chains: Iterable[ForeignChain], policy: Policy, ways: Ways) -> list[Blocker]:
    """What keeps, or may keep, flows from passing.

    Args:
        chains: all chains of others.
        policy: what shall pass, without host names.
        ways: how ours get through.
    """
    index = {chain.address: chain for chain in chains}
    found: list[Blocker] = []
    for chain in index.values():
        if chain.hook not in HOOKS[policy.frame.placement] or chain.address.table.startswith(_FIREWALLD):
            continue
        early = bool(ways.mark) and chain.hook != "input" and chain.priority <= ways.marked
        each = [(flow, family) for flow in policy.flows for family in _FAMILIES[chain.address.family]]
        met = {(flow.id, family): packets(flow, policy.frame, chain.hook, family) for flow, family in each}
        flows = {name: fields for name, fields in met.items() if fields is not None}
        walk = _Walk(index, flows, ways, early)
        left = walk.through(chain.address, dict.fromkeys(flows, True))
        if chain.policy == "drop":
            walk.found += [(chain.address, None, name, sure) for name, sure in left.items()]
        found += _told(walk)
    return _merged(found)


def mended(found: Iterable[Blocker], staying: Iterable[Blocker]) -> list[Blocker]:
    """What is found, with another remedy where a run helps.

    Args:
        found: what keeps flows from passing now.
        staying: what does once a run has put ours into the chains of others.
    """
    left: dict[tuple[str, str, int], set[str]] = {}
    for item in staying:
        left.setdefault((item.where, item.rule, item.handle), set()).update(item.flows)
    told = []
    for item in found:
        stays = left.get((item.where, item.rule, item.handle), set())
        kept, gone = tuple(filter(stays.__contains__, item.flows)), tuple(name for name in item.flows if name not in stays)
        told += [replace(item, flows=kept)] if kept or not item.flows else []
        told += [replace(item, flows=gone, why=_FIRST, remedy=_MENDED)] if gone else []
    return told


def _told(walk: _Walk) -> list[Blocker]:
    why = _EARLY if walk.early else _FIRST
    groups: dict[tuple[Address, Optional[ForeignRule], bool], list[str]] = {}
    for address, rule, name, sure in walk.found:
        groups.setdefault((address, rule, sure), []).append(name[0])
    return [
        Blocker(tuple(sorted(set(names))), str(address), _text(rule), why, _REMEDY, sure, rule.handle if rule else 0)
        for (address, rule, sure), names in groups.items()
    ]


def _text(rule: Optional[ForeignRule]) -> str:
    return rule.text if rule else "policy drop"


def _merged(found: Iterable[Blocker]) -> list[Blocker]:
    """What several ways lead to is told once."""
    groups: dict[tuple[str, str, int], list[Blocker]] = {}
    for item in found:
        groups.setdefault((item.where, item.rule, item.handle), []).append(item)
    merged = []
    for items in groups.values():
        sure = tuple(sorted({name for item in items if item.sure for name in item.flows}))
        unsure = tuple(sorted({name for item in items for name in item.flows} - set(sure)))
        merged += [replace(items[0], flows=names, sure=kind) for names, kind in ((sure, True), (unsure, False)) if names]
    return merged
