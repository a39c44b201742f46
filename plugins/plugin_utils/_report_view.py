# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What all formats of a report say alike: sentences, what to change, and which of too many things are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterable, Iterator, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import OUTCOMES, Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean, counted, pick

# What a page shows at most of each, so that it stays readable whatever was probed.
MOST_POINTS = 24
MOST_REQUIREMENTS = 200
MOST_ENDPOINTS = 20
MOST_ENDPOINTS_IN_ALL = 2000
MOST_LINES = 100
MOST_DESTINATIONS = 500

TITLES = {"verification": "Will calls work from here?", "change_request": "Change request: let calls through the firewall"}
SENTENCES = {
    "works": "Calls work.",
    "degraded": "Calls work, but not in the best way.",
    "drops": "Calls start and then drop.",
    "no-media": "Calls connect, but carry no sound or picture.",
    "no-call": "No call can be made.",
    "unknown": "Whether calls work could not be found out.",
}
OUTCOME_NAMES = {
    "works": "works",
    "degraded": "degraded",
    "drops": "drops",
    "no-media": "no media",
    "no-call": "no call",
    "unknown": "not known",
}
# What the module probe sends, for each of its kinds.
SENT = {
    "tcp": "a TCP connection",
    "tls": "a TLS handshake",
    "https": "an HTTPS request",
    "websocket": "a WebSocket upgrade over TLS",
    "stun": "a STUN binding request",
    "turn": "a TURN allocation",
    "sip": "a SIP OPTIONS request",
    "udp": "one datagram, until something answers",
    "stream": "a stream of packets at the pace of speech",
    "media": "packets at the pace of speech to a TURN relay, and back through it",
    "nat": "binding requests of one port to two servers",
}
NAT_NAMES = {
    "none": "no address translation",
    "endpoint-independent": "address translation that calls can work with (endpoint-independent)",
    "symmetric": "symmetric address translation, which breaks direct media",
}
_ID = re.compile(r"[\w-]+/[\w-]+")
BAD = ("blocked", "intercepted")


@dataclass(frozen=True)
class Action:
    """Something to change.

    Attributes:
        text: what, in a sentence.
        about: ids of the requirements or findings that ask for it.
        where: vantage points and gateways that ask for it.
    """

    text: str
    about: tuple[str, ...]
    where: tuple[str, ...]


class View:
    """An assessment with what is looked up in it.

    Args:
        data: the assessment, as `_report_input.read` returns it.

    Attributes:
        data: the assessment.
        tested: whether this is a verification.
        title: what the report is called.
        points: the vantage points.
        gateways: the gateways.
        services: the services.
        requirements: all requirements of all services, in their order.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.tested = data["kind"] == "verification"
        self.title = clean(data["title"], 200) or TITLES[data["kind"]]
        self.points: list[Data] = data["vantage_points"]
        self.gateways: list[Data] = data["gateways"]
        self.services: list[Data] = data["services"]
        self.requirements: list[Data] = [row for service in self.services for row in service["requirements"]]
        self._results = [{row["id"]: row for row in point["requirements"]} for point in self.points]

    def result(self, point: int, requirement: str) -> Optional[Data]:
        """What became of a requirement at the vantage point of this number; None where nobody asked."""
        return self._results[point].get(requirement)

    def results(self, requirement: str) -> list[Data]:
        """What became of a requirement at all vantage points."""
        return [found[requirement] for found in self._results if requirement in found]

    def troubled(self, requirement: str) -> bool:
        """Whether something is to be said about a requirement."""
        return any(result["verdict"] in BAD for result in self.results(requirement))

    @cached_property
    def shown_points(self) -> tuple[list[tuple[int, Data]], int]:
        """The vantage points that find room, each with its number, and how many do not."""
        return pick(list(enumerate(self.points)), MOST_POINTS, lambda pair: any(row["verdict"] in BAD for row in pair[1]["requirements"]))

    @cached_property
    def shown_requirements(self) -> tuple[list[Data], int]:
        """The requirements that find room, and how many do not."""
        return pick(self.requirements, MOST_REQUIREMENTS, lambda row: self.troubled(row["id"]))

    @cached_property
    def anchors(self) -> dict[str, str]:
        """By id, where on a page each of them is described."""
        return {row["id"]: f"requirement-{index}" for index, row in enumerate(self.shown_requirements[0], start=1)}

    def outcomes(self, service: str) -> list[tuple[Data, Data]]:
        """Each vantage point that knows something about a service, with what it knows."""
        return [(point, row) for point in self.points for row in point["services"] if row["name"] == service]

    def unsatisfied(self) -> list[Data]:
        """The requirements that the policy cannot open, or not wholly."""
        return [row for row in self.requirements if row["unsatisfied"]]

    def endpoints_each(self) -> int:
        """How many endpoints a page shows of each requirement at each vantage point."""
        return min(MOST_ENDPOINTS, MOST_ENDPOINTS_IN_ALL // max(1, len(self.requirements) * len(self.points)))

    def actions(self) -> list[Action]:
        """What to change, most urgent first, each thing once."""
        found: dict[str, tuple[list[str], list[str]]] = {}
        for text, about, where in self._actions():
            if shown := clean(text):
                ids, names = found.setdefault(shown, ([], []))
                ids.extend(item for item in about if item not in ids)
                names.extend(name for name in [where] if name and name not in names)
        return [Action(text, tuple(ids), tuple(names)) for text, (ids, names) in found.items()]

    def _actions(self) -> Iterator[tuple[str, Sequence[str], str]]:
        outcomes = [(point, row) for point in self.points for row in point["services"] if row["outcome"] != "works"]
        for point, row in sorted(outcomes, key=lambda pair: -OUTCOMES.index(pair[1]["outcome"])):
            for text in row["change"]:
                # Where the text names what it is for, the others have other reasons.
                named = set(_ID.findall(text))
                yield text, [item["id"] for item in self.requirements if item["id"] in named] or row["blame"], point["name"]
        yield from self._findings("harmful")
        for point in self.points:
            for result in point["requirements"]:
                if result["verdict"] in BAD:
                    yield result["remedy"], (result["id"],), point["name"]
            if point["nat"]:
                yield point["nat"]["remedy"], (), point["name"]
        for place in (*self.points, *self.gateways):
            if place["error"]:
                yield f"Make it possible to ask {clean(place['name'], 100)}: {clean(place['error'])}", (), ""
        yield from self._findings("warning")

    def _findings(self, severity: str) -> Iterator[tuple[str, Sequence[str], str]]:
        for gateway in self.gateways:
            for finding in gateway["findings"]:
                if finding["severity"] == severity and finding["remedy"]:
                    where = f" ({clean(finding['where'], 300)})" if finding["where"] else ""
                    yield finding["remedy"] + where, finding["flows"], gateway["name"]


def sentence(outcome: Data) -> str:
    """What a service's outcome at one vantage point means for its users."""
    if notice := clean(outcome["users_notice"]):
        return notice
    way = clean(outcome["way"], 100)
    if way and outcome["outcome"] == "works":
        return f"Calls work, over {way}."
    if way and outcome["outcome"] == "degraded":
        return f"Calls work, but only over {way}."
    return SENTENCES[outcome["outcome"]]


def carried(requirement: Data) -> str:
    """Protocol and ports of a requirement, such as ``UDP 3478``."""
    ports = ", ".join(clean(port, 20) for port in requirement["ports"][:MOST_DESTINATIONS])
    return f"{clean(requirement['protocol'], 20).upper()} {ports}".strip()


def destinations(requirement: Data, limit: int = MOST_DESTINATIONS) -> list[str]:
    """Where a requirement goes, and how many destinations are left out."""
    rows = requirement["destinations"]
    shown = ["any address" if row == "any" else clean(row, 300) for row in rows[:limit]]
    return [*shown, f"and {len(rows) - limit:,} more"] if len(rows) > limit else shown


def verdicts(view: View) -> list[tuple[str, int]]:
    """How many requirements there are of each verdict."""
    return list(view.data["summary"]["verdicts"].items())


def counts(view: View) -> str:
    """The same in a sentence."""
    if not view.tested:
        return f"{counted(len(view.requirements), 'flow')} of {counted(len(view.services), 'service')}; nothing has been tested."
    found = ", ".join(f"{number:,} {name}" for name, number in verdicts(view))
    return f"{found}; {counted(len(view.points), 'vantage point')}, {counted(len(view.gateways), 'gateway')}."


def site(view: View) -> list[tuple[str, str]]:
    """The site's options, as pairs of a name and a text."""
    found: Data = view.data["site"]
    pairs = ((key.capitalize(), found[key]) for key in ("sources", "placement", "tier", "baseline", "wildcards", "families"))
    return [(name, listed(value) if isinstance(value, list) else clean(value, 200)) for name, value in pairs if value]


def listed(items: Iterable[Any], limit: int = 100) -> str:
    """A list within a sentence."""
    rows = list(items)
    text = ", ".join(clean(row, 300) for row in rows[:limit])
    return f"{text}, and {len(rows) - limit:,} more" if len(rows) > limit else text


def sentences(*texts: str) -> str:
    """Texts one after the other, each ended by a full stop where its author left it out."""
    found = [text for text in map(clean, texts) if text]
    return " ".join(text if text[-1] in ".!?:)" or index == len(found) else f"{text}." for index, text in enumerate(found, start=1))


def source(requirement: Data) -> str:
    """Where a requirement comes from, and of which day."""
    day = clean(requirement["date"], 60)
    return f"{clean(requirement['source'])} (as of {day})" if day else clean(requirement["source"])


def cause(result: Data) -> str:
    """What stands behind a verdict, in words; empty where the verdict says it all."""
    return "" if result["cause"] == result["verdict"] else clean(result["cause"], 60).replace("-", " ")


def notable(result: Data) -> bool:
    """Whether there is more to say than that a requirement is open."""
    return result["verdict"] != "open" or cause(result) != ""


def reason(result: Data) -> str:
    """Verdict and cause of a requirement, such as ``blocked, timed out``."""
    said = cause(result)
    return f"{result['verdict']}, {said}" if said else str(result["verdict"])
