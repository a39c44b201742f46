# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module ruleset, and confirms a change over a fresh connection; without that the machine goes back by itself."""

from __future__ import annotations

import gc
import shlex
import uuid
from contextlib import contextmanager
from typing import Any, Iterator, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _confirm


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile, nor afterwards among what is there by then.

    Ansible parses all of a module's code before it sends it. The parser's many objects make the collector go through everything that
    Ansible has loaded, again and again, for about a tenth of a run, and find nothing. The process is a worker that ends with its task.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


class ActionModule(ActionBase):  # type: ignore[misc]
    """The module, and the confirmation of what it has changed."""

    _supports_async = False

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """One task; its result is the module's, with `confirmed` where that was due."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            confirm = bool(boolean(arguments.get("confirm", True), strict=False))
            seconds = _confirm.checked(arguments.get("confirm_seconds", _confirm.SECONDS), self._timeout()) if confirm else 0
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "problems": [vars(problem) for problem in error.problems]}
        self._pipeline()
        name = uuid.uuid4().hex
        try:
            with _uncollected():
                done = self._execute_module("webrtc.firewall.ruleset", {**arguments, "confirm_id": name}, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            if self._task.check_mode or not seconds:
                raise
            # Whether all of the change was made nobody here knows: so it goes back, now or when its time is over.
            try:
                settled = self._settle(name, [], seconds, task_vars)
            except _confirm.Unreached:
                told = f"{error}; should the machine have begun to change rules, it goes back by itself within {seconds} seconds"
                raise AnsibleConnectionFailure(told) from error
            return {**result, **settled, "msg": f"the connection was lost while rules were changed ({error}); {settled['msg']}"}
        result.update(done)
        if "confirm" in done:
            result.update(self._settle(name, done["confirm"]["command"], seconds, task_vars))
        return result

    def _pipeline(self) -> None:
        """Have modules go over the connection in one command each in the place of six, unless sudo or the like stands in between.

        That may want a terminal, which only the site knows: there its own setting of pipelining counts.
        """
        if self._connection.become is None and self._connection.has_pipelining:
            self._connection.always_pipeline_modules = True

    def _settle(self, name: str, command: list[str], seconds: int, task_vars: Optional[dict[str, Any]]) -> dict[str, Any]:
        """Confirm by a command of the target's, or take back where there is none."""
        keep = bool(command)

        def ask() -> dict[str, Any]:
            self._fresh()
            try:
                # One command takes a third of what a module does, which is asked only if there is something to explain.
                if keep and self._low_level_execute_command(shlex.join(command))["rc"] == 0:
                    return {}
                answer: dict[str, Any] = self._execute_module("webrtc.firewall.confirm", {"id": name, "keep": keep}, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                return {"failed": True, "msg": str(error)}
            return answer

        return _confirm.settle(ask, keep, seconds, self._timeout())

    def _fresh(self) -> None:
        """Let the next command open a connection of its own, as somebody would who comes anew."""
        try:
            if type(self._connection).reset is not ConnectionBase.reset:
                self._connection.reset()
        except AnsibleError:
            # There is no more to close, which is all that was wanted.
            pass

    def _timeout(self) -> int:
        """Seconds that a connection may take to come up."""
        try:
            return int(self._connection.get_option("timeout") or 0)
        except (AnsibleError, KeyError, TypeError, ValueError):
            return 0
