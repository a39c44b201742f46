# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our iptables ruleset in the operator's words, by flow id."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_listing import comparable
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import FAMILIES, FLOWS, PERMIT, IpSet, Ruleset, is_our_set

_MANY, _SOME = 12, 5
_WORDS = {"-i": "in by", "-o": "out by", "--sport": "from port", "--icmp-type": "type", "--icmpv6-type": "type", "--ctstate": "state"}
_SILENT = {"-p", "-m", "--dport", "--dports"}
# Modules that say no more than the words behind them.
_MODULES = {"tcp", "udp", "multiport", "set", "conntrack", "connmark", "limit", "icmp", "icmp6"}


def changes(wanted: Ruleset, live: Ruleset) -> list[Change]:
    """The differences, one change an id, sorted; empty if both decide alike."""
    before, after = _by_id(live), _by_id(wanted)
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            words = (_told(old, live) if old else None, _told(new, wanted) if new else None)
            # Words leave out what people need not know; where that alone differs, they are shown it.
            found.append(Change(name, *words) if words[0] != words[1] else Change(name, _raw(old), _raw(new)))
    if not found and any(comparable(wanted.rules.get(family, ())) != comparable(live.rules.get(family, ())) for family in FAMILIES):
        found.append(Change("frame/order", "rules in another order", "rules in their order"))
    return found


def describe(ruleset: Ruleset) -> dict[str, str]:
    """Each id of a ruleset with what its rules say, in words."""
    return {name: _told(part, ruleset) for name, part in _by_id(ruleset).items()}


def _by_id(ruleset: Ruleset) -> dict[str, tuple[Any, ...]]:
    """All objects of a ruleset by the id that people know; two parts are equal if the kernel acts alike."""
    parts: dict[str, list[Any]] = {}
    used: dict[str, str] = {}
    for family in FAMILIES:
        for number, rule in enumerate(sorted(ruleset.rules.get(family, ()), key=lambda rule: rule.chain)):
            key = rule.id or f"unknown rule {number} in {family} {rule.chain}"
            parts.setdefault(key, []).append((family, *comparable([rule])))
            used.update((word, key) for word in rule.match if is_our_set(word))
        for chain in ruleset.chains(family):
            parts.setdefault(f"chain/{chain}", []).append(family)
    for name, item in ruleset.sets.items():
        parts.setdefault(used.get(name, f"set/{name}"), []).append(item)
    return {key: tuple(items) for key, items in parts.items()}


def _told(part: tuple[Any, ...], ruleset: Ruleset) -> str:
    rules = [item for item in part if isinstance(item, tuple)]
    if not rules:
        return "; ".join(dict.fromkeys(_elements(item) if isinstance(item, IpSet) else "there" for item in part))
    texts = [_rule(item[1][2:], item[1][0], ruleset) for item in rules]
    return "; ".join(dict.fromkeys(texts))


def _raw(part: Optional[tuple[Any, ...]]) -> str:
    return "; ".join(" ".join(item[1]) if isinstance(item, tuple) else str(item) for item in part or ())


def _rule(words: tuple[str, ...], chain: str, ruleset: Ruleset) -> str:
    found: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "-m" and rest and rest[0] in _MODULES:
            rest.pop(0)
        elif word == "--match-set" and len(rest) > 1:
            name, end = rest.pop(0), rest.pop(0)
            found.append(f"{'to' if end == 'dst' else 'from'} {_elements(ruleset.sets.get(name, IpSet(name, 'ipv4')))}")
        elif word in ("-j", "-g") and chain == FLOWS and rest[:1] == [PERMIT]:
            rest.pop(0)
        elif word in ("--dport", "--dports") and rest:
            found.append(rest.pop(0).replace(":", "-"))
        elif word not in _SILENT:
            found.append(_WORDS.get(word, word))
    return " ".join(found) or "all"


def _elements(item: IpSet) -> str:
    if item.learned:
        return f"what DNS answers teach ({item.learned} addresses at most)"
    shown = sorted(item.elements)
    if len(shown) <= _MANY:
        return ", ".join(shown) or "nowhere"
    return f"{len(shown)} networks (among them {', '.join(_first(shown))})"


def _first(items: list[str]) -> Iterable[str]:
    return [*items[:_SOME], f"and {len(items) - _SOME} more"]
