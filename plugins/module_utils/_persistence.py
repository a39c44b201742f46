# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a run leaves on the target's disk: policy, ruleset, resolver, and what runs them. Nothing of anybody else's is edited."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _own_files, _pack, _paths, _resolver, _services, _stored, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner
from ansible_collections.webrtc.firewall.plugins.module_utils._view import Machine

_PRIVATE = 0o700


@dataclass(frozen=True)
class Installed:
    """All that shall be on the disk.

    Attributes:
        files: path to (text, mode).
        needs: what shall be running.
        untouched: files that are none of this run's business, whether they are there or not.
    """

    files: dict[str, tuple[str, int]]
    needs: Needs
    untouched: frozenset[str] = frozenset()


NOTHING = Installed({}, Needs(False, False, False, None))


def installed(machine: Machine, policy: Optional[Policy], own: Mapping[str, tuple[str, int]]) -> Installed:
    """All files of a machine with this policy and this resolver; either may be missing.

    Args:
        machine: what it shall have; its policy does not count.
        policy: the policy with its direction.
        own: the backend's files, path to (text, mode).
    """
    resolver = machine.resolver
    names = any(flow.destination.hostnames for flow in policy.flows) if policy else False
    before = _paths.FIREWALLD in own
    needs = Needs(_paths.RESTORE in own, _paths.SETS in own, refresh=names, resolver=resolver, before_firewalld=before)
    files = dict(own)
    if policy:
        files[_paths.POLICY] = (_stored.policy_text(policy, machine.resolved, machine.backend), 0o600)
    if names or resolver:
        files[_paths.PROGRAM] = (_pack.program(), 0o644)
    if resolver:
        files[_paths.RESOLVER] = (_stored.resolver_text(resolver), 0o600)
        place = _paths.INSTANCE if resolver.mode == "instance" else _paths.DNSMASQ_DROPIN
        files[place] = (_resolver.dnsmasq_text(resolver, policy), 0o644)
    return Installed({**files, **_services.files(needs)}, needs)


def resolver_alone(resolver: Optional[Resolver]) -> Installed:
    """What a resolver needs where no policy is known: whatever belongs to rules stays as it is."""
    own = installed(Machine(resolver=resolver), None, {})
    mine = {path for mode in ("instance", "dropin") for path in installed(Machine(resolver=Resolver(mode, ())), None, {}).files}
    return Installed(own.files, own.needs, frozenset(_own_files.known()) - mine)


def changes(wanted: Installed, run: Runner) -> list[Change]:
    """What differs between the files that should be there and those that are; no file is touched."""
    found = [change for path, file in sorted(wanted.files.items()) if (change := _change(path, file))]
    if any(path.startswith(_paths.DIRECTORY) for path in wanted.files) and (spoiled := _spoiled_directory()):
        found.append(spoiled)
    found += [Change(f"file/{path}", "there", None) for path in _stale(wanted)]
    return found + [
        Change(f"unit/{name}", "not enabled and active", "enabled and active") for name in _services.sleeping(wanted.needs, run)
    ]


def _change(path: str, file: tuple[str, int]) -> Optional[Change]:
    text, mode = file
    there = _system.read(path)
    if there is None:
        return Change(f"file/{path}", None, "written")
    if there != text:
        return Change(f"file/{path}", "other text", "as rendered")
    if path not in _own_files.known():
        # Whose it is and whether it is a link is its owner's business.
        return _spoiled(path, os.stat(path), mode, False)
    found = os.lstat(path)
    return Change(f"file/{path}", "a link", "a file") if stat.S_ISLNK(found.st_mode) else _spoiled(path, found, mode)


def _spoiled_directory() -> Optional[Change]:
    """Our directory, where somebody else may read or write it now."""
    return _spoiled(_paths.DIRECTORY, os.stat(_paths.DIRECTORY), _PRIVATE) if os.path.isdir(_paths.DIRECTORY) else None


def _spoiled(path: str, found: os.stat_result, mode: int, ours: bool = True) -> Optional[Change]:
    if found.st_mode & 0o7777 != mode:
        return Change(f"file/{path}", f"mode {found.st_mode & 0o7777:04o}", f"mode {mode:04o}")
    wanted = (os.geteuid(), os.getegid())
    if ours and (found.st_uid, found.st_gid) != wanted:
        return Change(f"file/{path}", f"owner {found.st_uid}:{found.st_gid}", "owner {}:{}".format(*wanted))
    return None


def touched(wanted: Installed) -> list[str]:
    """Every path that `write` may change."""
    return sorted({*wanted.files, *_stale(wanted)})


def write(wanted: Installed, run: Runner) -> None:
    """Write what differs, remove what is not wanted any more, and have the services run.

    Args:
        wanted: all that shall be there.
        run: runs commands.

    Raises:
        TargetProblem: a file cannot be written, and nothing was; or the service manager refuses.
    """
    stale = _stale(wanted)
    changed = [path for path, file in wanted.files.items() if _change(path, file)]
    staged: dict[str, str] = {}
    try:
        for path in changed:
            os.makedirs(os.path.dirname(path), mode=_PRIVATE if path.startswith(_paths.DIRECTORY) else 0o755, exist_ok=True)
            _system.remove_staged(path)
            staged[path] = _system.stage(path, *wanted.files[path])
        if any(path.startswith(_paths.DIRECTORY) for path in wanted.files) and _spoiled_directory():
            os.chown(_paths.DIRECTORY, os.geteuid(), os.getegid())
            os.chmod(_paths.DIRECTORY, _PRIVATE)
    except OSError as error:
        for temporary in staged.values():
            _system.remove(temporary)
        remedy = "Make room, or make the directory writable."
        raise TargetProblem([Problem(str(error.filename or _paths.DIRECTORY), error.strerror, "to be able to write", remedy)]) from error
    _services.stop(stale, run)
    for path, temporary in staged.items():
        os.replace(temporary, path)
    for path in stale:
        _system.remove(path)
    _services.forget(stale, run)
    _services.enable(wanted.needs, changed, run)
    _own_files.tidy()


def _stale(wanted: Installed) -> list[str]:
    return [path for path in _own_files.present() if path not in wanted.files and path not in wanted.untouched]
