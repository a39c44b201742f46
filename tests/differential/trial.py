# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases on some machines, against the reference."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cases import Case
from hypothesis import HealthCheck, Phase, given, settings
from machines import Machine
from packets import Packet


def tried(machines: list[Machine], cases: Any, count: float, line: bool = False, shrink: bool = True) -> Counter[str]:
    """Try some cases.

    Args:
        machines: where, all at once.
        cases: a strategy.
        count: how many cases; at least eight.
        line: whether policies are applied by the whole line, with files and units.
        shrink: whether to look for the smallest case in which something is wrong.

    Returns:
        How often each verdict was wanted, on how many policies, with how many refusals.
    """
    tally: Counter[str] = Counter()
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    @settings(max_examples=max(8, int(count)), deadline=None, database=None, phases=phases, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def each(case: Case) -> None:
        found = try_on(machines, case, tally, line)
        assert not found, "\n".join(found[:10])

    each()
    print(f"{', '.join(machine.name for machine in machines)}: {dict(tally)}")
    return tally


def try_on(machines: list[Machine], case: Case, tally: Counter[str] | None = None, line: bool = False) -> list[str]:
    """What is wrong with a case on any of some machines, which all work at once.

    Args:
        machines: where.
        case: what.
        tally: counts policies, refusals and wanted verdicts.
        line: whether policies are applied by the whole line, with files and units.
    """
    packets, found, counted = case.packets(), [], Counter() if tally is None else tally
    counted["policies"] += 1
    for machine in machines:
        machine.begin(case, packets, line)
    # Every machine is heard before anything is said.
    heard = [(machine, machine.verdicts()) for machine in machines]
    alike = [seen for machine, seen in heard if machine.kind.fresh and isinstance(seen, list)]
    for packet, *verdicts in zip(packets, *alike):
        if len({verdict.startswith("pass") for verdict in verdicts}) > 1:
            found.append(f"{packet}: {verdicts} where no manager is")
    for machine, seen in heard:
        if isinstance(seen, dict):
            counted["refused"] += 1
            counted.update({f"refused {path.partition('[')[0].partition('/')[0]}" for path, _text in seen["refused"]})
            found += _unnamed(machine, case, seen["refused"])
        else:
            found += _wrong(machine, case, packets, seen, counted)
    return found


def _unnamed(machine: Machine, case: Case, refused: list[list[str]]) -> list[str]:
    """Refusals that do not say what is refused."""
    names = {flow.id for flow in case.policy.flows}
    return [f"{machine.name}: {text}" for path, text in refused if path not in names and not path.startswith("webrtc_egress_")]


def _wrong(machine: Machine, case: Case, packets: list[Packet], seen: list[str], counted: Counter[str]) -> list[str]:
    """The packets with which the machine does something else than the reference says."""
    found, others = [], case.others != "none"
    for packet, verdict in zip(packets, seen):
        want = machine.kind.wanted(case, packet)
        if want is None or verdict == "used":
            counted["not compared"] += 1
            continue
        counted[want] += 1
        # Where somebody else's firewall stands before or behind ours, it may have the first word in blocking.
        agreed = {
            "pass": verdict == f"pass {packet.leave}",
            "reject": verdict in ("reject port", "reject reset") or (others and verdict == "drop"),
            "drop": verdict == "drop" or (others and verdict.startswith("reject")),
        }[want]
        if not agreed:
            found.append(f"{machine.name}: {packet}: wanted {want}, seen {verdict}")
    return found
