# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The machine that the module runs on: commands, files and the lock, each failing with a clear error."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Not in /run/lock, where everybody may write.
_LOCK = "/run/webrtc-firewall.lock"
LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class Output:
    """What a command left behind."""

    code: int
    out: str
    err: str


# Runs a command, given as a list, with a text on its standard input; no shell, the variables below, never an exception.
Runner = Callable[[list[str], str], Output]
VARIABLES = {"PATH": _PATH, "LC_ALL": "C"}


def say(text: str) -> None:
    """A line for the log of what runs on the target by itself."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def find(command: str) -> Optional[str]:
    """The path of a command in the system's own directories, or None; a user's PATH has no say in what root runs."""
    return shutil.which(command, path=_PATH)


def daemon(name: str) -> int:
    """The process of a daemon in our own network namespace, by the name of its program; 0 where there is none.

    Raises:
        TargetProblem: there is one, and only root may see where.
    """
    own = os.readlink("/proc/self/ns/net")
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                words = file.read().split(b"\0")[:4]
            if name.encode() in map(os.path.basename, words) and os.readlink(f"/proc/{number}/ns/net") == own:
                return int(number)
        except OSError as error:
            if isinstance(error, PermissionError) and os.geteuid():
                expected = "to see which network it serves"
                raise TargetProblem(
                    [Problem(f"process {number} ({name})", error.strerror, expected, "Run as root (become: true).")]
                ) from error
            # It has ended meanwhile, or is not ours to look at.
            continue
    return 0


def read(path: str) -> Optional[str]:
    """A file's text, or None where there is no such file.

    Raises:
        TargetProblem: something is there that cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TargetProblem([Problem(path, error.strerror, "a file that can be read", "Move away what is in its place.")]) from error


def stage(path: str, text: str, mode: int) -> str:
    """Write a file beside its place, whole and safe on the disk; `os.replace` then puts it there at once and needs no room.

    Returns:
        The path of the file beside.
    """
    directory = os.path.dirname(path)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def sync(directory: str) -> None:
    """Have the names in a directory safe on the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_staged(path: str) -> None:
    """Remove what a process that was killed has staged for a path."""
    directory, name = os.path.split(path)
    for other in os.listdir(directory) if os.path.isdir(directory) else ():
        if other.startswith(f".{name}."):
            remove(os.path.join(directory, other))


def remove(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


@contextmanager
def writing(expected: str) -> Iterator[None]:
    """What fails for want of room or of the right to write is told like any other problem.

    Args:
        expected: what was expected, as a noun phrase.
    """
    try:
        yield
    except OSError as error:
        remedy = "Make room, or make the directory writable."
        raise TargetProblem([Problem(str(error.filename or "the disk"), error.strerror, expected, remedy)]) from error


@contextmanager
def lock(path: str = _LOCK, seconds: Optional[float] = None) -> Iterator[None]:
    """Hold the machine-wide lock, so that two runs at once queue.

    Args:
        path: the lock's file; it is taken away afterwards.
        seconds: how long to wait for another run; a minute where nothing is said.

    Raises:
        TargetProblem: another run held the lock all the time, or the file cannot be made.
    """
    limit = LOCK_SECONDS if seconds is None else seconds
    deadline = time.monotonic() + limit
    while True:
        handle = _opened(path)
        if _locked(handle) and _still_there(handle, path):
            break
        os.close(handle)
        if time.monotonic() > deadline:
            remedy = "Wait for the other run to end; `fuser` on the file names it."
            raise TargetProblem([Problem("lock", path, f"the lock to be free within {limit:.0f} seconds", remedy)])
        time.sleep(0.05)
    try:
        yield
    finally:
        os.unlink(path)
        os.close(handle)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise TargetProblem([Problem("lock", path, f"to be able to make it ({error.strerror})", "Run as root (become: true).")]) from error


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(handle: int, path: str) -> bool:
    """Whether the locked file is still the one at the path: its last holder may have taken it away meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
