# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any of its steps: what is there then, and that the next run, the timer and the boot all bring back what was."""

from __future__ import annotations

import os

import pytest
from contract import PRESENT, policy
from subject import KINDS, subjects

# At how many steps of each kind; those of the three changes are 112 to 162.
POINTS = int(os.environ.get("POINTS", "44"))


@pytest.fixture(scope="module", params=KINDS)
def subject(request, machines):
    with subjects(machines, request.param) as found:
        yield found


def test_killed_at_any_step_the_next_run_finds_what_was_before(subject):
    """From nothing, to another tier, and to nothing again."""
    full = policy(["vonage", "liveavatar"], baseline=subject.kind.baselines[-1], placement=subject.kind.placements[0])
    points = mixed = 0
    former = None
    wanted_in_turn = (full, policy(tier="minimum"), None)
    for wanted in wanted_in_turn:
        before = subject.whole()
        steps = subject.run(wanted, 0)
        after = subject.whole()
        assert subject.box.ask("revoke", id="victim") == {"changed": True}
        assert subject.whole() == before
        for kill in range(1, steps + 1, max(1, steps * len(wanted_in_turn) // POINTS)):
            # A run that was killed when all was done holds the next one up for so long.
            subject.run(wanted, kill, seconds=10)
            points += 1
            mixed += subject.whole() not in (before, after)
            # The same as before: so that whatever differs would be told as a change.
            told = subject.change(former)
            assert told.get("changes") == {}, (kill, told)
            assert subject.whole() == before, kill
        assert subject.change(wanted)["changes"]
        former = wanted
    print(f"{subject.box.backend}: killed at {points} steps, {mixed} of them with something half done; 0 were not mended")
    assert subject.box.sh(PRESENT) == ""
    assert points >= POINTS
