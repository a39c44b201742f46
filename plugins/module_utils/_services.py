# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The services of ours that a machine runs, under systemd, or init scripts and cron where there is none."""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass
from typing import Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _init_scripts, _units
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._init_scripts import RUNLEVELS
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import (
    CRON,
    DNSMASQ_DROPIN,
    DNSMASQ_RESTARTS,
    FIREWALLD_STARTS,
    INIT_SCRIPT,
    INSTANCE,
    POLICY,
    PROGRAM,
    RESOLVER,
    RUNTIME_UNITS,
    UNITS,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find, read, remove
from ansible_collections.webrtc.firewall.plugins.module_utils._units import Unit

LEARN, LEARN_SOCKET, DNSMASQ = "webrtc-firewall-learn.service", "webrtc-firewall-learn.socket", "webrtc-firewall-dnsmasq.service"


@dataclass(frozen=True)
class Needs:
    """What a machine needs to have running.

    Attributes:
        rules: something loads our rules when the machine starts.
        sets: something makes our ipsets before.
        refresh: something looks host names up again and again.
        resolver: the settings of the resolver that learns, if there is one.
        before_firewalld: something puts our part of its configuration in place before it starts.
    """

    rules: bool
    sets: bool
    refresh: bool
    resolver: Optional[Resolver]
    before_firewalld: bool = False


def manager() -> str:
    """What starts services here: ``systemd``, ``sysv``, or nothing that we know (empty)."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    return "sysv" if os.path.isdir("/etc/init.d") and find("update-rc.d") else ""


def python() -> str:
    """The interpreter that runs ours; the same whatever Python a run was started with."""
    return find("python3") or sys.executable


def _wanted(needs: Needs) -> dict[str, Unit]:
    units = (
        {"webrtc-firewall.service": _units.early(find("netfilter-persistent") is not None), "webrtc-firewall-late.service": _units.LATE}
        if needs.rules
        else {}
    )
    if needs.sets:
        units["webrtc-firewall-sets.service"] = _units.SETS
    if needs.refresh:
        units.update({"webrtc-firewall-refresh.service": _units.refresh(python()), "webrtc-firewall-refresh.timer": _units.TIMER})
    return {**units, **(_units.resolver_units(needs.resolver, python(), find("dnsmasq") or "/usr/sbin/dnsmasq") if needs.resolver else {})}


def files(needs: Needs) -> dict[str, tuple[str, int]]:
    """The service manager's files: path to (text, mode)."""
    if manager() == "systemd":
        found = {f"{UNITS}/{name}": (unit.text, 0o644) for name, unit in _wanted(needs).items()}
        if needs.resolver and needs.resolver.mode == "dropin":
            found[DNSMASQ_RESTARTS] = (_units.RESTARTS, 0o644)
        if needs.before_firewalld:
            found[FIREWALLD_STARTS] = (_units.BEFORE_FIREWALLD, 0o644)
        return found
    found = {path: (text, 0o755) for path, text in _scripts(needs).items()} if manager() == "sysv" else {}
    if needs.refresh and os.path.isdir(os.path.dirname(CRON)):
        found[CRON] = (_units.cron(python()), 0o644)
    return found


def _scripts(needs: Needs) -> dict[str, str]:
    return _init_scripts.texts(find("netfilter-persistent") is not None, needs.sets) if needs.rules else {}


def _all() -> dict[str, Unit]:
    """Every unit that a machine can have; their texts do not matter here."""
    return _wanted(Needs(True, True, True, Resolver("instance", ())))


def paths() -> list[str]:
    """All paths that `files` can name, whatever the service manager."""
    return [*RUNLEVELS, CRON, DNSMASQ_RESTARTS, FIREWALLD_STARTS, *(f"{UNITS}/{name}" for name in _all())]


def overridden() -> dict[str, list[str]]:
    """Our units that somebody has changed by files of his own (systemctl edit), with these files; they are his, and stay."""
    found = {name: [path for root in (UNITS, RUNTIME_UNITS) for path in sorted(glob.glob(f"{root}/{name}.d/*.conf"))] for name in _all()}
    return {name: files for name, files in found.items() if files}


def sleeping(needs: Needs, run: Runner) -> list[str]:
    """The services that would not run at boot, or do not run now although they should."""
    if manager() == "sysv":
        return [os.path.basename(path) for path in _scripts(needs) if not _linked(path)]
    if manager() != "systemd":
        return []
    wanted = {name: unit.wanted_by for name, unit in _wanted(needs).items() if unit.wanted_by}
    linked = [name for name, targets in wanted.items() if all(_leads(target, name) for target in targets)]
    active = run(["systemctl", "is-active", *linked], "").out.split() if linked else []
    # Between two tries of systemd's to start it, a unit is on its way and not asleep.
    running = {name for name, state in zip(linked, active) if state == "active"}
    return [name for name in wanted if name not in running]


def _leads(target: str, name: str) -> bool:
    """Whether a target's start brings a unit; a link to anything but the unit's file keeps it from that."""
    link = f"{UNITS}/{target}.wants/{name}"
    return os.path.lexists(link) and os.path.realpath(link) == os.path.realpath(f"{UNITS}/{name}")


def _linked(script: str) -> bool:
    links = _links(script)
    wanted = {f"/etc/rc{level}.d" for level in RUNLEVELS[script]}
    started = all(os.path.basename(link).startswith("S") and os.path.realpath(link) == script for link in links)
    return started and {os.path.dirname(link) for link in links} == wanted


def _links(script: str) -> list[str]:
    """What starts an init script of ours, or keeps it from being started: a letter, two digits and its name."""
    return [link for level in RUNLEVELS[script] for link in sorted(glob.glob(f"/etc/rc{level}.d/???{os.path.basename(script)}"))]


def enable(needs: Needs, changed: Iterable[str], run: Runner) -> None:
    """Have the services run now and at boot, with what has changed in their files.

    Args:
        needs: what the machine needs.
        changed: the paths that have just been written or removed.
        run: runs commands.

    Raises:
        TargetProblem: the service manager refuses, or a service does not start.
    """
    touched = set(changed)
    if manager() == "sysv":
        _enable_scripts(needs, touched, run)
    if manager() != "systemd":
        return
    if any(path.startswith(UNITS) for path in touched) or sleeping(needs, run):
        _must(run, ["systemctl", "daemon-reload"])
    wanted = _wanted(needs)
    asleep = sleeping(needs, run)
    stale = [name for name, sources in _sources().items() if name in wanted and name not in asleep and touched & sources]
    if LEARN_SOCKET in stale:
        # systemd does not let go of a socket while its service runs.
        _must(run, ["systemctl", "stop", LEARN])
    for name in asleep:
        for target in wanted[name].wanted_by:
            if not _leads(target, name):
                # systemd refuses to put its link in the place of another.
                remove(f"{UNITS}/{target}.wants/{name}")
    if asleep:
        _must(run, ["systemctl", "enable", "--quiet", *asleep])
    for name in [*stale, *asleep]:
        _must(run, ["systemctl", "restart", name])
    if touched & {DNSMASQ_DROPIN, DNSMASQ_RESTARTS}:
        _restart_dnsmasq(run)


def _enable_scripts(needs: Needs, touched: set[str], run: Runner) -> None:
    """Have init scripts run at boot; one whose head has changed gets its place in the order anew."""
    for path in _scripts(needs):
        if _linked(path) and path not in touched:
            continue
        # update-rc.d leaves a link that is there as it is, one that disables us among them.
        for link in [] if _linked(path) else _links(path):
            remove(link)
        _must(run, ["update-rc.d", os.path.basename(path), "defaults"])


def relink(needs: Needs, run: Runner) -> None:
    """While the machine starts: have what is needed run in this boot and in later ones, and nothing else; waits for nothing.

    Args:
        needs: what the machine needs; the files are there.
        run: runs commands.
    """
    if manager() == "sysv":
        for path in RUNLEVELS:
            run(["update-rc.d", os.path.basename(path), "defaults" if path in _scripts(needs) else "remove"], "")
        if needs.rules:
            run([INIT_SCRIPT, "start"], "")
    if manager() != "systemd":
        return
    wanted = _wanted(needs)
    for name, unit in _all().items():
        for target in unit.wanted_by:
            link = f"{UNITS}/{target}.wants/{name}"
            if name not in wanted:
                remove(link)
                remove_empty(os.path.dirname(link))
            elif not os.path.lexists(link):
                os.makedirs(os.path.dirname(link), mode=0o755, exist_ok=True)
                os.symlink(f"{UNITS}/{name}", link)
    run(["systemctl", "daemon-reload"], "")
    run(["systemctl", "start", "--no-block", *(name for name, unit in wanted.items() if unit.wanted_by)], "")


def _sources() -> dict[str, set[str]]:
    """The files that a running service has read, in the order in which the services are to be restarted."""
    return {
        "webrtc-firewall-refresh.timer": {f"{UNITS}/webrtc-firewall-refresh.timer"},
        LEARN_SOCKET: {f"{UNITS}/{LEARN_SOCKET}"},
        LEARN: {f"{UNITS}/{LEARN}", f"{UNITS}/{LEARN_SOCKET}", PROGRAM, POLICY, RESOLVER},
        DNSMASQ: {f"{UNITS}/{DNSMASQ}", INSTANCE},
    }


def stop(gone: Iterable[str], run: Runner) -> None:
    """Before files go: systemd forgets their units; the rules stay as they are.

    Args:
        gone: the paths that are about to be removed.
        run: runs commands.
    """
    names = [name for name, unit in _all().items() if f"{UNITS}/{name}" in set(gone) and unit.wanted_by]
    if names and manager() == "systemd":
        _must(run, ["systemctl", "disable", "--quiet", "--now", *names])


def forget(gone: Iterable[str], run: Runner) -> None:
    """After files are gone: no link and no folder of ours stays behind, and nothing runs with what was in them."""
    paths_gone = set(gone)
    if manager() == "systemd" and any(path.startswith(UNITS) for path in paths_gone):
        _must(run, ["systemctl", "daemon-reload"])
        # What has failed once is remembered beyond its file; there is nothing to reset where it has not.
        run(["systemctl", "reset-failed", *(os.path.basename(path) for path in paths_gone if path.startswith(f"{UNITS}/webrtc"))], "")
    elif manager() == "sysv":
        for path in sorted(paths_gone & set(RUNLEVELS)):
            _must(run, ["update-rc.d", os.path.basename(path), "remove"])
    if paths_gone & {DNSMASQ_DROPIN, DNSMASQ_RESTARTS} and run(["systemctl", "is-active", "--quiet", "dnsmasq.service"], "").code == 0:
        _restart_dnsmasq(run)
    for target in sorted({target for unit in _all().values() for target in unit.wanted_by}):
        remove_empty(f"{UNITS}/{target}.wants")
    for dropin in (DNSMASQ_RESTARTS, FIREWALLD_STARTS):
        remove_empty(os.path.dirname(dropin))


def _restart_dnsmasq(run: Runner) -> None:
    """The machine's own; one that would not come back is left running as it is."""
    complaint = dnsmasq_complaint(run)
    if complaint:
        remedy = "Correct its configuration; until then it goes on with the one it has read."
        raise TargetProblem([Problem("dnsmasq --test", complaint, "a configuration that dnsmasq.service can start with", remedy)])
    _must(run, ["systemctl", "restart", "dnsmasq.service"])


def dnsmasq_complaint(run: Runner) -> str:
    """What the machine's own dnsmasq says against its configuration as it lies on the disk now; empty if nothing."""
    shown = run(["systemctl", "show", "--property=MainPID", "--value", "dnsmasq.service"], "").out.strip()
    arguments = (read(f"/proc/{shown}/cmdline") or "").split("\0")[1:-1]
    done = run([find("dnsmasq") or "dnsmasq", "--test", *arguments], "")
    return done.err.strip()[:300] if done.code else ""


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
