# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The line on the target: stored policy, resolution, plan, validation, transaction, persistence.

`present` and `absent` are the whole story; all that they call either computes or does one thing.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import ContextManager, Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _persistence, _resolve, _services, _stored, _system, _uplinks
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Change, Plan
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

# Longer than media and most keep-alives pause, so that conntrack has met the live connections.
SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Result:
    """What a run did, or would do in check mode.

    Attributes:
        changes: what differed, by id.
        warnings: what the operator should know.
        policy: what is in force now; None if nothing is.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    policy: Optional[Policy]


def present(backend: Backend, policy: Policy, exclusive: bool, check: bool) -> Result:
    """Make the machine let the policy's flows through.

    Args:
        backend: the machine's firewall.
        policy: the wanted policy.
        exclusive: whether services that the policy does not name go; otherwise they stay as they were stored.
        check: whether to stop before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    with _locked(check):
        stored = _earlier(exclusive)
        if stored.policy and not exclusive:
            policy = policy.merged_with(stored.policy)
        return _converge(backend, policy, stored.resolved, check)


def absent(backend: Backend, services: Iterable[str], check: bool) -> Result:
    """Take services away; the last one takes everything of ours with it.

    Args:
        backend: the machine's firewall.
        services: which services; empty means everything.
        check: whether to stop before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    names = set(services)
    with _locked(check):
        stored = _stored.load() if names else None
        rest = stored.policy.without(names) if stored and stored.policy else None
        if stored and rest and rest.services:
            return _converge(backend, rest, stored.resolved, check)
        return _vanish(backend, check)


def _converge(backend: Backend, policy: Policy, known: dict[str, tuple[str, ...]], check: bool) -> Result:
    problems = _unknown_interfaces(policy)
    with _gathered(problems):
        policy = _uplinks.outbound(policy)
    answers = _resolve.resolve({name for flow in policy.flows for name in flow.destination.hostnames})
    with _gathered(problems):
        concrete, resolved = _resolve.concrete(policy, known, answers)
    with _gathered(problems):
        live = backend.read()
        problems += backend.obstacles(policy, live)
    if problems:
        raise TargetProblem(problems)
    plan = backend.plan(concrete, live)
    files = _persistence.files(policy, resolved, plan.boot)
    changes = (*plan.changes, *_persistence.changes(files, backend.run))
    if changes:
        backend.validate(plan, check)
    if changes and not check:
        _apply(backend, concrete, live, plan, files)
    return Result(changes, (*plan.warnings, *_notes(policy, answers, resolved)), policy)


@contextmanager
def _gathered(problems: list[Problem]) -> Iterator[None]:
    """Take note of what is wrong and go on, so that everything is told at once."""
    try:
        yield
    except FirewallError as error:
        problems += error.problems


def _apply(backend: Backend, policy: Policy, live: object, plan: Plan, files: dict[str, tuple[str, int]]) -> None:
    """Without conntrack's memory all live connections would look new, and be dropped: let it meet them first."""
    observing = backend.observing(policy, live)
    undo = backend.apply(backend.plan(observing, live) if observing else plan)
    try:
        if observing:
            time.sleep(SETTLE_SECONDS)
            backend.apply(backend.plan(policy, backend.read()))
        _persistence.write(files, backend.run)
    except BaseException:
        undo()
        raise


def _vanish(backend: Backend, check: bool) -> Result:
    if not backend.installed() and not _persistence.present():
        return Result((), (), None)
    plan = backend.plan(None, backend.read())
    changes = (*plan.changes, *(Change(f"file/{path}", "there", None) for path in _persistence.present()))
    if changes and not check:
        undo = backend.apply(plan)
        try:
            _persistence.remove(backend.run)
        except BaseException:
            undo()
            raise
    return Result(changes, plan.warnings, None)


def _locked(check: bool) -> ContextManager[None]:
    return nullcontext() if check else _system.lock()


def _earlier(exclusive: bool) -> _stored.Stored:
    """What earlier runs left; an exclusive run replaces a damaged file, as it needs nothing out of it."""
    try:
        return _stored.load()
    except TargetProblem:
        if not exclusive:
            raise
        return _stored.Stored(None, {})


def _unknown_interfaces(policy: Policy) -> list[Problem]:
    frame = policy.frame
    there = sorted(os.listdir("/sys/class/net"))
    remedy = f"This machine has: {', '.join(there)}."
    return [
        Problem(f"webrtc_egress_{key}[{index}]", name, "an interface of this machine", remedy)
        for key in ("in_interfaces", "out_interfaces")
        for index, name in enumerate(getattr(frame, key)) if name not in there
    ]  # fmt: skip


def _notes(policy: Policy, answers: _resolve.Answers, resolved: dict[str, tuple[str, ...]]) -> list[str]:
    notes = [f"{key} is not opened: {reason}" for key, reason in sorted(policy.unsatisfied.items())]
    for name, reason in sorted(answers.failures.items()):
        kept = "its earlier addresses stay" if resolved.get(name) else "it has no address"
        notes.append(f"{name} does not resolve ({reason}); {kept}")
    if not _services.manager():
        notes.append(f"no systemd and no LSB init found: run {_services.RESTORE} whenever the machine starts")
    return notes
