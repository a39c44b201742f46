# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies on firewalls that manage the packet filter, with nftables beside them: what they take means the same."""

from __future__ import annotations

import pytest
from cases import managed
from conftest import POLICIES, SHARES
from kinds import KINDS, MANAGERS
from trial import tried

# Of all policies: a manager takes ten times as long for one. What it refuses is tried beyond those that it must take.
SHARE, ACCEPTED = 0.25, 0.15


@pytest.mark.parametrize("suite", SHARES)
@pytest.mark.parametrize("kind", MANAGERS)
def test_a_manager_agrees_with_the_policy(start, kind, suite):
    machines = [start(kind, suite), start("nftables", suite)]
    tally = tried(machines, managed(tuple(KINDS[kind].others)), POLICIES * SHARE * SHARES[suite])
    # What it refuses, it refuses by name; and enough is left where most is tried. firewalld 0.9 refuses much.
    assert tally["policies"] - tally["refused"] >= (POLICIES * ACCEPTED if SHARES[suite] == 1 else 1), tally
    assert tally["pass"] and tally["drop"], tally
