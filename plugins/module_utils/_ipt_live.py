# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What stands in the packet filter where iptables is the backend: ours, our jumps in chains of others, and the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.webrtc.firewall.plugins.module_utils import _foreign, _ipt_listing, _ipv6
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import from_nft
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import iptables_chains, parsed, path_of, save, saved
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import BUILT_IN, TOOLS, Ruleset, is_our_set
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_render import HOOKS
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_script import Jumps, jump_words
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find

VARIANTS = ("nft", "legacy")
SHORT = {"ipv4": "ip", "ipv6": "ip6"}


@dataclass(frozen=True)
class Live:
    """What is on the machine.

    Attributes:
        variant: the iptables that rules it, ``nft`` or ``legacy``.
        families: those that the kernel has.
        ours: our chains and sets.
        foreign: the chains of others, our jumps among their rules.
        both: whether both variants hold rules of others.
        stray: our chains in the other variant: what rules the machine has changed since they were made.
    """

    variant: str
    families: tuple[str, ...]
    ours: Ruleset = field(default_factory=Ruleset)
    foreign: tuple[ForeignChain, ...] = ()
    both: bool = False
    stray: Ruleset = field(default_factory=Ruleset)

    def at(self, variant: str) -> Live:
        """The same machine as seen from a variant, the sets being those of both."""
        if variant == self.variant:
            return self
        ours, stray = replace(self.stray, sets=self.ours.sets, learned=self.ours.learned), replace(self.ours, sets={}, learned={})
        return replace(self, variant=variant, ours=ours, stray=stray)

    @property
    def other(self) -> Live:
        """The machine as seen from the variant that does not rule it."""
        return self.at(next(name for name in VARIANTS if name != self.variant))

    def tool(self, family: str) -> str:
        """The command for a family, without a suffix for what it does."""
        return f"{TOOLS[family]}-{self.variant}"

    def filters(self, family: str) -> dict[Address, ForeignChain]:
        """The chains of others in the table that we put our jumps into."""
        tool = self.tool(family)
        return {chain.address: chain for chain in self.foreign if (chain.address.tool, chain.address.table) == (tool, "filter")}


def read(run: Runner) -> Live:
    """Look at the machine.

    Raises:
        TargetProblem: a tool is missing, or may not read.
    """
    listing: dict[str, Any] = {}
    if find("nft"):
        listing = parsed(_run(run, "nft", "-t", "-j", "list", "ruleset"))
        texts = saved(run, listing)
    else:
        texts = saved(run, {})
        texts.update({(f"{TOOLS[family]}-nft", SHORT[family]): save(run, f"{TOOLS[family]}-nft") for family in TOOLS})
    foreign = [*from_nft(listing), *iptables_chains(texts)]
    holders = {variant for variant in VARIANTS if _holds(foreign, variant)}
    own = {name.rpartition("-")[2] for (name, _family), text in texts.items() if _ipt_listing.ours(text).chains}
    # What others hold comes first: beside them alone our rules decide.
    variant = next(iter([*sorted(holders), *sorted(own), _default(run)]))
    families = tuple(family for family in TOOLS if family == "ipv4" or _ipv6.in_kernel())
    found = {name: _own(texts, name, families) for name in VARIANTS}
    sets, learned = _ipt_listing.sets(_saved_sets(run))
    ours = replace(found.pop(variant), sets=sets, learned=learned)
    return Live(variant, families, ours, tuple(foreign), len(holders) > 1, *found.values())


def _own(texts: dict[tuple[str, str], str], variant: str, families: tuple[str, ...]) -> Ruleset:
    """Our chains in one variant."""
    found = {family: _ipt_listing.ours(texts.get((f"{TOOLS[family]}-{variant}", SHORT[family]), "")) for family in families}
    packets = {(family, name): count for family, item in found.items() for name, count in item.packets.items()}
    rules = {family: tuple(item.rules) for family, item in found.items()}
    return Ruleset(rules, {}, {family: tuple(item.chains) for family, item in found.items()}, packets)


def _holds(chains: list[ForeignChain], variant: str) -> bool:
    """Whether others have rules or policies in a variant's tables."""
    return any(_held(chain) for chain in chains if chain.address.tool.endswith(f"-{variant}"))


def _held(chain: ForeignChain) -> bool:
    return chain.policy == "drop" or any(not (rule.ours or rule.jump) for rule in chain.rules)


def holder(run: Runner) -> str:
    """Why iptables rules this machine; empty if it does not."""
    if not find("iptables"):
        return ""
    texts = saved(run, parsed(_run(run, "nft", "-t", "-j", "list", "ruleset")) if find("nft") else {})
    tools = sorted({chain.address.tool for chain in iptables_chains(texts) if _held(chain)})
    return f"{' and '.join(tools)} {'holds' if len(tools) == 1 else 'hold'} rules" if tools else ""


def _default(run: Runner) -> str:
    """The variant that the distribution has chosen."""
    return "legacy" if "legacy" in _run(run, "iptables", "--version") else "nft"


def _saved_sets(run: Runner) -> str:
    names = _run(run, "ipset", "-n", "list").split()
    mine = [name for name in names if is_our_set(name)]
    if len(mine) == len(names):
        return _run(run, "ipset", "save") if names else ""
    # Others' sets may be large.
    return "".join(_run(run, "ipset", "save", name) for name in mine)


def _run(run: Runner, command: str, *arguments: str) -> str:
    done = run([path_of(command), *arguments], "")
    if done.code:
        remedy = "Run as root (become: true); in a container it needs the capabilities NET_ADMIN and NET_RAW."
        what = " ".join([command, *arguments])
        raise TargetProblem([Problem(what, done.err.strip()[:300], "a listing", remedy)])
    return done.out


def jumps(live: Live, wanted: Ruleset, placement: str) -> dict[str, Jumps]:
    """What has to change in the built-in chains, or in Docker's, for each family; placement is empty if no jump shall stay."""
    return {family: _jumps(live, family, HOOKS[placement] if placement and wanted.rules.get(family) else ()) for family in live.families}


def _jumps(live: Live, family: str, hooks: tuple[str, ...]) -> Jumps:
    index = live.filters(family)
    doors = {_door(live, family, hook, index): hook for hook in hooks}
    add, remove = dict(doors), []
    for address, chain in sorted(index.items()):
        ours = [rule for rule in chain.rules if rule.jump]
        hook = doors.get(address, "")
        if len(ours) == 1 and hook and ours[0].text == f"-A {jump_words(address.name, hook)}" and _foreign.at_head(chain, ours[0]):
            add.pop(address)
            continue
        remove += [rule.text[3:] for rule in ours]
    return Jumps(tuple((address.name, hook) for address, hook in sorted(add.items())), tuple(remove))


def _door(live: Live, family: str, hook: str, index: dict[Address, ForeignChain]) -> Address:
    address = Address(live.tool(family), SHORT[family], "filter", BUILT_IN[hook])
    return _foreign.door(index.get(address, ForeignChain(address, hook)), index)


def placed(live: Live) -> list[str]:
    """The chains of others that hold a jump of ours."""
    return sorted(str(chain.address) for chain in live.foreign if any(rule.jump for rule in chain.rules))
