# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a container: takes one JSON command a line, does it with the collection's own code, answers one JSON line.

Commands: {"do": "apply", "policy", "exclusive", "check", "backend"}, {"do": "absent", "services", "check", "backend"},
{"do": "state", "backend"}, {"do": "drift", "backend", "policy"},
{"do": "load", "policy"} (load the rendered text with nft and read it back), {"do": "run", "argv", "text"},
{"do": "reset"}. Both of the first may wait for their confirmation ("id", "seconds", "armed"): {"do": "confirm", "id"}, {"do": "revoke",
"id"}.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

sys.path.insert(0, "/collections")
# Bytecode of what is mounted for reading alone goes elsewhere, and so no process compiles it twice.
sys.pycache_prefix = "/tmp/pycache"

from ansible_collections.webrtc.firewall.plugins.module_utils import (  # noqa: E402
    _apply,
    _change,
    _choice,
    _drift,
    _nft_listing,
    _nft_render,
    _paths,
    _persistence,
    _settled,
    _system,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict  # noqa: E402

# A slow machine is no error: only the tests of the limit itself may run into it.
_system.LOCK_SECONDS = 600.0


def run_it(argv: list[str], text: str) -> _system.Output:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=_system.VARIABLES)
    return _system.Output(done.returncode, done.stdout, done.stderr)


def run(argv: list[str], text: str = "") -> dict[str, Any]:
    return vars(run_it(argv, text))


def load(policy: Any) -> dict[str, Any]:
    """Whether the kernel has what was rendered, as nft lists it."""
    wanted = from_dict(policy)
    done = run(["nft", "-f", "-"], BACKENDS["nftables"].render_text(wanted))
    if done["code"]:
        return {"same": False, "err": done["err"][:2000]}
    live = _nft_listing.parse(json.loads(run(["nft", "-j", "list", "table", "inet", "webrtc_firewall"])["out"]))
    return {"same": _nft_listing.same(_nft_render.render(wanted), live), "err": ""}


def reset() -> dict[str, Any]:
    _persistence.write(_persistence.NOTHING, run_it)
    shutil.rmtree(_paths.DIRECTORY, ignore_errors=True)
    return run(["nft", "flush", "ruleset"])


def answer(command: dict[str, Any]) -> dict[str, Any]:
    action = command.pop("do")
    if action == "run":
        return run(**command)
    if action == "reset":
        return reset()
    if action == "load":
        return load(**command)
    guard = None if command.get("check") else Guard(command.get("id", ""), command.get("seconds", 0), command.get("armed", False))
    try:
        if action == "confirm":
            return {"changed": _settled.confirm(command["id"], run_it)}
        if action == "revoke":
            return {"changed": _change.revoke(command.get("id", ""), "a test asked for it", run_it)}
        if action == "drift":
            given = command.get("policy")
            report = _drift.examine(command["backend"], run_it, from_dict(given) if given else None)
            return {**report.as_dict(), "warnings": list(report.warnings)}
        choice = _choice.choose(command.get("backend", "nftables"), run_it)
        backend = choice.backend
        if action == "state":
            state = backend.state(backend.read())
            return {**vars(state), "flows": [vars(flow) for flow in state.flows]}
        if action == "apply":
            result = _apply.present(backend, from_dict(command["policy"]), command.get("exclusive", True), guard)
        else:
            result = _apply.absent(backend, command.get("services", []), guard)
    except FirewallError as error:
        return {"error": str(error)}
    return {
        "backend": backend.name,
        "reason": choice.reason,
        "changes": {change.id: [change.before, change.after] for change in result.changes},
        "warnings": list(result.warnings),
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
