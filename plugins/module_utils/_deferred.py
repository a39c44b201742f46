# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Modules that are compiled when something of them is first needed.

Every run asks each manager whether it is active. All else that is to be known of it counts on the few machines that it rules, and to
compile that takes longer than to compare the rules of a machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Deferred:
    """Stands for a module beside this one.

    What is sent to a target is what some import names: so each such module is imported where types are checked.

    Args:
        name: the module's name.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = f"{__name__.rpartition('.')[0]}.{name}"

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)
