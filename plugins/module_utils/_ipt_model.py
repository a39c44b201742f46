# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What an iptables ruleset of ours is made of: rules as iptables-save prints them, and ipsets.

Both variants of iptables and all their versions print these rules alike, so the wanted ones and the live ones are compared word
by word. Reference: iptables(8), iptables-extensions(8), ipset(8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils import _sets
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT

FAMILIES = ("ipv4", "ipv6")
TOOLS = {"ipv4": "iptables", "ipv6": "ip6tables"}
PREFIX = "webrtc-"
BUILT_IN = {"forward": "FORWARD", "output": "OUTPUT", "input": "INPUT"}
FLOWS, PERMIT, DNS, REFUSE, DROP = (f"{PREFIX}{name}" for name in ("flows", "permit", "dns", "refuse", "drop"))
# The kernel takes 31 characters (IPSET_MAXNAMELEN).


@dataclass(frozen=True)
class Rule:
    """A rule of one of our chains.

    Attributes:
        chain: its chain.
        id: the flow or part of the frame that it belongs to; its comment.
        match: the words before the comment.
        target: the words after it.
    """

    chain: str
    id: str
    match: tuple[str, ...]
    target: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule as iptables-save prints it."""
        words = ["-A", self.chain, *map(_quoted, self.match), "-m", "comment", "--comment", f'"{self.id}"', *map(_quoted, self.target)]
        return " ".join(words)


@dataclass(frozen=True)
class IpSet:
    """A set of networks that the policy names, or of single addresses that DNS answers teach.

    Attributes:
        name: its name.
        family: ipv4 or ipv6.
        elements: networks and addresses; none where DNS answers fill it, since that is no part of the policy.
        learned: how many addresses it takes where DNS answers fill it; 0 elsewhere.
        extra: what we never set ourselves.
    """

    name: str
    family: str
    elements: frozenset[str] = frozenset()
    learned: int = 0
    extra: str = ""

    def create(self, name: str = "") -> str:
        """The line that makes it, under another name if one is given."""
        kind = "hash:ip" if self.learned else "hash:net"
        size = self.learned or max(65536, len(self.elements))
        counters = " counters" if self.learned else ""
        return f"create {name or self.name} {kind} family {'inet' if self.family == 'ipv4' else 'inet6'} maxelem {size}{counters}"


@dataclass(frozen=True)
class Ruleset:
    """All that is ours in the packet filter, the jumps in built-in chains apart.

    Attributes:
        rules: of each family, in order; those of one chain decide in this order.
        sets: by name.
        declared: of each family chains that are there, also without rules.
        packets: family and id to what its rules have counted, as (packets, bytes); not part of the comparison.
        learned: what DNS answers have put into each set, address to packets that met it; not part of the comparison.
    """

    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    sets: dict[str, IpSet] = field(default_factory=dict)
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    packets: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict, compare=False)
    learned: dict[str, dict[str, int]] = field(default_factory=dict, compare=False)

    def chains(self, family: str) -> list[str]:
        """The chains of a family, also those without rules."""
        rules = self.rules.get(family, ())
        named = (name for rule in rules for name in (rule.chain, *rule.target[1:2]) if is_ours(name))
        return list(dict.fromkeys([*self.declared.get(family, ()), *named]))


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


def entry(hook: str) -> str:
    """The chain that a built-in chain jumps to: forward, output or input."""
    return f"{PREFIX}{hook}"


def jump(hook: str) -> tuple[str, ...]:
    """The words of the one rule in a built-in chain, or in Docker's, after the chain's name."""
    return ("-m", "comment", "--comment", COMMENT, "-j", entry(hook))


def is_ours(chain: str) -> bool:
    """Whether a chain is one of ours, by its name."""
    return chain.startswith(PREFIX) and chain[len(PREFIX) :] in ("flows", "permit", "dns", "refuse", "drop", *BUILT_IN)


def set_name(stem: str, family: str, elements: Iterable[str]) -> str:
    """The name of a set for its content: a changed set is another set, and rules change from one to the other at once."""
    return _sets.set_name(f"wf{family[-1]}.{stem}", "\n".join(sorted(elements)))


def learned_set(flow_id: str, family: str) -> str:
    """The name of the set that DNS answers fill for a flow; family is ipv4 or ipv6."""
    return _sets.learned_name(f"wf{family[-1]}l", flow_id)


def is_our_set(name: str) -> bool:
    """Whether a set is one of ours, by its name."""
    return name.startswith(("wf4.", "wf6.", "wf4l.", "wf6l."))
