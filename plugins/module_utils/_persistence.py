# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a run leaves on the target's disk: the policy, the ruleset, and what loads it when the machine starts.

Under systemd a unit of our own loads the table early in the boot and again whenever nftables.service has flushed it;
a second one mends permits after Docker has made its chains. Elsewhere it is an init script (LSB). Nothing of anybody
else's is edited.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Boot, Change
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy, from_dict, to_dict

DIRECTORY = "/etc/webrtc-firewall"
POLICY = f"{DIRECTORY}/policy.json"
RULESET = f"{DIRECTORY}/ruleset.nft"
RESTORE = f"{DIRECTORY}/restore"
UNITS = "/etc/systemd/system"
INIT_SCRIPT = "/etc/init.d/webrtc-firewall"
_HEAD = "# Made by the Ansible collection webrtc.firewall; changes are found and undone by its next run.\n"

_EARLY = f"""{_HEAD}[Unit]
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
_LATE = f"""{_HEAD}[Unit]
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
{_HEAD}### BEGIN INIT INFO
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


@dataclass(frozen=True)
class Stored:
    """What an earlier run has left: its policy and the addresses of the names in it."""

    policy: Optional[Policy]
    resolved: dict[str, tuple[str, ...]]


def load() -> Stored:
    """Read what an earlier run has stored.

    Returns:
        The stored policy; None if there is none.

    Raises:
        TargetProblem: the file was edited or is damaged.
    """
    text = _system.read(POLICY)
    if text is None:
        return Stored(None, {})
    try:
        data = json.loads(text)
        if data["sha256"] != _digest(data):
            raise ValueError("its checksum does not fit")
        resolved = {str(name): tuple(map(str, found)) for name, found in data["resolved"].items()}
        return Stored(from_dict(data["policy"]), resolved)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        reason = str(error).splitlines()[0]
        remedy = "Apply all services of this machine in one exclusive run (webrtc_egress_exclusive: true); it writes the file anew."
        raise TargetProblem([Problem(POLICY, reason, "the file as the last run left it", remedy)]) from error


def _digest(data: dict[str, Any]) -> str:
    body = json.dumps({"policy": data["policy"], "resolved": data["resolved"]}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def files(policy: Policy, resolved: dict[str, tuple[str, ...]], boot: Boot) -> dict[str, tuple[str, int]]:
    """All files of a machine with this policy: path to (text, mode)."""
    data: dict[str, Any] = {"policy": to_dict(policy), "resolved": {name: list(found) for name, found in resolved.items()}}
    text = json.dumps({**data, "sha256": _digest(data)}, indent=1, sort_keys=True) + "\n"
    wanted = {
        POLICY: (text, 0o600),
        RULESET: (_HEAD + boot.ruleset, 0o600),
        RESTORE: (f"#!/bin/sh\n{_HEAD}{boot.script}", 0o700),
    }
    if service_manager() == "systemd":
        wanted[f"{UNITS}/webrtc-firewall.service"] = (_EARLY, 0o644)
        wanted[f"{UNITS}/webrtc-firewall-late.service"] = (_LATE, 0o644)
    elif service_manager() == "sysv":
        wanted[INIT_SCRIPT] = (_INIT, 0o755)
    return wanted


def service_manager() -> str:
    """What starts services here: ``systemd``, ``sysv``, or nothing that we know (empty)."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    return "sysv" if os.path.isdir("/etc/init.d") and _system.find("update-rc.d") else ""


def changes(wanted: dict[str, tuple[str, int]]) -> list[Change]:
    """What differs between the files that should be there and those that are; no file is touched."""
    found = []
    for path, (text, mode) in sorted(wanted.items()):
        there = _system.read(path)
        if there is None:
            found.append(Change(f"file/{path}", None, "written"))
        elif there != text:
            found.append(Change(f"file/{path}", "other text", "as rendered"))
        elif os.stat(path).st_mode & 0o7777 != mode:
            found.append(Change(f"file/{path}", f"mode {os.stat(path).st_mode & 0o7777:04o}", f"mode {mode:04o}"))
    return found + [Change(f"unit/{name}", "not enabled and active", "enabled and active") for name in _sleeping(wanted)]


def _sleeping(wanted: dict[str, tuple[str, int]]) -> list[str]:
    """The services that would not run at boot, or could not be reached by a reload of nftables.service now."""
    if INIT_SCRIPT in wanted:
        return [] if _linked() else ["webrtc-firewall"]
    units = [name for name in _WANTS if f"{UNITS}/{name}" in wanted]
    linked = [name for name in units if all(os.path.lexists(f"{UNITS}/{target}.wants/{name}") for target in _WANTS[name])]
    active = _system.run(["systemctl", "is-active", *linked]).out.split() if linked else []
    running = {name for name, state in zip(linked, active) if state == "active"}
    return [name for name in units if name not in running]


def _linked() -> bool:
    return any(name.endswith("webrtc-firewall") and name.startswith("S") for name in os.listdir("/etc/rcS.d"))


def write(wanted: dict[str, tuple[str, int]]) -> None:
    """Write what differs and have it run at boot; on an error all files are as they were.

    Raises:
        TargetProblem: a file cannot be written, or the service manager refuses.
    """
    os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
    before = {path: _kept(path) for path in wanted}
    try:
        for path, (text, mode) in wanted.items():
            if before[path] != (text, mode):
                _system.write(path, text, mode)
        _enable(wanted)
    except (OSError, TargetProblem) as error:
        _put_back(before)
        if isinstance(error, TargetProblem):
            raise
        remedy = "Make room, or make the directory writable."
        raise TargetProblem([Problem(str(error.filename or DIRECTORY), error.strerror, "to be able to write", remedy)]) from error


def _kept(path: str) -> Optional[tuple[str, int]]:
    text = _system.read(path)
    return None if text is None else (text, os.stat(path).st_mode & 0o7777)


def _put_back(before: dict[str, Optional[tuple[str, int]]]) -> None:
    for path, kept in before.items():
        if kept is None:
            _system.remove(path)
        elif _kept(path) != kept:
            _system.write(path, *kept)
    _remove_directory()


def _enable(wanted: dict[str, tuple[str, int]]) -> None:
    if INIT_SCRIPT in wanted and not _linked():
        _must(["update-rc.d", "webrtc-firewall", "defaults"])
    units = _sleeping(wanted) if INIT_SCRIPT not in wanted else []
    if any(path.startswith(UNITS) for path in wanted):
        _must(["systemctl", "daemon-reload"])
    if units:
        _must(["systemctl", "enable", "--quiet", *units])
        _must(["systemctl", "start", *units])


def _must(argv: list[str]) -> None:
    done = _system.run(argv)
    if done.code:
        remedy = "See `systemctl status` and the journal."
        raise TargetProblem([Problem(" ".join(argv), done.err.strip()[:300], "to succeed", remedy)])


def present() -> list[str]:
    """Our files that are there."""
    paths = [POLICY, RULESET, RESTORE, INIT_SCRIPT, *(f"{UNITS}/{name}" for name in _WANTS)]
    return [path for path in paths if os.path.lexists(path)]


def remove() -> None:
    """Take away every file and every service of ours."""
    there = present()
    units = [name for name in _WANTS if f"{UNITS}/{name}" in there]
    if units:
        _system.run(["systemctl", "disable", "--quiet", "--now", *units])
    for path in there:
        _system.remove(path)
    if units:
        _must(["systemctl", "daemon-reload"])
    for target in {target for name in units for target in _WANTS[name]}:
        _remove_empty(f"{UNITS}/{target}.wants")
    if INIT_SCRIPT in there:
        _must(["update-rc.d", "webrtc-firewall", "remove"])
    _remove_directory()


def _remove_directory() -> None:
    _remove_empty(DIRECTORY)


def _remove_empty(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        # Somebody else's files are in it, or it is gone already; both are fine.
        pass
