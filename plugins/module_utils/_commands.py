# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Runs commands for the program on the target, where no Ansible does it."""

from __future__ import annotations

import os
import signal
from typing import BinaryIO

from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES, Output, find

# Python ignores them, which its children would inherit.
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)


def run(argv: list[str], text: str) -> Output:
    """Run a command, as a `Runner` does.

    Args:
        argv: the command and its arguments.
        text: what it reads.

    Returns:
        What it left behind.

    Raises:
        OSError: there is no such command.
    """
    with _in_memory(text) as given, _in_memory() as out, _in_memory() as err:
        ends = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number, file in enumerate((given, out, err))]
        process = os.posix_spawnp(find(argv[0]) or argv[0], argv, VARIABLES, file_actions=ends, setsigdef=_DEFAULT)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return Output(code, _told(out), _told(err))


def _in_memory(text: str = "") -> BinaryIO:
    """A file in memory: nft opens /dev/stdin, which it could not if it were a socket; and nobody waits for a pipe that is full."""
    file = os.fdopen(os.memfd_create("webrtc-firewall"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file


def _told(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
