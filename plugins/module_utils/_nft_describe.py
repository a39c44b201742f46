# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What differs between two rulesets, told by flow id and in words."""

from __future__ import annotations

import json
from typing import Any, Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import Chain, Rule, Ruleset, Set, Statement

_MANY = 16
_SOME = 8
# Every flow has them alike: its counter, the mark, and the accept.
_SILENT = {"counter", "mangle", "accept"}


def changes(wanted: Ruleset, live: Ruleset) -> list[Change]:
    """The differences, each under the id of the flow or frame part that it belongs to.

    Args:
        wanted: the ruleset that shall be.
        live: the ruleset that is.

    Returns:
        One change an id, sorted; empty if `_nft_listing.same` holds.
    """
    before, after = _by_id(live), _by_id(wanted)
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            words = (_words(old, live, new) if old else None, _words(new, wanted, old) if new else None)
            # Words leave out what people need not know; where that alone differs, they are shown it.
            found.append(Change(name, *words) if words[0] != words[1] else Change(name, _details(old, new), _details(new, old)))
    return found or [Change("frame/order", "rules in another order", "rules in their order")]


def _details(part: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> str:
    theirs = {statement for rule in other or () if isinstance(rule, Rule) for statement in rule.statements}
    own = [statement.key for rule in part or () if isinstance(rule, Rule) for statement in rule.statements if statement not in theirs]
    return "; ".join(dict.fromkeys(own)) or "as a whole in another order or number"


def describe(ruleset: Ruleset) -> dict[str, str]:
    """Each id of a ruleset with what its rules say, in words."""
    return {name: _words(part, ruleset, None) for name, part in _by_id(ruleset).items()}


def _by_id(ruleset: Ruleset) -> dict[str, tuple[Any, ...]]:
    """All objects of a ruleset by the id that people know; two parts are equal if the kernel acts alike."""
    parts: dict[str, list[Any]] = {}
    names: dict[str, str] = {}
    for position, rule in enumerate(sorted(ruleset.rules, key=lambda rule: rule.chain)):
        key = rule.id or f"unknown rule {position} in {rule.chain}"
        names[key.replace("/", ".")] = key
        parts.setdefault(key, []).append(rule)
    for chain in ruleset.chains:
        parts.setdefault(f"chain/{chain.name}", []).append(chain)
    for item in sorted(ruleset.sets, key=lambda item: item.name):
        stem = item.name.rpartition(".")[0].replace(".learned", "")
        parts.setdefault(names.get(stem, f"set/{item.name}"), []).append(item)
    for counter in sorted(ruleset.counters):
        parts.setdefault(names.get(counter, f"counter/{counter}"), []).append(counter)
    for extra in ruleset.extra:
        parts.setdefault(f"unknown object {extra}", []).append(extra)
    return {key: tuple(items) for key, items in parts.items()}


def _words(part: tuple[Any, ...], ruleset: Ruleset, other: tuple[Any, ...] | None) -> str:
    sets = {item.name: item for item in ruleset.sets}
    there = {item.name: item for item in other or () if isinstance(item, Set)}
    rules = [item for item in part if isinstance(item, Rule)]
    texts = [" ".join(filter(None, (_statement(statement, sets, there) for statement in rule.statements))) for rule in rules]
    texts += [
        f"{item.hook} {item.priority} {item.policy} {item.extra}".strip()
        for item in part
        if isinstance(item, Chain) and item != Chain(item.name)
    ]
    texts += [
        f"{item.type} {_elements(item, there.get(item.name))} {item.extra}".strip() for item in part if isinstance(item, Set) and not rules
    ]
    return "; ".join(dict.fromkeys(texts)) or "there"


def _statement(statement: Statement, sets: dict[str, Set], there: dict[str, Set]) -> str:
    ((kind, value),) = json.loads(statement.key).items()
    if kind in _SILENT:
        return ""
    if kind == "match":
        return _match(value, sets, there)
    if kind in ("goto", "jump"):
        return f"{kind} {value['target']}"
    if kind == "reject":
        return f"refused with {value.get('expr', value.get('type'))}"
    if kind == "limit":
        return f"at most {value.get('rate')} a {value.get('per')} (burst {value.get('burst')})"
    return f"{kind} {json.dumps(value) if value is not None else ''}".strip()


def _match(value: dict[str, Any], sets: dict[str, Set], there: dict[str, Set]) -> str:
    left, right, negation = value["left"], value["right"], "not " if value["op"] == "!=" else ""
    if left == {"ct": {"key": "state"}}:
        return f"{negation}{right} connections"
    if not isinstance(left, dict) or not {"payload", "meta"} & set(left):
        return f"{negation}{json.dumps(left)} {json.dumps(right)}"
    if "meta" in left:
        return f"{left['meta']['key']} {negation}{','.join(map(str, _items(right)))}"
    protocol, field = left["payload"].get("protocol"), left["payload"].get("field")
    if isinstance(right, str) and right[1:] in sets:
        return f"{negation}{'to' if field == 'daddr' else 'from'} {_elements(sets[right[1:]], there.get(right[1:]))}"
    values = ",".join(_port(item) for item in sorted(_items(right), key=_first_port))
    return f"{negation}{protocol} {'' if field == 'dport' else f'{field} '}{values}"


def _items(right: Any) -> list[Any]:
    return right["set"] if isinstance(right, dict) and "set" in right else [right]


def _first_port(item: Any) -> int:
    first = item["range"][0] if isinstance(item, dict) and "range" in item else item
    return first if isinstance(first, int) else 0


def _port(item: Any) -> str:
    return "-".join(map(str, item["range"])) if isinstance(item, dict) and "range" in item else str(item)


def _elements(item: Set, other: Set | None) -> str:
    """All elements of a small set; of a large one some, and how it differs from the other side's."""
    if item.learned:
        return f"what DNS answers teach ({item.learned} addresses at most)"
    if len(item.elements) <= _MANY:
        return ", ".join(sorted(item.elements)) or "nowhere"
    only = sorted(item.elements - other.elements) if other else []
    shown = only or sorted(item.elements)
    kind = "here alone" if only else "among them"
    return f"{len(item.elements)} networks ({kind} {', '.join(_first(shown))})"


def _first(items: list[str]) -> Iterator[str]:
    yield from items[:_SOME]
    if len(items) > _SOME:
        yield f"and {len(items) - _SOME} more"
