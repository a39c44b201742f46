# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The summary of an assessment: whether all is well, and one sentence for who reads no further."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import OPEN, UNTESTED
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import BLOCKED, INTERCEPTED
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_outcome import DEGRADED, DROPS, NO_CALL, NO_MEDIA, UNKNOWN

VERDICTS = (OPEN, BLOCKED, INTERCEPTED, UNTESTED)
_FAILED = (NO_CALL, NO_MEDIA, DROPS)
_LEADS = (
    (_FAILED, "Calls fail"),
    ((DEGRADED,), "Calls work, some with lower quality"),
    ((UNKNOWN,), "Nothing speaks against calls, but not all that they need was tested"),
)
_SAID = {
    NO_CALL: "cannot be set up",
    NO_MEDIA: "connect without audio or video",
    DROPS: "drop soon after they begin",
    DEGRADED: "work with lower quality",
    UNKNOWN: "are unknown",
}
_NAMED = 4


def summary(
    kind: str, services: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]], gateways: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Whether all is well, a headline, and how many verdicts there are of each kind.

    Args:
        kind: verification or change_request.
        services: as the assessment shows them, and so the rest.
        points: the vantage points.
        gateways: the gateways.
    """
    counted = Counter(row["verdict"] for point in points for row in point["requirements"])
    verdicts = {verdict: counted[verdict] for verdict in VERDICTS}
    if kind == "change_request":
        return {"ok": False, "headline": _asked_for(services), "verdicts": verdicts}
    errors = [one["name"] for one in (*points, *gateways) if one["error"]]
    harmful = sum(finding["severity"] == "harmful" for gateway in gateways for finding in gateway["findings"])
    bad = verdicts[BLOCKED] + verdicts[INTERCEPTED]
    # The best way may be open and lose packets.
    worse = any(service["outcome"] == DEGRADED for point in points for service in point["services"])
    said = [_outlook(points, services)] if verdicts[OPEN] + bad else ["Nothing was tested, so nothing is known of calls"]
    said += [f"{bad} of {sum(verdicts.values())} checks {'does' if bad == 1 else 'do'} not get through"] if bad else []
    said += [_count(harmful, "harmful setting", "was found on gateways", "were found on gateways")] if harmful else []
    said += [f"no answer from {_some(errors)}"] if errors else []
    return {"ok": verdicts[OPEN] > 0 and not (bad or worse or errors or harmful), "headline": f"{'; '.join(said)}.", "verdicts": verdicts}


def _asked_for(services: Sequence[Mapping[str, Any]]) -> str:
    count = sum(len(service["requirements"]) for service in services)
    asked = _count(count, "opening", "for outbound traffic is asked for", "for outbound traffic are asked for")
    return f"{asked}, for {' and '.join(map(_short, services)) or 'no service'}; nothing was tested."


def _outlook(points: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> str:
    """What becomes of calls: only the worst that was found, with its services and places."""
    titles = {service["name"]: _short(service) for service in services}
    found: dict[tuple[str, str], list[str]] = {}
    for point in points:
        for service in point["services"]:
            found.setdefault((service["outcome"], service["name"]), []).append(point["name"])
    for outcomes, lead in _LEADS:
        parts = [
            f"{titles[name]} calls {_SAID[outcome]} from {_some(places)}"
            for outcome in outcomes
            for (seen, name), places in found.items()
            if seen == outcome
        ]
        if parts:
            return f"{lead}: {_some(parts)}"
    return f"Calls of {_some(list(titles.values()))} work from {_some([point['name'] for point in points])}"


def _short(service: Mapping[str, Any]) -> str:
    """The title without what stands in brackets behind it."""
    return str(service["title"]).partition(" (")[0]


def _some(names: Sequence[str]) -> str:
    rest = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    shown = [*names[:_NAMED], *rest]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _count(number: int, noun: str, one: str, several: str) -> str:
    return f"{number} {noun} {one}" if number == 1 else f"{number} {noun}s {several}"
