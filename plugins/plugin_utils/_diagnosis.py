# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What all results of one requirement come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import NAME_NOT_FOUND, OPEN, UNTESTED
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import BLOCKED, CAUSES, INTERCEPTED, Judgement

# In sentences, as many endpoints are named.
_NAMED = 3
_RANK = {cause: rank for rank, cause in enumerate(CAUSES)}
# Of a server's address families, that which works is the one that counts: clients try both (RFC 8305).
_BEST_FIRST = (OPEN, UNTESTED, INTERCEPTED, BLOCKED)


@dataclass(frozen=True)
class Diagnosis:
    """What is known of one requirement at one vantage point.

    Attributes:
        id: service/requirement.
        verdict: open, blocked, intercepted or untested.
        cause: one of `CAUSES`.
        why: in words; empty if there is nothing to say.
        bad: the judgements that the verdict is due to, none if it is open.
        good: how many servers are open.
        count: how many servers were asked.
    """

    id: str
    verdict: str
    cause: str
    why: str
    bad: Sequence[Judgement] = field(default=())
    good: int = 0
    count: int = 0

    @property
    def partial(self) -> bool:
        """Whether some servers are open all the same."""
        return self.verdict in (BLOCKED, INTERCEPTED) and self.good > 0


def diagnose(name: str, judgements: Iterable[Judgement], listed: bool, untested: str) -> Diagnosis:
    """What all results of a requirement come to.

    Args:
        name: service/requirement.
        judgements: of each result.
        listed: whether the hosts are a vendor's list, of which some names may be stale.
        untested: why it is untested where there are no results.
    """
    servers: dict[tuple[str, ...], list[Judgement]] = {}
    for one in judgements:
        _host, port, transport = one.parts
        servers.setdefault((str(one.result.get("kind", "")), one.host, str(port), transport), []).append(one)
    if not servers:
        return Diagnosis(name, UNTESTED, UNTESTED, untested)
    found = [_best(group) for group in servers.values()]
    unknown = [one for one, _note in found if one.cause == NAME_NOT_FOUND]
    # A name is stale if DNS knows others; where it knows none at all, it is DNS that does not work.
    stale = unknown if listed and len(unknown) < len(found) else []
    counted = [(one, note) for one, note in found if not (stale and one.cause == NAME_NOT_FOUND)]
    notes = list(dict.fromkeys(note for _one, note in counted if note))
    if stale:
        notes.append(
            f"DNS does not know {_some([one.host for one in stale])} of the vendor's list any more, which says nothing of this network"
        )
    return _combine(name, [one for one, _note in counted], notes)


def _best(group: Sequence[Judgement]) -> tuple[Judgement, str]:
    """The judgement that counts of those of one server, and what is to be said of its other family."""
    families: dict[str, Judgement] = {}
    for one in group:
        family = str(one.result.get("family") or "")
        known = families.get(family)
        families[family] = one if known is None or _worse(one, known) else known
    best = min(families.values(), key=lambda one: (_BEST_FIRST.index(one.verdict), _RANK[one.cause]))
    others = [
        f"{_FAMILIES.get(family, family)} does not get through ({one.why}); clients fall back, some after a delay"
        for family, one in families.items()
        if best.verdict == OPEN and one.verdict == BLOCKED and one.cause != "unreachable"
    ]
    return best, "; ".join(others)


_FAMILIES: Mapping[str, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}


def _worse(one: Judgement, other: Judgement) -> bool:
    return (-_BEST_FIRST.index(one.verdict), _RANK[one.cause]) < (-_BEST_FIRST.index(other.verdict), _RANK[other.cause])


def _combine(name: str, servers: Sequence[Judgement], notes: list[str]) -> Diagnosis:
    by_verdict: dict[str, list[Judgement]] = {}
    for one in servers:
        by_verdict.setdefault(one.verdict, []).append(one)
    verdict = next(verdict for verdict in (INTERCEPTED, BLOCKED, OPEN, UNTESTED) if verdict in by_verdict)
    deciding = by_verdict[verdict]
    cause = min((one.cause for one in deciding), key=_RANK.__getitem__)
    good, count = len(by_verdict.get(OPEN, ())), len(servers)
    told = [one for one in servers if one.why]
    told.sort(key=lambda one: (one.verdict != verdict, _RANK[one.cause]))
    why = "; ".join([_told(told, count), *notes] if told else notes)
    bad = tuple(deciding) if verdict in (BLOCKED, INTERCEPTED) else ()
    return Diagnosis(name, verdict, cause, why, bad, good, count)


def _told(told: Sequence[Judgement], count: int) -> str:
    """What is to be said of some servers, those first that decide."""
    if count == 1:
        return f"{told[0].shown}: {told[0].why}"
    said = [f"{one.shown}: {one.why}" for one in told[:_NAMED]]
    rest = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{len(told)} of {count} endpoints: {'; '.join(said)}{rest}"


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}"
