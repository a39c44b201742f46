# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside the target: applies the policy on standard input by the collection's own code and prints its peak memory as JSON."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

sys.path.insert(0, "/collections")
sys.dont_write_bytecode = True

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _system  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict  # noqa: E402


def command(argv: list[str], text: str) -> _system.Output:
    """Run a command with a text on its standard input."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=_system.VARIABLES)
    return _system.Output(done.returncode, done.stdout, done.stderr)


if __name__ == "__main__":
    _apply.present(BACKENDS["nftables"](command), from_dict(json.load(sys.stdin)), True, Guard())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"kib": peak}))
