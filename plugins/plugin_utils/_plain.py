# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Plain data of whatever came: Ansible's texts, lists and mappings are types of its own, which remember where they were written."""

from __future__ import annotations

from typing import Any, Mapping

# Deeper than anything that a module returns.
_DEEPEST = 40
_LARGEST = 1 << 63


def plain(value: Any, depth: int = 0) -> Any:
    """A copy of JSON's own types alone: what nests too deep, and numbers of any size, become texts that say so.

    Args:
        value: anything.
        depth: how deep it is in what is copied.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if -_LARGEST <= value < _LARGEST else "(a huge number)"
    if isinstance(value, float):
        return float(value)
    if depth >= _DEEPEST:
        return "(nested too deep)"
    if isinstance(value, Mapping):
        return {str(plain(key, _DEEPEST)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return str(value)
