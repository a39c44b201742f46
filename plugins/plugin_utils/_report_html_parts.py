# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The parts of the page that say what holds as a whole: headline, services, what to change, the matrix, the ways of media."""

from __future__ import annotations

from typing import Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markup import Markup, framed, join, tag
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View

# The sign stands beside the word and the colour, so that any one of them is enough.
VERDICTS = {"open": ("good", "✓"), "blocked": ("bad", "✗"), "intercepted": ("odd", "◆"), "untested": ("", "?")}
OUTCOMES = {
    "works": ("good", "✓"),
    "degraded": ("warn", "▲"),
    "drops": ("bad", "✗"),
    "no-media": ("bad", "✗"),
    "no-call": ("bad", "✗"),
    "unknown": ("", "?"),
}
SEVERITIES = {"harmful": ("bad", "✗"), "warning": ("warn", "▲"), "note": ("", "i")}


def badge(look: tuple[str, str], text: str) -> Markup:
    """A word with its sign and its colour."""
    colour, sign = look
    return tag("span", tag("span", sign, aria_hidden="true"), f" {text}", class_=f"badge {colour}".strip())


def verdict(result: Optional[Data]) -> Markup:
    """The verdict of a requirement at one vantage point."""
    return badge(VERDICTS[result["verdict"]], result["verdict"]) if result else tag("span", "not asked", class_="soft")


def header(view: View) -> Markup:
    """Title, headline and counts."""
    summary = view.data["summary"]
    look, word = (("good", "✓"), "Ready") if summary["ok"] else (("bad", "✗"), "Not ready")
    if not view.tested:
        panel = tag("div", tag("p", summary["headline"], class_="headline"), tag("p", _report_view.counts(view)), class_="panel")
    else:
        numbers = [tag("li", badge(VERDICTS[name], f"{number:,} {name}")) for name, number in _report_view.verdicts(view)]
        headline = tag("p", badge(look, word), " ", summary["headline"], class_="headline")
        panel = tag("div", headline, tag("ul", numbers, class_="counts", aria_label="Requirements by verdict"), class_=f"panel {look[0]}")
    kind = "Verification" if view.tested else "Change request"
    return tag("header", tag("h1", view.title), tag("p", join([kind, clean(view.data["time"], 60)], ", "), class_="soft"), panel)


def services(view: View) -> Markup:
    """A card for each service: in one sentence for each vantage point, what comes of it and what users notice."""
    cards = []
    for service in view.services:
        rows, more = _outcomes(view, service)
        lines = [_outcome(view, point, row) for point, row in rows] or [tag("li", "Nobody asked about this service.")]
        left = _report_text.left_out(more, "vantage point")
        cards.append(tag("article", tag("h3", service["title"]), tag("ul", lines, class_="plain"), left and tag("p", left), class_="card"))
    return tag("div", cards, class_="cards")


def _outcomes(view: View, service: Data) -> tuple[list[tuple[Data, Data]], int]:
    """The vantage points that are shown for a service, and how many are not."""
    return _report_text.pick(view.outcomes(service["name"]), _report_view.MOST_POINTS, lambda pair: pair[1]["outcome"] != "works")


def _outcome(view: View, point: Data, row: Data) -> Markup:
    blame = [_requirement_link(view, item) for item in row["blame"]] if row["outcome"] != "works" else []
    return tag(
        "li",
        badge(OUTCOMES[row["outcome"]], _report_view.OUTCOME_NAMES[row["outcome"]]),
        " from ",
        tag("strong", clean(point["name"], 100)),
        f": {_report_view.sentence(row)}",
        tag("small", " Because of ", join(blame, ", "), ".", class_="soft") if blame else "",
    )


def actions(view: View) -> Optional[Markup]:
    """What to change, most urgent first."""
    found, more = _report_text.pick(view.actions(), _report_view.MOST_LINES)
    lines = []
    for action in found:
        links = join([_requirement_link(view, item) for item in action.about], ", ")
        places = f"at {_report_view.listed(action.where)}" if action.where else ""
        lines.append(tag("li", action.text, tag("small", " ", join([links, places], "; "), class_="soft") if links or places else ""))
    if not lines:
        return tag("p", "Nothing.") if view.data["summary"]["ok"] else None
    left = _report_text.left_out(more, "thing")
    return join([tag("ol", lines), tag("p", left) if left else ""])


def matrix(view: View) -> Optional[Markup]:
    """Services and requirements down, vantage points across."""
    points, more_points = view.shown_points
    if not points:
        return tag("p", "No vantage point was asked.")
    wanted, more = view.anchors, view.shown_requirements[1]
    head = tag("tr", tag("th", "Requirement", scope="col"), [tag("th", clean(point["name"], 100), scope="col") for _index, point in points])
    bodies = []
    for service in view.services:
        rows = [row for row in service["requirements"] if row["id"] in wanted]
        lines = [
            tag("tr", tag("th", _head_of(view, row), scope="row"), [_cell(point, view.result(index, row["id"])) for index, point in points])
            for row in rows
        ]
        group = tag("tr", tag("th", service["title"], colspan=len(points) + 1, scope="rowgroup"))
        bodies.append(tag("tbody", group, lines) if lines else "")
    caption = "Verdict of each requirement from each vantage point"
    left = join([_report_text.left_out(more, "requirement"), _report_text.left_out(more_points, "vantage point")], " ")
    return join([framed(caption, [tag("thead", head), *bodies], "matrix", "matrix"), tag("p", left) if left else ""])


def _head_of(view: View, row: Data) -> Markup:
    detail = f"{_report_view.carried(row)} {row['application']}"
    return join([_requirement_link(view, row["id"]), tag("br"), tag("small", detail, class_="soft")])


def _cell(point: Data, result: Optional[Data]) -> Markup:
    if point["error"] and not result:
        return tag("td", badge(VERDICTS["untested"], "untested"), tag("small", "could not be asked", class_="soft"))
    cause = _report_view.cause(result) if result else ""
    return tag("td", verdict(result), tag("small", cause, class_="soft") if cause else "")


def ladders(view: View) -> Optional[Markup]:
    """Of each service, its ways of media, best first, and which were open where."""
    parts: list[Markup] = []
    for service in view.services:
        known, more = _outcomes(view, service)
        if not known or not service["ladder"]:
            continue
        states = [{way["way"]: way["state"] for way in row["ways"]} for _point, row in known]
        names = ("Way, best first", *(clean(point["name"], 100) for point, _row in known))
        head = tag("tr", [tag("th", name, scope="col") for name in names])
        rows = []
        for step in service["ladder"]:
            needs = join([_requirement_link(view, item) for item in step["needs"]], ", ")
            quality = tag("small", tag("br"), step["quality"]) if step["quality"] else ""
            first = tag("th", tag("strong", step["way"]), tag("small", " needs ", needs, quality, class_="soft"), scope="row")
            rows.append(tag("tr", first, [tag("td", _state(found.get(step["way"]))) for found in states]))
        name = f"ladder-{len(parts)}"
        parts.append(framed(service["title"], [tag("thead", head), tag("tbody", rows)], "matrix", name))
        parts.append(tag("p", _report_text.left_out(more, "vantage point")) if more else Markup(""))
    return join(parts) or None


def _state(state: Optional[str]) -> Markup:
    return badge(VERDICTS[state], state) if state in VERDICTS else tag("span", "not asked", class_="soft")


def _requirement_link(view: View, name: str) -> Markup:
    """The id of a requirement, as a link where the page describes it."""
    shown = tag("code", name)
    anchor = view.anchors.get(name)
    return tag("a", shown, href=f"#{anchor}") if anchor else shown


def legend(view: View) -> Markup:
    """What the words mean, and where the requirements come from."""
    meanings = {
        "open": "the service's own protocol got its answer",
        "blocked": "it got none, or a refusal on the way",
        "intercepted": "somebody else answered in the service's name, such as a proxy that inspects TLS",
        "untested": "nothing is known; why stands beside it",
    }
    words = [tag("li", badge(VERDICTS[name], name), f" {text}") for name, text in meanings.items()]
    documents = [tag("li", service["title"], ": ", service["document"]) for service in view.services]
    frame = [join([tag("dt", name), tag("dd", text)]) for name, text in _report_view.site(view)]
    return join(
        [
            tag("ul", words, class_="plain"),
            tag("h3", "Documents that the requirements come from"),
            tag("ul", documents),
            tag("h3", "Options of this site") if frame else "",
            tag("dl", frame, class_="facts") if frame else "",
        ]
    )
