# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Dataclasses of plain values as JSON and back, by their annotations; nothing in the JSON can run or name code."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints


def freeze(value: Any) -> Any:
    """A value as JSON has it.

    Args:
        value: a dataclass, mapping, tuple, list or frozenset of such values, or a plain one.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: freeze(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, AbstractMapping):
        if all(isinstance(key, str) for key in value):
            return {key: freeze(item) for key, item in value.items()}
        return [[freeze(key), freeze(item)] for key, item in value.items()]
    if isinstance(value, (tuple, list)):
        return [freeze(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(freeze(item) for item in value)
    return value


def thaw(kind: Any, data: Any) -> Any:
    """What `freeze` made JSON of.

    Args:
        kind: its type, or an annotation.
        data: the JSON.

    Raises:
        ValueError: the data does not fit the type.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        if not isinstance(data, dict) or data.keys() != hints.keys():
            raise ValueError(f"these are not the fields of {kind.__name__}")
        return kind(**{name: thaw(hint, data[name]) for name, hint in hints.items()})
    if origin is Union:
        return None if data is None else thaw(inner[0], data)
    if origin in (dict, AbstractMapping) and isinstance(data, (dict, list)):
        pairs = data.items() if isinstance(data, dict) else data
        return {thaw(inner[0], key): thaw(inner[1], item) for key, item in pairs}
    if origin is not None and not isinstance(data, list):
        raise ValueError(f"a list was expected in the place of {type(data).__name__}")
    if origin is tuple:
        kinds = inner[:1] * len(data) if inner[1:] == (...,) else inner
        if len(kinds) != len(data):
            raise ValueError(f"{len(kinds)} values were expected, not {len(data)}")
        return tuple(thaw(one, item) for one, item in zip(kinds, data))
    if origin is frozenset:
        return frozenset(thaw(inner[0], item) for item in data)
    if origin is not None or not isinstance(data, (int, float) if kind is float else kind):
        raise ValueError(f"{kind} was expected, not {type(data).__name__}")
    return data
