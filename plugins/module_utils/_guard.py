# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What brings a machine back when nobody confirms a change: a timer, and a hook in the boot. Both run the change's own program.

The timer is systemd's, which neither a dead connection nor a killed run can stop; elsewhere it is a process of ours.
"""

from __future__ import annotations

import os
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _services, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import (
    HEAD,
    PENDING,
    PENDING_PROGRAM,
    STATE_DIRECTORY,
    UNDO_INIT_SCRIPT,
    UNDO_UNIT,
    UNITS,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

_LINK = f"{UNITS}/sysinit.target.wants/{os.path.basename(UNDO_UNIT)}"
_UNIT = """[Unit]
Description=Take back a change of WebRTC flows that was never confirmed
DefaultDependencies=no
ConditionPathExists={pending}
RequiresMountsFor=/etc {state}
Before=webrtc-firewall-sets.service webrtc-firewall.service nftables.service netfilter-persistent.service
Before=iptables.service ip6tables.service firewalld.service ufw.service dnsmasq.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart={python} -I {program} boot

[Install]
WantedBy=sysinit.target
"""
_SCRIPT = """#!/bin/sh
{head}### BEGIN INIT INFO
# Provides:          webrtc-firewall-undo
# Required-Start:
# Required-Stop:
# Should-Start:      mountall
# X-Start-Before:    webrtc-firewall-sets webrtc-firewall mountall-bootclean nftables netfilter-persistent ufw firewalld
# Default-Start:     S
# Default-Stop:
# Short-Description: Take back a change of WebRTC flows that was never confirmed
### END INIT INFO
case "$1" in
start) [ ! -d {pending} ] || exec {python} -I {program} boot ;;
*) exit 0 ;;
esac
"""


def confirming(name: str) -> list[str]:
    """The command that confirms a change on this machine."""
    return [_services.python(), "-I", PENDING_PROGRAM, "confirm", name]


def arm(name: str, seconds: Optional[float], run: Runner) -> None:
    """Have the machine go back by itself.

    Args:
        name: the change's id.
        seconds: from now; None for the boot alone, where the process that changes something also settles it.
        run: runs commands.

    Raises:
        TargetProblem: there would be no way back.
    """
    words = {"pending": PENDING, "state": STATE_DIRECTORY, "program": PENDING_PROGRAM, "python": _services.python(), "head": HEAD}
    kind = _services.manager()
    try:
        if kind == "systemd":
            _place(UNDO_UNIT, HEAD + _UNIT.format_map(words), 0o644)
            os.makedirs(os.path.dirname(_LINK), mode=0o755, exist_ok=True)
            if not os.path.lexists(_LINK):
                os.symlink(UNDO_UNIT, _LINK)
        elif kind == "sysv":
            _place(UNDO_INIT_SCRIPT, _SCRIPT.format_map(words), 0o755)
    except OSError as error:
        remedy = "Make room, or make the directory writable: without it a reboot would keep a change that nobody has confirmed."
        raise TargetProblem([Problem(str(error.filename), error.strerror, "to be able to write", remedy)]) from error
    if kind == "sysv":
        _must(run, ["update-rc.d", "webrtc-firewall-undo", "defaults"])
    if seconds is None:
        return
    program = [_services.python(), "-I", PENDING_PROGRAM]
    if kind == "systemd":
        timer = ["--quiet", "--collect", f"--unit={_timer(name)}", f"--on-active={seconds:.0f}s", "--timer-property=AccuracySec=100ms"]
        _must(run, ["systemd-run", *timer, *program, "undo", name])
    else:
        _must(run, [*program, "watch", name])


def disarm(name: str, run: Runner) -> None:
    """Take timer and hook away; a watching process of ours sees by itself that there is no more to do.

    Args:
        name: the change's id.
        run: runs commands.
    """
    kind = _services.manager()
    if kind == "systemd":
        # There is none where the change has settled itself.
        run(["systemctl", "stop", f"{_timer(name)}.timer"], "")
    for path in (UNDO_UNIT, UNDO_INIT_SCRIPT):
        _system.remove_staged(path)
    unhook(run)


def unhook(run: Runner) -> None:
    """Take the hook in the boot away, if it is there."""
    if os.path.lexists(UNDO_INIT_SCRIPT):
        _system.remove(UNDO_INIT_SCRIPT)
        run(["update-rc.d", "webrtc-firewall-undo", "remove"], "")
    there = [path for path in (_LINK, UNDO_UNIT) if os.path.lexists(path)]
    for path in there:
        _system.remove(path)
        _services.remove_empty(os.path.dirname(_LINK))
    known = ["systemctl", "show", "--property=LoadState", "--value", os.path.basename(UNDO_UNIT)]
    if there and run(known, "").out.strip() == "loaded":
        # Something has had systemd read its units meanwhile.
        run(["systemctl", "daemon-reload"], "")


def _timer(name: str) -> str:
    return f"webrtc-firewall-undo-{name}"


def _place(path: str, text: str, mode: int) -> None:
    _system.remove_staged(path)
    os.replace(_system.stage(path, text, mode), path)


def _must(run: Runner, argv: list[str]) -> None:
    done = run(argv, "")
    if done.code:
        remedy = "See what it says; or set webrtc_egress_confirm to false, and nothing brings the machine back if the change cuts you off."
        raise TargetProblem([Problem(" ".join(argv[:2]), done.err.strip()[-300:], "to arm the way back", remedy)])
