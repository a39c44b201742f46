# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""How a module of ours is run by firewalld's own interpreter, since that one has the bindings to D-Bus."""

from __future__ import annotations

import importlib.util
import os
from types import ModuleType
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _system


def command(module: ModuleType, *arguments: str) -> list[str]:
    """The command that runs a module, which must import nothing else of ours."""
    return [_interpreter(), "-I", "-c", _source(module.__name__), *arguments]


def _interpreter() -> str:
    """firewalld's own: where it runs, its bindings are."""
    first = (_system.read(_system.find("firewalld") or "") or "").partition("\n")[0]
    words = first[2:].split()
    return words[0] if first.startswith("#!") and words and os.path.basename(words[0]).startswith("python") else "/usr/bin/python3"


def _source(name: str) -> str:
    # Ours may lie in an archive.
    spec = importlib.util.find_spec(name)
    text: Optional[str] = spec.loader.get_source(name) if spec and spec.loader else None  # type: ignore[attr-defined]
    return text or ""
