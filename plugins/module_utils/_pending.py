# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A change that is not settled yet, on the disk: how to go back, for a process or a boot that knows nothing else of it.

It is written as a whole before anything is changed, and gone as a whole when the change is settled: each is one rename(2).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from dataclasses import dataclass
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._frozen import freeze, thaw
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import (
    PENDING,
    PENDING_DONE,
    PENDING_PROGRAM,
    PENDING_RECORD,
    STATE_DIRECTORY,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs

_BOOT = "/proc/sys/kernel/random/boot_id"
_NEW, _OLD = f"{PENDING}.new", f"{PENDING}.old"


@dataclass(frozen=True)
class Kept:
    """A file as it was: its text (surrogateescape), its mode and who owns it."""

    text: str
    mode: int
    owner: int
    group: int


@dataclass(frozen=True)
class Pending:
    """A change, and how to go back.

    Attributes:
        id: whoever confirms it names it.
        boot: the boot in which it was begun (random(4), boot_id).
        deadline: when it goes back if it is not made by then, in seconds of CLOCK_BOOTTIME, which no clock change moves.
        undo: name of a backend to what its `before` returned, frozen, as JSON text; in the order of the change.
        files: the files of ours, and those of others that change, as they were; none where there was no file.
        needs: what was running.
        loaded_at_boot: the firewall's own files that hold ours, by path.
    """

    id: str
    boot: str
    deadline: float
    undo: tuple[tuple[str, str], ...]
    files: dict[str, Optional[Kept]]
    needs: Needs
    loaded_at_boot: dict[str, Kept]

    @property
    def seconds_left(self) -> float:
        """Until it goes back by itself; negative when that should have been, such as in an earlier boot."""
        return (_extended() or self.deadline) - now() if self.boot == boot() else -math.inf


def now() -> float:
    """Seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot() -> str:
    """The id of this boot."""
    return (_system.read(_BOOT) or "").strip()


def keep(path: str) -> Optional[Kept]:
    """A file as it is now; None where there is none."""
    text = _system.read(path)
    if text is None:
        return None
    there = os.stat(path)
    return Kept(text, there.st_mode & 0o7777, there.st_uid, there.st_gid)


def put(path: str, kept: Optional[Kept]) -> None:
    """Bring a file back as it was, or take it away; what is right already is not written."""
    if kept is None:
        _system.remove(path)
    elif keep(path) != kept:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        staged = _system.stage(path, kept.text, kept.mode)
        os.chown(staged, kept.owner, kept.group)
        os.replace(staged, path)


def begin(pending: Pending, program: str) -> None:
    """Write it down, before anything is changed.

    Args:
        pending: how to go back.
        program: the packed program that can.

    Raises:
        TargetProblem: the disk is full, or cannot be written.
    """
    try:
        sweep()
        os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
        os.mkdir(_NEW, mode=0o700)
        for path, text in ((PENDING_RECORD, json.dumps(freeze(pending))), (PENDING_PROGRAM, program)):
            place = os.path.join(_NEW, os.path.basename(path))
            os.replace(_system.stage(place, text, 0o600), place)
        os.replace(_NEW, PENDING)
        _system.sync(STATE_DIRECTORY)
    except OSError as error:
        shutil.rmtree(_NEW, ignore_errors=True)
        remedy = "Make room, or make the directory writable: without it there would be no way back."
        raise TargetProblem([Problem(PENDING, error.strerror, "to be able to write down how to go back", remedy)]) from error


def load() -> Optional[Pending]:
    """The change that is not settled; None where there is none.

    Raises:
        TargetProblem: what is written there cannot be understood.
    """
    text = _system.read(PENDING_RECORD)
    if text is None and os.path.isdir(PENDING):
        # Somebody who holds the lock may have begun a change just now.
        text = _system.read(PENDING_RECORD)
    if text is None and not os.path.isdir(PENDING):
        return None
    try:
        found: Pending = thaw(Pending, json.loads(text or ""))
    except (ValueError, TypeError) as error:
        raise unknown(error) from error
    return found


def unknown(error: Exception) -> TargetProblem:
    """Another version has written the change down, or it is damaged."""
    remedy = f"Run `python3 {PENDING_PROGRAM} undo`, which made it; or take {PENDING} away to keep what is live now."
    return TargetProblem([Problem(PENDING_RECORD, str(error)[:200], "a change as this version writes it down", remedy)])


def mark_done(seconds: float) -> None:
    """All of the change is made; from now on it can be confirmed, for so many seconds."""
    os.replace(_system.stage(PENDING_DONE, str(now() + seconds), 0o600), PENDING_DONE)


def _extended() -> float:
    try:
        return float(_system.read(PENDING_DONE) or 0)
    except ValueError:
        return 0.0


def done() -> bool:
    """Whether all of the change was made."""
    return os.path.exists(PENDING_DONE)


def drop() -> None:
    """Settle it: from here on there is no way back, or it has been gone."""
    shutil.rmtree(_OLD, ignore_errors=True)
    try:
        os.rename(PENDING, _OLD)
    except FileNotFoundError:
        pass
    if os.path.isdir(STATE_DIRECTORY):
        _system.sync(STATE_DIRECTORY)
    sweep()


def sweep() -> None:
    """Take away what a process that was killed has left beside."""
    for path in (_NEW, _OLD):
        shutil.rmtree(path, ignore_errors=True)
