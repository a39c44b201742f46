# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the modules have in common: how the core runs commands by Ansible's own means, and how its results and errors are told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils import _program
from ansible_collections.webrtc.firewall.plugins.module_utils._apply import Result
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError
from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES, Output, Runner

# The program that stays on the target is packed out of the module's own payload: naming it here brings all of it along.
PROGRAM = _program.__name__


def runner(module: Any) -> Runner:
    """The command runner of an AnsibleModule."""

    def run(argv: list[str], text: str) -> Output:
        code, out, err = module.run_command(argv, data=text, binary_data=True, environ_update=VARIABLES)
        return Output(code, out, err)

    return run


@contextmanager
def fail_with_problems(module: Any) -> Iterator[None]:
    """End the module with all problems of an error of ours; any other error passes."""
    try:
        yield
    except FirewallError as error:
        problems = [vars(problem) for problem in error.problems]
        module.fail_json(msg=str(error), problems=problems, check_mode=module.check_mode)


def answer(module: Any, result: Result) -> dict[str, Any]:
    """A result for `exit_json`, its warnings told."""
    for warning in result.warnings:
        module.warn(warning)
    changes = [vars(change) for change in result.changes]
    return {"changed": bool(changes), "changes": changes, "diff": _diff(result.changes)}


def _diff(changes: tuple[Change, ...]) -> dict[str, str]:
    """The changes as Ansible shows them: a line an id, before and after."""
    before = "".join(f"{change.id}: {change.before}\n" for change in changes if change.before is not None)
    after = "".join(f"{change.id}: {change.after}\n" for change in changes if change.after is not None)
    return {"before_header": "live", "after_header": "policy", "before": before, "after": after}
