# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies on real kernels: what each of them does with packets at the edges is what the others do, and what the policy means."""

from __future__ import annotations

from collections import Counter

import pytest
from cases import ALL, managed
from conftest import POLICIES
from hypothesis import HealthCheck, given, settings
from kinds import KINDS
from trial import try_on

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS

PLAIN = ("nftables", "iptables-nft", "iptables-legacy")
MANAGERS = [name for name, kind in KINDS.items() if not kind.fresh]
# Of all policies; the oldest and the newest release try a share of what the middle one does.
SHARES = {"bookworm": 1.0, "bullseye": 0.15, "trixie": 0.15}
# Managers take about a second for a policy.
MANAGED = 0.15


def tried(machines, cases, count):
    """Try some cases and return how often each verdict was wanted, on how many policies, with how many refusals."""
    tally = Counter()

    @settings(max_examples=max(8, int(count)), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def each(case):
        assert try_on(machines, case, tally) == []

    each()
    print(f"{', '.join(machine.name for machine in machines)}: {dict(tally)}")
    return tally


def test_every_backend_is_tried():
    assert {kind.backend for kind in KINDS.values()} == set(BACKENDS)


@pytest.mark.parametrize("suite", SHARES)
def test_kernels_agree_with_each_other_and_with_the_policy(start, suite):
    tally = tried([start(kind, suite) for kind in PLAIN], ALL, POLICIES * SHARES[suite])
    assert not tally["refused"]
    # Nothing is proven by packets that all pass, or all do not.
    packets = sum(tally[verdict] for verdict in ("pass", "reject", "drop"))
    assert tally["pass"] > packets / 5 and tally["drop"] > packets / 5 and tally["reject"] > packets / 200, tally


@pytest.mark.parametrize("suite", SHARES)
@pytest.mark.parametrize("kind", MANAGERS)
def test_a_manager_agrees_with_the_policy(start, kind, suite):
    tally = tried([start(kind, suite)], managed(tuple(KINDS[kind].others)), POLICIES * MANAGED * SHARES[suite])
    assert tally["refused"] < tally["policies"] / 2, tally
    assert tally["pass"] and tally["drop"], tally
