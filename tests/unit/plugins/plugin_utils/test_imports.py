# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the core may import: the standard library and itself. Ansible stays in the thin plugins around it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _loader

PLUGINS = Path(_loader.__file__).parent.parent
OWN = "ansible_collections.webrtc.firewall.plugins"
FILES = sorted(path.relative_to(PLUGINS) for folder in ("plugin_utils", "module_utils") for path in (PLUGINS / folder).rglob("*.py"))
# A target has no YAML library, and nothing of the controller's side.
ALLOWED = {"plugin_utils": {"yaml", f"{OWN}.plugin_utils", f"{OWN}.module_utils"}, "module_utils": {f"{OWN}.module_utils"}}


def imported(source: str) -> set[str]:
    """The modules that a source imports; a relative import shows as a name that begins with a dot."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_the_core_is_found() -> None:
    assert {Path("plugin_utils/_compile.py"), Path("module_utils/_policy.py")} <= set(FILES)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the list of the standard library's modules is new in Python 3.10")
@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_core_imports_nothing_of_others(path: Path) -> None:
    foreign = set()
    for name in imported((PLUGINS / path).read_text(encoding="utf-8")):
        own = any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[path.parts[0]])
        if not own and name.partition(".")[0] not in sys.stdlib_module_names:
            foreign.add(name)
    assert not foreign
