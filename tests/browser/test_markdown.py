# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in Markdown as the renderer of GitHub reads it."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report import report

NAMES = ("verification", "change_request", "hostile")


def rendered(text: str) -> str:
    extensions = [part for name in ("table", "autolink", "strikethrough", "tasklist") for part in ("-e", name)]
    # Unsafe: HTML that got through would be seen.
    command = ("cmark-gfm", "--unsafe", *extensions)
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_acts(assessments: dict[str, Any], name: str) -> None:
    page = rendered(report(assessments[name], "markdown"))
    tags = set(re.findall(r"</?([a-z0-9]+)", page))
    assert tags <= {"h1", "h2", "p", "strong", "code", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"}
    # Outside of code no renderer finds a link, somebody's name, or a number of an issue.
    assert not re.search(r"@\w|www\.|https?:|#\d", re.sub(r"<code>.*?</code>", "", page))


@pytest.mark.parametrize("name", NAMES)
def test_tables_keep_their_columns(assessments: dict[str, Any], name: str) -> None:
    text = report(assessments[name], "markdown")
    page = rendered(text)
    assert page.count("<table>") == len(re.findall(r"^\|( --- \|)+$", text, re.MULTILINE)) > 1
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd]", row)) for row in rows}) == 1
        # A cell that was cut in two would leave the last one empty or lost.
        assert all(cell for cell in re.findall(r"<td>(.*?)</td>", table, re.DOTALL))


@pytest.mark.parametrize("given", ["a|b", "a\\|b", "a\\\\|b", "`", "``|``", "\\", "<b>", "|", "&lt;", "*x*", "[a](http://b)", "a" * 3000])
def test_text_comes_out_as_it_went_in(assessments: dict[str, Any], given: str) -> None:
    found = {**assessments["verification"], "services": [], "vantage_points": []}
    line = {"time": "now", "line": given, "ids": []}
    found["gateways"] = [{"name": "gw", "error": "", "findings": [], "flows": [], "dropped": [line]}]
    page = rendered(report(found, "markdown"))
    (seen,) = re.findall(r"<td><code>now</code></td>\s*<td><code>(.*?)</code></td>", page, re.DOTALL)
    plain = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    shown = given.replace("`", "'").replace("\\|", "\\x7c")
    assert plain == (shown if len(shown) < 500 else shown[:500] + "... (2,500 more characters)")
