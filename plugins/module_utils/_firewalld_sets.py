# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Addresses into and out of firewalld's sets, through one process that stays connected to firewalld.

firewalld owns its table, so the kernel takes them from firewalld alone.
"""

from __future__ import annotations

import errno
import json
import os
import signal
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any, Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_entries
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_python import command
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Element, Found, Full, Gone, Sets
from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES

_IN_ONE_SLICE = 200
# The first after standard input, output and error.
_PIPE = 3


class _Child:
    """The process that is connected to firewalld.

    Args:
        voice: where it says that others have changed something.
    """

    def __init__(self, voice: int) -> None:
        for_it, jobs = os.pipe()
        answers, from_it = os.pipe()
        argv = command(_firewalld_entries, str(_PIPE))
        try:
            self.pid = _started(argv, ((for_it, 0), (from_it, 1), (voice, _PIPE)))
        finally:
            os.close(for_it)
            os.close(from_it)
            self._jobs, self._answers = os.fdopen(jobs, "w"), os.fdopen(answers)
        self._ended = False

    def ended(self) -> bool:
        """Whether it has ended."""
        self._ended = self._ended or os.waitpid(self.pid, os.WNOHANG)[0] != 0
        return self._ended

    def ask(self, line: str) -> str:
        """Its answer; empty where it has ended."""
        try:
            self._jobs.write(f"{line}\n")
            self._jobs.flush()
        except BrokenPipeError:
            return ""
        return self._answers.readline()

    def close(self) -> None:
        """End it."""
        if not self.ended():
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        self._answers.close()
        with suppress(BrokenPipeError):
            self._jobs.close()


def _started(argv: list[str], places: Iterable[tuple[int, int]]) -> int:
    """A process that stays, with some of our descriptors at places of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for end, place in places:
            os.dup2(end, place)
        os.execve(argv[0], argv, VARIABLES)
    finally:
        os._exit(127)


class FirewalldSets(Sets):
    """Each element is a call of D-Bus, but for a set of which most is missing: that is filled in one.

    Raises:
        OSError: firewalld's interpreter cannot be started.
    """

    polled = True
    marks = False
    # A set that is to be filled anew is to be told of all at once; a removal takes milliseconds each.
    most_added, most_removed = 1_000_000, 20

    def __init__(self) -> None:
        self._ear, self._voice = os.pipe()
        for end in (self._ear, self._voice):
            os.set_blocking(end, False)
        self._child = _Child(self._voice)
        # Whether the last job has failed, so that nobody knows what the sets hold.
        self._unsure = False

    def add(self, elements: Iterable[Element]) -> None:
        self._change("add", elements)

    def remove(self, elements: Iterable[Element]) -> None:
        self._change("remove", elements)

    def slices(self, name: str) -> Iterator[list[Found]]:
        entries = self._ask({"do": "list", "set": name})["entries"]
        for start in range(0, len(entries), _IN_ONE_SLICE):
            yield [Found(_address(entry), 0) for entry in entries[start : start + _IN_ONE_SLICE]]

    @contextmanager
    def reader(self) -> Iterator[Sets]:
        # A list comes whole, so that changes do not mix with it.
        yield self

    def fileno(self) -> int:
        return self._ear

    def touched(self) -> Optional[list[Element]]:
        try:
            heard = os.read(self._ear, 1 << 16)
        except BlockingIOError:
            return []
        return None if heard else []

    def altered(self, filled: Mapping[str, int]) -> bool:
        # What others do is heard; but not once nobody listens, nor that firewalld answers again.
        return self._unsure or self._child.ended()

    def close(self) -> None:
        self._child.close()
        for end in (self._ear, self._voice):
            os.close(end)

    def _change(self, what: str, elements: Iterable[Element]) -> None:
        by_set: dict[str, list[str]] = {}
        for name, address in elements:
            by_set.setdefault(name, []).append(address)
        if by_set:
            self._ask({"do": what, "sets": by_set})

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        if self._child.ended():
            self._child.close()
            self._child = _Child(self._voice)
            # What was changed while nobody listened, nobody knows.
            with suppress(BlockingIOError):
                os.write(self._voice, b"!")
        answer: dict[str, Any] = json.loads(self._child.ask(json.dumps(job)) or '{"error": "the connection to D-Bus has ended"}')
        self._unsure = bool(answer.get("error") or answer["gone"])
        if answer.get("error"):
            raise OSError(errno.EIO, f"firewalld: {answer['error']}")
        if answer["full"]:
            raise Full
        if answer["gone"]:
            raise Gone
        return answer


def _address(entry: str) -> str:
    """As we write it; what is no address is not ours, and stays as it is."""
    try:
        return str(ip_address(entry))
    except ValueError:
        return entry
