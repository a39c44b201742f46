# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines for the tests: a container of each Debian release, without any network, driven over one pipe."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(REPO / "tests" / "lab"))
sys.path.insert(0, str(REPO / "tests"))

import boot  # noqa: E402
from podman import environment, image, podman, remove  # noqa: E402

pytest.register_assert_rewrite("contract", "refusals")
SUITES = ("bullseye", "bookworm", "trixie")
INSIDE = "/collections/ansible_collections/webrtc/firewall"


class Machine:
    """One container and the driver in it.

    Attributes:
        backend: the name of the backend that `apply`, `absent` and `state` use where they are told no other.
        init: what runs in it first, a key of `boot.INIT`.
    """

    backend = "nftables"

    def __init__(self, suite: str, options: tuple[str, ...]) -> None:
        # The one name that both services' policies resolve when wildcards are left to `any`.
        network = ["--network", "none", "--add-host", "api.liveavatar.com:198.18.0.7"]
        start = ["run", "--detach", *network, *(options or ("--cap-add", "NET_ADMIN,NET_RAW"))]
        self.init = "systemd" if "--systemd=always" in options else "sysv" if suite.endswith("-sysv") else "none"
        command = [*start, "--volume", f"{REPO}:{INSIDE}:ro", image(suite), *boot.INIT[self.init]]
        self.id = podman(*command).stdout.strip()
        try:
            boot.wait_until_up(self.id, self.init)
        except BaseException:
            remove(self.id)
            raise
        self.connect()

    def connect(self):
        self.pipe = subprocess.Popen(
            ["podman", "exec", "--interactive", self.id, "python3", f"{INSIDE}/tests/golden/driver.py"],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, action, **command):
        self.pipe.stdin.write(json.dumps({"do": action, **command}) + "\n")
        self.pipe.stdin.flush()
        line = self.pipe.stdout.readline()
        assert line, f"the driver in {self.id} has ended"
        return json.loads(line)

    def sh(self, script, text=""):
        done = self.ask("run", argv=["sh", "-c", script], text=text)
        assert done["code"] == 0, f"{script}: {done['err']}"
        return done["out"]

    def python(self, script, text=""):
        head = 'import sys; sys.path.insert(0, "/collections"); sys.pycache_prefix = "/tmp/pycache"\n'
        done = self.ask("run", argv=["python3", "-c", head + textwrap.dedent(script)], text=text)
        assert done["code"] == 0, done["err"]
        return done["out"]

    def apply(self, policy, **options):
        return self.ask("apply", policy=policy, **{"backend": self.backend, **options})

    def absent(self, **options):
        return self.ask("absent", **{"backend": self.backend, **options})

    def state(self, **options):
        return self.ask("state", **{"backend": self.backend, **options})

    def drift(self, **options):
        return self.ask("drift", **{"backend": self.backend, **options})

    def foreign(self):
        """The whole ruleset less what is ours: our table, and the one rule that stands in chains of others."""
        rules = re.sub(r"table inet webrtc_firewall \{\n.*?\n\}\n", "", self.sh("nft list ruleset 2>/dev/null"), flags=re.DOTALL)
        ours = ('comment "webrtc.firewall"', "0x10000 == 0x10000", "0x00010000 == 0x00010000")
        return "".join(line for line in rules.splitlines(keepends=True) if not any(sign in line for sign in ours))

    def reboot(self):
        """Start anew, with an empty packet filter and the same disk, and wait until init has started all it starts."""
        self.disconnect()
        boot.reboot(self.id, self.init)
        self.connect()

    def disconnect(self):
        try:
            self.pipe.stdin.close()
            self.pipe.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.pipe.kill()

    def stop(self):
        try:
            self.disconnect()
        finally:
            remove(self.id)


@contextmanager
def running(suite, *options):
    machine = Machine(suite, options)
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="session", params=SUITES)
def suite(request):
    return request.param


@pytest.fixture(scope="session")
def machines():
    """Makes a machine of a suite, with further options for podman run."""
    return running


@pytest.fixture(scope="session")
def shared(suite):
    with running(suite) as machine:
        yield machine


@pytest.fixture
def machine(shared):
    """A machine with no rules and no files of ours."""
    shared.ask("reset")
    yield shared
    shared.ask("reset")
