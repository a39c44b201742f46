# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The texts that ipset and iptables-restore load to get from the live ruleset to the wanted one.

New sets come first, since nothing refers to them yet; then one `iptables-restore --noflush` a family changes all rules at once; old sets
go last. A set's name holds a digest of its content, so no packet meets rules of one policy with networks of another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterable, Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_listing import comparable
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import BUILT_IN, FAMILIES, IpSet, Ruleset, jump
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned

_BESIDE = "wf-new"
_MATCH_SET = re.compile(r" -m set --match-set \S+ (?:src|dst)")


@dataclass(frozen=True)
class Jumps:
    """Our jumps in chains of others, for one family.

    Attributes:
        add: chains that need one at their head, with the hook that it is for.
        remove: rules of ours to take away, as the words behind ``-D``.
    """

    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """What to load, in this order: sets that come, rules of each family, sets that go; what is empty is not loaded."""

    before: str = ""
    rules: dict[str, str] = field(default_factory=dict)
    after: str = ""


def script(wanted: Ruleset, live: Ruleset, jumps: dict[str, Jumps], learned: Learned) -> Script:
    """From the live ruleset to the wanted one.

    Args:
        wanted: the ruleset that shall be.
        live: the ruleset that is.
        jumps: what changes in chains of others, by family.
        learned: what belongs into sets that are made anew.
    """
    before = [line for item in wanted.sets.values() if live.sets.get(item.name) != item for line in _made(item, live, learned)]
    rules = {family: _rules(wanted, live, family, jumps.get(family, Jumps())) for family in FAMILIES}
    after = [f"destroy {name}" for name in live.sets if name not in wanted.sets]
    return Script(_lines(before), {family: text for family, text in rules.items() if text}, _lines(after))


def definition(ruleset: Ruleset, family: str, hooks: tuple[str, ...] = ()) -> str:
    """Our chains of one family as a file for `iptables-restore --noflush`, whatever is there; with the jumps for some hooks."""
    lines = [f":{chain} - [0:0]" for chain in ruleset.chains(family)]
    lines += [f"-I {BUILT_IN[hook]} 1 {' '.join(jump(hook))}" for hook in hooks]
    return _table([*lines, *(rule.text for rule in ruleset.rules.get(family, ()))])


def without_sets(text: str) -> str:
    """The same rules without a look at sets, which may not be there yet: for a test of all the rest."""
    return _MATCH_SET.sub("", text)


def definition_of_sets(ruleset: Ruleset) -> str:
    """Our sets as a file for `ipset -exist restore`."""
    return _lines([line for item in ruleset.sets.values() for line in (item.create(), *_filled(item.name, item.elements))])


def elements(learned: Learned) -> str:
    """Lines that fill sets with what DNS answers have taught."""
    return _lines([f"add {name} {address} -exist" for name, addresses in sorted(learned.items()) for address in sorted(addresses)])


def _made(item: IpSet, live: Ruleset, learned: Learned) -> Iterator[str]:
    content = sorted(learned.get(item.name, ())) if item.learned else sorted(item.elements)
    there = live.sets.get(item.name)
    if there is None:
        yield item.create()
        yield from _filled(item.name, content)
        return
    # A set of ours that others have changed is in use: its content is made beside it and takes its place at once.
    if item.learned:
        content = sorted({*content, *live.learned.get(item.name, ())})[: item.learned]
    yield item.create(_BESIDE)
    yield from _filled(_BESIDE, content)
    yield f"swap {_BESIDE} {item.name}"
    yield f"destroy {_BESIDE}"


def _filled(name: str, content: Iterable[str]) -> Iterator[str]:
    yield from (f"add {name} {element}" for element in sorted(content))


def _rules(wanted: Ruleset, live: Ruleset, family: str, jumps: Jumps) -> str:
    old, new = live.chains(family), wanted.chains(family)
    same = set(old) == set(new) and comparable(wanted.rules.get(family, ())) == comparable(live.rules.get(family, ()))
    lines = [] if same else [f":{chain} - [0:0]" for chain in new]
    if not same:
        lines += _counted(wanted, live, family)
    lines += [f"-D {words}" for words in jumps.remove]
    lines += [f"-I {chain} 1 {' '.join(jump(hook))}" for chain, hook in jumps.add]
    gone = [chain for chain in old if chain not in new]
    lines += [f"-F {chain}" for chain in gone] + [f"-X {chain}" for chain in gone]
    return _table(lines) if lines else ""


def _counted(wanted: Ruleset, live: Ruleset, family: str) -> Iterator[str]:
    """Rules with what those of their id have counted until now: the first of them takes it over."""
    left = {name: count for (where, name), count in live.packets.items() if where == family}
    for rule in wanted.rules.get(family, ()):
        packets, size = left.pop(rule.id, (0, 0))
        yield f"[{packets}:{size}] {rule.text}"


def _table(lines: list[str]) -> str:
    return _lines(["*filter", *lines, "COMMIT"])


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def jump_words(chain: str, hook: str) -> str:
    """The rule that jumps from a chain of others into ours, behind ``-A``."""
    return f'{chain} -m comment --comment "{COMMENT}" -j {jump(hook)[-1]}'
