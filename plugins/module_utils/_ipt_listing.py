# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From what iptables-save and `ipset save` print to a ruleset that can be compared with a rendered one.

Strict on purpose: a word that we never write stays in its rule, an option that we never set stays as a set's ``extra``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import IpSet, Rule, is_our_set, is_ours

# The unit of a rate in ticks of xt_limit, which knows a second as 10,000 of them.
_TICKS = {"sec": 10_000, "min": 600_000, "hour": 36_000_000, "day": 864_000_000}
_RATE = re.compile(r"(\d+)/(sec|min|hour|day)")
_COUNTED = re.compile(r"\[(\d+):(\d+)\] (.*)")


@dataclass
class Saved:
    """What is ours in one family.

    Attributes:
        rules: in order.
        chains: also those without rules.
        packets: id to what its rules have counted, as (packets, bytes).
    """

    rules: list[Rule] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    packets: dict[str, tuple[int, int]] = field(default_factory=dict)


def ours(text: str) -> Saved:
    """Our chains in what `iptables-save --counters` printed of the table filter."""
    saved = Saved()
    for line in text.splitlines():
        counted = _COUNTED.fullmatch(line)
        if line.startswith(":") and is_ours(line[1:].split()[0]):
            saved.chains.append(line[1:].split()[0])
        elif counted and is_ours(counted.group(3).split()[1]):
            rule = _rule(shlex.split(counted.group(3)))
            packets, size = saved.packets.get(rule.id, (0, 0))
            saved.packets[rule.id] = packets + int(counted.group(1)), size + int(counted.group(2))
            saved.rules.append(rule)
    return saved


def uncounted(text: str) -> str:
    """The same listing without its counters."""
    return "\n".join(counted.group(3) if (counted := _COUNTED.fullmatch(line)) else line for line in text.splitlines())


def _rule(words: list[str]) -> Rule:
    chain, rest = words[1], words[2:]
    for place in range(len(rest) - 3):
        if rest[place : place + 3] == ["-m", "comment", "--comment"]:
            return Rule(chain, rest[place + 3], tuple(rest[:place]), tuple(rest[place + 4 :]))
    return Rule(chain, "", tuple(rest), ())


def comparable(rules: Iterable[Rule]) -> list[tuple[str, ...]]:
    """Rules as they decide: those of a chain in their order, and a rate as xt_limit rounds it."""
    return [(rule.chain, rule.id, *_rounded(rule.match), *rule.target) for rule in sorted(rules, key=lambda rule: rule.chain)]


def _rounded(words: tuple[str, ...]) -> list[str]:
    found = [(word, _RATE.fullmatch(word)) for word in words]
    return [f"every {_TICKS[rate.group(2)] // int(rate.group(1))} ticks" if rate else word for word, rate in found]


def sets(text: str) -> tuple[dict[str, IpSet], dict[str, dict[str, int]]]:
    """Our sets in what `ipset save` printed.

    Returns:
        The sets by name, and what learned sets hold, address to packets that met it.
    """
    found: dict[str, IpSet] = {}
    elements: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["create"] and is_our_set(words[1]):
            found[words[1]] = _set(words)
        elif words[:1] == ["add"] and words[1] in found:
            options = _options(words[3:])
            elements.setdefault(words[1], {})[words[2]] = int(options.get("packets", "0"))
    filled = {
        name: item if item.learned else IpSet(name, item.family, frozenset(elements.get(name, ())), 0, item.extra)
        for name, item in found.items()
    }
    return filled, {name: elements.get(name, {}) for name, item in found.items() if item.learned}


def _set(words: list[str]) -> IpSet:
    options = _options([word for word in words[3:] if word != "counters"])
    family = "ipv6" if options.pop("family", "") == "inet6" else "ipv4"
    size = int(options.pop("maxelem", "0"))
    # What the kernel chooses by itself; older versions do not print all of it.
    for name in ("hashsize", "bucketsize", "initval"):
        options.pop(name, None)
    rest = " ".join(f"{name} {value}" for name, value in options.items())
    if words[2] == "hash:ip" and "counters" in words:
        return IpSet(words[1], family, learned=size, extra=rest)
    kind = "" if words[2] == "hash:net" and "counters" not in words else f"{words[2]} {'counters' if 'counters' in words else ''}"
    return IpSet(words[1], family, extra=f"{kind} {rest}".strip())


def _options(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2]))
