# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Reading what a user wrote: every check notes a problem with its path and goes on, so that all come out at once.

A check returns a plain value of the right type even where the input was wrong; nothing of it is used then,
for `Input.raise_if_any` ends the run.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem

_LISTED = 100
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NUMBER = re.compile(r"[0-9]{1,12}|0x[0-9a-fA-F]{1,10}")


class _Shown(str):
    """A value as a message shows it. Problems are compared by hash, and lists and mappings have none."""

    __repr__ = str.__str__


class Input:
    """Gathers the problems of everything that is read through it.

    Attributes:
        problems: what was wrong so far.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: str, value: Any, expected: str, remedy: str = "") -> None:
        """Note one problem; the arguments are those of `Problem`."""
        self.problems.append(Problem(path, None if value is None else _Shown(_text_of(value)), expected, remedy))

    def raise_if_any(self) -> None:
        """Raise `InvalidInput` with all problems noted; of a very long list the first hundred and a count."""
        listed, rest = self.problems[:_LISTED], len(self.problems) - _LISTED
        if rest > 0:
            listed = [*listed, Problem("(further problems)", rest, "none", "Mend those above first, then run again.")]
        if listed:
            raise InvalidInput(listed)

    def mapping(self, value: Any, path: str, required: Iterable[str] = (), optional: Iterable[str] | None = None) -> dict[str, Any]:
        """The known keys of a mapping.

        Args:
            value: what the user gave.
            path: where it is.
            required: keys that must be there.
            optional: keys that may be there; None lets any text be a key.
        """
        if not isinstance(value, Mapping):
            self.add(path, value, "a mapping")
            return {}
        known = None if optional is None else {*required, *optional}
        for key in value:
            if not isinstance(key, str) or (known is not None and key not in known):
                keys = "texts as keys" if known is None else f"only the keys {', '.join(sorted(known))}"
                self.add(path, key, keys, "Correct or remove this key.")
        for key in required:
            if key not in value:
                self.add(f"{path}.{key}", None, "a value", "This key is needed.")
        return {str(key): item for key, item in value.items() if isinstance(key, str) and (known is None or key in known)}

    def items(self, value: Any, path: str, empty: bool = True) -> list[tuple[str, Any]]:
        """The items of a list, each with its path; `empty` says whether there may be none."""
        if not isinstance(value, (list, tuple)):
            self.add(path, value, "a list", "Write it as a list, with one item too.")
            return []
        if not value and not empty:
            self.add(path, value, "a list with at least one item")
        return [(f"{path}[{index}]", item) for index, item in enumerate(value)]

    def text(self, value: Any, path: str, pattern: re.Pattern[str] | None = None, expected: str = "a text", remedy: str = "") -> str:
        """A text that is not empty and matches the whole pattern; the empty text where the input was wrong."""
        if isinstance(value, str) and value and (pattern is None or pattern.fullmatch(value)):
            return str(value)
        self.add(path, value, expected, remedy)
        return ""

    def names(self, value: Any, path: str, known: Iterable[str], what: str) -> list[str]:
        """A list of names, all of them known; `what` says in the plural what they name."""
        allowed = sorted(set(known))
        good = []
        for where, item in self.items(value, path):
            if isinstance(item, str) and item in allowed:
                good.append(str(item))
            else:
                self.add(where, item, f"one of the {what}: {', '.join(allowed)}" if allowed else f"nothing: there are no {what}")
        return good

    def choice(self, value: Any, path: str, choices: tuple[str, ...]) -> str:
        """One of some texts; the first of them where the input was wrong."""
        if isinstance(value, str) and value in choices:
            return str(value)
        self.add(path, value, f"one of {', '.join(choices)}")
        return choices[0]

    def number(self, value: Any, path: str, low: int, high: int) -> int:
        """A whole number within bounds, as a number or as digits in a text; `low` where the input was wrong."""
        number = int(value, 0) if isinstance(value, str) and _NUMBER.fullmatch(value) and not _octal(value) else value
        if isinstance(number, int) and not isinstance(number, bool) and low <= number <= high:
            return int(number)
        self.add(path, value, f"a whole number from {low} to {high}")
        return low

    def truth(self, value: Any, path: str) -> bool:
        """True or false, also as the words that Ansible takes for them on its command line."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
        self.add(path, value, "true or false")
        return False


def _octal(text: str) -> bool:
    """Whether digits begin with a zero, which some read as octal and some do not."""
    return len(text) > 1 and text[0] == "0" and text[1] != "x"


def _text_of(value: Any) -> str:
    """The repr of anything: a number of thousands of digits has none in newer Pythons, a bottomless list neither."""
    try:
        return repr(str(value) if isinstance(value, str) else value)
    except (ValueError, RecursionError):
        return f"{'a huge' if isinstance(value, int) else 'an unreadable'} {type(value).__name__}"
