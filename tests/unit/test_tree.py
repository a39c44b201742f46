# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that hold for the whole tree."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
OWN = "ansible_collections.webrtc.firewall.plugins"
MAKESHIFT = {".git", ".cache", ".ansible", "__pycache__", "output", ".hypothesis"}


def walk() -> Iterator[Path]:
    for folder, folders, names in os.walk(REPO):
        folders[:] = sorted(set(folders) - MAKESHIFT)
        yield from (Path(folder, name) for name in (*folders, *names))


TREE = sorted(walk())
SCRIPTS = [path for path in TREE if path.suffix in {".py", ".sh"}]
PLUGINS = [path for path in SCRIPTS if REPO / "plugins" in path.parents]
CORE = [path for path in PLUGINS if {"module_utils", "plugin_utils"} & set(path.parts)]


def name_of(path: Path) -> str:
    return str(path.relative_to(REPO))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_tree_is_looked_at() -> None:
    assert len(CORE) > 10
    assert REPO / "tests" / "tools" / "setup.sh" in SCRIPTS


def test_no_links() -> None:
    assert [name_of(path) for path in TREE if path.is_symlink()] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_script_names_its_licence(path: Path) -> None:
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in "".join(path.read_text(encoding="utf-8").splitlines(True)[:5])


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_core_knows_nothing_of_ansible(path: Path) -> None:
    # module_utils goes to the target, where only the standard library is sure to be; the rest of the core may read YAML as well.
    on_target = "module_utils" in path.parts
    own = (f"{OWN}.module_utils",) if on_target else (f"{OWN}.module_utils", f"{OWN}.plugin_utils")
    other = set() if on_target else {"yaml"}
    allowed = sys.stdlib_module_names | other
    foreign = {name for name in imports(path) if not name.startswith(own) and name.partition(".")[0] not in allowed}
    assert foreign == set()


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    long = {node.name: length for node in functions if (length := (node.end_lineno or 0) - node.lineno + 1) > 45}
    assert long == {}
    assert len(text.splitlines()) <= 330


def test_no_leftovers() -> None:
    # Notes to oneself, and the absolute path of somebody's working copy.
    leftover = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|XX" + r"X)\b|(?<![\w.])/(home|work)/\w")
    found = {
        f"{name_of(path)}:{number}": line
        for path in TREE
        if path.is_file() and path.name != "LICENSE"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if leftover.search(line)
    }
    assert found == {}
