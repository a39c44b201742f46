# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the reports, and a browser to look at them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report import report

HERE = Path(__file__).parent
ASSESSMENTS = HERE.parent / "unit" / "plugins" / "plugin_utils" / "assessments"
# Long words without a place to break, markup, and words turned around.
HOSTILE = "<b>bold</b> \x1b[31m \u202eabc | `x` www.evil.example @everyone " + "w" * 400
FREE = ("why", "remedy", "line", "what", "error", "endpoint", "issuer")


def module(name: str) -> Any:
    """A module beside this file."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec and spec.loader
    found = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(found)
    return found


def hostile(value: Any) -> Any:
    """The same with every text of the network's replaced."""
    if isinstance(value, dict):
        return {
            key: HOSTILE if key in ("why", "remedy", "line", "what", "error") and item else hostile(item) for key, item in value.items()
        }
    return [hostile(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def assessments() -> dict[str, Any]:
    """What the reports are made of."""
    found = {name: yaml.safe_load((ASSESSMENTS / f"{name}.yml").read_text(encoding="utf-8")) for name in ("verification", "change_request")}
    return {**found, "hostile": hostile(found["verification"])}


@pytest.fixture(scope="session")
def pages(assessments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages as files."""
    folder = tmp_path_factory.mktemp("pages")
    for name, assessment in assessments.items():
        (folder / f"{name}.html").write_text(report(assessment, "html"), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in assessments}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium."""
    with module("chromium").Chromium() as running:
        yield running
