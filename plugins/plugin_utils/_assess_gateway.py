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
_CARRIED_BY = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
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
        address, (_host, port, transport) = _address(one.address), one.parts
        if address and port:
            asked.setdefault((_CARRIED_BY.get(transport, transport), str(address), port), {})[name] = None
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


def whose_doing(name: str, found: Diagnosis, gateways: Sequence[Gateway]) -> list[str]:
    """What the gateways say of a requirement that does not get through, as sentences.

    Args:
        name: service/requirement.
        found: what is known of it at one vantage point.
        gateways: what each gateway said before and after.
    """
    bad = [one for one in found.bad if one.cause in _CUT]
    if not bad:
        return []
    asked = endpoints((name, one) for one in bad)
    return [said for gateway in gateways if not gateway.error for said in [_said(name, found, asked, gateway)] if said]


def _said(name: str, found: Diagnosis, bad: Mapping[Endpoint, Sequence[str]], gateway: Gateway) -> str:
    here = f"gateway {gateway.name}"
    line = next((line for line in gateway.dropped if _is_of(line, bad)), None)
    ruled = f"it has no rule for {name}: run webrtc_egress there with what this assessment was asked for."
    if line:
        end = f" And {ruled}" if gateway.after and name not in gateway.after else ""
        return f"Dropped by {here} itself, as its log says: {line['line'][:_LINE]}.{end}"
    if gateway.present is False:
        return f"None of the collection's rules is live on {here}: run webrtc_egress there."
    if not gateway.after:
        return ""
    if name not in gateway.after:
        return f"As for {here}, {ruled}"
    if name not in gateway.before or gateway.after[name] < gateway.before[name]:
        return ""
    risen = gateway.after[name] - gateway.before[name]
    if risen:
        return (
            f"It left {here} (its counter for {name} rose by {risen} packets), and {_BEYOND.get(found.cause, 'nothing came back')}: {_ASK}"
        )
    return (
        f"It never reached {here} (its counter for {name} did not rise): look between this machine and the gateway, or at a route past it."
    )


def _is_of(line: Mapping[str, Any], bad: Mapping[Endpoint, Sequence[str]]) -> bool:
    address = _address(line["destination"])
    return bool(address) and (line["protocol"], str(address), line["port"]) in bad
