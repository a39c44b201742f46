# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the learner needs of a packet filter: sets of addresses that it can fill at once, one kind for each backend."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional

# An element as (name of the set, address).
Element = tuple[str, str]
# Name of a set to the addresses that DNS answers have taught for it.
Learned = Mapping[str, Iterable[str]]
# From a flow's id and a family (ipv4 or ipv6) to the name of the set that DNS answers fill for it.
Naming = Callable[[str, str], str]


# What ipset, and firewalld, take as a set's name.
_LONGEST = 31
_DIGEST = 8


class Gone(Exception):
    """The table, a set or an element is not there (any more)."""


class Full(Exception):
    """A set takes no more elements."""


class Torn(Exception):
    """Something was changed while a set was read: elements may be missing in what was read."""


class Found(NamedTuple):
    """An element of a set as the kernel has it: the address, and how many packets of new connections have met it."""

    address: str
    packets: int


class Sets(ABC):
    """A connection to what holds the sets.

    Attributes:
        polled: whether not all is heard of, so that `altered` is asked once a second.
        marks: whether connections that the rules let through carry the conntrack mark.
        most_added, most_removed: so many elements are changed in one call at most, and then it is the clients' turn.
    """

    polled = False
    marks = True
    most_added = most_removed = 500

    @abstractmethod
    def add(self, elements: Iterable[Element]) -> None:
        """Put elements into their sets; what is there already stays.

        Raises:
            Gone: there is no such set; some were not added.
            Full: a set is full; some were not added.
            OSError: the kernel refuses.
        """

    @abstractmethod
    def remove(self, elements: Iterable[Element]) -> None:
        """Take elements out of their sets.

        Raises:
            Gone: one of them, or its set, is not there; some were not removed.
            OSError: the kernel refuses.
        """

    @abstractmethod
    def slices(self, name: str) -> Iterator[list[Found]]:
        """The elements of a set, some hundred at a time, so that a caller may do other things in between.

        Until the last one this connection is good for nothing else.

        Raises:
            Gone: there is no such set (any more).
            Torn: after the last slice.
            OSError: the kernel refuses.
        """

    @contextmanager
    def reader(self) -> Iterator[Sets]:
        """Where to read `slices` from while this connection is used; dumps and changes on one would mix."""
        other = type(self)()
        try:
            yield other
        finally:
            other.close()

    @abstractmethod
    def fileno(self) -> int:
        """Readable when others may have changed something; -1 where nothing can be heard."""

    @abstractmethod
    def touched(self) -> Optional[list[Element]]:
        """Take what was heard: the elements that others have added or removed; None where more may have changed."""

    @abstractmethod
    def altered(self, filled: Mapping[str, int]) -> bool:
        """Whether the sets hold more or less than this, name to number of elements; False where all is heard of anyway.

        Raises:
            OSError: the kernel refuses.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


def set_name(name: str, content: str) -> str:
    """A name that tells a set with this content from all others with names that begin alike."""
    return f"{name[: _LONGEST - _DIGEST - 1]}.{hashlib.sha256(content.encode()).hexdigest()[:_DIGEST]}"


def learned_name(start: str, flow_id: str) -> str:
    """The name of the set that DNS answers fill for a flow: readable where it is short enough."""
    name = f"{start}.{flow_id.replace('/', '.')}"
    return name if len(name) <= _LONGEST else set_name(name, flow_id)
