# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change on a machine whose disk is full or cannot be written: a clear error, nothing changed, and nothing left over."""

from __future__ import annotations

import pytest
from contract import policy
from subject import KINDS, subjects

# What the machine's own directories become: filesystems of their own, with what was in them.
SMALL = """
for place in /etc /var/lib/webrtc-firewall; do
    mkdir -p $place; mkdir /tmp/was; cp -a $place/. /tmp/was/
    mount -t tmpfs -o size=32m tmpfs $place; cp -a /tmp/was/. $place/; rm -r /tmp/was
done
"""
# Leaves a directory so many kilobytes, in pages of 4.
FILL = """
import os, sys
path, left = sys.argv[1], int(sys.argv[2])
with open(f"{path}/filler", "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
    file.truncate(max(0, file.tell() - 1024 * left))
"""
ENOUGH = {"/etc": 64, "/var/lib/webrtc-firewall": 1024}
PAGE = 4


@pytest.fixture(scope="module", params=KINDS)
def subject(request, machines):
    with subjects(machines, request.param, "--cap-add", "SYS_ADMIN") as found:
        found.box.sh(SMALL)
        found.box.apply(policy(tier="minimum"))
        yield found


def refused(subject, wanted, reason):
    """Try a change and expect an error, if there is one; returns whether there was."""
    before = subject.whole()
    answer = subject.change(wanted, id="mine", seconds=600)
    if "error" not in answer:
        assert subject.box.ask("revoke", id="mine") == {"changed": True}
        assert subject.whole() == before
        return False
    assert reason in answer["error"], answer
    assert "nothing was changed" in answer["error"]
    assert "ake room" in answer["error"] or "writable" in answer["error"], answer
    assert subject.whole() == before, answer
    return True


@pytest.mark.parametrize("place", ["/etc", "/var/lib/webrtc-firewall"])
def test_a_full_disk(subject, place):
    """However much room is left: a change fails as a whole, or is made and taken back as a whole."""
    wanted = policy(["vonage", "liveavatar"])
    failed = 0

    def fails(left):
        nonlocal failed
        done = subject.box.ask("run", argv=["python3", "-c", FILL, place, str(left)])
        assert done["code"] == 0, done["err"]
        told = refused(subject, wanted, "No space left on device")
        subject.box.sh(f"rm {place}/filler")
        failed += told
        return told

    # Between the two, in ever smaller steps, lies the most that is not enough: there the last of all writing fails.
    few, many = 0, ENOUGH[place]
    assert fails(few)
    assert not fails(many)
    while many - few > PAGE:
        middle = (few + many) // (2 * PAGE) * PAGE
        few, many = (middle, many) if fails(middle) else (few, middle)
    print(f"{subject.box.backend}: {place} needs {many} KiB; {failed} changes that had less were refused, 0 left anything half done")


@pytest.mark.parametrize("place", ["/etc", "/var/lib/webrtc-firewall"])
def test_a_disk_that_cannot_be_written(subject, place):
    subject.box.sh(f"mount -o remount,ro {place}")
    try:
        for wanted in (policy(["vonage", "liveavatar"]), None):
            assert refused(subject, wanted, "Read-only file system")
    finally:
        subject.box.sh(f"mount -o remount,rw {place}")
    assert not refused(subject, policy(["vonage", "liveavatar"]), "")


def test_a_way_back_that_finds_no_room_is_gone_later(subject):
    before = subject.whole()
    assert subject.change(policy(["vonage", "liveavatar"]), id="mine", seconds=600)["changes"]
    # Its time is over since the second after the boot: so the next run takes it back first.
    subject.box.sh("echo 1 >/var/lib/webrtc-firewall/pending/done; mount -o remount,ro /etc")
    try:
        told = subject.change(policy(tier="minimum"))
        assert "Read-only file system" in told["error"], told
        assert "could not be taken back as a whole; the next run tries again" in told["error"]
    finally:
        subject.box.sh("mount -o remount,rw /etc")
    assert subject.change(policy(tier="minimum"))["changes"] == {}
    assert subject.whole() == before


def test_a_confirmation_that_cannot_be_written_down_is_told(subject):
    assert subject.change(policy(["vonage", "liveavatar"]), id="mine", seconds=600)["changes"]
    changed = subject.whole()
    subject.box.sh("mount -o remount,ro /var/lib/webrtc-firewall")
    try:
        told = subject.box.ask("confirm", id="mine")
        assert "Read-only file system" in told["error"], told
    finally:
        subject.box.sh("mount -o remount,rw /var/lib/webrtc-firewall")
    assert subject.whole() == changed
    assert subject.box.ask("confirm", id="mine") == {"changed": True}
    assert subject.change(policy(tier="minimum"))["changes"]
