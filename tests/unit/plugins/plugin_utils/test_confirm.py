# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _confirm


class Clock:
    """Time that passes while somebody sleeps or waits for a connection."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(_confirm.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(_confirm.time, "sleep", self.passes)

    def passes(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_seconds_leave_time_for_a_connection():
    assert _confirm.checked("60", 10) == 60
    assert _confirm.checked(15, 10) == 15


@pytest.mark.parametrize("value", [0, -1, 14, 3601, "soon", None, True, 20.5])
def test_other_seconds_are_refused_with_what_would_do(value):
    with pytest.raises(InvalidInput, match="webrtc_egress_confirm_seconds") as told:
        _confirm.checked(value, 10)
    assert "from 15 (the connection may take 10 to come up) to 3600" in str(told.value)


def test_the_first_answer_decides(clock):
    assert _confirm.settle(lambda: {"changed": True}, True, 60, 10) == {"confirmed": True}
    assert clock.now == 0


def test_a_connection_that_comes_late_still_confirms(clock):
    answers = [{"failed": True, "msg": "no route"}, {"failed": True, "msg": "no route"}, {"changed": True}]
    assert _confirm.settle(lambda: answers.pop(0), True, 60, 10) == {"confirmed": True}


def test_what_was_taken_back_is_told_with_the_machines_reason(clock):
    answers = [{"failed": True, "msg": "timed out"}, {"failed": True, "msg": "nobody confirmed it", "problems": []}]
    told = _confirm.settle(lambda: answers.pop(0), True, 60, 10)
    assert told["failed"] and not told["confirmed"] and not told["changed"]
    assert "nobody confirmed it" in told["msg"] and "the first: timed out" in told["msg"]


def test_there_is_an_end_where_the_machine_never_answers(clock):
    def ask():
        clock.passes(10)
        return {"failed": True, "msg": "timed out"}

    told = _confirm.settle(ask, True, 60, 10)
    assert "60 seconds after the change began" in told["msg"]
    assert 100 < clock.now < 125


def test_a_change_that_shall_not_stay_is_told_as_taken_back(clock):
    assert _confirm.settle(lambda: {"changed": True}, False, 60, 10)["msg"] == "the change was taken back"


def test_a_machine_that_was_never_reached_is_not_waited_for(clock):
    with pytest.raises(_confirm.Unreached):
        _confirm.settle(lambda: {"failed": True, "msg": "no route"}, False, 600, 10)
    assert 15 < clock.now < 20
