# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run finds when its own records are damaged, too old, or of another version; and clocks that jump."""

from __future__ import annotations

import json

import pytest
from contract import policy
from subject import subjects

PENDING = "/var/lib/webrtc-firewall/pending"
RECORD = f"{PENDING}/record.json"
PROGRAM = f"{PENDING}/webrtc-firewall.pyz"
POLICY = "/etc/webrtc-firewall/policy.json"
MORE = policy(["vonage", "liveavatar"])
# Ways to damage the record of a change: commands of a shell.
BROKEN = {
    "cut in half": f"truncate -s $(($(stat -c %s {RECORD}) / 2)) {RECORD}",
    "empty": f"truncate -s 0 {RECORD}",
    "gone": f"rm {RECORD}",
}
# The same as Python, for its JSON.
STRANGE = {
    "a field more": "data['later'] = 1",
    "a field less": "del data['needs']",
    "another type": "data['deadline'] = 'soon'",
    "a list": "data = [data]",
    "an unknown backend": "data['undo'][0][0] = 'pf'",
    "another shape of the rules": "data['undo'][0][1] = '{}'",
    "no JSON in the rules": "data['undo'][0][1] = '{'",
}
# What only somebody needs who goes back; to keep the change all else is enough.
WAY_BACK = ("an unknown backend", "another shape of the rules", "no JSON in the rules")
EDIT = """
import json, sys
data = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(data, open(sys.argv[1], "w"))
"""
# For every Python in the machine: at each look the wall clock is a year further on, or a year back.
JUMPS = """
import time
def jumping(real=time.time, state=[1]):
    state[0] = -state[0]
    return real() + state[0] * 365 * 86400
time.time = jumping
"""
PACKAGES = "/usr/lib/python3/dist-packages"


def edit(box, statement):
    """Change the JSON of a change's record."""
    done = box.ask("run", argv=["python3", "-c", EDIT, RECORD, statement])
    assert done["code"] == 0, done["err"]


def ruin(box, damage):
    box.sh(BROKEN[damage]) if damage in BROKEN else edit(box, STRANGE[damage])


@pytest.fixture(scope="module")
def shop(machines):
    with subjects(machines, "nftables") as found:
        yield found


@pytest.fixture
def box(shop):
    """A machine with rules of others and the minimum of ours; `whole` is its state."""
    box = shop.box
    box.sh(f"rm -rf {PENDING}; cd {PACKAGES}; rm -f jump.pth jumping.py")
    box.apply(policy(tier="minimum"))
    box.whole = shop.whole
    return box


@pytest.mark.parametrize("damage", [*BROKEN, *STRANGE])
def test_a_damaged_record_of_a_change_is_told_and_nothing_is_lost(box, damage):
    before = box.whole()
    assert box.apply(MORE, id="mine", seconds=600)["changes"]
    changed = box.whole()
    box.sh(f"rm -rf /tmp/kept; cp -a {PENDING} /tmp/kept")
    ruin(box, damage)
    damaged = box.whole()
    attempts = [box.apply(policy()), box.absent(), box.ask("revoke", id="mine")]
    attempts += [] if damage in WAY_BACK else [box.ask("confirm", id="mine")]
    for attempt in attempts:
        assert RECORD in attempt["error"], attempt
        assert f"python3 {PROGRAM} undo" in attempt["error"]
        assert f"take {PENDING} away to keep what is live now" in attempt["error"]
        assert "Traceback" not in attempt["error"]
    assert box.whole() == damaged
    # A check run looks at what is there.
    assert box.apply(MORE, check=True)["changes"] == {}
    # Both remedies: what was written down is whole for the program that wrote it, and without it what is live stays.
    box.sh(f"rm -rf {PENDING}; cp -a /tmp/kept {PENDING}")
    assert box.whole() == changed
    box.sh(f"python3 {PROGRAM} undo")
    assert box.whole() == before
    assert box.apply(MORE, id="mine", seconds=600)["changes"]
    ruin(box, damage)
    if damage in WAY_BACK:
        assert box.ask("confirm", id="mine") == {"changed": True}
    else:
        box.sh(f"rm -r {PENDING}")
    assert box.apply(MORE)["changes"] == {}


def test_a_program_says_what_is_wrong_with_its_record(box):
    assert box.apply(MORE, id="mine", seconds=600)["changes"]
    box.sh(f"truncate -s 100 {RECORD}")
    for command in ("undo mine", "undo", "boot"):
        told = box.ask("run", argv=["sh", "-c", f"python3 {PROGRAM} {command}"], text="")
        assert told["code"] == 1
        assert RECORD in told["err"]
        assert "Traceback" not in told["err"]


def test_a_change_whose_time_is_long_over_is_taken_back_by_the_next_run(box):
    before = box.whole()
    assert box.apply(MORE, id="mine", seconds=600)["changes"]
    # The second after the boot.
    box.sh(f"echo 1 >{PENDING}/done")
    told = box.apply(policy(tier="minimum"))
    assert told["changes"] == {}
    assert told["warnings"][0] == "an earlier change was taken back first, since it was never confirmed"
    assert box.whole() == before
    assert "it was never confirmed" in box.ask("confirm", id="mine")["error"]


def test_a_change_of_an_earlier_boot_is_taken_back_by_the_next_run(box):
    before = box.whole()
    assert box.apply(MORE, id="mine", seconds=600)["changes"]
    edit(box, "data['boot'] = 'another'")
    assert box.apply(policy(tier="minimum"))["changes"] == {}
    assert box.whole() == before


@pytest.mark.parametrize("damage", ["sed -i s/50000/1/", "truncate -s 100", "truncate -s 0", "cp /etc/hostname", "cp /proc/mounts"])
def test_a_damaged_policy_is_told_and_nothing_is_lost(box, damage):
    box.apply(MORE)
    good = box.whole()
    box.sh(f"{damage} {POLICY}")
    damaged = box.whole()
    for attempt in (box.apply(policy(), exclusive=False), box.absent(services=["vonage"])):
        assert f"{POLICY}: got" in attempt["error"], attempt
        assert "webrtc_egress_exclusive: true" in attempt["error"]
    assert box.whole() == damaged
    assert f"file/{POLICY}" in box.apply(MORE)["changes"]
    assert box.whole() == good
    box.sh(f"{damage} {POLICY}")
    assert box.absent()["changes"]


def test_a_wall_clock_that_jumps_neither_fires_nor_stops_the_timer(box):
    box.sh(f"cat >{PACKAGES}/jumping.py; echo 'import jumping' >{PACKAGES}/jump.pth", JUMPS)
    assert box.sh("python3 -I -c 'import time; print(time.time.__name__)'") == "jumping\n"
    before = box.whole()
    driver = ["python3", "/collections/ansible_collections/webrtc/firewall/tests/golden/driver.py"]

    def change(seconds):
        command = {"do": "apply", "backend": "nftables", "policy": MORE, "id": f"in{seconds}", "seconds": seconds, "armed": True}
        told = box.ask("run", argv=driver, text=json.dumps(command) + "\n")
        assert json.loads(told["out"])["changes"], told

    change(600)
    changed = box.whole()
    # The timer looks twice a second.
    box.sh("sleep 2")
    assert box.whole() == changed
    assert box.ask("revoke", id="in600") == {"changed": True}
    assert box.whole() == before
    change(1)
    # What goes back goes on for a moment behind that, under the lock.
    box.sh(f"for try in $(seq 600); do [ -e {PENDING} ] || break; sleep 0.1; done; flock --timeout 60 /run/webrtc-firewall.lock true")
    assert box.whole() == before
