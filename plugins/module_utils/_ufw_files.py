# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our blocks in ufw's user.rules: found by their comments, cut out, put at the head. Everything else stays byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import Rule, id_of, parse

_HEAD = "### RULES ###\n"
_TUPLE = "### tuple ### "
_LINE = re.compile(r"-[AI] (ufw6?-user-(?:logging-)?(?:input|output|forward)) (.*)\n?")


@dataclass(frozen=True)
class Block:
    """A rule as it stands in the file.

    Attributes:
        text: from the empty line before its tuple to the last line that goes with it.
        id: its id if it is ours, else empty.
        lines: (chain, the rest) of what the kernel gets.
    """

    text: str
    id: str
    lines: tuple[tuple[str, str], ...]

    def rule(self, family: str) -> Optional[Rule]:
        """The rule, if it is ours and its tuple one that we would write."""
        return parse(self.text.lstrip("\n").partition("\n")[0], family)


@dataclass(frozen=True)
class Listing:
    """A file of ufw's, taken apart; the texts of all parts together are the file.

    Attributes:
        head: up to the line behind which rules stand; empty if there is no such line.
        blocks: the rules.
        tail: what follows them.
    """

    head: str
    blocks: tuple[Block, ...] = ()
    tail: str = ""

    @property
    def ours(self) -> tuple[Block, ...]:
        """Our rules in their order."""
        return tuple(block for block in self.blocks if block.id)

    @property
    def foreign(self) -> list[tuple[str, str]]:
        """Lines of rules of others, wherever they stand."""
        found = [line for block in self.blocks if not block.id for line in block.lines]
        return found + [line.groups() for text in self.tail.splitlines() if (line := _LINE.fullmatch(text))]  # type: ignore[misc]

    @property
    def whole(self) -> str:
        """The file as it is."""
        return "".join([self.head, *(block.text for block in self.blocks), self.tail])

    def intruder(self, chains: Iterable[str]) -> str:
        """The first rule of others in one of these chains that stands before the last of ours; empty if none does."""
        mine, seen, found = set(chains), False, ""
        for block in reversed(self.blocks):
            seen = seen or bool(block.id)
            lines = [" ".join(line) for line in block.lines if line[0] in mine]
            found = lines[0] if seen and not block.id and lines else found
        return found

    def text(self, rules: Iterable[Rule]) -> str:
        """The file with these rules of ours first and all of others as they were."""
        return "".join([self.head, *(rule.text for rule in rules), *(block.text for block in self.blocks if not block.id), self.tail])


def listing(text: str) -> Listing:
    """Take a file apart.

    Args:
        text: what user.rules or user6.rules holds.
    """
    head, mark, rest = text.partition(_HEAD)
    if not mark:
        return Listing("", (), text)
    lines = rest.splitlines(keepends=True)
    blocks: list[Block] = []
    place = end = 0
    while place < len(lines) and not lines[place].startswith("### END RULES"):
        if not lines[place].startswith(_TUPLE):
            place += 1
            continue
        # What stands between two rules, beside the one empty line that ufw writes, goes with the former.
        start = place - 1 if place > end and lines[place - 1] == "\n" else place
        if start > end:
            blocks.append(Block("".join(lines[end:start]), "", _lines(lines[end:start])))
        end = place + 1
        while end < len(lines) and _LINE.fullmatch(lines[end]) and lines[end].startswith("-A"):
            end += 1
        found = _lines(lines[place:end])
        # Ours are never for what comes in; whoever has given such a rule our sign may keep it.
        name = "" if any(chain.endswith("-input") for chain, _rest in found) else id_of(lines[place])
        blocks.append(Block("".join(lines[start:end]), name, found))
        place = end
    return Listing(head + mark, tuple(blocks), "".join(lines[end:]))


def _lines(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple(found.groups() for line in lines if (found := _LINE.fullmatch(line)))  # type: ignore[misc]
