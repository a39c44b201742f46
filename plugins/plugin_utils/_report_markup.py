# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""HTML that cannot be broken by what stands in it: only what `tag` has made is markup, every other text is cleaned and escaped."""

from __future__ import annotations

from html import escape
from typing import Iterable, Sequence, Union

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_text import clean

_EMPTY = frozenset(("meta", "br", "hr"))
# After these a line ends, so that a page can be read and compared as text.
_FRAME = {"html", "head", "body", "meta", "title", "header", "main", "footer", "nav", "section", "article", "div", "details", "summary"}
_TEXT = {"h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dd", "table", "caption", "thead", "tbody", "tr"}
_BLOCKS = _FRAME | _TEXT


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Child = Union[str, None, Iterable[Union[str, None]]]


def tag(element: str, /, *children: Child, **attributes: Union[str, int, bool]) -> Markup:
    """An element.

    Args:
        element: its name.
        children: elements and texts, or lists of them; None and the empty text are left out.
        attributes: by name, a final underscore is dropped and others are hyphens. True writes the name alone, False and the empty
            text write nothing.
    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    end = "\n" if element in _BLOCKS else ""
    inner = "".join(map(_child, children))
    # A block that holds blocks begins on a line of its own.
    start = "\n" if end and inner.endswith("\n") else ""
    return Markup(f"<{element}{written}>{end}" if element in _EMPTY else f"<{element}{written}>{start}{inner}</{element}>{end}")


def join(parts: Iterable[Union[str, None]], between: str = "") -> Markup:
    """Elements and texts one after the other."""
    return Markup(_child(between).join(_child(part) for part in parts if part))


def table(caption: Child, head: Sequence[Child], rows: Iterable[Sequence[Child]], class_: str = "", number: str = "") -> Markup:
    """A table that scrolls within itself, with a header for each column and each row.

    Args:
        caption: what it shows.
        head: one header a column.
        rows: one cell a column; the first heads its row.
        class_: of the table.
        number: a text that no other table of the page has; it ties the frame to the caption.
    """
    body = [tag("tr", tag("th", row[0], scope="row"), [tag("td", cell) for cell in row[1:]]) for row in rows]
    return framed(caption, [tag("thead", tag("tr", [tag("th", cell, scope="col") for cell in head])), tag("tbody", body)], class_, number)


def framed(caption: Child, parts: Child, class_: str, number: str) -> Markup:
    """The parts of a table with a caption in a frame that scrolls, by keyboard too."""
    name = f"caption-{number}"
    whole = tag("table", tag("caption", caption, id=name), parts, class_=class_)
    return tag("div", whole, class_="scroll", role="region", tabindex="0", aria_labelledby=name)


def _attribute(name: str, value: Union[str, int, bool]) -> str:
    if value is True:
        return f" {name}"
    return "" if value is False or value == "" else f' {name}="{escape(clean(value))}"'


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return str(child)
    return _text(child) if isinstance(child, str) else "".join(map(_child, child))


def _text(text: str) -> str:
    """A text, cleaned and escaped; a space at its ends keeps it apart from what stands beside it."""
    shown = clean(text)
    before, after = " " if shown and text[0] == " " else "", " " if text[-1:] == " " else ""
    return f"{before}{escape(shown, quote=False)}{after}"
