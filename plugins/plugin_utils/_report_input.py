# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Reading an assessment: every key that a report needs is there and of its type, or all problems are told at once.

What comes out is a plain copy, keys that are not known here included, so that the report in JSON leaves nothing out.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input

VERDICTS = ("open", "blocked", "intercepted", "untested")
# From best to worst.
OUTCOMES = ("works", "unknown", "degraded", "drops", "no-media", "no-call")
SEVERITIES = ("harmful", "warning", "note")
KINDS = ("verification", "change_request")

Data = dict[str, Any]
_Reader = Callable[[Input, Any, str], Any]
_DEEP = 12


def read(value: Any) -> Data:
    """An assessment as plain data.

    Args:
        value: what the filter assessment has returned.

    Raises:
        InvalidInput: it is something else; with all problems.
    """
    given = Input()
    if isinstance(value, Mapping) and value.get("version") != 1:
        given.add("assessment.version", value.get("version"), "1", "Give what the filter webrtc.firewall.assessment returns.")
    else:
        value = _ASSESSMENT(given, value, "assessment")
    given.raise_if_any()
    return dict(value)


def _text(given: Input, value: Any, path: str) -> str:
    if isinstance(value, str):
        return str(value)
    given.add(path, value, "a text")
    return ""


def _count(given: Input, value: Any, path: str) -> int:
    return given.number(value, path, 0, 2**64)


def _truth(given: Input, value: Any, path: str) -> bool:
    return given.truth(value, path)


def _choice(*choices: str) -> _Reader:
    return lambda given, value, path: given.choice(value, path, choices)


def _maybe(reader: _Reader) -> _Reader:
    """The same, or nothing."""
    return lambda given, value, path: None if value is None else reader(given, value, path)


def _list(reader: _Reader) -> _Reader:
    return lambda given, value, path: [reader(given, item, where) for where, item in given.items(value, path)]


def _record(required: Mapping[str, _Reader], optional: Optional[Mapping[str, tuple[_Reader, Any]]] = None) -> _Reader:
    """A mapping with keys that must be there, keys that may be (each with its default), and any others as they are."""
    optional = optional or {}

    def reader(given: Input, value: Any, path: str) -> Data:
        found = given.mapping(value, path, required)
        taken = {key: item for key, item in found.items() if key not in required and key not in optional}
        result = {key: _plain(given, item, f"{path}.{key}") for key, item in taken.items()}
        for key, read_one in required.items():
            result[key] = read_one(given, found[key], f"{path}.{key}") if key in found else None
        for key, (read_one, default) in optional.items():
            result[key] = read_one(given, found[key], f"{path}.{key}") if key in found else default
        return result

    return reader


def _plain(given: Input, value: Any, path: str, depth: int = 0) -> Any:
    """Any plain data: what JSON can hold, not too deep."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and abs(value) < 2**64:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping) and depth < _DEEP:
        return {str(key): _plain(given, item, path, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and depth < _DEEP:
        return [_plain(given, item, path, depth + 1) for item in value]
    deep = depth >= _DEEP
    given.add(path, value, f"plain data (texts, numbers, lists, mappings) at most {_DEEP} deep")
    if deep:
        # What holds itself has no end.
        given.raise_if_any()
    return None


def _seconds(given: Input, value: Any, path: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    given.add(path, value, "a number of seconds")
    return 0.0


def _facts(given: Input, value: Any, path: str) -> Data:
    found = _plain(given, value, path)
    if not isinstance(found, dict):
        given.add(path, value, "a mapping")
        return {}
    return found


_TEXTS = _list(_text)
_LINES = dict.fromkeys(("tier", "placement", "baseline", "wildcards"), (_text, ""))
_SITE = _record({}, {"sources": (_TEXTS, []), "families": (_TEXTS, []), **_LINES})
_ENDPOINT = _record(
    {"endpoint": _text, "verdict": _text},
    {"kind": (_text, ""), "family": (_maybe(_text), None), "seconds": (_seconds, 0.0), "facts": (_facts, {})},
)
_ASKED = (
    *("id", "purpose", "tier", "group", "protocol", "application"),
    *("symptom", "source", "date", "note", "fallback_of", "rule", "unsatisfied"),
)
_REQUIREMENT = _record({**dict.fromkeys(_ASKED, _text), "destinations": _TEXTS, "ports": _TEXTS})
_WAY = {"way": _text, "needs": _TEXTS}
_SERVICE = _record(
    {
        "name": _text,
        "title": _text,
        "document": _text,
        "requirements": _list(_REQUIREMENT),
        "prerequisites": _TEXTS,
        "ladder": _list(_record({**_WAY, "quality": _text})),
    }
)
_RESULT = _record(
    {"id": _text, "verdict": _choice(*VERDICTS), "cause": _text, "why": _text, "remedy": _text, "endpoints": _list(_ENDPOINT)}
)
_OUTCOME = _record(
    {
        "name": _text,
        "outcome": _choice(*OUTCOMES),
        "way": _text,
        "ways": _list(_record({**_WAY, "state": _choice("open", "blocked", "untested")})),
        "users_notice": _text,
        "blame": _TEXTS,
        "change": _TEXTS,
    }
)
_POINT = _record(
    {
        "name": _text,
        "error": _text,
        "requirements": _list(_RESULT),
        "services": _list(_OUTCOME),
        "nat": _maybe(_record({"mapping": _text, "why": _text, "remedy": _text})),
    }
)
_FINDING = _record({"id": _text, "severity": _choice(*SEVERITIES), "what": _text, "where": _text, "remedy": _text, "flows": _TEXTS})
_GATEWAY = _record(
    {
        "name": _text,
        "error": _text,
        "findings": _list(_FINDING),
        "flows": _list(_record({"id": _text, "before": _count, "after": _count})),
        "dropped": _list(_record({"time": _text, "line": _text, "ids": _TEXTS})),
    }
)
_SUMMARY = _record({"ok": _truth, "headline": _text, "verdicts": _record(dict.fromkeys(VERDICTS, _count))})
_ASSESSMENT = _record(
    {
        "version": _count,
        "kind": _choice(*KINDS),
        "title": _text,
        "time": _text,
        "site": _SITE,
        "summary": _SUMMARY,
        "services": _list(_SERVICE),
        "vantage_points": _list(_POINT),
        "gateways": _list(_GATEWAY),
    }
)
