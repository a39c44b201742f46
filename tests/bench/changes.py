# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the way back costs: a change with a confirmation and without, the way back itself, and a whole fleet, against pings."""

from __future__ import annotations

import statistics
import time
from typing import Callable

from podman import podman

ROUNDS = 5
FLEET, FORKS = 30, 10
# Runs a playbook with variables of the site: whether it changes something; gives seconds, and the controller's peak memory in MiB.
Play = Callable[[str, dict[str, object], bool], tuple[float, float]]
SITE: dict[str, object] = {"webrtc_egress_services": ["vonage"], "webrtc_egress_wildcards": "any"}
UNDO = "python3 -I /var/lib/webrtc-firewall/pending/webrtc-firewall.pyz undo"


def change(play: Play, ping: str, host: str) -> None:
    """Print what a change takes in each way.

    Args:
        play: for the host.
        ping: a playbook with nothing but a ping.
        host: the container's id.
    """
    seconds: dict[str, list[float]] = {}
    play("webrtc.firewall.site", SITE, True)
    for _round in range(ROUNDS):
        seconds.setdefault("one ping", []).append(play(ping, SITE, False)[0])
        for name, tier, confirm in (("applied and confirmed", "minimum", True), ("applied, final at once", "recommended", False)):
            wanted = {**SITE, "webrtc_egress_tier": tier, "webrtc_egress_confirm": confirm}
            seconds.setdefault(name, []).append(play("webrtc.firewall.site", wanted, True)[0])
        seconds.setdefault("taken back, on the machine alone", []).append(_taken_back(play, host))
    floor = statistics.median(seconds["one ping"])
    print("\nA change of a tier, and the way back")
    for name, values in seconds.items():
        print(f"  {name:32} {statistics.median(values):7.2f} s   {statistics.median(values) / floor:6.2f} x one ping")


def _taken_back(play: Play, host: str) -> float:
    """Seconds from the command to the old rules; the change waits since only the module, and no action plugin, has made it."""
    script = "/collections/ansible_collections/webrtc/firewall/tests/bench/waiting.py"
    podman("exec", host, "python3", script)
    start = time.perf_counter()
    podman("exec", host, *UNDO.split())
    took = time.perf_counter() - start
    play("webrtc.firewall.site", SITE, False)
    return took


def fleet(play: Play, ping: str) -> None:
    """Print what a fleet takes; play is for all of its hosts at once."""
    print(f"\n{FLEET} machines, {FORKS} forks")
    floor, _memory = play(ping, SITE, False)
    for name, changed in (("first apply, confirmed", True), ("no-op", False)):
        took, memory = play("webrtc.firewall.site", SITE, changed)
        print(f"  {name:32} {took:7.2f} s   {took / floor:6.2f} x the same fleet's ping ({floor:.2f} s); {memory:.0f} MiB here")
