# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The parts of the page for engineers: requirement by requirement what was asked, sent and seen; vantage points; gateways."""

from __future__ import annotations

from typing import Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_html_parts, _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markup import Markup, join, table, tag
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import BAD, View


def requirements(view: View) -> Markup:
    """What each requirement is for, what became of it, and what was sent and seen."""
    anchors, parts = view.anchors, []
    for service in view.services:
        rows = [row for row in service["requirements"] if row["id"] in anchors]
        parts.append(tag("h3", service["title"]))
        parts.extend(_requirement(view, row, anchors[row["id"]]) for row in rows)
    left = _report_text.left_out(len(view.requirements) - len(anchors), "requirement")
    return join([*parts, tag("p", left) if left else ""])


def _requirement(view: View, row: Data, anchor: str) -> Markup:
    points, _more = _report_text.pick(
        [(index, point, result) for index, point in enumerate(view.points) if (result := view.result(index, row["id"]))],
        _report_view.MOST_POINTS,
        lambda found: found[2]["verdict"] in BAD,
    )
    return tag(
        "article",
        tag("h4", tag("code", row["id"]), " ", row["purpose"], id=anchor),
        tag("p", tag("strong", "The policy cannot open this: "), row["unsatisfied"]) if row["unsatisfied"] else "",
        [_result(view, point, result, f"{anchor}-{index}") for index, point, result in points] or tag("p", "Nobody asked."),
        tag("details", tag("summary", "What the document asks for"), asked(row)),
    )


def asked(row: Data) -> Markup:
    """A row of the vendor's document."""
    places = join([tag("code", item) for item in _report_view.destinations(row)], ", ")
    pairs = (
        ("Destinations", places),
        ("Protocol and ports", f"{_report_view.carried(row)}, outbound; answers come back on the same connection"),
        ("Application", row["application"]),
        ("Tier", row["tier"]),
        ("Group", row["group"]),
        ("Users notice if missing", row["symptom"]),
        ("Stands in for", row["fallback_of"]),
        ("Flow on the firewall", tag("code", row["rule"]) if row["rule"] else ""),
        ("Source", _report_view.source(row)),
        ("Note", row["note"]),
    )
    return tag("dl", [join([tag("dt", name), tag("dd", value)]) for name, value in pairs if value], class_="facts")


def _result(view: View, point: Data, result: Data, number: str) -> Markup:
    cause = _report_view.cause(result)
    shown, more = _report_text.pick(result["endpoints"], view.endpoints_each(), lambda row: row["verdict"] != "open")
    head = [tag("strong", clean(point["name"], 100)), " ", _report_html_parts.verdict(result)]
    return tag(
        "div",
        tag("p", head, f" {cause}" if cause else ""),
        tag("p", result["why"]) if clean(result["why"]) else "",
        tag("p", tag("strong", "To do: "), result["remedy"]) if clean(result["remedy"]) else "",
        _endpoints(shown, more, number) if result["endpoints"] else "",
        class_="point",
    )


def _endpoints(shown: list[Data], more: int, number: str) -> Markup:
    rows = []
    for row in shown:
        facts = [join([tag("dt", name), tag("dd", value)]) for name, value in _report_text.facts_of(row["facts"])]
        sent = _report_view.SENT.get(row["kind"], clean(row["kind"], 40) or "not said")
        seen = tag("dl", facts, class_="facts") if facts else "nothing more"
        rows.append((tag("code", clean(row["endpoint"], 300)), sent, clean(row["verdict"], 40), _report_text.seconds(row["seconds"]), seen))
    title = f"What was sent and seen: {_report_text.counted(len(shown) + more, 'endpoint')}"
    head = ("Endpoint", "Sent", "Verdict", "Took", "Seen")
    left = _report_text.left_out(more, "endpoint")
    body = table("Endpoints", head, rows, "wide", number) if rows else ""
    return tag("details", tag("summary", title), body, tag("p", left) if left else "")


def points(view: View) -> Optional[Markup]:
    """What is known of the vantage points themselves: whether they could be asked, and how they translate addresses."""
    shown, more = _report_text.pick(view.points, _report_view.MOST_POINTS, lambda row: bool(row["error"]))
    lines = []
    for point in shown:
        nat = point["nat"]
        said = [tag("p", tag("strong", "Could not be asked: "), point["error"])] if point["error"] else []
        if nat:
            mapping = _report_view.NAT_NAMES.get(nat["mapping"], clean(nat["mapping"], 60))
            said.append(tag("p", f"Found {mapping}. ", nat["why"], " ", tag("strong", nat["remedy"]) if nat["remedy"] else ""))
        lines.append(tag("div", tag("h3", clean(point["name"], 100)), said or tag("p", "Could be asked."), class_="point"))
    left = _report_text.left_out(more, "vantage point")
    return join([*lines, tag("p", left) if left else ""]) or None


def gateways(view: View) -> Optional[Markup]:
    """Findings with remedies, the flows' counters, and what the gateway logged as dropped."""
    shown, more = _report_text.pick(view.gateways, _report_view.MOST_POINTS, lambda row: bool(row["error"] or row["findings"]))
    parts = [_gateway(gateway, f"gateway-{index}") for index, gateway in enumerate(shown)]
    left = _report_text.left_out(more, "gateway")
    return join([*parts, tag("p", left) if left else ""]) or None


def _gateway(gateway: Data, number: str) -> Markup:
    found, more = _report_text.pick(gateway["findings"], _report_view.MOST_LINES, lambda row: row["severity"] == "harmful")
    rows = [
        (
            tag("code", clean(row["id"], 60)),
            _report_html_parts.badge(_report_html_parts.SEVERITIES[row["severity"]], row["severity"]),
            row["what"],
            row["where"],
            join([row["remedy"], tag("small", f" For {_report_view.listed(row['flows'])}.", class_="soft") if row["flows"] else ""]),
        )
        for row in found
    ]
    head = ("Finding", "Severity", "What", "Where", "To do")
    left = _report_text.left_out(more, "finding")
    return tag(
        "article",
        tag("h3", clean(gateway["name"], 100)),
        tag("p", tag("strong", "Could not be asked: "), gateway["error"]) if gateway["error"] else "",
        table("Findings", head, rows, "findings", f"{number}-findings") if rows else "",
        "" if rows or gateway["error"] else tag("p", "Nothing was found on it that harms calls."),
        tag("p", left) if left else "",
        _counters(gateway, number),
        _dropped(gateway),
    )


def _counters(gateway: Data, number: str) -> Optional[Markup]:
    flows, more = _report_text.pick(gateway["flows"], _report_view.MOST_REQUIREMENTS, lambda row: row["after"] > row["before"])
    rows = [
        (tag("code", clean(row["id"], 200)), *(f"{count:,}" for count in (row["before"], row["after"], row["after"] - row["before"])))
        for row in flows
    ]
    left = _report_text.left_out(more, "flow")
    caption = "Packets of each flow"
    body = table(caption, ("Flow", "Before the probes", "After", "Difference"), rows, "wide", f"{number}-flows")
    return join([body, tag("p", left) if left else ""]) if rows else None


def _dropped(gateway: Data) -> Optional[Markup]:
    lines, more = _report_text.pick(gateway["dropped"], _report_view.MOST_LINES, lambda row: bool(row["ids"]))
    if not lines:
        return None
    rows = [tag("li", tag("code", _log_line(row)), _concerns(row)) for row in lines]
    title = f"What the gateway dropped meanwhile: {_report_text.counted(len(lines) + more, 'line')} of its log"
    left = _report_text.left_out(more, "line")
    return tag("details", tag("summary", title), tag("ul", rows, class_="log"), tag("p", left) if left else "")


def _log_line(row: Data) -> str:
    return f"{clean(row['time'], 60)} {clean(row['line'], 500)}".strip()


def _concerns(row: Data) -> str:
    return f" concerns {_report_view.listed(row['ids'])}" if row["ids"] else ""
