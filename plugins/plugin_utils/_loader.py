# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Files that describe services: the catalog's, found by their names so that a new vendor is one new file, and the site's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "_catalog"
# The loader in C reads the catalog ten times faster; not every build of PyYAML has it.
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def catalog_names() -> list[str]:
    """The names of the catalog's services, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yml"))


def catalog_path(name: str) -> str:
    """How messages call the catalog file of a service."""
    return f"catalog/{name}.yml"


def load(name: str) -> Any:
    """The catalog entry of a service as its file has it, not yet validated.

    Args:
        name: one of `catalog_names`.
    """
    with open(_FOLDER / f"{name}.yml", encoding="utf-8") as file:
        return yaml.load(file, Loader=_YAML)  # noqa: S506 (a safe loader either way)


def load_file(path: str) -> Any:
    """What a file describes, not yet validated.

    Args:
        path: of a YAML file, or of a JSON file if it ends so; long lists are read much faster from JSON.

    Raises:
        ValueError: the file cannot be read, or is neither.
    """
    try:
        with open(path, encoding="utf-8") as file:
            # Not the loader in C: a file that nests too deep kills the process with it.
            return json.load(file) if path.endswith(".json") else yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(getattr(error, "strerror", None) or str(error).splitlines()[0]) from error
