# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our ufw rules in the operator's words, by flow id; what is in ufw's files and what is in force, apart where they are apart."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterable, Mapping, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_files import Block
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import Rule

_MANY, _SOME = 12, 5
_FAMILY = {"ipv4": "IPv4", "ipv6": "IPv6"}
_ACTIONS = {"allow": "", "deny": "denied", "deny_log": "denied and logged", "reject": "refused"}
Rules = Mapping[str, Sequence[Rule]]


def words(rules: Iterable[Rule], exactly: bool = False) -> str:
    """What rules of one id say.

    Args:
        rules: the rules.
        exactly: whether to say in which scope, too.
    """
    found = list(rules)
    ports: dict[str, list[str]] = {}
    for rule in found:
        ports.setdefault(rule.protocol, []).append(rule.ports.replace(":", "-"))
    parts = [f"{protocol} {','.join(dict.fromkeys(lists))}" for protocol, lists in ports.items()]
    text = " and ".join(part.replace("any any", "everything") for part in parts)
    to = list(dict.fromkeys(rule.to for rule in found if rule.to))
    text += f" to {_listed(to)}" if to else ""
    action = " and ".join(filter(None, dict.fromkeys(_ACTIONS[rule.action] for rule in found)))
    text = f"{action}: {text}" if action else text
    return f"{text}, {_scopes(found)}" if exactly else text


def _scopes(rules: Iterable[Rule]) -> str:
    texts: dict[str, dict[str, None]] = {}
    for rule in rules:
        ways = ["forwarded" if rule.forward else "from this machine"]
        ways += [f"from {rule.source}"] if rule.source else []
        ways += [f"in by {rule.inward}"] if rule.inward else []
        ways += [f"out by {rule.outward}"] if rule.outward else []
        texts.setdefault(" ".join(ways), {})[_FAMILY[rule.family]] = None
    return _listed([text if len(families) > 1 else f"{text} ({next(iter(families))})" for text, families in texts.items()])


def _listed(items: list[str]) -> str:
    if len(items) <= _MANY:
        return ", ".join(items)
    return f"{len(items)} networks (among them {', '.join([*items[:_SOME], f'and {len(items) - _SOME} more'])})"


def by_id(rules: Rules) -> dict[str, list[Rule]]:
    """Rules of all families by their ids."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for items in rules.values():
        for rule in items:
            found[rule.id].append(rule)
    return dict(found)


def told(name: str, rules: Iterable[Rule]) -> str:
    """What people are told of an id: of a flow what it opens, of a frame rule its scope too."""
    return words(rules, exactly=name.startswith("frame/"))


def changes(wanted: Rules, stored: Mapping[str, Sequence[Block]], live: Rules, ruled: Iterable[str]) -> list[Change]:
    """The differences by id, sorted.

    Args:
        wanted: our rules as they shall be, by family.
        stored: our blocks in ufw's files.
        live: those of the wanted and the stored rules that are in force.
        ruled: the families that are in force at all.
    """
    after, there = by_id(wanted), by_id(live)
    before: dict[str, list[tuple[str, Block]]] = defaultdict(list)
    for family, blocks in stored.items():
        for block in blocks:
            before[block.id].append((family, block))
    found = []
    for name in sorted({*after, *before, *there}):
        texts = [block.text for _family, block in before.get(name, ())]
        new = after.get(name, [])
        in_force = [rule for rule in new if rule.family in set(ruled)]
        if sorted(texts) != sorted(rule.text for rule in new) or _sorted(there.get(name, [])) != _sorted(in_force):
            found.append(_change(name, before.get(name, []), there.get(name, []), new))
    return found


def order(stored: Iterable[str], live: Iterable[str]) -> Change:
    """The change where all rules are there, but not as they must stand.

    Args:
        stored: for each of ufw's files that is to change, the rule of somebody else that stands before ours; empty if there is none.
        live: the same for the kernel.
    """
    found = []
    for where, intruders in (("in ufw's files", list(stored)), ("in force", list(live))):
        first = next(filter(None, intruders), "")
        found += [f"{where} behind `{first}`" if first else f"{where} in another order or number"] if intruders else []
    return Change("frame/order", "; ".join(found), "first of all, in their order")


def _sorted(rules: Iterable[Rule]) -> list[str]:
    return sorted(f"{rule.family} {rule.head}" for rule in rules)


def _change(name: str, blocks: list[tuple[str, Block]], live: list[Rule], wanted: list[Rule]) -> Change:
    for exactly in (name.startswith("frame/"), True):
        stored = _stored(blocks, exactly)
        force = words(live, exactly) if live else None
        before = stored if stored == force else _apart(stored, force)
        after = words(wanted, exactly) if wanted else None
        if before != after:
            return Change(name, before, after)
    return Change(name, f"{len(blocks)} rules in ufw's files, {len(live)} in force", f"{len(wanted)} rules: {after}")


def _stored(blocks: list[tuple[str, Block]], exactly: bool) -> Optional[str]:
    if not blocks:
        return None
    rules = [(block, block.rule(family)) for family, block in blocks]
    # What is not as we would write it is shown as the kernel would get it.
    odd = [_lines(block) for block, rule in rules if rule is None or rule.text != block.text]
    good = [rule for block, rule in rules if rule and rule.text == block.text]
    return "; ".join([*([words(good, exactly)] if good else []), *odd])


def _lines(block: Block) -> str:
    return " and ".join(f"{chain} {rest}" for chain, rest in block.lines) or "nothing for the kernel"


def _apart(stored: Optional[str], live: Optional[str]) -> str:
    if live is None:
        return f"{stored} (in ufw's files, not in force)"
    return f"{live} (in force, not in ufw's files)" if stored is None else f"{stored} (in ufw's files); {live} (in force)"
