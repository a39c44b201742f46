# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our rules in ufw's chains, as iptables-save lists them: which are ours, and what iptables-restore has to change.

ufw gives the kernel no comments. So a rule of ours is known there by what it says: by the lines of the rules that ufw's own file calls
ours, and of those that are wanted, as far as no rule of somebody else says the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import Line, Rule

_RULE = re.compile(r"\[(\d+):(\d+)\] -A (\S+) ?(.*)")
_CHANGED = re.compile(r"^(?:\[\d+:\d+\] )?-[DI] (\S+)", re.MULTILINE)
# What ufw puts first where its log is off. Whenever it starts with its log on it takes one such line away, though it may end what
# somebody's rule logs: then a packet is logged by what follows, too, and that is all. So ours need not be there.
_LOG_OFF = "-j RETURN"


class Counted(NamedTuple):
    """A rule of the kernel's: what stands behind its chain, and what it has counted."""

    rest: str
    packets: int = 0
    bytes: int = 0


Chains = Mapping[str, Sequence[Counted]]


def chains(text: str) -> dict[str, list[Counted]]:
    """The chains in what `iptables-save --counters` printed of the table filter."""
    found: dict[str, list[Counted]] = {}
    for line in text.splitlines():
        rule = _RULE.fullmatch(line)
        if line.startswith(":"):
            found.setdefault(line[1:].split()[0], [])
        elif rule:
            found.setdefault(rule.group(3), []).append(Counted(rule.group(4), int(rule.group(1)), int(rule.group(2))))
    return found


@dataclass(frozen=True)
class Placed:
    """Our rules in one chain.

    Attributes:
        ours: those that are there, in order.
        first: whether nothing stands before or between them but what ufw itself puts first.
        behind: how many rules stay before ours.
        intruder: the first rule of others that stands before the last of ours.
    """

    ours: tuple[Counted, ...]
    first: bool
    behind: int = 0
    intruder: str = ""


@dataclass(frozen=True)
class Family:
    """What is ours of one family in the kernel, chain by chain."""

    chains: dict[str, Placed] = field(default_factory=dict)

    def rules(self, known: Iterable[Rule]) -> list[tuple[Rule, int, int]]:
        """Those of the known rules that are there as a whole, with what their last lines have counted, as (rule, packets, bytes)."""
        left: dict[tuple[str, str], list[Counted]] = defaultdict(list)
        for chain, placed in self.chains.items():
            for rule in placed.ours:
                left[chain, rule.rest].append(rule)
        found = []
        for item in known:
            keys = [(line.chain, line.live) for line in item.lines]
            if all(left[key] for key in keys if not _may_lack(*key)):
                last = [left[key].pop(0) for key in keys if left[key]][-1]
                found.append((item, last.packets, last.bytes))
        return found


def ours(live: Chains, known: Iterable[Rule], foreign: Iterable[tuple[str, str]]) -> Family:
    """Find our rules.

    Args:
        live: all chains of the table.
        known: rules that are ours, by ufw's file or as they are wanted.
        foreign: (chain, rest) of rules of others, as ufw's file has them.
    """
    lines = {line for rule in known for line in rule.lines}
    theirs = Counter(foreign)
    found = {}
    for chain in sorted({line.chain for line in lines} & live.keys()):
        # How often somebody else says the same as a line of ours: so often the last ones are theirs.
        reserved = {line.live: theirs[chain, line.file] for line in lines if line.chain == chain}
        off = "-logging-" in chain and theirs[chain, _LOG_OFF] > 0 and [rule.rest for rule in live[chain][:1]] == [_LOG_OFF]
        if off and _LOG_OFF in reserved:
            reserved[_LOG_OFF] -= 1
        found[chain] = _placed(live[chain][int(off) :], reserved, int(off))
    return Family(found)


def _placed(rules: Sequence[Counted], reserved: Mapping[str, int], behind: int) -> Placed:
    spare = Counter(rule.rest for rule in rules)
    mine = []
    for place, rule in enumerate(rules):
        if rule.rest in reserved and spare[rule.rest] > reserved[rule.rest]:
            spare[rule.rest] -= 1
            mine.append(place)
    first = mine == list(range(len(mine)))
    intruder = "" if first else next(rule.rest for place, rule in enumerate(rules) if place not in set(mine))
    return Placed(tuple(rules[place] for place in mine), first, behind, intruder)


def script(wanted: Iterable[Rule], live: Family) -> str:
    """What iptables-restore, which does all at once or nothing, has to load; empty if nothing is to be done.

    Args:
        wanted: our rules in order.
        live: what is there of them.
    """
    lines: dict[str, list[Line]] = defaultdict(list)
    for rule in wanted:
        for line in rule.lines:
            lines[line.chain].append(line)
    names = sorted({*lines, *live.chains})
    text = "".join(_chain(name, lines.get(name, []), live.chains.get(name, Placed((), True))) for name in names)
    return f"*filter\n{text}COMMIT\n" if text else ""


def _may_lack(chain: str, rest: str) -> bool:
    return "-logging-" in chain and rest == _LOG_OFF


def _stand(chain: str, lines: Sequence[str], found: Sequence[str]) -> bool:
    """Whether all lines are there in order, but for those that may lack."""
    place = 0
    for text in lines:
        if place < len(found) and found[place] == text:
            place += 1
        elif not _may_lack(chain, text):
            return False
    return place == len(found)


def _chain(chain: str, wanted: list[Line], there: Placed) -> str:
    lines, found = [line.live for line in wanted], [rule.rest for rule in there.ours]
    if _stand(chain, lines, found) and there.first and (lines or not found):
        return ""
    counted: dict[str, list[Counted]] = defaultdict(list)
    for rule in there.ours:
        counted[rule.rest].append(rule)
    gone = [f"-D {chain} {rule.rest}" for rule in there.ours]
    # Each goes to the head, so that the last comes first; what was counted goes on.
    kept = [(line.live, counted[line.live].pop(0) if counted[line.live] else Counted("")) for line in wanted]
    come = [f"[{old.packets}:{old.bytes}] -I {chain} {there.behind + 1} {rest}" for rest, old in reversed(kept)]
    return "".join(f"{line}\n" for line in (*gone, *come))


def touched(text: str) -> list[str]:
    """The chains that a script changes."""
    return sorted({found.group(1) for found in _CHANGED.finditer(text)})


def whole(names: Iterable[str], live: Chains) -> str:
    """What brings chains back as they were, rule by rule."""
    lines = []
    for name in names:
        lines.append(f":{name} - [0:0]")
        lines += [f"[{rule.packets}:{rule.bytes}] -A {name} {rule.rest}" for rule in live[name]]
    return "".join(f"{line}\n" for line in ("*filter", *lines, "COMMIT"))
