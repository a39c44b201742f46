# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that stays on the target is whole, always the same, and needs nothing but Python."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

from ansible_collections.webrtc.firewall.plugins.module_utils import _pack

PACKAGE = "ansible_collections/webrtc/firewall/plugins/module_utils"


def packed() -> bytes:
    _pack.program.cache_clear()
    return _pack.program().encode("utf-8", "surrogateescape")


def test_the_same_code_gives_the_same_bytes():
    assert packed() == packed()
    assert {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(packed())).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_holds_what_it_needs_and_nothing_of_the_controllers():
    names = zipfile.ZipFile(io.BytesIO(packed())).namelist()
    assert len(names) == len(set(names))
    wanted = {
        "_program.py",
        "_learner.py",
        "_forwarder.py",
        "_nft_elements.py",
        "_apply.py",
        "_backends/__init__.py",
        "_backends/nftables.py",
    }
    assert {f"{PACKAGE}/{name}" for name in wanted} <= set(names)
    assert f"{PACKAGE}/_backends.py" not in names
    assert [name for name in names if not name.startswith(PACKAGE) and not name.endswith("__init__.py")] == ["__main__.py"]
    assert f"{PACKAGE}/_runner.py" not in names


def test_it_runs_by_itself(tmp_path):
    path = tmp_path / "webrtc-firewall.pyz"
    path.write_bytes(packed())
    done = subprocess.run([sys.executable, "-I", str(path), "nothing"], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: webrtc-firewall.pyz learn|refresh|confirm|undo|watch|boot [ID]\n"


def test_it_packs_itself_from_within_to_the_same_bytes(tmp_path):
    """A refresh on the target writes the program anew where it differs: it must never differ from itself."""
    path = tmp_path / "webrtc-firewall.pyz"
    path.write_bytes(packed())
    script = (
        f"import sys; sys.path.insert(0, {str(path)!r}); "
        f"from {PACKAGE.replace('/', '.')} import _pack; "
        f"sys.stdout.buffer.write(_pack.program().encode('utf-8', 'surrogateescape'))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True)
    assert done.stdout == packed()
