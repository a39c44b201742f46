# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot of a container whose first process is an init: wait for its end, and have another."""

from __future__ import annotations

import time

from podman import podman

SECONDS = 120.0
INIT = {"none": ["sleep", "10800"], "systemd": ["/lib/systemd/systemd"], "sysv": ["/sbin/init"]}
# The last line of inittab in the images with sysvinit makes this file, behind all scripts of the runlevel. The folder outlives a restart.
BOOTED = "/run/lab-booted"
# Each says "up" or something else.
ASK = {
    "none": "echo up",
    "sysv": f"test -e {BOOTED} && echo up",
    "systemd": "systemctl is-system-running --wait | sed -E 's/running|degraded/up/'",
}


def wait_until_up(container: str, init: str) -> None:
    """Wait until init has started all it starts.

    Args:
        container: its id or name.
        init: what runs in it first, a key of `INIT`.

    Raises:
        RuntimeError: it did not come up in time.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        # systemd may not answer yet, and says so in many ways.
        done = podman("exec", container, "sh", "-c", ASK[init], check=False)
        if done.stdout.strip() == "up":
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{container} did not come up in {SECONDS:.0f} s: {done.stdout.strip()} {done.stderr.strip()}")
        time.sleep(0.2)


def reboot(container: str, init: str) -> None:
    """Stop a container and start it again, with an empty packet filter and the same disk, and wait until it is up.

    Args:
        container: its id or name.
        init: what runs in it first, a key of `INIT`.

    Raises:
        RuntimeError: it did not come up in time.
    """
    podman("exec", container, "rm", "-f", BOOTED)
    # sysvinit does not hear of it, and a machine of systemd with many services takes its time.
    podman("restart", "--time", "30" if init == "systemd" else "2", container)
    wait_until_up(container, init)
