# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The formats of a report. A new one is a file with a function of a `View`, and a line here."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_console import console
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_html import html
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import read
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_json import json
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_junit import junit
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_markdown import markdown
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View

FORMATS: dict[str, Callable[[View], str]] = {
    "console": console,
    "json": json,
    "junit": junit,
    "html": html,
    "markdown": markdown,
}


def report(assessment: Any, form: Any = "console") -> str:
    """An assessment as people or programs read it.

    Args:
        assessment: what the filter assessment returns.
        form: a key of `FORMATS`.

    Returns:
        The text, which ends with a newline; equal assessments give equal texts.

    Raises:
        InvalidInput: the assessment is none, or the format is unknown; with all problems.
    """
    given = Input()
    name = given.choice(form, "format", tuple(FORMATS))
    given.raise_if_any()
    return FORMATS[name](View(read(assessment)))
