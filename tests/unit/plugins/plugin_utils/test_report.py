# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports: what each format says of assessments written by hand, and that nothing from the network acts in any of them."""

from __future__ import annotations

import copy
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report import FORMATS, report
from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean, width

FOLDER = Path(__file__).parent / "assessments"
NAMES = ("verification", "change_request")
# Markup, a breakout of an attribute, a colour of terminals and a new title, a new line, words turned around, marks of Markdown and
# Jira, links, somebody's name, half a character, a byte that no XML may hold, an end of CDATA, a template.
HOSTILE = (
    "</code></td><script>alert(1)</script><img src=x onerror=alert(1)> \" ' & &lt; \x1b[31m\x1b]0;title\x07 \r\n# new\n| a | b |\n "
    "\u202egnp.exe\u2066 \u200b ` ``` \\| | [a](http://evil.example) http://evil.example www.evil.example "
    "@everyone #1 {code} !x! *b* _i_ ~~s~~ "
    "\ud800 \x00 \x9b31m \ufffe ]]> <!-- --> {{ lookup('env','HOME') }}"
)
# What a reader must find unchanged: what machines compare, and what a reader may only choose from.
FIXED = {"version", "kind", "verdict", "outcome", "state", "severity", "mapping"}


def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))


def replaced(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    """The same with every text changed that may come from anywhere."""
    if isinstance(value, dict):
        return {name: replaced(item, change, name) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, change, key) for item in value]
    return change(value) if isinstance(value, str) and value and key not in FIXED else value


def large(endpoints: int, points: int = 1, requirements: int = 1) -> Any:
    """Many of everything, and something blocked at the very end."""
    found = load("verification")
    row = found["services"][0]["requirements"][1]
    found["services"] = [{**found["services"][0], "requirements": [{**row, "id": f"vonage/r{index}"} for index in range(requirements)]}]
    point = found["vantage_points"][0]
    seen = point["requirements"][1]["endpoints"][0]
    many = [{**seen, "endpoint": f"192.0.2.1:{index}/udp"} for index in range(endpoints)]
    many[-1] = {**many[-1], "verdict": "timed-out", "facts": {"why": "the last one is silent"}}
    result = {**point["requirements"][3], "endpoints": many}
    results = [{**result, "id": f"vonage/r{index}"} for index in range(requirements)]
    found["vantage_points"] = [{**point, "name": f"p{index}", "requirements": results, "services": []} for index in range(points)]
    return found


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _attributes in self.elements]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_equal_assessments_give_equal_bytes(name: str, form: str) -> None:
    given = load(name)
    before = copy.deepcopy(given)
    text = report(given, form)
    shuffled = json.loads(json.dumps(given, sort_keys=True))
    assert report(shuffled, form) == text
    assert given == before
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert text.encode("utf-8")


def test_json_is_the_whole_assessment() -> None:
    given = load("verification")
    given["more"] = {"later": [1, "Ł"]}
    text = report(given, "json")
    assert json.loads(text) == given
    assert text.index('"gateways"') < text.index('"kind"') < text.index('"vantage_points"')
    assert text.isascii()


def test_console_says_each_thing_on_a_line() -> None:
    lines = report(load("verification")).splitlines()
    assert lines[1].startswith("NOT OK: Calls work from the head office with lower quality")
    assert lines[2] == "11 open, 3 blocked, 1 intercepted, 3 untested; 3 vantage points, 2 gateways."
    for expected in (
        "  REQUIREMENT           VERDICT   WHAT",
        "  vonage/rtp-media      blocked   udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18",
        "  vonage/rtp-media: blocked, first packets then block",
        "  liveavatar/turn-udp   untested  udp 3478 to *.host.livekit.cloud",
        "  vonage      degraded  TURN over UDP  The voice takes a longer way and may lag a little.",
        "  liveavatar  no call  -           Sessions never start.",
        "  error: Failed to connect to the host via ssh: No route to host",
        "  vonage/signaling  120,345         120,353  8",
        "    do: Exempt *.livekit.cloud from TLS inspection on the proxy.",
    ):
        assert expected in lines
    tables = [line for line in lines if re.match(r"  (vonage|liveavatar)/[a-z-]+ +(open|blocked|intercepted|untested) ", line)]
    assert len(tables) == 16
    assert max(map(width, tables)) <= 100


def test_actions_come_once_and_the_worst_first() -> None:
    lines = report(load("verification")).splitlines()
    numbered = [line.strip() for line in lines[lines.index("What to change") + 1 :]]
    assert numbered[0] == "1. Exempt *.livekit.cloud from TLS inspection on the proxy. (liveavatar/signaling; branch Łódź)"
    assert numbered[1].startswith("2. Let UDP 10000-50000 to")
    assert numbered[2].startswith('3. Take fully-random out of this rule. (nft ip nat postrouting: oifname "wan0" masquerade fully-random)')
    assert len(numbered) == 10


def test_an_action_that_names_its_requirement_belongs_to_that_one() -> None:
    given = load("verification")
    outcome = given["vantage_points"][0]["services"][0]
    outcome.update(blame=["vonage/rtp-media", "vonage/turn-udp"], change=["Open it (vonage/turn-tcp; section 2).", "Ask the provider."])
    lines = report(given).splitlines()
    assert any(line.endswith("Open it (vonage/turn-tcp; section 2). (vonage/turn-tcp; head office)") for line in lines)
    assert any(line.endswith("Ask the provider. (vonage/rtp-media, vonage/turn-udp; head office)") for line in lines)


def test_junit_is_what_a_pipeline_expects() -> None:
    root = ElementTree.fromstring(report(load("verification"), "junit"))
    assert root.tag == "testsuites"
    # 3 vantage points with 8 requirements; one gateway with 3 findings, one that could not be asked, and a case each for having been asked.
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "29",
        "failures": "5",
        "errors": "9",
        "skipped": "2",
    }
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == [
        "vantage point head office",
        "vantage point branch Łódź",
        "vantage point warehouse",
        "gateway gw-head",
        "gateway gw-branch",
    ]
    office = suites["vantage point head office"]
    assert office.get("timestamp") == "2026-11-21T12:00:00"
    cases = {(case.get("classname"), case.get("name")): case for case in office.iter("testcase")}
    assert len(cases) == 8
    failure = cases["vonage", "rtp-media"].find("failure")
    assert failure is not None and failure.get("type") == "first-packets-then-block"
    assert "first 50 of 250 packets" in str(failure.get("message"))
    assert "Look for a limit" in str(failure.text)
    assert cases["vonage", "rtp-media"].get("time") == "6.051"
    assert [child.tag for child in cases["liveavatar", "turn-udp"]] == ["skipped"]
    assert [child.tag for child in cases["vonage", "signaling"]] == ["system-out"]
    assert {child.tag for case in suites["vantage point warehouse"].iter("testcase") for child in case} == {"error"}
    gateway = {case.get("name"): [child.tag for child in case] for case in suites["gateway gw-head"].iter("testcase")}
    assert gateway == {"asked": [], "masquerade-random": ["failure"], "sip-helper": ["system-out"], "udp-timeout": ["system-out"]}
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        assert [child.tag for child in suite] == sorted((child.tag for child in suite), key=["properties", "testcase", "system-out"].index)


def test_junit_of_a_change_request_claims_nothing() -> None:
    root = ElementTree.fromstring(report(load("change_request"), "junit"))
    assert (root.get("tests"), root.get("skipped"), root.get("failures"), root.get("errors")) == ("2", "2", "0", "0")


@pytest.mark.parametrize("name", NAMES)
def test_page_loads_and_runs_nothing(name: str) -> None:
    page = Page(report(load(name), "html"))
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "form", "svg"} & set(page.tags)
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "style", "action")]
        if tag == "a":
            assert str(attributes["href"]).startswith("#")
    (policy,) = [attributes["content"] for tag, attributes in page.elements if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert re.fullmatch(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'", policy)


@pytest.mark.parametrize("name", NAMES)
def test_page_is_in_order_for_screen_readers(name: str) -> None:
    page = Page(report(load(name), "html"))
    names = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {str(attributes["href"])[1:] for tag, attributes in page.elements if tag == "a"} <= set(names)
    assert {attributes["aria-labelledby"] for _tag, attributes in page.elements if "aria-labelledby" in attributes} <= set(names)
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    frames = [attributes for _tag, attributes in page.elements if attributes.get("class") == "scroll"]
    assert len(frames) == page.tags.count("table")
    assert {(frame["role"], frame["tabindex"]) for frame in frames} == {("region", "0")}
    assert page.tags.count("caption") == page.tags.count("table") > 0
    assert {attributes.get("scope") for tag, attributes in page.elements if tag == "th"} <= {"col", "row", "rowgroup"}


def test_page_tells_managers_and_engineers() -> None:
    text = re.sub(r"\s+", " ", "".join(Page(report(load("verification"), "html")).text))
    for expected in (
        "Not ready Calls work from the head office with lower quality",
        "no call from branch Łódź: Sessions never start. Because of liveavatar/signaling.",
        "216.147.1.1:10000/udp a stream of packets at the pace of speech timed-out 6.048 s why no answer any more after packet 50",
        "issuer CN=Office Web Gateway <b>CA</b>, O=Example | Sons",
        "vonage/signaling 120,345 120,353 8",
        "DST=216.147.1.1 LEN=200 PROTO=UDP SPT=41112 DPT=10000 concerns vonage/rtp-media",
        "TrueEngage document, section 3 (Media) and its summary table, row RTP / Media (as of 2026-11-20)",
        "The policy cannot open this: Host names alone cannot satisfy it",
    ):
        assert re.sub(r"\s", "", expected) in re.sub(r"\s", "", text)


@pytest.mark.parametrize("form", ["html", "markdown", "console"])
def test_change_request_says_what_why_and_from_where(form: str) -> None:
    text = report(load("change_request"), form)
    for expected in (
        "Voice for the warehouse",
        "168.100.64.0/18",
        "216.147.0.0/18",
        "3478",
        "STUN and TURN over UDP for NAT traversal and media relay",
        "Calls connect without audio or never fully connect.",
        "TrueEngage document, section 2 (STUN / TURN Servers) (as of 2026-11-20)",
        "minimum",
        "No list of host names can cover it.",
        "10.30.0.0/16",
        "nothing has been tested",
    ):
        assert expected in text
    assert "Not ready" not in text and "NOT OK" not in text
    if form != "console":
        assert "outbound" in text


@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_changes_no_structure(name: str) -> None:
    given = load(name)
    hostile, harmless = (replaced(given, lambda _text, new=new: new) for new in (HOSTILE, "harmless"))  # type: ignore[misc]
    assert Page(report(hostile, "html")).tags == Page(report(harmless, "html")).tags
    pages = [ElementTree.fromstring(report(found, "junit")) for found in (hostile, harmless)]
    assert [element.tag for element in pages[0].iter()] == [element.tag for element in pages[1].iter()]
    for form in ("console", "markdown"):
        lines = [report(found, form).splitlines() for found in (hostile, harmless)]
        assert len(lines[0]) == len(lines[1])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_invisible_gets_out(name: str, form: str) -> None:
    text = report(replaced(load(name), lambda _text: HOSTILE), form)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", text)


@pytest.mark.parametrize("form", FORMATS)
def test_ten_thousand_endpoints(form: str) -> None:
    given = large(10000)
    begin = time.monotonic()
    text = report(given, form)
    assert time.monotonic() - begin < 10
    if form in ("html", "junit", "markdown"):
        assert len(text) < 100_000
        assert "9,9" in text and "not shown here" in text
        assert "the last one is silent" in text


@pytest.mark.parametrize("form", ["html", "markdown", "console"])
def test_many_requirements_and_vantage_points(form: str) -> None:
    text = report(large(2, points=40, requirements=210), form)
    assert len(text) < 6_000_000
    assert "16 vantage points more are not shown here" in text
    assert "10 requirements more are not shown here" in text


def test_what_is_wrong_comes_first_where_room_ends() -> None:
    given = large(1, points=40)
    for point in given["vantage_points"][:39]:
        for result in point["requirements"]:
            result["verdict"] = "open"
    given["vantage_points"] = [copy.deepcopy(point) for point in given["vantage_points"]]
    given["vantage_points"][39]["requirements"][0]["verdict"] = "blocked"
    for point in given["vantage_points"][:39]:
        point["requirements"][0]["verdict"] = "open"
    text = report(given)
    assert "Vantage point p39" in text and "Vantage point p22" in text and "Vantage point p23" not in text


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        (None, ["assessment: got nothing"]),
        ([], ["assessment: got []"]),
        ("text", ["assessment: got 'text'"]),
        ({}, ["assessment.version: got nothing, expected 1"]),
        ({"version": 2}, ["assessment.version: got 2, expected 1"]),
        ({"version": 1}, ["assessment.kind", "assessment.services", "assessment.vantage_points", "assessment.summary"]),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_no_assessment_is_refused(given: Any, paths: list[str], form: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        report(given, form)
    assert [path for path in paths if path not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("vantage_points[0].requirements[0]", "verdict", "maybe"),
        ("vantage_points[0].requirements[0].endpoints[0]", "seconds", float("nan")),
        ("vantage_points[0].requirements[0].endpoints[0]", "facts", [1]),
        ("vantage_points[0].requirements[0].endpoints[0]", "facts", {"a": float("inf")}),
        ("vantage_points[1].services[0]", "way", None),
        ("gateways[0].flows[0]", "before", -1),
        ("gateways[0].findings[0]", "severity", "bad"),
        ("summary", "ok", "perhaps"),
        ("summary", "verdicts", None),
        ("services[0].requirements[0]", "ports", 443),
        ("services[0].requirements[0]", "symptom", ["x"]),
        ("site", "sources", "10.0.0.0/8"),
        ("site", "more", {1: object()}),
    ],
)
def test_what_is_damaged_is_refused_by_its_path(where: str, key: str, value: Any) -> None:
    given = load("verification")
    found = given
    for step in re.findall(r"\w+", where):
        found = found[int(step) if step.isdigit() else step]
    found[key] = value
    with pytest.raises(InvalidInput) as caught:
        report(given, "html")
    assert f"assessment.{where}.{key}: got" in str(caught.value)


def test_a_key_that_is_missing_and_one_that_nobody_knows() -> None:
    given = load("verification")
    given["gateways"][0]["later"] = "is let be"
    assert "is let be" in report(given, "json")
    del given["vantage_points"][1]["services"][0]["way"]
    with pytest.raises(InvalidInput, match=re.escape("assessment.vantage_points[1].services[0].way: got nothing, expected a value")):
        report(given, "json")


def test_a_mapping_within_itself_ends() -> None:
    given = load("verification")
    given["more"] = {str(index): given for index in range(50)}
    with pytest.raises(InvalidInput, match=r"assessment\.more: got"):
        report(given, "json")


@pytest.mark.parametrize("form", ["pdf", "", None, ["html"], {}])
def test_unknown_format(form: Any) -> None:
    with pytest.raises(InvalidInput, match=r"format: got .*expected one of console, json, junit, html, markdown"):
        report(load("verification"), form)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain words", "plain words"),
        ("  two\t\n words ", "two words"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("Łódź 日本", "Łódź 日本"),
        ("z" + "\u0301" * 6, "z" + "\u0301" * 4 + "\\u0301" * 2),
        ("x" * 3000, "x" * 2000 + "... (1,000 more characters)"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_clean(given: Any, expected: str) -> None:
    assert clean(given) == expected
    assert clean(clean(given)) == expected
