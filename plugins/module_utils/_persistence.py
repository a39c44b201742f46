# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a run leaves on the target's disk: the policy, the ruleset, and what loads it. Nothing of anybody else's is edited."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _services, _stored, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Boot, Change
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._stored import DIRECTORY
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

RULESET = f"{DIRECTORY}/ruleset.nft"


def files(policy: Policy, resolved: Mapping[str, tuple[str, ...]], boot: Boot) -> dict[str, tuple[str, int]]:
    """All files of a machine with this policy: path to (text, mode)."""
    return {
        _stored.PATH: (_stored.text(policy, resolved), 0o600),
        RULESET: (_services.HEAD + boot.ruleset, 0o600),
        _services.RESTORE: (f"#!/bin/sh\n{_services.HEAD}{boot.script}", 0o700),
        **_services.files(),
    }


def changes(wanted: dict[str, tuple[str, int]], run: Runner) -> list[Change]:
    """What differs between the files that should be there and those that are; no file is touched."""
    found = []
    for path, (text, mode) in sorted(wanted.items()):
        there = _system.read(path)
        if there is None:
            found.append(Change(f"file/{path}", None, "written"))
        elif there != text:
            found.append(Change(f"file/{path}", "other text", "as rendered"))
        elif os.stat(path).st_mode & 0o7777 != mode:
            found.append(Change(f"file/{path}", f"mode {os.stat(path).st_mode & 0o7777:04o}", f"mode {mode:04o}"))
    return found + [Change(f"unit/{name}", "not enabled and active", "enabled and active") for name in _services.sleeping(run)]


def write(wanted: dict[str, tuple[str, int]], run: Runner) -> None:
    """Write what differs and have it run at boot; on an error all files are as they were.

    Raises:
        TargetProblem: a file cannot be written, or the service manager refuses.
    """
    before = {path: _kept(path) for path in wanted}
    staged: dict[str, str] = {}
    try:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        for path, (text, mode) in wanted.items():
            if before[path] != (text, mode):
                staged[path] = _system.stage(path, text, mode)
        for path, temporary in staged.items():
            os.replace(temporary, path)
        _services.enable(run)
    except (OSError, TargetProblem) as error:
        for temporary in staged.values():
            _system.remove(temporary)
        _put_back(before)
        if isinstance(error, TargetProblem):
            raise
        remedy = "Make room, or make the directory writable."
        raise TargetProblem([Problem(str(error.filename or DIRECTORY), error.strerror, "to be able to write", remedy)]) from error


def _kept(path: str) -> Optional[tuple[str, int]]:
    text = _system.read(path)
    return None if text is None else (text, os.stat(path).st_mode & 0o7777)


def _put_back(before: dict[str, Optional[tuple[str, int]]]) -> None:
    for path, kept in before.items():
        if kept is None:
            _system.remove(path)
        elif _kept(path) != kept:
            os.replace(_system.stage(path, *kept), path)
    _services.remove_empty(DIRECTORY)


def present() -> list[str]:
    """Our files that are there."""
    return [path for path in (_stored.PATH, RULESET, _services.RESTORE, *_services.paths()) if os.path.lexists(path)]


def remove(run: Runner) -> None:
    """Take away every file and every service of ours.

    Raises:
        TargetProblem: the service manager refuses, or a file cannot be removed.
    """
    there = present()
    if not there:
        return
    try:
        _services.stop(run)
        for path in there:
            _system.remove(path)
        _services.forget(run)
    except OSError as error:
        remedy = "Make the directory writable."
        raise TargetProblem([Problem(str(error.filename), error.strerror, "to be able to remove it", remedy)]) from error
    _services.remove_empty(DIRECTORY)
