# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison of a faulty network with its file finds each thing that differs; otherwise the scenario could not fail."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from faults_compare import differences, matches

REPO = Path(__file__).resolve().parents[3]
FAULTS = sorted((REPO / "extensions" / "molecule" / "faults" / "faults").glob("*.yml"))
# The verdicts of issue 6, each by a network that has the fault.
KINDS = {"timed-out", "refused", "prohibited", "reset", "unreachable", "name-not-found", "bad-answer", "one-way"}
CAUSES = {*KINDS, "inspection", "certificate-expired", "first-packets-then-block", "loss"}

EXPECTED = {
    "probes": {"timed-out": ["vonage/turn-udp"]},
    "facts": {"vonage/turn-udp": {"why": "no answer", "sent": [1, 3]}},
    "requirements": {"blocked/timed-out": ["vonage/turn-udp"]},
    "services": {"vonage": {"outcome": "degraded", "way": "TURN over TCP", "blame": ["vonage/turn-udp"]}},
    "findings": ["sip-helper"],
}
SEEN = {
    "results": [
        {"id": "vonage/turn-udp", "endpoint": "a", "verdict": "timed-out", "facts": {"why": "no answer at all", "sent": 2}},
        {"id": "vonage/turn-tcp", "endpoint": "b", "verdict": "open", "facts": {}},
        {"id": "nat", "endpoint": "c", "verdict": "open", "facts": {}},
    ],
    "assessment": {
        "summary": {"ok": False},
        "vantage_points": [
            {
                "error": "",
                "requirements": [
                    {"id": "vonage/turn-udp", "verdict": "blocked", "cause": "timed-out", "why": "x", "remedy": "y"},
                    {"id": "vonage/turn-tcp", "verdict": "open", "cause": "open", "why": "", "remedy": ""},
                ],
                "services": [
                    {
                        "name": "vonage",
                        "outcome": "degraded",
                        "way": "TURN over TCP",
                        "blame": ["vonage/turn-udp"],
                        "change": ["Let it out (vonage/turn-udp)"],
                    }
                ],
                "nat": {"mapping": "endpoint-independent", "remedy": ""},
            }
        ],
        "gateways": [{"error": "", "findings": [{"id": "sip-helper", "severity": "harmful"}, {"id": "x", "severity": "note"}]}],
    },
}


def test_what_is_as_expected() -> None:
    assert differences(EXPECTED, SEEN) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("results", 0, "verdict"), "refused"),
        (("results", 1, "verdict"), "timed-out"),
        (("results", 0, "facts", "why"), "something else"),
        (("results", 0, "facts", "sent"), 4),
        (("results", 0, "id"), "vonage/other"),
        (("assessment", "summary", "ok"), True),
        (("assessment", "vantage_points", 0, "error"), "no answer"),
        (("assessment", "vantage_points", 0, "requirements", 0, "verdict"), "intercepted"),
        (("assessment", "vantage_points", 0, "requirements", 0, "cause"), "refused"),
        (("assessment", "vantage_points", 0, "requirements", 0, "remedy"), ""),
        (("assessment", "vantage_points", 0, "requirements", 1, "cause"), "loss"),
        (("assessment", "vantage_points", 0, "services", 0, "outcome"), "works"),
        (("assessment", "vantage_points", 0, "services", 0, "way"), "direct UDP"),
        (("assessment", "vantage_points", 0, "services", 0, "blame"), []),
        (("assessment", "vantage_points", 0, "services", 0, "change"), ["Do something"]),
        (("assessment", "vantage_points", 0, "nat", "mapping"), "symmetric"),
        (("assessment", "vantage_points", 0, "nat"), None),
        (("assessment", "gateways", 0, "findings"), []),
        (("assessment", "gateways", 0, "error"), "no answer"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_each_difference_is_found(path, value) -> None:
    seen = copy.deepcopy(SEEN)
    there = seen
    for key in path[:-1]:
        there = there[key]
    there[path[-1]] = value
    assert differences(EXPECTED, seen)


@pytest.mark.parametrize(
    ("wanted", "seen", "same"),
    [
        ("a.c", "xabcx", True),
        ("abd", "xabcx", False),
        ("abc", None, False),
        ([1, 3], 3, True),
        ([1, 3], 3.1, False),
        (None, None, True),
        (None, 0, False),
        (False, 0, False),
        (50, 50, True),
    ],
)
def test_matches(wanted, seen, same) -> None:
    assert matches(wanted, seen) is same


def test_every_verdict_and_cause_has_a_fault() -> None:
    expected = [yaml.safe_load(path.read_text(encoding="utf-8"))["expected"] for path in FAULTS]
    assert {verdict for one in expected for group in one.get("probes", {}) for verdict in group.split("|")} == KINDS
    assert {judged.partition("/")[2] for one in expected for judged in one.get("requirements", {})} == CAUSES
    assert {service["outcome"] for one in expected for service in one["services"].values()} == {
        "works",
        "degraded",
        "no-media",
        "no-call",
        "drops",
    }
