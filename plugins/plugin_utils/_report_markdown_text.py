# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Markdown that says what was meant, whatever stands in it.

A word that is more than a word (an address, the name of a host, a rule, anything with a sign that a renderer could act on) stands
as code, where neither HTML nor links, mentions, references or emphasis are understood. Renderers agree on that.
"""

from __future__ import annotations

import re
from typing import Iterable, Sequence

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean

# Letters and what people write around them; no other sign can begin anything there.
_WORD = re.compile(r"[(\"']*(?:[^\W_]+(?:[-'/][^\W_]+)*|[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?%?|[-/%+])?[)\"',.;:?]*")
# What trackers make references of: ABC-12, a commit.
_REFERENCE = re.compile(r"[A-Za-z]+-[0-9]+|(?=[a-f]*[0-9])[0-9a-f]{7,40}|www")
_AROUND = re.compile(r"([(\"']*)(.*?)([)\"',.;:?]*)", re.DOTALL)


def prose(text: str, limit: int = 2000) -> str:
    """A sentence, in which every word that could be more than a word is code."""
    return " ".join(_word(word) for word in clean(text, limit).split(" "))


def code(text: str, limit: int = 500) -> str:
    """A text as code on one line; a dash where there is none."""
    shown = clean(text, limit).replace("`", "'")
    # A backslash before a bar would undo the one that keeps a cell of a table together.
    shown = shown.replace("\\|", "\\x7c").replace("|", "\\|")
    return f"`{shown}`" if shown else "-"


def codes(texts: Iterable[str], limit: int = 100) -> str:
    """Several of them."""
    rows = list(texts)
    text = ", ".join(code(row) for row in rows[:limit])
    return f"{text}, and {len(rows) - limit:,} more" if len(rows) > limit else text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, with an empty line before and after; the cells are Markdown already."""
    body = ["| " + " | ".join(cell or "-" for cell in row) + " |" for row in rows]
    return ["", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *body, ""] if body else []


def _word(word: str) -> str:
    if _WORD.fullmatch(word) and not _REFERENCE.fullmatch(word.strip("(\"',.;:?)")):
        return word
    match = _AROUND.fullmatch(word)
    before, inner, after = match.groups() if match else ("", word, "")
    return f"{before}{code(inner)}{after}" if inner else code(word)
