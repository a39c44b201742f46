# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import time

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import TargetProblem


def test_two_runs_queue_on_the_lock_and_leave_no_file(tmp_path):
    path = str(tmp_path / "lock")
    order = []

    def first():
        with _system.lock(path):
            order.append("first in")
            time.sleep(0.3)
            order.append("first out")

    thread = threading.Thread(target=first)
    thread.start()
    while not order:
        time.sleep(0.01)
    with _system.lock(path, 5):
        order.append("second in")
    thread.join()
    assert order == ["first in", "first out", "second in"]
    assert not os.path.exists(path)


def test_a_lock_that_stays_taken_is_an_error_that_names_it(tmp_path):
    path = str(tmp_path / "lock")
    with _system.lock(path), pytest.raises(TargetProblem, match="lock"), _system.lock(path, 0.1):
        pass


def test_a_file_is_staged_whole_and_with_its_mode(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    beside = _system.stage(str(path), "text\n", 0o600)
    assert path.read_text() == "old"
    os.replace(beside, path)
    assert path.read_text() == "text\n"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_staging_leaves_no_rest(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        _system.stage(str(tmp_path / "file"), "\ud800", 0o600)
    assert os.listdir(tmp_path) == []


def test_commands_are_found_in_the_systems_own_directories_only(tmp_path, monkeypatch):
    fake = tmp_path / "sh"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _system.find("sh") in ("/usr/bin/sh", "/bin/sh")
    assert _system.find("no-such-command") is None
    assert _system.read(str(tmp_path / "none")) is None
