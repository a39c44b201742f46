# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The program on the target: ``learn`` runs until it is stopped, ``refresh`` looks the host names up once.

``confirm`` keeps a change that waits for that, ``undo`` takes it back, ``watch`` waits for the moment to do so where no systemd does, and
``boot`` does it before any firewall has started.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Callable, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError
from ansible_collections.webrtc.firewall.plugins.module_utils._system import say


def main(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: ``learn``, ``refresh``, ``boot``, ``undo`` with the change's id or without, ``confirm`` or ``watch`` with it.

    Returns:
        The exit status.
    """
    commands: dict[str, Callable[..., None]] = {item.__name__: item for item in (learn, refresh, confirm, undo, watch, boot)}
    most = 2 if arguments and arguments[0] in ("confirm", "undo", "watch") else 1
    if not 0 < len(arguments) <= most or arguments[0] not in commands:
        say(f"usage: webrtc-firewall.pyz {'|'.join(commands)} [ID]")
        return 2
    try:
        commands[arguments[0]](*arguments[1:])
    except (FirewallError, OSError) as error:
        say(str(error))
        return 1
    return 0


# A confirmation is waited for, and so is the beginning of a watch: each loads what it needs and no more. But all of that before it begins,
# as this very file goes with the change that it settles.


def confirm(name: str = "") -> None:
    """Keep a change for good."""
    from ansible_collections.webrtc.firewall.plugins.module_utils import _commands, _settled

    _settled.confirm(name, _commands.run)


def undo(name: str = "") -> None:
    """Take a change back when its time is over, if it has not been confirmed by then; without a name whichever waits, and at once."""
    from ansible_collections.webrtc.firewall.plugins.module_utils import _change, _commands, _pending

    while name and (waiting := _pending.load()) and waiting.id == name and waiting.seconds_left > 0:
        time.sleep(min(0.5, waiting.seconds_left))
    if _change.revoke(name, "nobody confirmed it in time" if name else "somebody asked for it", _commands.run):
        say("A change of WebRTC flows that was not confirmed was taken back.")


def boot() -> None:
    """Take a change back before any firewall has started."""
    from ansible_collections.webrtc.firewall.plugins.module_utils import _change, _commands

    _change.go_back_at_boot(_commands.run)


def watch(name: str) -> None:
    """Wait beside everything else until the change is settled or its time is over, and take it back then; returns at once."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.chdir("/")
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("-1000")
    undo(name)


def learn() -> None:
    """Forward DNS for the policy's names and learn from the answers."""
    from ansible_collections.webrtc.firewall.plugins.module_utils import _commands, _program_names

    _program_names.learn(_commands.run)


def refresh() -> None:
    """Look the host names of the stored policy up once and take the answers in."""
    from ansible_collections.webrtc.firewall.plugins.module_utils import _commands, _program_names

    _program_names.refresh(_commands.run)
