# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Other people's filter chains: which of them could drop a permitted flow, and whether our one rule stands in them.

nftables calls every base chain of a hook, and a drop in any of them is final (nft(8), "Chains"). So each chain that
could drop gets one constant rule at its head, which accepts what carries our bit of the conntrack mark. Everything
else in these chains is only read.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Iterable, Iterator, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem

COMMENT = "webrtc.firewall"
DOCKER_CHAIN = "DOCKER-USER"
# Hooks in which a packet of a permitted flow, or its answer, may meet a foreign chain.
HOOKS = {"gateway": {"forward"}, "host": {"output", "input"}, "both": {"forward", "output", "input"}}
# A table or a chain that is there while its manager rules; an inactive ufw leaves other chains behind.
MANAGERS = {"firewalld": "firewalld", "ufw-user-input": "ufw", "ufw6-user-input": "ufw"}


@dataclass(frozen=True, order=True)
class Address:
    """Where a chain is: the tool that owns it (``nft``, or an iptables command), family, table and name."""

    tool: str
    family: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.tool} {self.family} {self.table} {self.name}"


@dataclass(frozen=True)
class ForeignRule:
    """What matters of a rule of somebody else, or of ours among theirs.

    Attributes:
        text: the rule, as its tool prints it.
        drops: whether it can drop or reject a packet by itself.
        targets: the chains it can jump or go to, within its table.
        marks: the bits of the conntrack mark that it reads or writes.
        permit: the bit that it accepts if it is our own rule, else 0.
        handle: nft's handle; 0 with iptables.
        jump: our own chain that it leads to, if it is the jump of our iptables backend; other backends look through it.
    """

    text: str
    drops: bool = False
    targets: tuple[str, ...] = ()
    marks: int = 0
    permit: int = 0
    ours: bool = False
    handle: int = 0
    jump: str = ""


@dataclass(frozen=True)
class ForeignChain:
    """A chain of somebody else; one without a hook is reached by jumps only."""

    address: Address
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: tuple[ForeignRule, ...] = ()


@dataclass(frozen=True)
class Permits:
    """What to do in foreign chains: rules to put at a head, rules of ours to take away, and what stays."""

    add: tuple[Address, ...] = ()
    remove: tuple[tuple[Address, ForeignRule], ...] = ()
    keep: tuple[Address, ...] = ()


def plan(chains: Iterable[ForeignChain], placement: str, mark: int) -> Permits:
    """Compare the permits that should stand in foreign chains with those that do.

    Args:
        chains: all foreign chains.
        placement: gateway, host or both; empty if no permit shall stay anywhere.
        mark: our bit of the conntrack mark.

    Returns:
        What to add, remove and keep. A rule of ours that is elsewhere than it should be is removed and added anew.
    """
    index = {chain.address: chain for chain in chains}
    doors = {door(chain, index) for chain in index.values() if chain.hook in HOOKS.get(placement, ()) and may_drop(chain, index)}
    add, remove, keep = [], [], []
    for address, chain in sorted(index.items()):
        ours = [rule for rule in chain.rules if rule.ours]
        good = address in doors and len(ours) == 1 and ours[0].permit == mark and at_head(chain, ours[0])
        if good:
            keep.append(address)
            continue
        remove += [(address, rule) for rule in ours]
        if address in doors:
            add.append(address)
    return Permits(tuple(add), tuple(remove), tuple(keep))


def headed(chains: Iterable[ForeignChain], heads: Mapping[Address, ForeignRule]) -> tuple[ForeignChain, ...]:
    """Chains with a rule of ours at the head of some."""
    return tuple(replace(chain, rules=(heads[chain.address], *chain.rules)) if chain.address in heads else chain for chain in chains)


def may_drop(chain: ForeignChain, index: dict[Address, ForeignChain]) -> bool:
    """Whether a packet that enters the chain can be dropped in it or in a chain that it leads to."""
    return chain.policy == "drop" or any(rule.drops for reached in _reached(chain, index) for rule in reached.rules)


def _reached(chain: ForeignChain, index: dict[Address, ForeignChain]) -> Iterator[ForeignChain]:
    waiting, seen = deque([chain.address]), {chain.address}
    while waiting:
        address = waiting.popleft()
        if address not in index:
            continue
        yield index[address]
        for rule in index[address].rules:
            for target in rule.targets:
                there = Address(address.tool, address.family, address.table, target)
                if there not in seen:
                    seen.add(there)
                    waiting.append(there)


def door(chain: ForeignChain, index: dict[Address, ForeignChain]) -> Address:
    """Docker rewrites FORWARD but keeps DOCKER-USER, which it calls first: that is where a user's rules belong."""
    where = chain.address
    docker = Address(where.tool, where.family, where.table, DOCKER_CHAIN)
    called = any(DOCKER_CHAIN in rule.targets for rule in chain.rules)
    return docker if chain.hook == "forward" and docker in index and called else where


def at_head(chain: ForeignChain, ours: ForeignRule) -> bool:
    """Whether nothing before our rule can drop: others may well put an accept or a counter before it.

    So may libvirt its jumps, which it puts first whenever a network of its starts: they lead to rules about its guests' bridges alone.
    """
    before = chain.rules[: chain.rules.index(ours)]
    return not any(rule.drops or not all(map(of_guests, rule.targets)) for rule in before)


def of_guests(name: str) -> bool:
    """Whether a chain of iptables' is libvirt's; reference: libvirt's firewall.html, "The virtual network driver"."""
    return name.startswith("LIBVIRT_")


def conflicts(chains: Iterable[ForeignChain], mark: int) -> list[Problem]:
    """Foreign rules that read or write our bit of the conntrack mark; both would break each other."""
    remedy = "Set webrtc_egress_mark to a bit that no rule uses, or mask that rule so that it leaves the bit alone."
    return [
        Problem(f"rule in {chain.address}", rule.text, f"no other user of bit {mark:#x} of the conntrack mark", remedy)
        for chain in chains for rule in chain.rules if rule.marks & mark and not rule.ours
    ]  # fmt: skip


def managers(chains: Iterable[ForeignChain]) -> list[Problem]:
    """Managers that own the foreign chains of our hooks and would undo or refuse a rule among theirs."""
    names = set()
    for chain in chains:
        name = MANAGERS.get(chain.address.table) or MANAGERS.get(chain.address.name)
        if name:
            names.add(name)
    remedy = "Let that manager rule the machine alone, or stop and disable it first; the nftables backend does not fight it."
    return [Problem("firewall manager", name, "no manager that owns the packet filter", remedy) for name in sorted(names)]


def droppers(chains: Iterable[ForeignChain], hooks: set[str], latest: int) -> list[str]:
    """Chains of some hooks that may drop at this priority or an earlier one, in words."""
    index = {chain.address: chain for chain in chains}
    return [
        f"{chain.address} may drop at priority {chain.priority}"
        for chain in index.values()
        if chain.hook in hooks and chain.priority <= latest and may_drop(chain, index)
    ]
