# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Text from strangers made fit for any report: names, certificates, reasons and log lines come from the network.

What a terminal or a browser would act on, and what would change the order of what one reads, is shown as its number instead.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Callable, Iterable, Mapping, Sequence, TypeVar

LONGEST = 2000
_FACTS = 40
_SLACK = 50
_LISTED = 8
_WIDE = {"W", "F"}
# Control, format (bidirectional marks among them), lone surrogates, and separators of lines and paragraphs.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_MARKS = {"Mn", "Me"}
# More marks upon one letter than any language writes would cover the lines around.
_MOST_MARKS = 4
_SPACES = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")

Item = TypeVar("Item")


def clean(value: Any, limit: int = LONGEST) -> str:
    """A text on one line without anything that acts.

    Args:
        value: a text from anywhere; other values are taken as Python writes them.
        limit: how many characters of it are taken; how many are left out is said.
    """
    text = value if isinstance(value, str) else str(value)
    # What has been shortened before, and says so, is not shortened again.
    limit = limit + _SLACK if len(text) <= limit + _SLACK else limit
    kept = text[:limit]
    if not _PLAIN.fullmatch(kept):
        kept = "".join(_shown(kept)) if not kept.isascii() or not kept.isprintable() else kept
        kept = _SPACES.sub(" ", kept).strip()
    return kept if len(text) <= limit else f"{kept}... ({len(text) - limit:,} more characters)"


def _shown(text: str) -> Iterable[str]:
    marks = 0
    for character in text:
        category, number = unicodedata.category(character), ord(character)
        marks = marks + 1 if category in _MARKS else 0
        if _SPACES.fullmatch(character):
            yield " "
        elif category in _HIDDEN or number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF or marks > _MOST_MARKS:
            yield f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
        else:
            yield character


def width(text: str) -> int:
    """How many columns of a terminal a clean text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(one) in _MARKS else 2 if unicodedata.east_asian_width(one) in _WIDE else 1 for one in text)


def padded(text: str, columns: int) -> str:
    """A clean text filled up with spaces."""
    return text + " " * max(0, columns - width(text))


def counted(number: int, one: str, many: str = "") -> str:
    """A number and what it counts, such as ``1 endpoint`` and ``1,000 endpoints``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration as people write it; a thousandth of a second is the least."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + " s"


def pick(items: Sequence[Item], limit: int, matters: Callable[[Item], bool] = lambda item: False) -> tuple[list[Item], int]:
    """As many of the items as a report shows, in their order, and how many are left out.

    Args:
        items: all of them.
        limit: how many may be shown.
        matters: those go first where not all find room.
    """
    if len(items) <= limit:
        return list(items), 0
    order = sorted(range(len(items)), key=lambda index: (not matters(items[index]), index))
    return [items[index] for index in sorted(order[:limit])], len(items) - limit


def left_out(number: int, one: str, many: str = "") -> str:
    """The sentence about what a report does not show; empty where it shows everything."""
    if not number:
        return ""
    return f"{counted(number, one, many)} more {'is' if number == 1 else 'are'} not shown here; the JSON report has everything."


def facts_of(facts: Mapping[str, Any], limit: int = 300) -> list[tuple[str, str]]:
    """What was seen at an endpoint, as pairs of a name and a clean text, what is inside of others by its path.

    The reason comes first and the rest by name, so that equal facts look equal.
    """
    found = sorted(_flat(facts, ""), key=lambda pair: (pair[0] != "why", pair[0]))
    shown = [(clean(name, 60), clean(value, limit)) for name, value in found[:_FACTS]]
    return [*shown, ("more", counted(len(found) - _FACTS, "fact"))] if len(found) > _FACTS else shown


def _flat(value: Any, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path} {key}".strip().replace("_", " "))
    elif isinstance(value, (list, tuple)):
        listed = ", ".join(_scalar(item) for item in value[:_LISTED])
        yield path, f"{listed}, and {len(value) - _LISTED} more" if len(value) > _LISTED else listed or "none"
    elif value not in (None, ""):
        yield path, _scalar(value)


def _scalar(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
