# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The end of a change: confirmed for good, or told to be taken back. The controller waits for it: no backend is loaded here."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _guard, _own_files, _paths, _pending, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import NotConfirmed, Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._pending import Pending
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner


@dataclass
class Told:
    """What became of a change: confirmed or not, the reason, and what was done, a line each."""

    id: str
    confirmed: bool
    reason: str = ""
    log: list[str] = field(default_factory=list)


def waits(name: str) -> bool:
    """Whether a change of that id waits for its confirmation."""
    waiting = _pending.load()
    return waiting is not None and waiting.id == name and _pending.done()


def confirm(name: str, run: Runner) -> bool:
    """Keep a change for good.

    Args:
        name: its id.
        run: runs commands.

    Returns:
        Whether it has waited for that; no if it was confirmed before.

    Raises:
        NotConfirmed: there is no such change any more, or it was not made as a whole.
    """
    with _system.lock():
        waiting = _pending.load()
        if waiting and waiting.id == name and _pending.done():
            with _system.writing("to be able to write down that it is confirmed"):
                settle(waiting, run)
                tell(Told(name, True))
            return True
        told = _told()
    if told.id == name and told.confirmed:
        return False
    reason, remedy = "this machine knows no such change", "Run again."
    if told.id == name:
        reason, log = told.reason, "".join(f" {line}." for line in told.log)
        remedy = f"Find out why the machine could not be reached with the new rules, then run again. The log:{log}"
    raise NotConfirmed([Problem("confirm", reason, "a change that waits for its confirmation", remedy)])


def settle(pending: Pending, run: Runner) -> None:
    """There is no more to go back from, or all of it has gone back; the caller holds the lock."""
    _pending.drop()
    _guard.disarm(pending.id, run)
    _own_files.forget_learned()
    _own_files.tidy()


def tell(told: Told) -> None:
    """For whoever asks later; a machine without anything of ours keeps it until its next start only if there is something to explain."""
    if told.confirmed and not _own_files.present():
        _system.remove(_paths.TOLD)
        return
    os.replace(_system.stage(_paths.TOLD, json.dumps(vars(told)), 0o600), _paths.TOLD)


def _told() -> Told:
    text: Optional[str] = _system.read(_paths.TOLD)
    try:
        return Told(**json.loads(text or "{}"))
    except (ValueError, TypeError):
        return Told("", False)
