# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""All backends by name. A new backend is one file beside this one, with a class of the file's name, and its name in the two lines below.

Only those that a machine needs are loaded, since to compile all of them takes longer than to compare the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend

if TYPE_CHECKING:
    # What is sent to a target is what some import names, whether it is ever run or not.
    from ansible_collections.webrtc.firewall.plugins.module_utils._backends import firewalld, iptables, nftables, ufw  # noqa: F401

# Whether it is a manager, which every run looks for.
NAMES = {"nftables": False, "iptables": False, "firewalld": True, "ufw": True}


class _Backends(Mapping[str, "type[Backend]"]):
    """The classes by name, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> type[Backend]:
        if name not in NAMES:
            raise KeyError(name)
        found: type[Backend] = getattr(import_module(f"{__name__}.{name}"), name.capitalize())
        return found

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


BACKENDS: Mapping[str, type[Backend]] = _Backends()


def managers() -> dict[str, type[Backend]]:
    """The managers by name."""
    return {name: BACKENDS[name] for name, manager in NAMES.items() if manager}
