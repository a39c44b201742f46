# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a container: loads policies with the collection's own code, sends packets through the kernel, and tells the verdicts.

One JSON command a line, one JSON answer a line. {"do": "run", "argv"}, {"do": "send", "packets", "known"}, {"do": "remove", "backend"},
{"do": "load", "backend", "policy", "learned", "line"}; and {"do": "try"} with all of that in a row, see `attempt`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

sys.path.insert(0, "/collections")
# Bytecode of what is mounted for reading alone goes elsewhere, and so no process compiles it twice.
sys.pycache_prefix = "/tmp/pycache"

from packets import Packet  # noqa: E402
from wires import Wires  # noqa: E402

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _system  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, TargetProblem  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict  # noqa: E402


def run(argv: list[str], text: str = "") -> _system.Output:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=_system.VARIABLES)
    return _system.Output(done.returncode, done.stdout, done.stderr)


def load(backend: str, policy: Any, learned: dict[str, dict[str, list[str]]], line: bool = False) -> dict[str, Any]:
    """Apply a policy; what DNS has taught is given by flow and family.

    `line` does it by the whole line with files and units; otherwise it is done by the same parts of the backend, which takes a tenth of
    the time.
    """
    firewall, wanted = BACKENDS[backend](run), from_dict(policy)
    if line:
        return {"changes": len(_apply.present(firewall, wanted, True, Guard()).changes)}
    taught = {firewall.learned_set(flow, family): tuple(there) for flow, families in learned.items() for family, there in families.items()}
    problems = firewall.unsupported(wanted)
    if problems:
        raise TargetProblem(problems)
    live = firewall.read()
    problems = firewall.obstacles(wanted, live)
    if problems:
        raise TargetProblem(problems)
    plan = firewall.plan(wanted, live, taught)
    firewall.apply(plan)
    return {"changes": len(plan.changes)}


def remove(backend: str) -> dict[str, Any]:
    firewall = BACKENDS[backend](run)
    plan = firewall.plan(None, firewall.read(), {})
    firewall.apply(plan)
    return {"changes": len(plan.changes)}


def attempt(wires: Wires, backend: str, others: str, fresh: bool, before: Any, packets: list[list[Any]], **loaded: Any) -> Any:
    """From a machine without rules of ours to the verdicts under a policy.

    Args:
        wires: the machine's.
        backend: its backend's name.
        others: a shell script that makes somebody else's firewall as it shall be; empty where it is so already.
        fresh: whether our rules are taken away before.
        before: what `load` is given before that, or None.
        packets: what is sent.
        loaded: what `load` is given.
    """
    # Sets that are there keep what they have learned, also in another case.
    if fresh or others or loaded["learned"]:
        remove(backend)
    if others:
        done = run(["sh", "-ec", others])
        if done.code:
            raise RuntimeError(done.err)
    if before:
        load(backend, **before)
    load(backend, **loaded)
    wires.forget()
    return send(wires, packets)


def send(wires: Wires, packets: list[list[Any]], known: bool = False) -> list[str]:
    return [wires.send(Packet(*packet), known) for packet in packets]


def answer(wires: Wires, command: dict[str, Any]) -> Any:
    action = command.pop("do")
    try:
        if action == "run":
            return vars(run(**command))
        if action == "send":
            return send(wires, **command)
        if action == "try":
            return attempt(wires, **command)
        return {"load": load, "remove": remove}[action](**command)
    except FirewallError as error:
        return {"refused": [[problem.path, str(problem)] for problem in error.problems]}


def main() -> None:
    wires = Wires()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(wires, json.loads(line))), flush=True)


main()
