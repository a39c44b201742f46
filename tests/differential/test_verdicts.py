# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies on real kernels: what each of them does with packets at the edges is what the others do, and what the policy means."""

from __future__ import annotations

import pytest
from cases import ALL, Case
from conftest import POLICIES
from hypothesis import HealthCheck, given, settings

PLAIN = ("nftables", "iptables-nft", "iptables-legacy")
SHARES = {"bookworm": 1.0, "bullseye": 0.15, "trixie": 0.15}


def wrong(machine, case: Case, packets, seen):
    """The packets of which the machine says something else than the reference, with both words."""
    found = []
    for packet, verdict in zip(packets, seen):
        want = case.wanted(packet)
        agreed = {
            "pass": verdict == f"pass {packet.leave}",
            "reject": verdict in ("reject port", "reject reset") or (case.others != "none" and verdict == "drop"),
            "drop": verdict == "drop" or (case.others != "none" and verdict.startswith("reject")),
        }[want]
        if not agreed and verdict != "used":
            found.append((machine.name, packet, f"wanted {want}", f"seen {verdict}"))
    return found


def try_on(machines, case: Case):
    """What is wrong with a case on any of some machines, which all work at once."""
    packets, found = case.packets(), []
    for machine in machines:
        machine.begin(case, packets)
    for machine, seen in [(machine, machine.verdicts()) for machine in machines]:
        assert "refused" not in seen, (machine.name, seen)
        found += wrong(machine, case, packets, seen)
    return found


@pytest.mark.parametrize("suite", SHARES)
def test_all_kernels_agree_with_the_policy(start, suite):
    machines = [start(kind, suite) for kind in PLAIN]

    @settings(max_examples=max(20, int(POLICIES * SHARES[suite])), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=ALL)
    def each(case):
        assert try_on(machines, case) == []

    each()
