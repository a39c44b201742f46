# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a container: makes one change with the collection's own code, and is killed at one of its steps.

Standard input: {"backend", "policy" or null for a removal, "id", "seconds", "kill"}. A step is whatever changes something outside the
process: a file opened to write, renamed or removed, a command that is no listing. `kill` is the number of the step before which SIGKILL
comes; 0 lets it end and prints how many steps there were.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

sys.path.insert(0, "/collections")
# The bytecode that the driver has written; to write more of it would count as a step.
sys.pycache_prefix, sys.dont_write_bytecode = "/tmp/pycache", True

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _system  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict  # noqa: E402

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod", "os.chown", "os.truncate"}
LISTING = ("list", "save", "show", "--version", "is-active")


def run(argv: list[str], text: str) -> _system.Output:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=_system.VARIABLES)
    return _system.Output(done.returncode, done.stdout, done.stderr)


def changes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[0], str) and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    if event == "subprocess.Popen":
        words = list(map(str, arguments[1]))
        return not any(word in LISTING or word.endswith("-save") for word in words)
    return event in CHANGING


def main() -> None:
    job = json.load(sys.stdin)
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if changes(event, arguments):
            steps += 1
            if steps == job["kill"]:
                os.kill(os.getpid(), signal.SIGKILL)

    backend, guard = BACKENDS[job["backend"]](run), Guard(job["id"], job["seconds"])
    sys.addaudithook(hook)
    if job["policy"] is None:
        _apply.absent(backend, [], guard)
    else:
        _apply.present(backend, from_dict(job["policy"]), True, guard)
    print(json.dumps({"steps": steps}))


main()
