# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._frozen import freeze, thaw
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs


@dataclass(frozen=True)
class Inner:
    number: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    pairs: dict[tuple[str, int], Inner]
    by_name: Mapping[str, tuple[Inner, ...]]
    unique: frozenset[str]
    maybe: Optional[Inner]
    fixed: tuple[str, int]
    free: Any
    share: float = 0.5
    sure: bool = True
    texts: dict[str, str] = field(default_factory=dict)


WHOLE = Outer(
    {("a", 1): Inner(1), ("b", 2): Inner(2, ("x", "y"))},
    {"one": (Inner(3),), "none": ()},
    frozenset({"z", "y"}),
    None,
    ("f", 7),
    {"deep": [1, {"deeper": None}]},
    texts={"odd": "\udcff\n\u20ac"},
)


@pytest.mark.parametrize("value", [WHOLE, Needs(True, False, True, None), Needs(False, False, False, Resolver("instance", ("10.0.0.1",)))])
def test_what_is_thawed_is_what_was_frozen(value):
    assert thaw(type(value), json.loads(json.dumps(freeze(value)))) == value


@pytest.mark.parametrize(
    "damage",
    [
        {"number": "1", "names": []},
        {"number": 1},
        {"number": 1, "names": [], "more": 1},
        {"number": 1, "names": [1]},
        {"number": 1, "names": "xy"},
        [1, []],
        None,
        {"number": 1, "names": {"a": "b"}},
    ],
)
def test_what_does_not_fit_is_refused(damage):
    with pytest.raises(ValueError, match=r"\w"):
        thaw(Inner, damage)


def test_a_wrong_count_is_refused():
    with pytest.raises(ValueError, match="2 values were expected, not 3"):
        thaw(tuple[str, int], ["a", 1, 2])
