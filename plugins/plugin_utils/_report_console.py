# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The report for a terminal: plain text, one line for each thing, so that it can be searched line by line."""

from __future__ import annotations

from typing import Iterator, Sequence

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View

_COLUMN = 48


def console(view: View) -> str:
    """Tables by vantage point, each followed by its diagnosis; then the gateways and what to change."""
    lines = [*_head(view), *(_verification(view) if view.tested else _request(view))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _head(view: View) -> Iterator[str]:
    summary = view.data["summary"]
    word = "" if not view.tested else "OK: " if summary["ok"] else "NOT OK: "
    yield f"{view.title}  {clean(view.data['time'], 60)}"
    yield f"{word}{clean(summary['headline'])}"
    yield _report_view.counts(view)


def _verification(view: View) -> Iterator[str]:
    points, more = view.shown_points
    for number, point in points:
        yield from _point(view, number, point)
    yield from filter(None, [_report_text.left_out(more, "vantage point")])
    for gateway in view.gateways[: _report_view.MOST_POINTS]:
        yield from _gateway(gateway)
    yield from _actions(view)


def _point(view: View, number: int, point: Data) -> Iterator[str]:
    yield from ("", f"Vantage point {clean(point['name'], 100)}")
    if point["error"]:
        yield f"  error: {clean(point['error'])}"
    yield from _table(
        ("SERVICE", "OUTCOME", "WAY", "USERS NOTICE"),
        [(row["name"], _report_view.OUTCOME_NAMES[row["outcome"]], row["way"], _report_view.sentence(row)) for row in point["services"]],
    )
    shown, more = view.shown_requirements
    found = [(row, view.result(number, row["id"])) for row in shown]
    yield from _table(
        ("REQUIREMENT", "VERDICT", "WHAT"),
        [(row["id"], result["verdict"], _what(row)) for row, result in found if result],
    )
    yield from filter(None, [_report_text.left_out(more, "requirement")])
    for _row, result in found:
        if result and _report_view.notable(result):
            yield from _diagnosis(result)
    if point["nat"]:
        yield from _nat(point["nat"])


def _diagnosis(result: Data) -> Iterator[str]:
    yield f"  {clean(result['id'], 200)}: {_report_view.reason(result)}"
    yield from _labelled("why", result["why"])
    yield from _labelled("do", result["remedy"])


def _nat(nat: Data) -> Iterator[str]:
    yield f"  nat: {clean(nat['mapping'], 60)}"
    yield from _labelled("why", nat["why"])
    yield from _labelled("do", nat["remedy"])


def _gateway(gateway: Data) -> Iterator[str]:
    yield from ("", f"Gateway {clean(gateway['name'], 100)}")
    if gateway["error"]:
        yield f"  error: {clean(gateway['error'])}"
    shown, more = _report_text.pick(gateway["findings"], _report_view.MOST_LINES, lambda row: row["severity"] == "harmful")
    for finding in shown:
        yield f"  {finding['severity']}: {clean(finding['id'], 60)}: {clean(finding['what'])}"
        yield from _labelled("where", finding["where"])
        yield from _labelled("do", finding["remedy"])
    yield from filter(None, [_report_text.left_out(more, "finding")])
    yield from _table(
        ("FLOW", "PACKETS BEFORE", "AFTER", "DURING"),
        [(row["id"], f"{row['before']:,}", f"{row['after']:,}", f"{row['after'] - row['before']:,}") for row in gateway["flows"]],
    )
    lines, more = _report_text.pick(gateway["dropped"], _report_view.MOST_LINES, lambda row: bool(row["ids"]))
    for row in lines:
        about = f" ({_report_view.listed(row['ids'])})" if row["ids"] else ""
        yield f"  dropped: {clean(row['time'], 60)} {clean(row['line'], 500)}{about}"
    yield from filter(None, [_report_text.left_out(more, "line", "lines")])


def _actions(view: View) -> Iterator[str]:
    actions, more = _report_text.pick(view.actions(), _report_view.MOST_LINES)
    if actions:
        yield from ("", "What to change")
    for number, action in enumerate(actions, start=1):
        about = "; ".join(filter(None, (_report_view.listed(action.about), _report_view.listed(action.where))))
        yield f"  {number}. {action.text}{f' ({about})' if about else ''}"
    yield from filter(None, [_report_text.left_out(more, "thing", "things")])


def _request(view: View) -> Iterator[str]:
    for name, text in _report_view.site(view):
        yield f"  {name.lower()}: {text}"
    for service in view.services:
        yield from ("", f"{clean(service['title'], 200)} ({clean(service['document'], 200)})")
        rows = service["requirements"][: _report_view.MOST_REQUIREMENTS]
        yield from _table(("FLOW", "TIER", "WHAT"), [(row["id"], row["tier"], _what(row)) for row in rows])
        for row in rows:
            yield f"  {clean(row['id'], 200)}: {clean(row['purpose'])}"
            yield from _labelled("if missing", row["symptom"])
            yield from _labelled("source", _report_view.source(row))
            yield from _labelled("not opened", row["unsatisfied"])
        yield from filter(None, [_report_text.left_out(len(service["requirements"]) - len(rows), "flow")])


def _labelled(label: str, text: str) -> Iterator[str]:
    if shown := clean(text):
        yield f"    {label}: {shown}"


def _what(requirement: Data) -> str:
    return f"{_report_view.carried(requirement).lower()} to {', '.join(_report_view.destinations(requirement, 4))}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned columns; the last is as long as it likes."""
    if not rows:
        return
    cells = [tuple(head), *(tuple(clean(cell, 500) or "-" for cell in row) for row in rows)]
    widths = [min(_COLUMN, max(_report_text.width(row[index]) for row in cells)) for index in range(len(head) - 1)]
    for row in cells:
        yield "  " + "  ".join([*(_report_text.padded(cell, columns) for cell, columns in zip(row, widths)), row[-1]])
