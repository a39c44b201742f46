# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many runs at once on one machine: they queue, and what is there afterwards is one of the states that they wanted, as a whole."""

from __future__ import annotations

import json

import pytest
from contract import policy
from subject import KINDS, subjects

RUNS = 10
DRIVER = "/collections/ansible_collections/webrtc/firewall/tests/golden/driver.py"
# Starts a driver for each job, all before any of them gets its commands.
CROWD = f"""
import json, subprocess
jobs = json.load(sys.stdin)
runs = [subprocess.Popen(["python3", {DRIVER!r}], stdin=-1, stdout=-1, stderr=-1, text=True) for _job in jobs]
for run, job in zip(runs, jobs):
    run.stdin.write("".join(json.dumps(command) + "\\n" for command in job))
    run.stdin.close()
print(json.dumps([[run.stdout.read(), run.stderr.read(), run.wait()] for run in runs]))
"""
LOCK = "/run/webrtc-firewall.lock"
# Whoever waits for a change of another run looks again and again, and makes and removes the lock's file each time.
WAITS = 'seen=$(stat -c %y /run); for try in $(seq 600); do [ "$(stat -c %y /run)" = "$seen" ] || break; sleep 0.1; done'


def crowd(box, jobs):
    """The answers to each job's commands, all jobs at once."""
    answers = []
    for out, err, code in json.loads(box.python(CROWD, json.dumps(jobs))):
        assert (code, err) == (0, "")
        answers.append([json.loads(line) for line in out.splitlines()])
    return answers


@pytest.fixture(scope="module", params=KINDS)
def subject(request, machines):
    with subjects(machines, request.param) as found:
        yield found


@pytest.fixture(scope="module")
def shop(machines):
    with subjects(machines, "nftables") as found:
        yield found


@pytest.fixture
def box(shop):
    """A machine with rules of others and the minimum of ours."""
    shop.box.sh(f"rm -f {LOCK}")
    shop.box.apply(policy(tier="minimum"))
    return shop.box


def test_ten_runs_at_once_have_one_result(subject):
    """All want the same at first; then each one of two things, and confirms it."""
    more, less = policy(["vonage", "liveavatar"], baseline=subject.kind.baselines[-1]), policy(tier="minimum")
    states = []
    for wanted in (more, less):
        subject.change(wanted)
        states.append(subject.whole())
    command = {"do": "apply", "backend": subject.kind.backend}
    answers = crowd(subject.box, [[{**command, "policy": more}]] * RUNS)
    assert [list(answer[0]["changes"]) for answer in answers].count([]) == RUNS - 1, answers
    assert subject.whole() == states[0]

    jobs = []
    for number in range(RUNS):
        name = f"run{number}"
        jobs.append([{**command, "policy": (more, less)[number % 2], "id": name, "seconds": 600}, {"do": "confirm", "id": name}])
    confirmed = 0
    told = crowd(subject.box, jobs)
    for first, second in told:
        assert second == {"changed": True} if first["changes"] else "knows no such change" in second["error"], (first, second)
        confirmed += bool(first["changes"])
    assert subject.whole() in states
    # Whoever found something to change found all of it: one answer for the way there and one for the way back.
    assert len({json.dumps(first["changes"], sort_keys=True) for first, _second in told if first["changes"]}) <= 2
    print(f"{subject.box.backend}: {RUNS} runs at once two times, 0 errors; of the last {confirmed} changed something")


@pytest.mark.parametrize("settled", ["confirm", "revoke"])
def test_a_run_waits_until_the_change_of_another_is_settled(box, settled):
    more = policy(["vonage", "liveavatar"])
    assert box.apply(more, id="first", seconds=600)["changes"]
    second = {"do": "apply", "backend": "nftables", "policy": policy()}
    behind = f"{{ python3 {DRIVER} </tmp/job >/tmp/told 2>&1; touch /tmp/ended; }} >/dev/null 2>&1"
    box.sh(f"cat >/tmp/job; {behind} & {WAITS}", json.dumps(second) + "\n")
    assert box.sh("cat /tmp/told; ls /tmp/ended 2>/dev/null || true") == ""
    assert box.ask(settled, id="first") == {"changed": True}
    box.sh("for try in $(seq 600); do [ ! -e /tmp/ended ] || break; sleep 0.1; done; rm /tmp/ended")
    changes = json.loads(box.sh("cat /tmp/told"))["changes"]
    # What is not needed any more was there if it was confirmed; what the minimum lacks was not if it was taken back.
    assert ("liveavatar/media-udp" in changes) == (settled == "confirm")
    assert ("vonage/rtp-media" in changes) == (settled == "revoke")
    assert box.apply(policy())["changes"] == {}


def test_the_lock_of_a_dead_process_is_no_hindrance(box):
    box.sh(f"touch {LOCK}")
    assert box.apply(policy())["changes"]
    # It is killed while it holds the lock.
    box.sh(
        f"flock {LOCK} sh -c 'echo $$ >/tmp/holder; exec sleep 600' >/dev/null 2>&1 &"
        " for _try in $(seq 100); do [ -s /tmp/holder ] && break; sleep 0.1; done;"
        f" fuser -k {LOCK} >/dev/null 2>&1 || kill -9 $! $(cat /tmp/holder); rm /tmp/holder; test -e {LOCK}"
    )
    assert box.apply(policy(tier="minimum"))["changes"]
    assert box.sh(f"ls {LOCK} 2>/dev/null || true") == ""


IMPATIENT = """
    import json, os, subprocess, time
    from contextlib import nullcontext
    from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _change, _system
    from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
    from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError
    from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict

    def command(argv, text):
        done = subprocess.run(argv, input=text, capture_output=True, text=True)
        return _system.Output(done.returncode, done.stdout, done.stderr)

    holder = HOLDER
    with holder:
        _system.LOCK_SECONDS = 0.5
        try:
            _apply.present(BACKENDS["nftables"](command), from_dict(json.load(sys.stdin)), True, _change.Guard())
        except FirewallError as error:
            print(error)
    """


def test_a_run_that_waits_too_long_for_the_lock_says_so(box):
    before = box.sh("nft -s list ruleset")
    told = box.python(IMPATIENT.replace("HOLDER", "_system.lock()"), json.dumps(policy()))
    assert f"lock: got '{LOCK}', expected the lock to be free within 0 seconds" in told
    assert "nothing was changed" in told
    assert "Wait for the other run to end" in told
    assert box.sh("nft -s list ruleset") == before


def test_a_run_that_waits_too_long_for_a_confirmation_says_so(box):
    """Such as behind a row of others, each of which waits for its own."""
    assert box.apply(policy(), id="slow", seconds=600)["changes"]
    before = box.sh("nft -s list ruleset")
    # Time passes quickly for the one that waits.
    holder = "nullcontext(); then = time.monotonic; time.monotonic = lambda: 1000 * then()"
    told = box.python(IMPATIENT.replace("HOLDER", holder), json.dumps(policy(["liveavatar"])))
    assert "lock: got 'change slow waits for its confirmation'" in told
    assert "Confirm it, or wait until it goes back by itself" in told
    assert box.sh("nft -s list ruleset") == before
    assert box.ask("confirm", id="slow") == {"changed": True}
