# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an address of a host name goes, and when it stays."""

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _seen
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolve import Answers

DAY, NOW = 86400.0, 1_800_000_000.0
NAME = "api.liveavatar.com"
KNOWN = {NAME: ("198.18.3.1", "198.18.3.2")}


@pytest.mark.parametrize(
    ("answered", "days", "kept"),
    [
        # A part of the pool: what was left out stays for a week.
        (("198.18.3.2",), 6.9, ("198.18.3.1", "198.18.3.2")),
        (("198.18.3.2",), 7.1, ("198.18.3.2",)),
        (("198.18.3.7",), 0.0, ("198.18.3.1", "198.18.3.2", "198.18.3.7")),
        (("198.18.3.7",), 7.1, ("198.18.3.7",)),
        # A name that does not resolve loses nothing, however long.
        ((), 400.0, ("198.18.3.1", "198.18.3.2")),
        # A clock that was set back by years makes nothing older.
        (("198.18.3.2",), -3000.0, ("198.18.3.1", "198.18.3.2")),
    ],
)
def test_an_address_goes_a_week_after_its_name_was_last_answered_with_it(answered, days, kept):
    seen = {NAME: {"198.18.3.1": NOW - days * DAY, "198.18.3.2": NOW - days * DAY}}
    answers = Answers({NAME: answered} if answered else {}, {} if answered else {NAME: "down"})
    found, times = _seen.take_in(KNOWN, answers, seen, NOW)
    assert found == {NAME: kept}
    assert tuple(times[NAME]) == kept
    assert all(when <= NOW for when in times[NAME].values())


def test_an_address_of_an_earlier_version_counts_as_seen_now():
    found, times = _seen.take_in(KNOWN, Answers({NAME: ("198.18.3.2",)}), {}, NOW)
    assert found == KNOWN
    assert times == {NAME: {"198.18.3.1": NOW, "198.18.3.2": NOW}}


def policy() -> Policy:
    names = tuple(f"n{number}.livekit.cloud" for number in range(1, 9))
    flow = Flow("liveavatar/signaling", "tcp", ((443, 443),), Destination(hostnames=names))
    return Policy(Frame(), {"liveavatar": (flow,)}, {}, {"liveavatar": "2026-07-21"})


def test_names_of_the_list_that_are_gone_are_told_with_its_date():
    gone = {f"n{number}.livekit.cloud": "no such name" for number in range(1, 8)}
    assert _seen.drift(policy(), Answers({"n8.livekit.cloud": ("198.18.2.1",)}, gone)) == [
        "warning: liveavatar: 7 of 8 names of the list of 2026-07-21 have no address: n1.livekit.cloud, n2.livekit.cloud, "
        "n3.livekit.cloud, n4.livekit.cloud, n5.livekit.cloud and 2 more"
    ]


def test_a_resolver_that_is_down_is_no_drift():
    down = Answers({}, {f"n{number}.livekit.cloud": "down" for number in range(1, 9)})
    assert _seen.drift(policy(), down) == ["warning: no name is answered at all; the addresses that were known stay"]
    assert _seen.drift(policy(), Answers({f"n{number}.livekit.cloud": ("198.18.2.1",) for number in range(1, 9)})) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"b": "x"}}'])
def test_a_damaged_file_makes_every_address_new(tmp_path, monkeypatch, text):
    path = tmp_path / "seen.json"
    path.write_text(text)
    monkeypatch.setattr(_seen, "SEEN", str(path))
    assert _seen.load() == {}
