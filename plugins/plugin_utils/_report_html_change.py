# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The page of a change request: which flows, why, and from which document; nothing has been tested."""

from __future__ import annotations

from typing import Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markup import Markup, join, table, tag
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View

DIRECTION = (
    "All connections begin inside. What comes in is only the answer to what went out, which a stateful firewall lets back by itself: "
    "no inbound rule, no port forwarding and no public address is needed."
)


def sections(view: View) -> list[tuple[str, str, Optional[Markup]]]:
    """Sections by anchor and heading."""
    return [
        ("flows", "What shall be opened", join([tag("p", DIRECTION), *(_service(row, index) for index, row in enumerate(view.services))])),
        ("not-opened", "What cannot be opened, and why", _unsatisfied(view)),
        ("site", "Where it holds", _site(view)),
        ("documents", "Documents", _documents(view)),
    ]


def _documents(view: View) -> Optional[Markup]:
    rows = [tag("li", row["title"], ": ", row["document"]) for row in view.services]
    return tag("ul", rows) if rows else None


def _service(service: Data, number: int) -> Markup:
    rows = service["requirements"][: _report_view.MOST_REQUIREMENTS]
    head = ("Flow", "Why", "To", "Protocol and ports", "Users notice if missing", "Source")
    left = _report_text.left_out(len(service["requirements"]) - len(rows), "flow")
    body = table(f"Flows of {service['title']}", head, [_row(row) for row in rows], "flows", f"flows-{number}")
    return join([tag("h3", service["title"]), body, tag("p", left) if left else "", _rules(rows), _ladder(service)])


def _rules(rows: list[Data]) -> Optional[Markup]:
    """The same as flows of the policy, for whoever compares it with the firewall."""
    lines = [tag("li", tag("code", f"{row['id']}: {row['rule']}")) for row in rows if row["rule"]]
    return (
        tag("details", tag("summary", "The flows of the policy, as the firewall knows them"), tag("ul", lines, class_="log"))
        if lines
        else None
    )


def _row(row: Data) -> tuple[Markup | str, ...]:
    places = tag("ul", [tag("li", tag("code", item)) for item in _report_view.destinations(row)], class_="places")
    tier = tag("small", row["tier"], class_="soft") if row["tier"] else ""
    missing = tag("p", tag("strong", "cannot be opened, see below")) if row["unsatisfied"] else ""
    name = join([tag("code", row["id"]), tag("br"), tier, missing])
    direction = f"outbound, {row['application']}" if row["application"] else "outbound"
    kind = join([tag("strong", _report_view.carried(row)), tag("br"), tag("small", direction, class_="soft")])
    why = join([row["purpose"], tag("small", f" Stands in for {row['fallback_of']}.", class_="soft") if row["fallback_of"] else ""])
    note = tag("p", tag("small", row["note"], class_="soft")) if row["note"] else ""
    return name, join([why, note]), places, kind, row["symptom"], _report_view.source(row)


def _ladder(service: Data) -> Optional[Markup]:
    steps = [tag("li", step["way"], f": {step['quality']}" if step["quality"] else "") for step in service["ladder"]]
    return join([tag("p", "Ways that media can take, best first:"), tag("ol", steps)]) if steps else None


def _unsatisfied(view: View) -> Optional[Markup]:
    rows = view.unsatisfied()[: _report_view.MOST_REQUIREMENTS]
    return tag("ul", [tag("li", tag("code", row["id"]), f": {row['unsatisfied']}") for row in rows]) if rows else None


def _site(view: View) -> Optional[Markup]:
    pairs = [join([tag("dt", name), tag("dd", text)]) for name, text in _report_view.site(view)]
    return tag("dl", pairs, class_="facts") if pairs else None
