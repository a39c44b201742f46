# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Gateways: what they say beside the probes, and whose doing it is that something does not get through."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import PROHIBITED, REFUSED, RESET, TIMED_OUT, UNREACHABLE
from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess_evidence import MOST_DROPPED, Gateway
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis import Diagnosis
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import CUT_OFF, Judgement
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Requirement

# Where the way is cut by something that a packet met; not what is said inside of a connection.
_CUT = (TIMED_OUT, REFUSED, PROHIBITED, RESET, UNREACHABLE, CUT_OFF)
_LINE = 160
# What became of packets that a gateway has let through.
_BEYOND = {
    REFUSED: "what came back refuses it",
    PROHIBITED: "what came back forbids it",
    RESET: "the connection was cut",
    CUT_OFF: "it stopped after some packets",
}
_ASK = "ask who runs the network beyond it; other rules on the gateway itself are found by the playbook drift."
_BEFORE = "look between this machine and the gateway, or at a route past it."
# Protocol, address and port of an endpoint.
Endpoint = tuple[str, str, int]


def concerned(line: Mapping[str, Any], asked: Mapping[Endpoint, Sequence[str]], rows: Mapping[str, Requirement]) -> list[str]:
    """The ids of the requirements that a dropped packet concerns.

    Args:
        line: of the log, as `_assess_evidence` reads it.
        asked: the ids by the endpoints that were probed.
        rows: the requirements by id.

    Returns:
        Those that were probed at this very endpoint; otherwise those whose protocol, ports and networks it falls in.
    """
    protocol, port = line["protocol"], line["port"]
    address = _address(line["destination"])
    if not address or not port:
        return []
    exact = asked.get((protocol, str(address), port))
    if exact:
        return list(exact)
    return [
        name
        for name, row in rows.items()
        if row.protocol == protocol
        and any(first <= port <= last for first, last in row.ports)
        and any(address in network for network in row.destinations.networks)
    ]


def endpoints(judgements: Iterable[tuple[str, Judgement]]) -> dict[Endpoint, list[str]]:
    """The ids by the endpoints at which they were probed, from all results with their ids."""
    asked: dict[Endpoint, dict[str, None]] = {}
    for name, one in judgements:
        host, port, protocol = one.aimed_at
        address = _address(host)
        if address and port:
            asked.setdefault((protocol, str(address), port), {})[name] = None
    return {endpoint: list(names) for endpoint, names in asked.items()}


def _address(text: str) -> Any:
    try:
        return ip_address(text)
    except ValueError:
        return None


def show(gateway: Gateway, asked: Mapping[Endpoint, Sequence[str]], rows: Mapping[str, Requirement]) -> dict[str, Any]:
    """A gateway as the assessment tells it."""
    dropped = [{"time": line["time"], "line": line["line"], "ids": concerned(line, asked, rows)} for line in gateway.dropped]
    findings = [dict(finding) for finding in gateway.findings]
    if gateway.more_dropped:
        what = f"{gateway.more_dropped} further lines of the drop log are left out here; the first {MOST_DROPPED} are told."
        findings.append({"id": "dropped-lines", "severity": "note", "what": what, "where": "", "remedy": "", "flows": []})
    names = sorted({*gateway.before, *gateway.after})
    return {
        "name": gateway.name,
        "error": gateway.error,
        "findings": findings,
        "flows": [{"id": name, "before": gateway.before.get(name, 0), "after": gateway.after.get(name, 0)} for name in names],
        "dropped": dropped,
    }


def whose_doing(found: Diagnosis, gateways: Sequence[Gateway], shared: bool, open_here: bool) -> list[str]:
    """What the gateways say of a requirement that does not get through, as sentences.

    Args:
        found: what is known of it at one vantage point.
        gateways: what each gateway said before and after.
        shared: whether other machines have probed it at the same time.
        open_here: whether the site's policy opens it.
    """
    bad = [one for one in found.bad if one.cause in _CUT]
    if not bad:
        return []
    said = (_said(found, bad, gateway, shared, open_here) for gateway in gateways if not gateway.error)
    return [text for text in said if text]


def _said(found: Diagnosis, bad: Sequence[Judgement], gateway: Gateway, shared: bool, open_here: bool) -> str:
    here, name = f"gateway {gateway.name}", found.id
    asked = endpoints((name, one) for one in bad)
    line = next((line for line in gateway.dropped if _is_of(line, asked)), None)
    unruled = open_here and bool(gateway.flows) and name not in gateway.flows
    ruled = f"it has no rule for {name}: run webrtc_egress there with what this assessment was asked for."
    if line:
        return f"Dropped by {here} itself, as its log says: {line['line'][:_LINE]}.{f' And {ruled}' if unruled else ''}"
    if gateway.present is False:
        return f"None of the collection's rules is live on {here}: run webrtc_egress there."
    if unruled:
        return f"As for {here}, {ruled}"
    return _connections(found, bad, gateway, shared) or _counters(found, gateway, shared)


def _connections(found: Diagnosis, bad: Sequence[Judgement], gateway: Gateway, shared: bool) -> str:
    """What a gateway's table of connections says; with other machines about, of those alone whose source is known."""
    replies = [
        replied
        for one in bad
        for source, replied in gateway.seen.get(str(one.result.get("endpoint")), ())
        if source == one.facts.get("local") or not (shared or one.facts.get("local"))
    ]
    if replies and not any(replies):
        return f"It left gateway {gateway.name} (its table of connections has it), and nothing came back: {_ASK}"
    if replies and all(replies) and found.cause == TIMED_OUT:
        return (
            f"Answers came back to gateway {gateway.name} (its table of connections has them): look between the gateway and this machine."
        )
    return ""


def _counters(found: Diagnosis, gateway: Gateway, shared: bool) -> str:
    """What the counter of a flow says, which is of all machines behind a gateway."""
    name = found.id
    if name not in gateway.before or name not in gateway.after or gateway.after[name] < gateway.before[name]:
        return ""
    risen = gateway.after[name] - gateway.before[name]
    if not risen:
        return f"It never reached gateway {gateway.name} (its counter for {name} did not rise): {_BEFORE}"
    others = ", those of other machines among them" if shared else ""
    then = _BEYOND.get(found.cause, "nothing came back")
    return f"It left gateway {gateway.name} (its counter for {name} rose by {risen} packets{others}), and {then}: {_ASK}"


def _is_of(line: Mapping[str, Any], bad: Mapping[Endpoint, Sequence[str]]) -> bool:
    address = _address(line["destination"])
    return bool(address) and (line["protocol"], str(address), line["port"]) in bad
