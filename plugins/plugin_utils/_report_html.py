# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The report as one page of HTML: for a manager at its top, for an engineer below.

Nothing is loaded and nothing is run: the page forbids itself everything but its own style sheet, so that it can be mailed and kept.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils import (
    _report_html_change,
    _report_html_details,
    _report_html_parts,
    _report_view,
)
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markup import Markup, join, tag
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_style import STYLE
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View

Section = tuple[str, str, Optional[Markup]]


def html(view: View) -> str:
    """The page, for a verification or a change request."""
    sections = [section for section in (_verification(view) if view.tested else _report_html_change.sections(view)) if section[2]]
    links = [tag("li", tag("a", heading, href=f"#{name}")) for name, heading, _body in sections]
    body = tag(
        "body",
        _report_html_parts.header(view),
        tag("nav", tag("ul", links), aria_label="Contents"),
        tag("main", [tag("section", tag("h2", heading, id=name), part, aria_labelledby=name) for name, heading, part in sections]),
        tag("footer", tag("p", _foot(view), class_="soft")),
    )
    return f"<!doctype html>\n{tag('html', _head(view), body, lang='en')}"


def _head(view: View) -> Markup:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # The style sheet is ours and goes in as it is; its hash would no longer fit otherwise.
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", view.title),
        Markup(f"<style>{STYLE}</style>\n"),
    )


def _verification(view: View) -> list[Section]:
    return [
        ("services", "What users notice", _report_html_parts.services(view)),
        ("changes", "What to change", _report_html_parts.actions(view)),
        ("matrix", "Each requirement from each vantage point", _report_html_parts.matrix(view)),
        ("ways", "Ways that media can take", _report_html_parts.ladders(view)),
        ("points", "Vantage points", _report_html_details.points(view)),
        ("gateways", "Gateways", _report_html_details.gateways(view)),
        ("requirements", "Requirement by requirement", _report_html_details.requirements(view)),
        ("about", "How to read this page", _report_html_parts.legend(view)),
    ]


def _foot(view: View) -> Markup:
    made = "Written by the Ansible collection webrtc.firewall"
    return join([f"{made}, {clean(view.data['time'], 60)}." if view.data["time"] else f"{made}.", _report_view.counts(view)], " ")
