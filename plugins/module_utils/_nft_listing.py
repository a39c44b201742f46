# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From `nft -j list table` to a ruleset that can be compared with a rendered one.

Strict on purpose: whatever is not of the forms that we render (a set flag, a timeout, a foreign rule) is kept as
``extra`` or as a statement of its own, so that it never looks equal to what we want.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import Chain, Rule, Ruleset, Set, statement_from

_IDENTITY = {"family", "table", "name", "handle"}


def parse(listing: Mapping[str, Any]) -> Ruleset:
    """Read a listing of our table.

    Args:
        listing: what `nft -j list table inet webrtc_firewall` printed, parsed.

    Returns:
        The live ruleset; chains in the order of their names, as nft versions differ in theirs.
    """
    chains, sets, rules, extra = [], [], [], []
    packets: dict[str, tuple[int, int]] = {}
    learned: dict[str, dict[str, int]] = {}
    for entry in listing.get("nftables", []):
        ((kind, item),) = entry.items()
        if kind == "chain":
            chains.append(_chain(item))
        elif kind == "set":
            sets.append(_set(item))
            if sets[-1].learned:
                learned[item["name"]] = dict(_met(element) for element in item.get("elem", []))
        elif kind == "rule":
            rules.append(_rule(item))
        elif kind == "counter" and "comment" not in item:
            packets[item["name"]] = (item.get("packets", 0), item.get("bytes", 0))
        elif kind == "table" and set(item) <= _IDENTITY or kind == "metainfo":
            continue
        else:
            extra.append(json.dumps(entry, sort_keys=True))
    return Ruleset(tuple(chains), tuple(sets), tuple(packets), tuple(rules), tuple(extra), packets, learned)


def same(wanted: Ruleset, live: Ruleset) -> bool:
    """Whether two rulesets decide alike: the order of chains, sets and counters does not matter, that of a chain's rules does."""
    return _sortable(wanted) == _sortable(live)


def _sortable(ruleset: Ruleset) -> tuple[Any, ...]:
    rules = tuple(sorted(ruleset.rules, key=lambda rule: rule.chain))
    return frozenset(ruleset.chains), frozenset(ruleset.sets), frozenset(ruleset.counters), rules, ruleset.extra


def _rest(item: Mapping[str, Any], known: set[str]) -> str:
    rest = {key: value for key, value in item.items() if key not in known | _IDENTITY}
    return json.dumps(rest, sort_keys=True) if rest else ""


def _chain(item: Mapping[str, Any]) -> Chain:
    if "hook" not in item:
        return Chain(item["name"], extra=_rest(item, set()))
    known = {"hook", "prio", "policy"} | ({"type"} if item.get("type") == "filter" else set())
    return Chain(item["name"], item["hook"], item.get("prio", 0), item.get("policy", ""), _rest(item, known))


def _set(item: Mapping[str, Any]) -> Set:
    if ".learned." in item["name"] and "size" in item and "flags" not in item:
        # Older nft does not list that its elements count.
        counts = {"stmt"} if item.get("stmt") == [{"counter": None}] else set()
        return Set(item["name"], str(item.get("type")), frozenset(), item["size"], _rest(item, {"type", "elem", "size"} | counts))
    elements = frozenset(_element(element) for element in item.get("elem", []))
    flags = "" if item.get("flags") in (["interval"], "interval") else f"flags {item.get('flags')}"
    return Set(item["name"], str(item.get("type")), elements, extra=flags + _rest(item, {"type", "elem", "flags"}))


def _met(element: Any) -> tuple[str, int]:
    """An address of a learned set, and how many packets have met it."""
    inner = element.get("elem", {}) if isinstance(element, dict) else {"val": element}
    return str(inner.get("val")), inner.get("counter", {}).get("packets", 0)


def _element(element: Any) -> str:
    if isinstance(element, str):
        return element
    if isinstance(element, dict) and set(element) == {"prefix"}:
        return f"{element['prefix']['addr']}/{element['prefix']['len']}"
    if isinstance(element, dict) and set(element) == {"range"}:
        first, last = map(ip_address, element["range"])
        return f"{first}-{last}"
    return json.dumps(element, sort_keys=True)


def _rule(item: Mapping[str, Any]) -> Rule:
    statements = tuple(statement_from(expression) for expression in item.get("expr", []))
    rest = _rest(item, {"chain", "expr", "comment"})
    return Rule(item["chain"], item.get("comment", ""), statements + ((statement_from({"rest": rest}),) if rest else ()))
