# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The learner: puts each address of a DNS answer into the sets of its requirements before the client has the answer.

It keeps what it knows in memory and in a journal, sees to it that the kernel's sets hold just that, whatever happens to them,
and forgets what has been neither asked for nor used for a while.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network
from itertools import islice
from typing import AsyncIterator, Callable, Iterable, Iterator, Sequence, TypeVar

from ansible_collections.webrtc.firewall.plugins.module_utils import _connections, _dns
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner
from ansible_collections.webrtc.firewall.plugins.module_utils._journal import Journal
from ansible_collections.webrtc.firewall.plugins.module_utils._learned import Delta, Memory
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Element, Found, Full, Gone, Sets, Torn
from ansible_collections.webrtc.firewall.plugins.module_utils._system import say

Item = TypeVar("Item")
# How long changes of others may go on before the sets are looked at.
_SETTLE = 0.05
# Large work is done a piece at a time, with this many seconds for the clients' queries in between.
_BREATH = 0.002
# Sets of whose changes not all is heard are looked at so often, in seconds.
_POLL = 1.0
# Use that is counted in a set that changes while it is read is counted again, so often at most.
_READINGS = 3
# A line of the same kind is said this often at most, in seconds.
_REPEAT = 10.0
# Nor more lines than this in that time.
_KINDS = 20


def clock() -> float:
    """Seconds that go on while the machine sleeps, and that no clock setting moves."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Learner:
    """Between DNS answers and the kernel's sets; made and used within one event loop.

    Args:
        memory: what is known.
        journal: where it is kept; it is begun anew.
        sets: opens the connection to what holds the sets.
        max_ttl: seconds that caches may hold an answer at most.
        allowed: inner networks in which a vendor's name may nevertheless be.
    """

    def __init__(self, memory: Memory, journal: Journal, sets: Callable[[], Sets], max_ttl: int, allowed: Sequence[str]) -> None:
        self._memory = memory
        self._journal = journal
        self._max_ttl = max_ttl
        self._allowed = tuple(ip_network(network) for network in allowed)
        self._kernel = sets()
        self._whole = False
        # Whether the sets are to be read again though nobody is known to have changed them.
        self._again = False
        self._packets: dict[Element, int] = {}
        self._said: dict[str, float] = {}
        self._changed = asyncio.Event()
        if memory.lesson.sets:
            journal.rewrite(memory.left(clock()))

    def teach(self, query: bytes, asked: _dns.Question, reply: bytes) -> bytes:
        """Learn from a reply before the client has it.

        Args:
            query: what was asked.
            asked: its question.
            reply: what the resolver said.

        Returns:
            What to give to the client: the reply with capped times, or a refusal.

        Raises:
            ValueError: the reply is malformed.
        """
        if not self._memory.lesson.pattern(asked.name):
            return reply
        addresses = _dns.addresses(reply)
        inner = [address for address in addresses if self._is_refused(address)]
        if inner:
            self._say(
                f"inner {asked.name}",
                f"{asked.name}: refused, as the answer has an address of inner networks (DNS rebinding): {', '.join(inner)}",
            )
            return _dns.refusal(query, _dns.REFUSED)
        if addresses:
            self._journal.note(((asked.name, address) for address in addresses), self._memory.keep)
            self._change(self._memory.learn(asked.name, addresses, clock()))
        return _dns.with_ttl_at_most(reply, self._max_ttl)

    async def watch(self) -> None:
        """Mend the sets whenever somebody else has changed them; forget what has ended. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        polled, ear = self._kernel.polled, self._kernel.fileno()
        if ear >= 0:
            loop.add_reader(ear, self._hear)
        period = min(30.0, max(0.2, self._memory.keep / 8))
        next_look = loop.time() + period
        while True:
            with suppress(asyncio.TimeoutError):
                wait = max(0.0, next_look - loop.time())
                await asyncio.wait_for(self._changed.wait(), min(wait, _POLL) if polled else wait)
            try:
                if self._changed.is_set() or (polled and self._kernel.altered(self._memory.filled())):
                    await asyncio.sleep(_SETTLE)
                    self._changed.clear()
                    await self.mend()
                if loop.time() >= next_look:
                    next_look = loop.time() + period
                    await self.look(period)
            except OSError as error:
                self._say("read", f"the kernel's sets cannot be read: {error.strerror}")
                self._again = True

    async def mend(self) -> None:
        """Make the sets hold just what is known; what is learned meanwhile is in them as ever."""
        self._again = False
        there: set[Element] = set()
        foreign: list[Element] = []
        gone = []
        for name in self._memory.lesson.sets:
            try:
                async for found in self._slices(name):
                    elements = [(name, item.address) for item in found]
                    there.update(elements)
                    foreign += (element for element in elements if element not in self._memory)
            except Gone:
                gone.append(name)
            except Torn:
                self._again = True
        # What was learned or forgotten since then is as it should be.
        for piece in _pieces(foreign, self._kernel.most_removed):
            self._remove(element for element in piece if element not in self._memory)
            await asyncio.sleep(_BREATH)
        for piece in _pieces(list(self._memory), self._kernel.most_added):
            self._add([element for element in piece if element in self._memory and element not in there and element[0] not in gone])
            await asyncio.sleep(_BREATH)
        if gone and self._whole:
            say(f"sets are missing, nothing can be learned into them until they are back: {', '.join(gone)}")
        elif self._memory.lesson.sets and not gone and not self._whole:
            say(f"{len(self._memory.lesson.sets)} sets hold what is known: {len(self._memory)} addresses")
        self._whole = not gone

    async def look(self, period: float) -> None:
        """Let what is in use hold anew and forget the rest; called every period, in seconds."""
        # A look early, since the next one may be late: what is in use is never told to have ended, nor lost with a process that dies.
        due = self._memory.due(clock() + 2 * period)
        for name in due:
            await self._note_used(name)
        if due:
            await self._note_live(due)
        ended = self._memory.ended(clock())
        for piece in _pieces(ended, self._kernel.most_removed):
            self._remove(self._memory.expire(piece, clock()).remove)
            await asyncio.sleep(_BREATH)
        if self._journal.wasteful(len(self._memory.facts)):
            await self._journal.rewrite_aside(self._memory.left(clock()))
        if self._again or not self._whole:
            await self.mend()

    async def _note_used(self, name: str) -> None:
        """What connections have met since the last look holds anew."""
        for _reading in range(_READINGS):
            try:
                async for found in self._slices(name):
                    self._note_met(name, found)
                return
            except Gone:
                self._whole = False
                return
            except Torn:
                continue

    async def _note_live(self, names: set[str]) -> None:
        """A live connection's address holds too: should the client connect anew in the middle of a call, it asks nobody.

        Where the firewall sets no marks, it is every connection to such an address, whatever let it through.
        """
        try:
            for addresses in _connections.destinations(self._memory.lesson.mark if self._kernel.marks else 0):
                self._note((name, address) for name in names for address in addresses)
                await asyncio.sleep(_BREATH)
        except OSError as error:
            self._say("connections", f"live connections cannot be listed: {error}")

    def _note(self, elements: Iterable[Element]) -> None:
        facts = self._memory.used(elements, clock())
        if facts:
            self._journal.note(facts, self._memory.keep)

    def _note_met(self, name: str, found: list[Found]) -> None:
        used = []
        for address, packets in found:
            element = (name, address)
            if element in self._memory and packets != self._packets.get(element, 0):
                self._packets[element] = packets
                # None at all: the set was made anew.
                used += [element] if packets else []
        self._note(used)

    async def _slices(self, name: str) -> AsyncIterator[list[Found]]:
        """The elements of a set, some hundred at a time, with time for the clients in between."""
        with self._kernel.reader() as reader:
            for found in reader.slices(name):
                yield found
                await asyncio.sleep(_BREATH)

    def _change(self, delta: Delta) -> None:
        if delta.remove:
            self._say("full", f"a set is full ({self._memory.lesson.size} addresses): its oldest address gives way to a new one")
            self._remove(delta.remove)
        self._add(delta.add)

    def _add(self, elements: list[Element]) -> None:
        if not elements:
            return
        try:
            self._kernel.add(elements)
        except Gone:
            if self._whole:
                say("a set or the table is missing; what is learned is kept for when it is back")
            self._whole = False
        except Full:
            self._say("foreign", "a set is full of what others have put there; it is cleaned")
            self._changed.set()
        except OSError as error:
            self._say("kernel", f"the kernel takes no address: {error.strerror}")
            self._again = True

    def _remove(self, elements: Iterable[Element]) -> None:
        gone = list(elements)
        for element in gone:
            self._packets.pop(element, None)
        try:
            self._kernel.remove(gone)
        except Gone:
            # Others were faster with some of them: one by one, the rest goes.
            for element in gone:
                try:
                    self._kernel.remove([element])
                except Gone:
                    continue
        except OSError as error:
            self._say("kernel", f"the kernel removes no address: {error.strerror}")
            self._again = True

    def _hear(self) -> None:
        """Undo at once what others have done to single elements."""
        touched = self._kernel.touched()
        if touched is None:
            self._changed.set()
            return
        self._add([element for element in touched if element in self._memory])
        self._remove(element for element in touched if element not in self._memory and element[0] in self._memory.lesson.sets)

    def _is_refused(self, text: str) -> bool:
        return is_inner(text) and not any(ip_address(text) in network for network in self._allowed)

    def _say(self, kind: str, text: str) -> None:
        now = clock()
        self._said = {key: when for key, when in self._said.items() if now - when < _REPEAT}
        if kind not in self._said and len(self._said) < _KINDS:
            self._said[kind] = now
            say(text)


def _pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """So many at a time."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
