# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role says the same thing in all its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (REPO / "roles").iterdir() if path.is_dir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role: Path) -> dict[str, Any]:
    return load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


def test_all_roles_are_looked_at() -> None:
    assert {"liveavatar", "vonage", "webrtc_egress"} <= {role.name for role in ROLES}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
@pytest.mark.parametrize("name", ["README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml"])
def test_role_is_complete(role: Path, name: str) -> None:
    assert (role / name).is_file()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_equal_the_argument_specs(role: Path) -> None:
    # The default of an argument spec is documentation alone: Ansible sets no variable from it.
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert load(role / "defaults" / "main.yml") == documented


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_have_the_type_of_the_argument_specs(role: Path) -> None:
    # True == 1 in Python, so the comparison above does not see every difference.
    types = {"str": str, "bool": bool, "int": int, "list": list, "dict": dict}
    defaults = load(role / "defaults" / "main.yml")
    names = {name: options(role)[name]["type"] for name in defaults}
    wrong = {
        name: value
        for name, value in defaults.items()
        if not isinstance(value, types[names[name]]) or (isinstance(value, bool) and names[name] != "bool")
    }
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_carry_the_name_of_the_role(role: Path) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role.name}_")] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_readme_names_every_variable(role: Path) -> None:
    text = (role / "README.md").read_text(encoding="utf-8")
    assert [name for name in options(role) if name not in text] == []
