# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What DNS answers have taught: which address stands for which name, how long that holds, and into which sets it belongs.

Facts are about names, not about sets: so a changed policy finds its addresses among what was learned before. The sets in the
kernel have no times of their own: an element is there as long as a fact speaks for it, and a machine that has lost its sets gets
them back from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Flow, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Element, Naming

# How many names are kept for one address of a set; it is open all the same.
_NAMES = 16
# A fact as (name that was asked for, address that was answered).
Fact = tuple[str, str]


class Lesson:
    """Which sets a name's addresses belong into.

    Args:
        policy: the policy; its flows say what they learn, as ``*.suffix`` for any depth below, or as a whole name.
        naming: how the backend names its sets.
        only: the only flow of it that counts.
    """

    def __init__(self, policy: Policy, naming: Naming, only: Optional[Flow] = None) -> None:
        self.sets: dict[str, str] = {}
        self._naming = naming
        self.size = policy.frame.learned_size
        self.mark = policy.frame.mark
        self._flows: dict[str, list[str]] = {}
        families = policy.frame.families
        for flow in (only,) if only else policy.flows:
            for pattern in flow.destination.learned:
                self._flows.setdefault(pattern, []).append(flow.id)
            if flow.destination.learned:
                self.sets.update((naming(flow.id, family), family) for family in families)
        self._families = families

    def pattern(self, name: str) -> str:
        """The most specific pattern that covers a name; empty if none does."""
        return next(iter(self._patterns(name)), "")

    def elements(self, fact: Fact) -> list[Element]:
        """The elements that a fact speaks for."""
        name, address = fact
        family = "ipv6" if ":" in address else "ipv4"
        if family not in self._families:
            return []
        flows = [flow for pattern in self._patterns(name) for flow in self._flows[pattern]]
        return [(self._naming(flow, family), address) for flow in dict.fromkeys(flows)]

    def _patterns(self, name: str) -> list[str]:
        labels = name.split(".")
        candidates = [name, *(f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))]
        return [pattern for pattern in candidates if pattern in self._flows]


@dataclass
class Delta:
    """What has to change in the kernel's sets."""

    add: list[Element] = field(default_factory=list)
    remove: list[Element] = field(default_factory=list)


class Memory:
    """All facts that hold, oldest first, and the elements that they speak for.

    A fact holds for `keep` seconds from when it was last told or used. Since that is the same for all, the oldest ends first.

    Args:
        lesson: which names belong into which sets.
        keep: seconds.
    """

    def __init__(self, lesson: Lesson, keep: float) -> None:
        self.lesson = lesson
        self.keep = keep
        self.facts: dict[Fact, float] = {}
        # Of each element's facts, in the order in which they came.
        self._speakers: dict[Element, dict[Fact, None]] = {}
        self._filled: dict[str, int] = {}

    def __contains__(self, element: Element) -> bool:
        return element in self._speakers

    def __iter__(self) -> Iterator[Element]:
        return iter(self._speakers)

    def __len__(self) -> int:
        return len(self._speakers)

    def learn(self, name: str, addresses: Iterable[str], now: float) -> Delta:
        """Take an answer in.

        A full set gives up its oldest address for the new one: nobody who asks is turned away, and a live connection does
        not need its element any more.

        Args:
            name: the name that was asked for.
            addresses: what was answered.
            now: seconds on the clock that all calls use.

        Returns:
            What has to change in the sets.
        """
        delta = Delta()
        for address in addresses:
            self._tell((name, address), now + self.keep, delta)
        return delta

    def recall(self, left: Mapping[Fact, float], now: float) -> None:
        """Take facts of an earlier time in; left says for how many seconds each still holds."""
        for fact, seconds in sorted(left.items(), key=lambda item: item[1]):
            if seconds > 0:
                self._tell(fact, now + min(seconds, self.keep), Delta())

    def due(self, before: float) -> set[str]:
        """The sets with elements that nothing would speak for any more at a time."""
        sets: set[str] = set()
        for fact, ends in self.facts.items():
            if ends > before:
                break
            sets.update(name for name, _address in self.lesson.elements(fact))
        return sets

    def used(self, elements: Iterable[Element], now: float) -> list[Fact]:
        """Connections have met these elements: what speaks for them holds anew. Returns the facts."""
        facts = [fact for element in elements for fact in self._speakers.get(element, ())]
        for fact in facts:
            del self.facts[fact]
            self.facts[fact] = now + self.keep
        return facts

    def ended(self, now: float) -> list[Fact]:
        """What holds no more."""
        return [fact for fact, _ends in self._ended(now)]

    def expire(self, facts: Iterable[Fact], now: float) -> Delta:
        """Forget those of these facts that hold no more."""
        delta = Delta()
        for fact in facts:
            if self.facts.get(fact, float("inf")) <= now:
                self._forget(fact, delta)
        return delta

    def sets(self) -> dict[str, set[str]]:
        """The addresses that belong into each set."""
        found: dict[str, set[str]] = {name: set() for name in self.lesson.sets}
        for name, address in self._speakers:
            found[name].add(address)
        return found

    def filled(self) -> dict[str, int]:
        """How many addresses belong into each set."""
        return {name: self._filled.get(name, 0) for name in self.lesson.sets}

    def left(self, now: float) -> dict[Fact, float]:
        """For how many seconds each fact still holds."""
        return {fact: ends - now for fact, ends in self.facts.items()}

    def _ended(self, now: float) -> Iterable[tuple[Fact, float]]:
        for fact, ends in self.facts.items():
            if ends > now:
                return
            yield fact, ends

    def _tell(self, fact: Fact, ends: float, delta: Delta) -> None:
        elements = self.lesson.elements(fact)
        if not elements:
            return
        self.facts.pop(fact, None)
        self.facts[fact] = ends
        for element in elements:
            if element not in self._speakers:
                self._make_room(element[0], delta)
                delta.add.append(element)
                self._filled[element[0]] = self._filled.get(element[0], 0) + 1
            speakers = self._speakers.setdefault(element, {})
            speakers.pop(fact, None)
            speakers[fact] = None
        for element in elements:
            self._hush(element, fact, delta)

    def _hush(self, element: Element, but: Fact, delta: Delta) -> None:
        """Names without number may share an address: those that nothing depends on any more go, oldest first."""
        speakers = self._speakers.get(element, {})
        if len(speakers) > _NAMES:
            others = (fact for fact in speakers if fact != but)
            spare = next((fact for fact in others if all(len(self._speakers[one]) > 1 for one in self.lesson.elements(fact))), None)
            if spare:
                self._forget(spare, delta)

    def _make_room(self, name: str, delta: Delta) -> None:
        while self._filled.get(name, 0) >= self.lesson.size:
            oldest = next(fact for fact in self.facts if any(element[0] == name for element in self.lesson.elements(fact)))
            self._forget(oldest, delta)

    def _forget(self, fact: Fact, delta: Delta) -> None:
        del self.facts[fact]
        for element in self.lesson.elements(fact):
            self._speakers[element].pop(fact, None)
            if not self._speakers[element]:
                del self._speakers[element]
                self._filled[element[0]] -= 1
                if element in delta.add:
                    delta.add.remove(element)
                else:
                    delta.remove.append(element)


def elements(policy: Policy, naming: Naming, left: Mapping[Fact, float]) -> dict[str, tuple[str, ...]]:
    """The addresses that learned facts put into each set of a policy.

    Args:
        policy: the policy.
        naming: how the backend names its sets.
        left: facts with the seconds that each still holds.

    Returns:
        Name of the set to its addresses, sorted; sets without any are left out.
    """
    memory = Memory(Lesson(policy, naming), float("inf"))
    memory.recall(left, 0.0)
    return {name: tuple(sorted(addresses)) for name, addresses in memory.sets().items() if addresses}


def report(policy: Policy, naming: Naming, left: Mapping[Fact, float], packets: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """What was learned, for people.

    Args:
        policy: the policy.
        naming: how the backend names its sets.
        left: facts with the seconds that each still holds.
        packets: name of a set to its addresses, each with the packets of new connections that have met it.

    Returns:
        One mapping for each flow and fact, sorted: the flow's id, the suffix, name and address, the seconds left and the packets.
    """
    rows = []
    for flow in policy.flows:
        lesson = Lesson(policy, naming, flow)
        for (name, address), seconds in left.items():
            for owner, _address in lesson.elements((name, address)):
                hits = packets.get(owner, {}).get(address, 0)
                row = {"id": flow.id, "suffix": lesson.pattern(name), "name": name, "address": address}
                rows.append({**row, "seconds_left": round(seconds), "packets": hits})
    return sorted(rows, key=lambda row: (row["id"], row["name"], row["address"]))
