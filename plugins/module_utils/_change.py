# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""One change of the machine: written down, armed, made, settled; or taken back, by whoever comes to do so.

A run that fails, a timer, a boot and the next run all go back in the same way, from what was written down before anything was changed.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _guard,
    _own_files,
    _pack,
    _paths,
    _pending,
    _persistence,
    _services,
    _system,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import (
    FirewallError,
    NotTakenBack,
    Problem,
    TargetProblem,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._frozen import freeze, thaw
from ansible_collections.webrtc.firewall.plugins.module_utils._pending import Pending
from ansible_collections.webrtc.firewall.plugins.module_utils._persistence import Installed
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs
from ansible_collections.webrtc.firewall.plugins.module_utils._settled import Told, settle, tell
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

# How long the timer may be late before another run goes back in its place.
_GRACE = 10.0
_TRIES, _PAUSE = 5, 2.0


@dataclass(frozen=True)
class Guard:
    """How a change is to be settled.

    Attributes:
        id: what a later confirmation names.
        seconds: how long it waits for that; 0 if the change settles itself as soon as it is made.
        armed: whether a timer goes back even if the process that makes the change is killed.
    """

    id: str = ""
    seconds: float = 0.0
    armed: bool = False


@contextmanager
def turn(run: Runner) -> Iterator[list[str]]:
    """The machine-wide lock, once no change of another run waits for its confirmation; yields what the operator should know.

    Raises:
        TargetProblem: others hold it for longer than a minute beyond the time that a waiting change has.
    """
    limit = time.monotonic() + _system.LOCK_SECONDS
    waited = ""
    while True:
        with _system.lock():
            _pending.sweep()
            waiting = _waiting(run)
            if waiting is None:
                _guard.unhook(run)
            # A run holds the lock until all of its change is made: one that does not is dead.
            if waiting is None or not _pending.done() or waiting.seconds_left < -_GRACE:
                yield [_mended(waiting, run)] if waiting else []
                return
        if waiting.id != waited:
            waited, limit = waiting.id, limit + max(waiting.seconds_left, 0)
        if time.monotonic() > limit:
            remedy = "Confirm it, or wait until it goes back by itself."
            raise TargetProblem([Problem("lock", f"change {waiting.id} waits for its confirmation", "no change under way", remedy)])
        time.sleep(0.2)


def _mended(waiting: Pending, run: Runner) -> str:
    reason = "its run was killed" if not _pending.done() else "it was never confirmed"
    go_back(waiting, run, reason)
    return f"an earlier change was taken back first, since {reason}"


def make(guard: Guard, undo: list[tuple[Backend, Any]], installed: Installed, needs: Needs, steps: Callable[[], None], run: Runner) -> None:
    """Make a change, with a way back from its first moment on.

    Args:
        guard: how it is to be settled.
        undo: backends and what their `undo` needs, in the order of the change.
        installed: what will be on the disk.
        needs: what was running until now.
        steps: changes the live rules.
        run: runs commands.

    Raises:
        FirewallError: something failed; all is as it was.
    """
    seconds = guard.seconds or _system.LOCK_SECONDS
    pending = Pending(
        guard.id,
        _pending.boot(),
        _pending.now() + seconds,
        tuple((backend.name, json.dumps(freeze(before))) for backend, before in undo),
        {path: _pending.keep(path) for path in {*_own_files.present(), *_persistence.touched(installed)}},
        needs,
        {path: kept for backend, _before in undo for path in backend.loaded_at_boot() if (kept := _pending.keep(path))},
    )
    _pending.begin(pending, _pack.program())
    try:
        _guard.arm(guard.id, seconds if guard.armed else None, run)
    except BaseException:
        settle(pending, run)
        raise
    try:
        with _system.writing("to be able to write"):
            steps()
            _persistence.write(installed, run)
            if guard.seconds:
                _system.remove(_paths.TOLD)
                _pending.mark_done(guard.seconds)
    except BaseException as error:
        _fail(pending, error, run)
        raise
    if not guard.seconds:
        settle(pending, run)


def _fail(pending: Pending, error: BaseException, run: Runner) -> None:
    """Go back at once; where even that fails, the timer and the next run try again."""
    try:
        _restore(pending, run)
    except FirewallError as second:
        first = error.problems if isinstance(error, FirewallError) else []
        raise NotTakenBack([*first, *second.problems]) from error
    settle(pending, run)


def revoke(name: str, reason: str, run: Runner) -> bool:
    """Take a change back that waits for its confirmation.

    Args:
        name: its id; empty for whichever it is.
        reason: why, for the one who asks what became of it.
        run: runs commands.

    Returns:
        Whether there was something to take back.
    """
    with _system.lock(seconds=float("inf")):
        waiting = _waiting(run)
        if waiting is None or name not in ("", waiting.id):
            return False
        for left in reversed(range(_TRIES)):
            try:
                go_back(waiting, run, reason)
                return True
            except TargetProblem:
                if not left:
                    raise
                time.sleep(_PAUSE)
    return False


def go_back(pending: Pending, run: Runner, reason: str) -> None:
    """Bring live rules, files and services back as they were, and tell it; the caller holds the lock."""
    _restore(pending, run)
    log = [f"rules of {name} brought back" for name, _before in pending.undo] + [f"{len(pending.files)} files compared and put back"]
    with _system.writing("to be able to write down that it was taken back"):
        settle(pending, run)
        tell(Told(pending.id, False, reason, log))


def go_back_at_boot(run: Runner) -> None:
    """Before any firewall has started: the files as they were, so that the boot brings back what was before the change."""
    pending = _waiting(run)
    if pending is None:
        return
    for name, _before in pending.undo:
        for path in BACKENDS[name](run).loaded_at_boot():
            if path not in pending.loaded_at_boot:
                _system.remove(path)
    for path, kept in (*pending.loaded_at_boot.items(), *pending.files.items()):
        _system.remove_staged(path)
        _pending.put(path, kept)
    _services.relink(pending.needs, run)
    _own_files.tidy()
    settle(pending, run)
    tell(Told(pending.id, False, "the machine was restarted before it was confirmed", [f"{len(pending.files)} files put back"]))


def _restore(pending: Pending, run: Runner) -> None:
    ways = _ways_back(pending, run)
    there = {path: (kept.text, kept.mode) for path, kept in pending.files.items() if kept}
    try:
        with _system.writing("to be able to put back what was there"):
            for backend, before in reversed(ways):
                backend.undo(before)
            for path in pending.files:
                _system.remove_staged(path)
            _persistence.write(Installed(there, pending.needs), run)
    except TargetProblem as error:
        raise NotTakenBack(error.problems) from error


def _waiting(run: Runner) -> Optional[Pending]:
    """The change that is not settled, if this version could take it back."""
    found = _pending.load()
    if found:
        _ways_back(found, run)
    return found


def _ways_back(pending: Pending, run: Runner) -> list[tuple[Backend, Any]]:
    """Backends, and what their `undo` needs, in the order of the change."""
    try:
        backends = [(BACKENDS[name](run), before) for name, before in pending.undo]
        return [(backend, thaw(backend.kept, json.loads(before))) for backend, before in backends]
    except KeyError as error:
        raise _pending.unknown(ValueError(f"there is no backend {error.args[0]}")) from error
    except (ValueError, TypeError) as error:
        raise _pending.unknown(error) from error
