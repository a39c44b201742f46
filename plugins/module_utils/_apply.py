# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The line on the target: stored policy, resolution, plan, validation, transaction, persistence.

`present`, `absent`, `resolve_by` and `refresh` are the whole story; all that they call either computes or does one thing.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import ContextManager, Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _learned,
    _paths,
    _persistence,
    _resolve,
    _resolver_check,
    _seen,
    _services,
    _stored,
    _system,
    _uplinks,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Boot, Change, Plan
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._persistence import Installed
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs

# Longer than media and most keep-alives pause, so that conntrack has met the live connections.
SETTLE_SECONDS = 2.0
_NO_PLAN = Plan((), (), None, Boot("", ""))


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


@dataclass(frozen=True)
class Machine:
    """What a machine has, or shall have, of ours.

    Attributes:
        policy: the policy, with its host names.
        resolved: the addresses of its host names that are known.
        resolver: the settings of the resolver that learns.
    """

    policy: Optional[Policy] = None
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resolver: Optional[Resolver] = None


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
        before = _earlier(exclusive)
        if before.policy and not exclusive:
            policy = policy.merged_with(before.policy)
        return _converge(backend, replace(before, policy=policy), before, check)


def absent(backend: Backend, services: Iterable[str], check: bool) -> Result:
    """Take services away; the last one takes all rules of ours with it.

    Args:
        backend: the machine's firewall.
        services: which services; empty means everything of ours, the resolver among it.
        check: whether to stop before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    names = set(services)
    with _locked(check):
        if not names:
            return _converge(backend, Machine(), Machine(), check)
        before = _earlier(False)
        rest = before.policy.without(names) if before.policy else None
        return _converge(backend, replace(before, policy=rest if rest and rest.services else None), before, check)


def resolve_by(backend: Backend, resolver: Optional[Resolver], check: bool) -> Result:
    """Make the machine's resolver teach the packet filter, or take that away.

    Args:
        backend: the machine's firewall.
        resolver: the wanted settings; None takes the resolver away.
        check: whether to stop before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    with _locked(check):
        stored = _stored.load()
        try:
            earlier = _stored.load_resolver()
        except TargetProblem:
            # This run writes the file anew.
            earlier = None
        before = Machine(stored.policy, stored.resolved, earlier)
        return _converge(backend, replace(before, resolver=resolver), before, check)


def refresh(backend: Backend) -> list[str]:
    """Look the host names of the stored policy up again: new addresses come, those long unseen go, all else stays.

    Args:
        backend: the machine's firewall.

    Returns:
        What happened, a line each.

    Raises:
        FirewallError: the machine is not as the last run left it, or something else is wrong; nothing was changed.
    """
    with _locked(False):
        before = _earlier(False)
        if before.policy is None:
            return []
        answers = _resolve.resolve(_names(before.policy))
        known, seen = _seen.take_in(before.resolved, answers, _seen.load(), time.time())
        left = _unchanged(backend, before)
        if left:
            remedy = "Run the playbook: it shows what has changed, and mends it."
            raise TargetProblem([Problem(change.id, change.before, "what the last run left", remedy) for change in left])
        result = _converge(backend, replace(before, resolved=known), before, False, answers)
        _seen.store(seen)
    told = [f"{change.id}: {change.after}" for change in result.changes if not change.id.startswith("file/")]
    return told + _seen.drift(before.policy, answers)


def _unchanged(backend: Backend, before: Machine) -> tuple[Change, ...]:
    """What somebody else has changed since the last run."""
    answers = _resolve.Answers(addresses=dict(before.resolved))
    return _converge(backend, before, before, True, answers).changes


def _converge(backend: Backend, wanted: Machine, before: Machine, check: bool, answers: Optional[_resolve.Answers] = None) -> Result:
    """Get from what is to what shall be: look at everything, tell all problems at once, then change.

    Args:
        backend: the machine's firewall.
        wanted: what shall be; of the addresses of names what is known.
        before: what the last run left.
        check: whether to stop before anything is changed.
        answers: what the resolver says of the host names, where that is known already.
    """
    problems: list[Problem] = []
    warnings: list[str] = []
    resolved: dict[str, tuple[str, ...]] = {}
    concrete: Optional[Policy] = None
    policy, plan = wanted.policy, _NO_PLAN
    if policy:
        problems += _unknown_interfaces(policy)
        with _gathered(problems):
            policy = _uplinks.outbound(policy)
        answers = answers or _resolve.resolve(_names(policy))
        with _gathered(problems):
            concrete, resolved = _resolve.concrete(policy, wanted.resolved, answers)
    if wanted.resolver:
        findings = _resolver_check.examine(wanted.resolver, before.resolver, policy, backend.run)
        problems += findings.problems
        warnings += findings.warnings
    live = None
    if policy or backend.installed():
        with _gathered(problems):
            live = backend.read()
            problems += backend.obstacles(policy, live) if policy else []
    if problems:
        raise TargetProblem(problems)
    if live is not None:
        plan = backend.plan(concrete, live, _learned.elements(concrete, _learned.load()) if concrete else {})
    installed = _persistence.installed(policy, resolved, wanted.resolver, plan.boot)
    changes = (*plan.changes, *_persistence.changes(installed, backend.run))
    if changes and policy:
        backend.validate(plan, check)
    if changes and not check:
        needs = Needs(before.policy is not None, bool(before.policy and _names(before.policy)), before.resolver)
        _apply(backend, concrete, live, plan, installed, needs)
    return Result(changes, (*plan.warnings, *warnings, *_notes(policy, wanted.resolver, answers, resolved)), policy)


@contextmanager
def _gathered(problems: list[Problem]) -> Iterator[None]:
    """Take note of what is wrong and go on, so that everything is told at once."""
    try:
        yield
    except FirewallError as error:
        problems += error.problems


def _apply(backend: Backend, policy: Optional[Policy], live: object, plan: Plan, installed: Installed, before: Needs) -> None:
    """Rules first, files second; if the files cannot be written, the rules go back.

    Without conntrack's memory all live connections would look new, and be dropped: it meets them first.
    """
    if live is None:
        _persistence.write(installed, before, backend.run)
        return
    observing = backend.observing(policy, live) if policy else None
    undo = backend.apply(backend.plan(observing, live, _learned.elements(observing, _learned.load())) if observing else plan)
    try:
        if observing:
            time.sleep(SETTLE_SECONDS)
            backend.apply(backend.plan(policy, backend.read(), {}))
        _persistence.write(installed, before, backend.run)
    except BaseException:
        undo()
        raise


def _locked(check: bool) -> ContextManager[None]:
    return nullcontext() if check else _system.lock()


def _earlier(exclusive: bool) -> Machine:
    """What earlier runs left; an exclusive run replaces a damaged policy, as it needs nothing out of it."""
    resolver = _stored.load_resolver()
    try:
        stored = _stored.load()
        return Machine(stored.policy, stored.resolved, resolver)
    except TargetProblem:
        if not exclusive:
            raise
        return Machine(resolver=resolver)


def _names(policy: Policy) -> set[str]:
    return {name for flow in policy.flows for name in flow.destination.hostnames}


def _unknown_interfaces(policy: Policy) -> list[Problem]:
    frame = policy.frame
    there = sorted(os.listdir("/sys/class/net"))
    remedy = f"This machine has: {', '.join(there)}."
    return [
        Problem(f"webrtc_egress_{key}[{index}]", name, "an interface of this machine", remedy)
        for key in ("in_interfaces", "out_interfaces")
        for index, name in enumerate(getattr(frame, key)) if name not in there
    ]  # fmt: skip


def _notes(
    policy: Optional[Policy], resolver: Optional[Resolver], answers: Optional[_resolve.Answers], resolved: Mapping[str, tuple[str, ...]]
) -> list[str]:
    if policy is None or answers is None:
        return []
    notes = [f"{key} is not opened: {reason}" for key, reason in sorted(policy.unsatisfied.items())]
    for name, reason in sorted(answers.failures.items()):
        kept = "its earlier addresses stay" if resolved.get(name) else "it has no address"
        notes.append(f"{name} does not resolve ({reason}); {kept}")
    if policy.learns and resolver is None:
        notes.append("no resolver of this machine teaches the addresses behind wildcards: run the role webrtc_domains")
    if not _services.manager():
        notes.append(f"no systemd and no LSB init found: run {_paths.RESTORE} whenever the machine starts")
    return notes
