# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What was learned, on the disk: so that nothing of it is lost with a process, a ruleset or a boot."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Callable, Iterable, Iterator, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._learned import Fact, Lesson
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import LEARNED
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned


class Journal:
    """Facts on the disk: each is written before its answer goes out, so that a killed process has lost nothing.

    The backend's tool can load it, so that what brings the rules back brings the addresses with them. The facts stand in its
    comments, ``# <when it ends, seconds since 1970> <address> <name>``; of several for a fact the last one counts.

    Args:
        lesson: says into which sets the facts belong.
        text: how the backend's tool is told what the sets hold.
        path: the file; its directory must be there.
    """

    def __init__(self, lesson: Lesson, text: Callable[[Learned], str], path: str = LEARNED) -> None:
        self._lesson = lesson
        self._text = text
        self._path = path
        self._handle = -1
        self._lines = 0
        self._failed = False
        # What was noted since a rewriting began that has not ended yet.
        self._meanwhile: list[str] = []

    def rewrite(self, left: Mapping[Fact, float]) -> None:
        """Begin anew with these facts alone, in one step."""
        with self._told():
            self._begin(self._staged(dict(left), time.time()), len(left))

    async def rewrite_aside(self, left: Mapping[Fact, float]) -> None:
        """The same in the background: facts go on being noted, and no answer waits for the disk."""
        # Only the learner comes here; the runs that read a journal need not load as much as it.
        import asyncio

        self._meanwhile = []
        with self._told():
            staged = await asyncio.get_running_loop().run_in_executor(None, self._staged, dict(left), time.time())
            self._begin(staged, len(left))

    def note(self, facts: Iterable[Fact], seconds: float) -> None:
        """Add facts that hold for so many seconds from now."""
        ends = time.time() + seconds
        lines = [self._line(fact, ends) for fact in facts]
        self._lines += len(lines)
        self._meanwhile += lines
        with self._told():
            os.write(self._handle, "".join(lines).encode())

    def _staged(self, left: dict[Fact, float], now: float) -> str:
        """A file beside the journal; few commands for many addresses load in half the time."""
        _system.remove_staged(self._path)
        sets: dict[str, dict[str, None]] = {}
        for fact in left:
            for name, address in self._lesson.elements(fact):
                sets.setdefault(name, {})[address] = None
        comments = (_comment(fact, now + seconds) for fact, seconds in left.items())
        return _system.stage(self._path, "".join([self._text(sets), *comments]), 0o600)

    def _begin(self, staged: str, lines: int) -> None:
        handle = os.open(staged, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.write(handle, "".join(self._meanwhile).encode())
        os.replace(staged, self._path)
        if self._handle >= 0:
            os.close(self._handle)
        self._handle, self._lines, self._meanwhile = handle, lines + len(self._meanwhile), []

    def wasteful(self, facts: int) -> bool:
        """Whether most lines speak of what is known better by now."""
        return self._lines > 2 * facts + 1000

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A disk that takes no more must not keep clients from their answers: it is told once, and tried again each time."""
        try:
            yield
            self._failed = False
        except OSError as error:
            if not self._failed:
                _system.say(f"{self._path} cannot be written ({error.strerror}): what is learned now does not outlive a restart")
            self._failed = True

    def _line(self, fact: Fact, ends: float) -> str:
        return self._text({name: (address,) for name, address in self._lesson.elements(fact)}) + _comment(fact, ends)


def _comment(fact: Fact, ends: float) -> str:
    name, address = fact
    return f"# {ends:.0f} {address} {name}\n"


def load(path: str = LEARNED) -> dict[Fact, float]:
    """The facts of a journal with the seconds that each still holds; damaged lines are passed over.

    Raises:
        TargetProblem: something is there that cannot be read.
    """
    now = time.time()
    found: dict[Fact, float] = {}
    for line in (_system.read(path) or "").splitlines():
        parts = line.partition("# ")[2].split(" ")
        if len(parts) == 3 and parts[0].isdigit() and _is_address(parts[1]) and parts[2]:
            found[parts[2], parts[1]] = float(parts[0]) - now
    return {fact: seconds for fact, seconds in found.items() if seconds > 0}


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False
