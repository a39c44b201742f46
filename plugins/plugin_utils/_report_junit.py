# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The report for pipelines: JUnit XML, as Jenkins and GitLab read it.

A suite for each vantage point with a case for each requirement, and a suite for each gateway with a case for each finding.
"""

from __future__ import annotations

import re
from typing import Optional
from xml.etree import ElementTree

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _report_text, _report_view
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_input import Data
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import BAD, View

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?Z?")
_STATES = ("failure", "error", "skipped")


def junit(view: View) -> str:
    """One document with the totals of all suites."""
    root = ElementTree.Element("testsuites", name=view.title)
    for number, point in enumerate(view.points):
        _point(root, view, number, point)
    for gateway in view.gateways:
        _gateway(root, view, gateway)
    if not len(root):
        _request(root, view)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _point(root: ElementTree.Element, view: View, number: int, point: Data) -> None:
    suite = _suite(root, view, f"vantage point {clean(point['name'], 200)}")
    known = {f"outcome.{row['name']}": row["outcome"] for row in point["services"]}
    if point["nat"]:
        known["nat"] = point["nat"]["mapping"]
    _properties(suite, known)
    for service in view.services:
        for row in service["requirements"]:
            _requirement(suite, service["name"], row, view.result(number, row["id"]), point["error"])
    if point["error"] and not view.requirements:
        _case(suite, "vantage point", "asked", "error", "unreachable", point["error"])
    _total(suite)


def _requirement(suite: ElementTree.Element, service: str, row: Data, result: Optional[Data], error: str) -> None:
    name = row["id"].partition("/")[2] or row["id"]
    if result is None or result["verdict"] == "untested":
        why = error or (result or {}).get("why") or "nobody asked"
        case = _case(suite, service, name, "error" if error else "skipped", "unreachable" if error else "untested", why)
    elif result["verdict"] in BAD:
        text = f"{_report_view.reason(result)}: {result['why']}"
        case = _case(suite, service, name, "failure", result["cause"] or result["verdict"], text, result["remedy"])
    else:
        case = _case(suite, service, name)
    endpoints = (result or {}).get("endpoints", [])
    case.set("time", f"{max((row['seconds'] for row in endpoints), default=0.0):.3f}")
    if endpoints:
        ElementTree.SubElement(case, "system-out").text = _seen(endpoints)


def _seen(endpoints: list[Data]) -> str:
    """A line for each endpoint."""
    shown, more = _report_text.pick(endpoints, _report_view.MOST_ENDPOINTS, lambda row: row["verdict"] != "open")
    lines = []
    for row in shown:
        facts = "; ".join(f"{name}: {text}" for name, text in _report_text.facts_of(row["facts"], 200))
        lines.append(f"{clean(row['endpoint'], 300)} {clean(row['kind'], 20)}: {clean(row['verdict'], 40)}{f' ({facts})' if facts else ''}")
    return "\n".join([*lines, *filter(None, [_report_text.left_out(more, "endpoint")])])


def _gateway(root: ElementTree.Element, view: View, gateway: Data) -> None:
    suite = _suite(root, view, f"gateway {clean(gateway['name'], 200)}")
    _properties(suite, {})
    _case(suite, "gateway", "asked", *(("error", "unreachable", gateway["error"]) if gateway["error"] else ()))
    shown, more = _report_text.pick(gateway["findings"], _report_view.MOST_LINES, lambda row: row["severity"] == "harmful")
    for finding in shown:
        text, harmful = f"{finding['severity']}: {finding['what']} ({finding['where']})", finding["severity"] == "harmful"
        case = _case(suite, "gateway", finding["id"], *(("failure", "harmful", text, finding["remedy"]) if harmful else ()))
        if not harmful:
            ElementTree.SubElement(case, "system-out").text = f"{clean(text)}\n{clean(finding['remedy'])}".strip()
    if more:
        ElementTree.SubElement(suite, "system-out").text = _report_text.left_out(more, "finding")
    _total(suite)


def _request(root: ElementTree.Element, view: View) -> None:
    """Nothing has been tested, and the document says so for each requirement."""
    suite = _suite(root, view, "nothing tested")
    _properties(suite, {})
    for service in view.services:
        for row in service["requirements"]:
            _requirement(suite, service["name"], row, None, "")
    _total(suite)


def _suite(root: ElementTree.Element, view: View, name: str) -> ElementTree.Element:
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    if time := _TIME.fullmatch(view.data["time"]):
        suite.set("timestamp", time.group(1))
    return suite


def _properties(suite: ElementTree.Element, known: dict[str, str]) -> None:
    if known:
        parent = ElementTree.SubElement(suite, "properties")
        for name, value in known.items():
            ElementTree.SubElement(parent, "property", name=clean(name, 200), value=clean(value, 200))


def _case(
    suite: ElementTree.Element, group: str, name: str, state: str = "", kind: str = "", text: str = "", remedy: str = ""
) -> ElementTree.Element:
    """A case; `state` is one of `_STATES` where it has not passed, `kind` a word for programs, `text` and `remedy` for people."""
    case = ElementTree.SubElement(suite, "testcase", classname=clean(group, 200), name=clean(name, 200), time="0.000")
    if state:
        said = clean(text)
        problem = ElementTree.SubElement(case, state, message=said)
        if state != "skipped":
            problem.set("type", clean(kind, 60))
            problem.text = f"{said}\n{clean(remedy)}".strip()
    return case


def _total(suite: ElementTree.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for state, name in zip(_STATES, ("failures", "errors", "skipped")):
        suite.set(name, str(sum(case.find(state) is not None for case in cases)))
    suite.set("time", f"{max((float(case.get('time', '0')) for case in cases), default=0.0):.3f}")
