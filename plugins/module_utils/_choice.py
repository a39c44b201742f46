# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Which backend it is: the one that the site names, or the one that really rules the machine."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.webrtc.firewall.plugins.module_utils import _backends, _stored
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS, NAMES
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

AUTO = "auto"
CHOICES = (AUTO, *BACKENDS)
DEFAULT = "nftables"


@dataclass(frozen=True)
class Choice:
    """A backend, and why it is this one."""

    backend: Backend
    reason: str


def choose(asked: str, run: Runner) -> Choice:
    """The backend for a run that changes something.

    A manager that is active comes first, since it owns the packet filter. Otherwise a machine stays with what it has: chains that
    another program has made meanwhile are no reason to move.

    Args:
        asked: a backend's name, or ``auto``.
        run: runs commands on the machine.

    Raises:
        TargetProblem: two managers are active.
    """
    if asked != AUTO:
        return Choice(BACKENDS[asked](run), "webrtc_egress_backend names it")
    active = managers(run)
    if len(active) > 1:
        told = "; ".join(active.values())
        remedy = "Stop and disable all but one of them; each would undo the other's rules."
        raise TargetProblem([Problem("webrtc_egress_backend", told, "one firewall manager at most", remedy)])
    for name, reason in active.items():
        return Choice(BACKENDS[name](run), reason)
    former = stored()
    if former and not NAMES[former] and BACKENDS[former](run).installed():
        return Choice(BACKENDS[former](run), "the last run used it")
    plain = [name for name, manager in NAMES.items() if not manager]
    for name in plain:
        reason = BACKENDS[name](run).in_charge()
        if reason:
            return Choice(BACKENDS[name](run), reason)
    for name in (DEFAULT, *plain):
        if BACKENDS[name](run).installed():
            return Choice(BACKENDS[name](run), "no other firewall rules this machine")
    return Choice(BACKENDS[DEFAULT](run), "no firewall is installed")


def in_force(asked: str, run: Runner) -> Choice:
    """The backend whose rules are on the machine, for a run that reads or that takes rules away."""
    former = stored()
    return Choice(BACKENDS[former](run), "the last run used it") if asked == AUTO and former else choose(asked, run)


def managers(run: Runner) -> dict[str, str]:
    """The managers that are active, each with how that is known."""
    found = {name: kind(run).in_charge() for name, kind in _backends.managers().items()}
    return {name: reason for name, reason in found.items() if reason}


def sleepers(backend: Backend) -> list[str]:
    """Managers that do not run now and will at the next boot, beside a backend that they would undo."""
    found = {name: kind(backend.run).comes_back() for name, kind in _backends.managers().items() if name != backend.name}
    return [
        f"{name} does not run, but the next boot starts it ({link}), and the rules of {backend.name} would not help beside it:"
        f" start it now and run again, or disable it (systemctl disable {name})"
        for name, link in found.items() if link
    ]  # fmt: skip


def rivals(backend: Backend) -> list[Problem]:
    """Managers beside a backend that would undo or refuse its rules."""
    remedy = f"Stop and disable it, or let webrtc_egress_backend be auto or {{}} instead of {backend.name}."
    return [
        Problem("firewall manager", reason, "no manager of the packet filter beside the chosen backend", remedy.format(name))
        for name, reason in managers(backend.run).items() if name != backend.name
    ]  # fmt: skip


def stored() -> str:
    """The backend of the last run; empty where there was none, or its file is damaged."""
    try:
        name = _stored.load().backend
    except TargetProblem:
        return ""
    return name if name in BACKENDS else ""
