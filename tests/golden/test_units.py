# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd runs of ours: each way to disturb it is found by a check and mended by the next run."""

from __future__ import annotations

import pytest
from contract import policy, spoiled

SYSTEMD = ("--systemd=always", "--security-opt", "unmask=/proc/sys", "--cap-add", "NET_ADMIN,NET_RAW")
UNITS = "/etc/systemd/system"
EARLY, LATE = "webrtc-firewall.service", "webrtc-firewall-late.service"
TAMPERING = (
    (f"systemctl disable {EARLY}", f"unit/{EARLY}"),
    (f"systemctl disable --now {EARLY} {LATE}", f"unit/{EARLY}"),
    (f"systemctl stop {EARLY}", f"unit/{EARLY}"),
    (f"systemctl stop {LATE}", f"unit/{LATE}"),
    (f"rm {UNITS}/sysinit.target.wants/{EARLY}", f"unit/{EARLY}"),
    (f"rm {UNITS}/nftables.service.wants/{EARLY}", f"unit/{EARLY}"),
    (f"rm {UNITS}/multi-user.target.wants/{LATE}", f"unit/{LATE}"),
    (f"rm -r {UNITS}/docker.service.wants", f"unit/{LATE}"),
    (f"ln -sf /dev/null {UNITS}/sysinit.target.wants/{EARLY}", f"unit/{EARLY}"),
    (f"ln -sf {UNITS}/{LATE} {UNITS}/sysinit.target.wants/{EARLY}", f"unit/{EARLY}"),
    (f"rm {UNITS}/{EARLY}; systemctl mask {EARLY}", f"file/{UNITS}/{EARLY}"),
    (f"rm {UNITS}/{EARLY}; ln -s /dev/null {UNITS}/{EARLY}; systemctl daemon-reload", f"file/{UNITS}/{EARLY}"),
    (f"rm {UNITS}/{LATE}; systemctl daemon-reload", f"file/{UNITS}/{LATE}"),
    (f"sed -i s/restore/true/ {UNITS}/{EARLY}; systemctl daemon-reload", f"file/{UNITS}/{EARLY}"),
    (f"sed -i /WantedBy/d {UNITS}/{EARLY}", f"file/{UNITS}/{EARLY}"),
    *((damage, told) for damage, told, _undo in spoiled(f"{UNITS}/{EARLY}")),
)


@pytest.fixture(scope="module")
def box(machines):
    with machines("bookworm", *SYSTEMD) as machine:
        yield machine


def test_each_disturbance_of_a_unit_is_found_and_mended(box):
    states = (f"systemctl {word} {EARLY} {LATE}" for word in ("is-active", "is-enabled", "is-failed"))
    seen = "; ".join([f"ls -lR --time-style=+ {UNITS}", *states])
    box.apply(policy())
    good = box.sh(f"({seen}) || true")
    for damage, told in TAMPERING:
        box.ask("run", argv=["sh", "-c", damage])
        found = box.apply(policy(), check=True)["changes"]
        assert any(name.startswith(told) for name in found), (damage, found)
        assert box.apply(policy())["changes"] == found, damage
        assert box.apply(policy())["changes"] == {}, damage
        assert box.sh(f"({seen}) || true") == good, damage
    print(f"{len(TAMPERING)} kinds of disturbance, each found and mended")
    box.absent()
    assert "webrtc" not in box.sh(f"ls -R {UNITS} /run/systemd/system")


def test_what_others_change_of_a_unit_is_told_and_stays(box):
    changed = f"{UNITS}/{EARLY}.d/own.conf"
    box.apply(policy())
    box.sh(f"mkdir {UNITS}/{EARLY}.d && echo '[Unit]' >{changed}")
    try:
        for check in (True, False):
            told = box.apply(policy(), check=check)
            assert told["changes"] == {}
            assert f"unit/{EARLY}: changed by {changed}, which stays" in told["warnings"]
        box.absent()
        assert box.sh(f"cat {changed}").strip() == "[Unit]"
    finally:
        box.sh(f"rm -r {UNITS}/{EARLY}.d; systemctl daemon-reload")
    assert not [line for line in box.apply(policy())["warnings"] if line.startswith("unit/")]
    box.absent()
