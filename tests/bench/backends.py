# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each backend with both services, against the loop over its usual module that a user would write instead."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Callable

from podman import REPO, image, podman, remove

ROUNDS = 3
_FIREWALLD = """
mkdir -p /run/dbus; dbus-daemon --system --fork --nopidfile
firewalld --nofork --nopid >/dev/null 2>&1 &
for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1
"""
_OURS = "rm -rf /etc/webrtc-firewall /etc/init.d/webrtc-firewall*; rm -f /etc/rc*.d/*webrtc-firewall*"
# Runs a playbook with a backend on a host: whether it changes something, and how many seconds it took.
Play = Callable[[str, str, str, bool], float]


@dataclass(frozen=True)
class Way:
    """A backend, and the way people do it today.

    Attributes:
        backend: its name.
        image: the lab's image.
        start: what has to run first.
        clean: takes away what either has done.
        loop: the playbook that loops over a module, below plays.
    """

    backend: str
    image: str
    start: str
    clean: str
    loop: str


_FLUSH = f"nft flush ruleset; ipset destroy; {_OURS}"
WAYS = (
    Way("nftables", "bookworm", "true", _FLUSH, "iptables"),
    Way("iptables", "bookworm", "true", _FLUSH, "iptables"),
    Way("firewalld", "bookworm-firewalld", _FIREWALLD, f"rm -rf /etc/firewalld/*/*.xml*; firewall-cmd --reload; {_OURS}", "firewalld"),
    Way("ufw", "bookworm-ufw", "ufw --force enable", f"ufw --force reset; ufw --force enable; {_OURS}", "ufw"),
)


def measure(play: Play) -> None:
    """Print what each way takes, and how many times faster ours is; play runs and times a playbook."""
    print("\nEach backend with both services, against a loop over the usual module (first run, and one with nothing to do)")
    for way in WAYS:
        options = ["--network", "none", "--cap-add", "NET_ADMIN,NET_RAW", "--volume", f"{REPO}:{REPO}:ro"]
        host = podman("run", "--detach", *options, image(way.image), "sleep", "7200").stdout.strip()
        try:
            podman("exec", host, "sh", "-c", way.start)
            _compare(way, host, play)
        finally:
            remove(host)


def _compare(way: Way, host: str, play: Play) -> None:
    loop = str(REPO / "tests" / "bench" / "plays" / f"{way.loop}.yml")
    times: dict[str, list[float]] = {"first": [], "again": [], "loop first": [], "loop again": []}
    for number in range(ROUNDS):
        for name, playbook in (("", "webrtc.firewall.site"), ("loop ", loop)):
            if name and number:
                # The loops take so long that one round of them says enough.
                continue
            podman("exec", host, "sh", "-c", way.clean)
            times[f"{name}first"].append(play(host, way.backend, playbook, True))
            times[f"{name}again"].append(play(host, way.backend, playbook, False))
    first, again, loop_first, loop_again = (statistics.median(values) for values in times.values())
    print(
        f"  {way.backend:10} first {first:5.2f} s, loop {loop_first:6.2f} s: {loop_first / first:5.1f} x"
        f"   no-op {again:5.2f} s, loop {loop_again:6.2f} s: {loop_again / again:5.1f} x",
        flush=True,
    )
