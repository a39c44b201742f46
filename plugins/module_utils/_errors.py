# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Errors that name what is wrong, where, what was expected and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable

_SHOWN = 120


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what the user gave, or with the machine.

    Attributes:
        path: where it is, in the user's own terms (``webrtc_egress_services[1].tier``).
        value: the offending value as given, or None where something is missing.
        expected: what would have been right, as a noun phrase.
        remedy: what to do about it, as a sentence; may be empty.
    """

    path: str
    value: Any
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: got {_shown(self.value)}, expected {self.expected}."
        return f"{text} {self.remedy}" if self.remedy else text


class FirewallError(Exception):
    """Base of all errors of the collection; carries problems, never just one of several.

    Args:
        problems: what is wrong; at least one.
    """

    headline = "webrtc.firewall cannot go on; nothing was changed"

    def __init__(self, problems: Iterable[Problem]) -> None:
        # By their texts: a value may be of any type.
        self.problems = tuple({str(problem): problem for problem in problems}.values())
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"{self.headline}:"]
        return "\n".join(lines + [f"  - {problem}" for problem in self.problems])


class InvalidInput(FirewallError):
    """What the user gave cannot be used as it is."""

    headline = "the input is not valid; nothing was changed"


class TargetProblem(FirewallError):
    """The target lacks something that the run needs."""

    headline = "this machine cannot take the ruleset; nothing was changed"


class NotTakenBack(TargetProblem):
    """A change that failed, or that nobody confirmed, and that could not be taken back as a whole either."""

    headline = "a change could not be taken back as a whole; the next run tries again, and so does the timer if it waits for one"


class NotConfirmed(FirewallError):
    """A change that nobody confirmed in time, or that this machine knows nothing of."""

    headline = "the change is not in force; the machine is as it was before it"


def _shown(value: Any) -> str:
    """A value as it stands in a message: short, on one line, and never a traceback's cause."""
    try:
        text = "nothing" if value is None else repr(value)
    except ValueError:
        # Python refuses to print a number of more than some thousand digits.
        text = "a huge number"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
