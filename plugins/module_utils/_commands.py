# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Runs commands for the program on the target, where no Ansible does it."""

from __future__ import annotations

import os

from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES, Output


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
    # Most programs run none, and this takes as long to load as all that they need.
    import asyncio

    return asyncio.run(_ran(argv, text))


async def _ran(argv: list[str], text: str) -> Output:
    import asyncio

    pipe = asyncio.subprocess.PIPE
    # A file in memory: nft opens /dev/stdin, and what asyncio makes of a pipe is a socket, which cannot be opened.
    with open(os.memfd_create("stdin"), "w+b") as given:
        given.write(text.encode())
        given.seek(0)
        process = await asyncio.create_subprocess_exec(*argv, stdin=given, stdout=pipe, stderr=pipe, env=VARIABLES)
        out, err = await process.communicate()
    return Output(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
