# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen of a network that is out of order, compared with what the fault's file says."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

OPEN = "open"


def differences(expected: Mapping[str, Any], seen: Mapping[str, Any]) -> list[str]:
    """What is not as expected, in words.

    Args:
        expected: the key ``expected`` of a fault's file. ``probes``: verdict, or several with ``|`` in between, to ids, all others are
            open. ``facts``: id to facts that all of its endpoints have. ``requirements``: ``verdict/cause`` to ids, all others are
            ``open/open``. ``services``: name to outcome and so on. ``nat``: the mapping, endpoint-independent if not said. ``findings``:
            ids of those that are no mere notes, none if not said. ``ok``: whether the whole is, false if not said.
        seen: what was seen, with one vantage point and one gateway.
    """
    assessment = seen["assessment"]
    (point,), (gateway,) = assessment["vantage_points"], assessment["gateways"]
    # A note is no fault, such as that a new network namespace does not count packets.
    findings = sorted(finding["id"] for finding in gateway["findings"] if finding["severity"] != "note")
    return [
        *_probes(expected, seen["results"]),
        *_facts(expected, seen["results"]),
        *_requirements(expected, point["requirements"]),
        *_services(expected, point["services"]),
        *_nat(expected, point["nat"]),
        *_differ("findings", sorted(expected.get("findings", [])), findings),
        *_differ("summary.ok", expected.get("ok", False), assessment["summary"]["ok"]),
        *_differ("errors", ["", ""], [point["error"], gateway["error"]]),
    ]


def _differ(what: str, wanted: Any, seen: Any) -> Iterator[str]:
    if wanted != seen:
        yield f"{what}: expected {wanted!r}, seen {seen!r}"


def _named(groups: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: group for group, names in groups.items() for name in names}


def _probes(expected: Mapping[str, Any], results: list[dict[str, Any]]) -> Iterator[str]:
    wanted = _named(expected.get("probes", {}))
    yield from (f"{name}: not probed" for name in sorted(set(wanted) - {result["id"] for result in results}))
    for result in results:
        want = wanted.get(result["id"], OPEN)
        if result["verdict"] not in want.split("|"):
            yield f"{result['id']} at {result['endpoint']}: expected {want!r}, seen {result['verdict']!r} {result['facts']}"


def _facts(expected: Mapping[str, Any], results: list[dict[str, Any]]) -> Iterator[str]:
    for name, facts in expected.get("facts", {}).items():
        endpoints = [result for result in results if result["id"] == name]
        if not endpoints:
            yield f"{name}: not probed"
        for result in endpoints:
            for key, wanted in facts.items():
                value = _dig(result["facts"], key)
                if not matches(wanted, value):
                    yield f"{name} at {result['endpoint']}, {key}: expected {wanted!r}, seen {value!r}"


def _dig(facts: Any, key: str) -> Any:
    for part in key.split("."):
        facts = facts.get(part, "missing") if isinstance(facts, dict) else "missing"
    return facts


def matches(wanted: Any, seen: Any) -> bool:
    """Whether a value is the wanted one: text is a pattern to be found in it, two numbers are its bounds."""
    if isinstance(wanted, str):
        return isinstance(seen, str) and re.search(wanted, seen) is not None
    if isinstance(wanted, list) and len(wanted) == 2 and isinstance(wanted[0], (int, float)):
        return isinstance(seen, (int, float)) and wanted[0] <= seen <= wanted[1]
    return bool(wanted == seen and type(wanted) is type(seen))


def _requirements(expected: Mapping[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    wanted = _named(expected.get("requirements", {}))
    for row in rows:
        for difference in _differ(row["id"], wanted.get(row["id"], f"{OPEN}/{OPEN}"), f"{row['verdict']}/{row['cause']}"):
            yield f"{difference} ({row['why']})"
        if row["verdict"] != OPEN and not (row["why"] and row["remedy"]):
            yield f"{row['id']}: no reason or no remedy: {row['why']!r}, {row['remedy']!r}"


def _services(expected: Mapping[str, Any], services: list[dict[str, Any]]) -> Iterator[str]:
    for service in services:
        name = service["name"]
        wanted = expected["services"][name]
        yield from _differ(f"{name}, outcome", wanted["outcome"], service["outcome"])
        if "way" in wanted:
            yield from _differ(f"{name}, way", wanted["way"], service["way"])
        yield from _differ(f"{name}, blame", sorted(wanted["blame"]), sorted(service["blame"]))
        changes = "\n".join(service["change"])
        yield from (f"{name}: what to change does not name {blamed}: {changes!r}" for blamed in wanted["blame"] if blamed not in changes)


def _nat(expected: Mapping[str, Any], nat: Any) -> Iterator[str]:
    # Where no answer came, nothing is known of the NAT.
    if "nat" in _named(expected.get("probes", {})):
        yield from _differ("nat", None, nat)
        return
    wanted = expected.get("nat", "endpoint-independent")
    yield from _differ("nat", wanted, (nat or {}).get("mapping"))
    if wanted == "symmetric" and not (nat or {}).get("remedy"):
        yield "nat: no remedy"
