# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a container: does one thing that a module does, with the collection's own code, which lies in /run/collections.

Reads JSON, answers JSON: {"do": "probe", "probes": [...], "timeout": seconds, "total_timeout": seconds} as module probe does,
{"do": "look", "since": seconds, "endpoints": [...]} as module gateway_info.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

sys.path.insert(0, "/run/collections")
sys.dont_write_bytecode = True

from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_look import look, read_options  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_input import read  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_run import run as probe  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES, Output  # noqa: E402


def run(argv: list[str], text: str) -> Output:
    """Run a command as the modules do."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=VARIABLES)
    return Output(done.returncode, done.stdout, done.stderr)


def main() -> None:
    """Do what standard input asks for."""
    asked: dict[str, Any] = json.load(sys.stdin)
    if asked["do"] == "probe":
        limits = asked["timeout"], asked["total_timeout"]
        answer: Any = probe(read(asked["probes"], *limits), *limits)
    else:
        answer = look(read_options(asked["since"], asked["endpoints"], None), run)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
