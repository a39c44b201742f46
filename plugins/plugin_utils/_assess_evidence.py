# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Evidence: what machines have answered, read once; all that is wrong with its shape is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import PROBED
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._plain import plain

PATH = "evidence"
# Twice what one run of module probe takes.
_MOST_RESULTS = 200000
_SEVERITIES = ("harmful", "warning", "note")
# What of a gateway is told at most; a log can have any number of lines.
MOST_DROPPED, _MOST_FINDINGS = 1000, 200
_LONGEST_LINE = 1000


@dataclass(frozen=True)
class VantagePoint:
    """A machine of the users' network: the results of its probes, and why there are none if it could not be asked."""

    name: str
    results: Sequence[Mapping[str, Any]] = ()
    error: str = ""


@dataclass(frozen=True)
class Gateway:
    """A gateway: what it said before and after the probes.

    Attributes:
        name: its name.
        error: why it could not be asked; empty if it could.
        before: packets by flow id before the probes, of the flows that it counts.
        after: the same after them.
        flows: the ids of all its flows; not every backend counts packets.
        present: whether the collection's rules are live there; None if it did not say.
        findings: what is wrong with it.
        seen: by endpoints as module probe writes them, its connections there after the probes, each with its source, and whether an
            answer came.
        dropped: what it logged as dropped meanwhile.
        more_dropped: how many lines were left out.
    """

    name: str
    error: str = ""
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    flows: frozenset[str] = frozenset()
    present: bool | None = None
    findings: Sequence[Mapping[str, Any]] = ()
    seen: Mapping[str, Sequence[tuple[str, bool]]] = field(default_factory=dict)
    dropped: Sequence[Mapping[str, Any]] = ()
    more_dropped: int = 0


@dataclass(frozen=True)
class Evidence:
    """Everything that was seen, in the order in which it was given; nothing where nothing was asked."""

    vantage_points: Sequence[VantagePoint] = ()
    gateways: Sequence[Gateway] = ()


def read_evidence(value: Any, check: Input) -> Evidence | None:
    """Read evidence.

    Args:
        value: ``vantage_points`` and ``gateways``, each by name; None or nothing for none.
        check: takes the problems.

    Returns:
        None if there is none.
    """
    if value is None or (isinstance(value, Mapping) and not value):
        return None
    given = check.mapping(plain(value), PATH, (), ("vantage_points", "gateways"))
    points = check.mapping(given.get("vantage_points") or {}, f"{PATH}.vantage_points")
    gateways = check.mapping(given.get("gateways") or {}, f"{PATH}.gateways")
    return Evidence(
        tuple(_read_point(name, item, f"{PATH}.vantage_points.{name}", check) for name, item in points.items()),
        tuple(_read_gateway(name, item, f"{PATH}.gateways.{name}", check) for name, item in gateways.items()),
    )


def _read_point(name: str, value: Any, path: str, check: Input) -> VantagePoint:
    given = check.mapping(value, path, (), ("results", "error"))
    results = check.items(given.get("results") or [], f"{path}.results")
    if len(results) > _MOST_RESULTS:
        check.add(f"{path}.results", len(results), f"at most {_MOST_RESULTS} results", "Probe fewer endpoints.")
        results = []
    good = [item for where, item in results if _is_result(item, where, check)]
    return VantagePoint(name, tuple(good), _error(given, path, check))


def _is_result(item: Any, path: str, check: Input) -> bool:
    """Whether an item is a result of module probe, as far as a diagnosis reads it."""
    if not isinstance(item, Mapping):
        check.add(path, item, "a result of module probe: a mapping")
        return False
    problems = len(check.problems)
    for key in ("id", "endpoint"):
        if not isinstance(item.get(key), str):
            check.add(f"{path}.{key}", item.get(key), "a text, as module probe returns it")
    verdict = item.get("verdict")
    if not isinstance(verdict, str) or verdict not in PROBED:
        check.add(f"{path}.verdict", verdict, f"one of {', '.join(PROBED)}")
    if not isinstance(item.get("facts") or {}, Mapping):
        check.add(f"{path}.facts", item["facts"], "a mapping")
    return len(check.problems) == problems


def _error(given: Mapping[str, Any], path: str, check: Input) -> str:
    error = given.get("error")
    return "" if error in (None, "") else check.text(error, f"{path}.error")


def _read_gateway(name: str, value: Any, path: str, check: Input) -> Gateway:
    given = check.mapping(value, path, (), ("before", "after", "error"))
    before, after = (check.mapping(given.get(key) or {}, f"{path}.{key}", (), ("info", "gateway")) for key in ("before", "after"))
    infos = [check.mapping(one.get("info") or {}, f"{path}.{key}.info") for key, one in (("before", before), ("after", after))]
    machines = [check.mapping(one.get("gateway") or {}, f"{path}.{key}.gateway") for key, one in (("before", before), ("after", after))]
    counts = [_counts(info, f"{path}.{key}.info.flows", check) for key, info in zip(("before", "after"), infos)]
    found = [
        finding
        for key, machine in (("after", machines[1]), ("before", machines[0]))
        for where, item in check.items(machine.get("findings") or [], f"{path}.{key}.gateway.findings")
        for finding in _finding(item, where, check)
    ]
    # What is there after the probes was mostly there before; it is told once.
    once = {(one["id"], one["where"]): one for one in reversed(found)}
    findings = sorted(once.values(), key=lambda one: (_SEVERITIES.index(one["severity"]), one["id"], one["where"]))
    lines = check.items(machines[1].get("dropped") or [], f"{path}.after.gateway.dropped")
    dropped = [line for where, item in lines[:MOST_DROPPED] for line in _dropped(item, where, check)]
    present = infos[1].get("present", infos[0].get("present"))
    return Gateway(
        name=name,
        error=_error(given, path, check),
        before=_counted(counts[0]),
        after=_counted(counts[1]),
        flows=frozenset(counts[1]),
        present=present if isinstance(present, bool) else None,
        findings=tuple(findings[:_MOST_FINDINGS]),
        seen=_seen(machines[1].get("flows_seen") or [], f"{path}.after.gateway.flows_seen", check),
        dropped=tuple(dropped),
        more_dropped=max(0, len(lines) - MOST_DROPPED),
    )


def _counts(info: Mapping[str, Any], path: str, check: Input) -> dict[str, int | None]:
    """Packets by flow, of module ruleset_info; None where the backend does not count."""
    counts: dict[str, int | None] = {}
    for where, item in check.items(info.get("flows") or [], path):
        flow = check.mapping(item, where, ("id", "packets"))
        packets = flow.get("packets")
        if isinstance(flow.get("id"), str) and (packets is None or isinstance(packets, int) and packets >= 0):
            counts[str(flow["id"])] = packets
        elif "id" in flow and "packets" in flow:
            check.add(where, flow, "a flow with the text id and the number packets, as module ruleset_info returns it")
    return counts


def _counted(counts: Mapping[str, int | None]) -> dict[str, int]:
    return {name: packets for name, packets in counts.items() if packets is not None}


def _seen(value: Any, path: str, check: Input) -> dict[str, list[tuple[str, bool]]]:
    """Connections of module gateway_info, by endpoint; one without endpoint, source or ``replied`` says nothing."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for where, item in check.items(value, path):
        flow = check.mapping(item, where)
        if isinstance(flow.get("endpoint"), str) and isinstance(flow.get("replied"), bool):
            found.setdefault(flow["endpoint"], []).append((str(flow.get("source") or ""), flow["replied"]))
    return found


def _finding(value: Any, path: str, check: Input) -> list[dict[str, Any]]:
    given = check.mapping(value, path, ("id", "severity", "what"))
    if not {"id", "severity", "what"} <= set(given):
        return []
    flows = given.get("flows") or []
    return [
        {
            "id": check.text(given["id"], f"{path}.id"),
            "severity": check.choice(given["severity"], f"{path}.severity", _SEVERITIES),
            "what": check.text(given["what"], f"{path}.what"),
            "where": str(given.get("where") or ""),
            "remedy": str(given.get("remedy") or ""),
            "flows": [str(flow) for _where, flow in check.items(flows, f"{path}.flows")],
        }
    ]


def _dropped(value: Any, path: str, check: Input) -> list[dict[str, Any]]:
    """One line of the log; what it does not tell stays empty."""
    if not isinstance(value, Mapping):
        check.add(path, value, "a mapping with time and line")
        return []
    port = str(value.get("port") or "")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    texts = {key: str(value.get(key) or "")[:_LONGEST_LINE] for key in ("time", "line", "protocol", "source", "destination")}
    return [{**texts, "protocol": texts["protocol"].lower(), "port": number}]
