# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the verdicts of a service's requirements mean for its users: the ladder of ways is walked from the best down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import OPEN, UNTESTED
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis import Diagnosis
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import BLOCKED, CUT_OFF, INTERCEPTED, LOSS
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Way

WORKS, DEGRADED, NO_MEDIA, NO_CALL, DROPS, UNKNOWN = "works", "degraded", "no-media", "no-call", "drops", "unknown"
_HARMED = (BLOCKED, INTERCEPTED)
# Where a service has no words of its own.
_WORDS = {NO_CALL: "Calls are not set up", NO_MEDIA: "Calls connect without audio or video", DROPS: "Calls end soon after they begin"}


@dataclass(frozen=True)
class Prospect:
    """What becomes of the calls of a service at one vantage point.

    Attributes:
        outcome: works, degraded, no-media, no-call, drops or unknown.
        way: the way that media takes; empty if none is known.
        ways: of each way, its name, its state (open, blocked, untested) and the ids that it needs.
        notice: what users notice.
        blame: ids of the requirements that it is due to.
    """

    outcome: str
    way: str
    ways: Sequence[tuple[Way, str]]
    notice: str
    blame: tuple[str, ...]


@dataclass(frozen=True)
class Calls:
    """What of a service's diagnosis a site's choice of its requirements leaves; ids are service/requirement.

    Attributes:
        prerequisites: ids that every call needs.
        ladder: the ways, best first.
        outcomes: words for no-call, no-media and drops.
        symptoms: by id, what users notice where a requirement is blocked.
    """

    prerequisites: Sequence[str]
    ladder: Sequence[Way]
    outcomes: Mapping[str, str]
    symptoms: Mapping[str, str]


def state_of(way: Way, found: Mapping[str, Diagnosis]) -> str:
    """Open if all that a way needs is open, blocked if any of it is blocked or intercepted, untested otherwise."""
    verdicts = [found[name].verdict for name in way.needs]
    if any(verdict in _HARMED for verdict in verdicts):
        return BLOCKED
    return OPEN if all(verdict == OPEN for verdict in verdicts) else UNTESTED


def foresee(calls: Calls, found: Mapping[str, Diagnosis]) -> Prospect:
    """What becomes of the calls of a service.

    Args:
        calls: what its calls need.
        found: the diagnosis of each of its requirements by id.
    """
    ways = [(way, state_of(way, found)) for way in calls.ladder]
    missing = [name for name in calls.prerequisites if found[name].verdict in _HARMED]
    if any(not found[name].partial for name in missing):
        return Prospect(NO_CALL, "", ways, _sentence([_words(calls, NO_CALL), *_partly(missing, found)]), tuple(missing))
    if missing:
        return _set_up_in_part(calls, found, missing)
    if not ways:
        return _without_ladder(calls, found)
    first = next((index for index, (_way, state) in enumerate(ways) if state == OPEN), None)
    if first is None:
        return _no_way(calls, ways, found)
    way = ways[first][0]
    blocked = [name for better, state in ways[:first] if state == BLOCKED for name in _harmed(better, found)]
    skipped = [better.way for better, state in ways[:first] if state == UNTESTED]
    said = [f"Calls work over {way.way}", way.quality]
    said += [f"Not tested, and better if open: {', '.join(skipped)}"] if skipped else []
    # People hear the loss, whatever way their calls take.
    lossy = [name for name in way.needs if found[name].cause == LOSS]
    said += [f"Speech has gaps: {found[name].why}" for name in lossy] + _unproven(calls, found)
    blame = tuple(dict.fromkeys([*blocked, *lossy]))
    return Prospect(DEGRADED if blame else WORKS, way.way, ways, _sentence(said), blame)


def _set_up_in_part(calls: Calls, found: Mapping[str, Diagnosis], missing: Sequence[str]) -> Prospect:
    """Some servers of a vendor's list are out of reach: a dead one does not stop all calls, and one that is blocked stops some."""
    rest = foresee(replace(calls, prerequisites=[name for name in calls.prerequisites if name not in missing]), found)
    servers = " and ".join(f"{found[name].count - found[name].good} of {found[name].count} for {name}" for name in missing)
    notice = f"{rest.notice} But calls that use the servers that do not get through ({servers}): {_words(calls, NO_CALL)}"
    outcome = DEGRADED if rest.outcome == WORKS else rest.outcome
    return Prospect(outcome, rest.way, rest.ways, _sentence([notice]), tuple(dict.fromkeys([*missing, *rest.blame])))


def _no_way(calls: Calls, ways: Sequence[tuple[Way, str]], found: Mapping[str, Diagnosis]) -> Prospect:
    """No way is open: that is known of all of them, or not."""
    harmed = tuple(dict.fromkeys(name for way, state in ways if state == BLOCKED for name in _harmed(way, found)))
    untested = [way.way for way, state in ways if state == UNTESTED]
    if untested:
        bad = [way.way for way, state in ways if state == BLOCKED]
        said = [f"Not known, since it was not tested: {', '.join(untested)}"]
        said += [f"Blocked: {', '.join(bad)}; if the rest is blocked too: {_words(calls, NO_MEDIA)}"] if bad else []
        return Prospect(UNKNOWN, "", ways, _sentence(said), harmed)
    outcome = DROPS if any(found[name].cause == CUT_OFF for name in harmed) else NO_MEDIA
    return Prospect(outcome, "", ways, _sentence([_words(calls, outcome), *_partly(harmed, found)]), harmed)


def _without_ladder(calls: Calls, found: Mapping[str, Diagnosis]) -> Prospect:
    """A service of which nothing is known but its requirements: all of them open is good, and what the others bring is told by each."""
    harmed = tuple(name for name, one in found.items() if one.verdict in _HARMED)
    if harmed:
        said = [calls.symptoms.get(name) or f"Not known: {name} does not get through" for name in harmed]
        return Prospect(UNKNOWN, "", (), _sentence(list(dict.fromkeys(said))), harmed)
    untested = [name for name, one in found.items() if one.verdict != OPEN]
    if untested or not found:
        return Prospect(UNKNOWN, "", (), _sentence([f"Not known, since it was not tested: {', '.join(untested) or 'anything'}"]), ())
    return Prospect(WORKS, "", (), "All that the service needs gets through.", ())


def _harmed(way: Way, found: Mapping[str, Diagnosis]) -> list[str]:
    return [name for name in way.needs if found[name].verdict in _HARMED]


def _words(calls: Calls, outcome: str) -> str:
    return calls.outcomes.get(outcome) or _WORDS[outcome]


def _partly(names: Sequence[str], found: Mapping[str, Diagnosis]) -> list[str]:
    """That it is so for some of the servers alone."""
    some = [(name, found[name].count - found[name].good, found[name].count) for name in names if found[name].partial]
    return [f"This holds where a call uses the servers that do not get through ({bad} of {count} for {name})" for name, bad, count in some]


def _unproven(calls: Calls, found: Mapping[str, Diagnosis]) -> list[str]:
    names = [name for name in calls.prerequisites if found[name].verdict == UNTESTED]
    return [f"Not tested, though every call needs it: {', '.join(names)}"] if names else []


def _sentence(parts: Sequence[str]) -> str:
    """Texts as sentences, each ended by a full stop."""
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)
