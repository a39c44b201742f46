# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines for the tests, and how many policies they get."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent, HERE.parent / "lab"):
    sys.path.insert(0, str(folder))

from machines import Machine  # noqa: E402

# How many policies the longest of the tests tries; the others try a share of it, as do the oldest and the newest release.
POLICIES = int(os.environ.get("POLICIES", "200"))
SHARES = {"bookworm": 1.0, "bullseye": 0.15, "trixie": 0.15}


@pytest.fixture(scope="module")
def start():
    """Starts machines, which live as long as the tests of the file."""
    with ExitStack() as stack:

        def one(kind, suite):
            machine = Machine(kind, suite)
            stack.callback(machine.stop)
            return machine

        yield one
