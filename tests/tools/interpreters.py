# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Pythons are here, and what each is for: prints one line "use version path" for each.

The uses: ``main`` runs everything, with the oldest supported ansible-core; ``newest`` runs the unit tests and ansible-test with the
newest ansible-core; each ``target`` runs the tests of the code that goes to the targets, without Ansible; ``missing`` was not found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
MAIN = ("3.11", "3.12", "3.13")
NEWEST = ("3.13", "3.12")


def uses() -> list[tuple[str, str, str]]:
    """Give every Python found a use.

    Returns:
        Tuples of use, version and path, the main one first; the path is "-" for what is missing.
    """
    found = {version: path for version in VERSIONS if (path := find(version))}
    main = next((version for version in MAIN if version in found), None)
    newest = next((version for version in NEWEST if version in found), None)
    rows = [("main", main), ("newest", newest), *(("target", version) for version in found if version not in (main, newest))]
    rows += [("missing", version) for version in VERSIONS if version not in found]
    return [(use, version, found.get(version, "-")) for use, version in rows if version]


def find(version: str) -> str | None:
    """Find a working interpreter.

    Args:
        version: such as ``3.11``.

    Returns:
        Its path, or None where there is none.
    """
    # Debian's own comes first: the package python3-venv belongs to it.
    folders = ["/usr/bin", *os.environ.get("PATH", "").split(os.pathsep)]
    folders += sorted(str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    candidates = (shutil.which(f"python{version}", path=folder) for folder in folders)
    return next((path for path in candidates if path and _works(path, version)), None)


def _works(path: str, version: str) -> bool:
    """Whether it starts: a version manager's stand-in may be on PATH with nothing behind it."""
    code = "import ensurepip, venv, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    return done.returncode == 0 and done.stdout.strip() == version


if __name__ == "__main__":
    for row in uses():
        print(*row)
