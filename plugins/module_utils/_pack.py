# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The program that stays on the target: this very code, packed into one file that Python runs (zipapp, PEP 441).

So what a timer or a service does on the target is what a run from the controller does, in the same version.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from functools import lru_cache

_PACKAGE = "ansible_collections.webrtc.firewall.plugins.module_utils"
_ENTRY = f"{_PACKAGE}._program"
# All imports of ours are whole lines, or in brackets; to parse all of the code would take most of a second. Some are within functions.
_IMPORT = re.compile(rf"^ *from ({re.escape(_PACKAGE)}[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)
_PACKAGES = (_PACKAGE, f"{_PACKAGE}._backends")
_MAIN = f"import sys\n\nfrom {_ENTRY} import main\n\nsys.exit(main(sys.argv[1:]))\n"


@lru_cache(maxsize=1)
def program() -> str:
    """The program as text: its bytes decoded as UTF-8 with ``surrogateescape``. The same code gives the same bytes."""
    sources = _closure()
    files = {f"{name.replace('.', '/')}.py": text for name, text in sources.items()}
    for name in sources:
        parts = name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            # The sources hold a package's own text where it has one.
            path = "/".join(parts[:depth])
            files.setdefault(f"{path}/__init__.py", sources.get(".".join(parts[:depth]), ""))
    files["__main__.py"] = _MAIN
    packages = {name[: -len("/__init__.py")] for name in files if name.endswith("/__init__.py")}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            # A package's text was found under its own name; it belongs into its folder alone.
            if name[: -len(".py")] not in packages:
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.create_system = 3
                archive.writestr(entry, files[name])
    return buffer.getvalue().decode("utf-8", "surrogateescape")


def _closure() -> dict[str, str]:
    """The sources of the entry and of all that it imports of ours, by module."""
    waiting, found = [_ENTRY], {}
    while waiting:
        name = waiting.pop()
        if name not in found and (text := _source(name)) is not None:
            found[name] = text
            waiting += _imported(text)
    return found


def _source(name: str) -> str | None:
    """The text of a module of ours or of a package, by its place: an archive that is asked for a module compiles it first."""
    place = "/".join([os.path.dirname(__file__), *name[len(_PACKAGE) :].split(".")[1:]])
    for path in (f"{place}.py", f"{place}/__init__.py"):
        try:
            text: bytes = globals()["__loader__"].get_data(path)
        except OSError:
            continue
        return text.decode()
    return None


def _imported(text: str) -> list[str]:
    names = []
    for module, imported in _IMPORT.findall(text):
        names.append(module)
        if module in _PACKAGES:
            # What is imported from a package may be a module.
            names += [f"{module}.{name}" for name in re.findall(r"\w+", imported)]
    return names
