# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The report for a ticket, in Markdown."""

from __future__ import annotations

from typing import Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_html_change import DIRECTION
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markdown_text import code, codes, prose, table
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import BAD, View


def markdown(view: View) -> str:
    """Headline, what users notice, what to change, the matrix and the diagnosis; or the flows of a change request."""
    lines = [*_head(view), *(_verification(view) if view.tested else _request(view)), *_documents(view)]
    text = "\n".join(line.rstrip() for line in lines)
    # One empty line is enough anywhere.
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip("\n") + "\n"


def _head(view: View) -> Iterator[str]:
    summary = view.data["summary"]
    word = "" if not view.tested else "**Ready.** " if summary["ok"] else "**Not ready.** "
    yield from (f"# {prose(view.title)}", "", f"{word}{prose(summary['headline'])}", "")
    yield f"{_report_view.counts(view)} {code(view.data['time'], 60)}"


def _verification(view: View) -> Iterator[str]:
    yield from _outcomes(view)
    yield from _actions(view)
    (points, more), (shown, rest) = view.shown_points, view.shown_requirements
    yield from ("", "## Each requirement from each vantage point")
    head = ["Requirement", "What", *(prose(point["name"], 100) for _number, point in points)]
    rows = [
        (code(row["id"]), prose(_report_view.carried(row)), *(_verdict(point, view.result(number, row["id"])) for number, point in points))
        for row in shown
    ]
    yield from table(head, rows)
    yield from (text for text in (_report_text.left_out(rest, "requirement"), "", _report_text.left_out(more, "vantage point")))
    for number, point in points:
        results = [result for row in shown if (result := view.result(number, row["id"])) and _report_view.notable(result)]
        yield from _point(point, results)
    for gateway in view.gateways[: _report_view.MOST_POINTS]:
        yield from _gateway(gateway)


def _outcomes(view: View) -> Iterator[str]:
    rows = []
    for service in view.services:
        for point, row in view.outcomes(service["name"]):
            name = f"**{_report_view.OUTCOME_NAMES[row['outcome']]}**"
            notice = prose(_report_view.sentence(row))
            rows.append((prose(service["title"]), prose(point["name"], 100), name, notice, codes(row["blame"])))
    shown, more = _report_text.pick(rows, _report_view.MOST_REQUIREMENTS, lambda row: row[2] != "**works**")
    yield from ("", "## What users notice")
    yield from table(("Service", "From", "Outcome", "What users notice", "Because of"), shown)
    yield _report_text.left_out(more, "row")


def _actions(view: View) -> Iterator[str]:
    actions, more = _report_text.pick(view.actions(), _report_view.MOST_LINES)
    if actions:
        yield from ("", "## What to change", "")
    for number, action in enumerate(actions, start=1):
        about = "; ".join(filter(None, (codes(action.about), prose(_report_view.listed(action.where)))))
        yield f"{number}. {prose(action.text)}{f' ({about})' if about else ''}"
    yield from ("", _report_text.left_out(more, "thing"))


def _point(point: Data, results: list[Data]) -> Iterator[str]:
    nat: Optional[Data] = point["nat"]
    if not (results or point["error"] or nat):
        return
    yield from ("", f"## From {prose(point['name'], 100)}", "")
    if point["error"]:
        yield f"- **could not be asked**: {prose(point['error'])}"
    for result in results:
        yield f"- {code(result['id'])} **{_report_view.reason(result)}**: {prose(result['why'])}"
        if result["remedy"]:
            yield f"  **To do**: {prose(result['remedy'])}"
        seen, more = _report_text.pick(result["endpoints"], 3, lambda row: row["verdict"] != "open")
        for row in seen:
            yield f"  - {code(row['endpoint'])} {prose(row['verdict'], 40)} {code(str(row['facts'].get('why', '')), 200)}"
        if more:
            yield f"  - {_report_text.left_out(more, 'endpoint')}"
    if nat:
        yield f"- **address translation**: {prose(nat['mapping'], 60)}. {prose(nat['why'])} {prose(nat['remedy'])}"


def _gateway(gateway: Data) -> Iterator[str]:
    yield from ("", f"## Gateway {prose(gateway['name'], 100)}", "")
    if gateway["error"]:
        yield f"- **could not be asked**: {prose(gateway['error'])}"
    shown, more = _report_text.pick(gateway["findings"], _report_view.MOST_LINES, lambda row: row["severity"] == "harmful")
    head = ("Finding", "Severity", "What", "Where", "To do")
    yield from table(
        head, [(code(row["id"]), row["severity"], prose(row["what"]), code(row["where"], 300), prose(row["remedy"])) for row in shown]
    )
    yield from (_report_text.left_out(more, "finding"), "")
    flows, more = _report_text.pick(gateway["flows"], _report_view.MOST_REQUIREMENTS, lambda row: row["after"] > row["before"])
    rows = [(code(row["id"]), f"{row['before']:,}", f"{row['after']:,}", f"{row['after'] - row['before']:,}") for row in flows]
    yield from table(("Flow", "Packets before", "After", "Difference"), rows)
    yield from (_report_text.left_out(more, "flow"), "")
    lines, more = _report_text.pick(gateway["dropped"], _report_view.MOST_LINES, lambda row: bool(row["ids"]))
    dropped = [(code(row["time"]), code(row["line"]), codes(row["ids"])) for row in lines]
    yield from table(("Dropped at", "Line of the log", "Concerns"), dropped)
    yield _report_text.left_out(more, "line")


def _request(view: View) -> Iterator[str]:
    yield from ("", prose(DIRECTION))
    for service in view.services:
        rows = service["requirements"][: _report_view.MOST_REQUIREMENTS]
        yield from ("", f"## {prose(service['title'])}")
        head = ("Flow", "Why", "To", "Protocol and ports", "Direction", "Tier", "Users notice if missing", "Source")
        yield from table(head, [_row(row) for row in rows])
        yield _report_text.left_out(len(service["requirements"]) - len(rows), "flow")
    missing = view.unsatisfied()[: _report_view.MOST_REQUIREMENTS]
    if missing:
        yield from ("", "## What cannot be opened, and why", "")
        yield from (f"- {code(row['id'])}: {prose(row['unsatisfied'])}" for row in missing)
    yield from ("", "## Where it holds", "")
    yield from (f"- {name}: {prose(text)}" for name, text in _report_view.site(view))


def _row(row: Data) -> tuple[str, ...]:
    why = prose(_report_view.sentences(row["purpose"], row["note"]))
    places = ", ".join(place if place == "any address" else code(place) for place in _report_view.destinations(row))
    kind = prose(", ".join(filter(None, (_report_view.carried(row), row["application"]))))
    return code(row["id"]), why, places, kind, "outbound", prose(row["tier"]), prose(row["symptom"]), prose(_report_view.source(row))


def _documents(view: View) -> Iterator[str]:
    yield from ("", "## Documents", "")
    yield from (f"- {prose(service['title'])}: {prose(service['document'])}" for service in view.services)


def _verdict(point: Data, result: Optional[Data]) -> str:
    if not result:
        return "could not be asked" if point["error"] else "not asked"
    text = prose(_report_view.reason(result))
    return f"**{text}**" if result["verdict"] in BAD else text
