# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What runs our script when the machine starts: units of systemd, or an init script (LSB) where there is none.

One unit loads the table early in the boot, and again whenever nftables.service has flushed it; a second one mends permits after
Docker has made its chains.
"""

from __future__ import annotations

import os

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._stored import DIRECTORY
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find

RESTORE = f"{DIRECTORY}/restore"
UNITS = "/etc/systemd/system"
INIT_SCRIPT = "/etc/init.d/webrtc-firewall"
HEAD = "# Made by the Ansible collection webrtc.firewall; changes are found and undone by its next run.\n"

_EARLY = f"""{HEAD}[Unit]
Description=WebRTC flows in the packet filter
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=nftables.service netfilter-persistent.service iptables.service
Conflicts=shutdown.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={RESTORE}
ExecReload={RESTORE}
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=sysinit.target nftables.service
"""
_LATE = f"""{HEAD}[Unit]
Description=WebRTC flows in the packet filter, once other services have made their chains
Documentation=man:nft(8)
After=webrtc-firewall.service docker.service libvirtd.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={RESTORE}
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target docker.service
"""
_WANTS = {
    "webrtc-firewall.service": ("sysinit.target", "nftables.service"),
    "webrtc-firewall-late.service": ("multi-user.target", "docker.service"),
}
_INIT = f"""#!/bin/sh
{HEAD}### BEGIN INIT INFO
# Provides:          webrtc-firewall
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Should-Start:      nftables netfilter-persistent
# X-Start-Before:    $network
# Default-Start:     S
# Default-Stop:
# Short-Description: WebRTC flows in the packet filter
### END INIT INFO
case "$1" in
start | restart | reload | force-reload) exec {RESTORE} ;;
stop | status) exit 0 ;;
*) echo "usage: $0 start|stop|restart|reload|status" >&2; exit 3 ;;
esac
"""


def manager() -> str:
    """What starts services here: ``systemd``, ``sysv``, or nothing that we know (empty)."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    return "sysv" if os.path.isdir("/etc/init.d") and find("update-rc.d") else ""


def files() -> dict[str, tuple[str, int]]:
    """The service manager's files: path to (text, mode)."""
    if manager() == "systemd":
        return {f"{UNITS}/webrtc-firewall.service": (_EARLY, 0o644), f"{UNITS}/webrtc-firewall-late.service": (_LATE, 0o644)}
    return {INIT_SCRIPT: (_INIT, 0o755)} if manager() == "sysv" else {}


def paths() -> list[str]:
    """All paths that `files` can name, whatever the service manager."""
    return [INIT_SCRIPT, *(f"{UNITS}/{name}" for name in _WANTS)]


def sleeping(run: Runner) -> list[str]:
    """The services that would not run at boot, or could not be reached by a reload of nftables.service now."""
    if manager() == "sysv":
        return [] if _linked() else ["webrtc-firewall"]
    if manager() != "systemd":
        return []
    linked = [name for name, wanted in _WANTS.items() if all(os.path.lexists(f"{UNITS}/{target}.wants/{name}") for target in wanted)]
    active = run(["systemctl", "is-active", *linked], "").out.split() if linked else []
    running = {name for name, state in zip(linked, active) if state == "active"}
    return [name for name in _WANTS if name not in running]


def _linked() -> bool:
    return any(name.endswith("webrtc-firewall") and name.startswith("S") for name in os.listdir("/etc/rcS.d"))


def enable(run: Runner) -> None:
    """Have the services run at boot, and let them know of changed files.

    Raises:
        TargetProblem: the service manager refuses.
    """
    if manager() == "systemd":
        _must(run, ["systemctl", "daemon-reload"])
    names = sleeping(run)
    if not names:
        return
    if manager() == "sysv":
        _must(run, ["update-rc.d", "webrtc-firewall", "defaults"])
        return
    _must(run, ["systemctl", "enable", "--quiet", *names])
    _must(run, ["systemctl", "start", *names])


def stop(run: Runner) -> None:
    """Before the files go: systemd forgets the units; the rules stay as they are."""
    there = [name for name in _WANTS if os.path.lexists(f"{UNITS}/{name}")]
    if there and manager() == "systemd":
        _must(run, ["systemctl", "disable", "--quiet", "--now", *there])


def forget(run: Runner) -> None:
    """After the files are gone: no link and no folder of ours stays behind."""
    if manager() == "systemd":
        _must(run, ["systemctl", "daemon-reload"])
    elif manager() == "sysv":
        _must(run, ["update-rc.d", "webrtc-firewall", "remove"])
    for target in sorted({target for wanted in _WANTS.values() for target in wanted}):
        remove_empty(f"{UNITS}/{target}.wants")


def remove_empty(path: str) -> None:
    """Remove a directory if nothing is in it."""
    try:
        os.rmdir(path)
    except OSError:
        # Somebody else's files are in it, or it is gone already; both are fine.
        pass


def _must(run: Runner, argv: list[str]) -> None:
    done = run(argv, "")
    if done.code:
        remedy = "See `systemctl status` and the journal."
        raise TargetProblem([Problem(" ".join(argv), done.err.strip()[:300], "to succeed", remedy)])
