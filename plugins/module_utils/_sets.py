# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the learner needs of a packet filter: sets of addresses that it can fill at once, one kind for each backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional

# An element as (name of the set, address).
Element = tuple[str, str]
# Name of a set to the addresses that DNS answers have taught for it.
Learned = Mapping[str, Iterable[str]]
# From a flow's id and a family (ipv4 or ipv6) to the name of the set that DNS answers fill for it.
Naming = Callable[[str, str], str]


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
    """A connection to what holds the sets; `slices` wants one of its own."""

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
