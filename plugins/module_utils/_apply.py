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
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Callable, ContextManager, Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _choice,
    _journal,
    _learned,
    _paths,
    _persistence,
    _resolve,
    _seen,
    _stored,
    _system,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Change, Plan
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._services import Needs
from ansible_collections.webrtc.firewall.plugins.module_utils._view import Machine, View, look, names, notes

# Longer than media and most keep-alives pause, so that conntrack has met the live connections.
SETTLE_SECONDS = 2.0
_NO_PLAN = Plan((), (), None)


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


def present(backend: Backend, policy: Policy, exclusive: bool, check: bool, resolver: Optional[Resolver] = None) -> Result:
    """Make the machine let the policy's flows through.

    Args:
        backend: the machine's firewall.
        policy: the wanted policy.
        exclusive: whether services that the policy does not name go; otherwise they stay as they were stored.
        check: whether to stop before anything is changed.
        resolver: the settings of the resolver that shall learn; None leaves it as it is.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    with _locked(check):
        before = _earlier(exclusive, resolver is not None)
        if before.policy and not exclusive:
            policy = policy.merged_with(before.policy)
        wanted = replace(before, policy=policy, resolver=resolver or before.resolver, backend=backend.name)
        return _converge(backend, wanted, before, check)


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
    gone = set(services)
    with _locked(check):
        if not gone:
            return _converge(backend, Machine(), Machine(backend=_choice.stored()), check)
        before = _earlier(False, False)
        rest = before.policy.without(gone) if before.policy else None
        wanted = replace(before, policy=rest if rest and rest.services else None, backend=backend.name)
        return _converge(backend, wanted, before, check)


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
        try:
            stored = _stored.load()
        except TargetProblem as error:
            told = "; ".join(map(str, error.problems))
            return Result((), (f"the resolver stays as it is until the role webrtc_egress has mended the policy: {told}",), None)
        before = Machine(stored.policy, stored.resolved, _earlier_resolver(True), stored.backend)
        return _converge(backend, replace(before, resolver=resolver), before, check, rules=stored.policy is not None)


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
        before = _earlier(False, False)
        if before.policy is None:
            return []
        answers = _resolve.resolve(names(before.policy))
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


def _converge(
    backend: Backend,
    wanted: Machine,
    before: Machine,
    check: bool,
    answers: Optional[_resolve.Answers] = None,
    rules: bool = True,
) -> Result:
    """Get from what is to what shall be.

    Args:
        backend: the machine's firewall.
        wanted: what shall be; of the addresses of names what is known.
        before: what the last run left.
        check: whether to stop before anything is changed.
        answers: what the resolver says of the host names, where that is known already.
        rules: whether the rules are this run's business.
    """
    view = look(backend, wanted, before, answers, rules)
    plan, resolver = _NO_PLAN, wanted.resolver
    if view.live is not None:
        plan = backend.plan(view.concrete, view.live, _learned_by(backend, view.concrete))
    former = _former(backend, before) if rules else None
    if rules:
        installed = _persistence.installed(replace(wanted, resolved=view.resolved), view.policy, plan.files)
    else:
        installed = _persistence.resolver_alone(resolver)
    moved = (Change("backend", former.name, backend.name if wanted.policy else None),) if former else ()
    changes = (*moved, *plan.changes, *_persistence.changes(installed, backend.run))
    if changes and view.policy:
        backend.validate(plan, check)
    if changes and not check:
        looked_up = bool(before.policy and names(before.policy))
        needs = Needs(os.path.lexists(_paths.RESTORE), os.path.lexists(_paths.SETS), looked_up, before.resolver)
        _apply(backend, view, plan, former, lambda: _persistence.write(installed, needs, backend.run))
    return Result(changes, (*plan.warnings, *view.warnings, *notes(view, resolver, bool(plan.files))), view.policy)


def _learned_by(backend: Backend, policy: Optional[Policy]) -> dict[str, tuple[str, ...]]:
    return _learned.elements(policy, backend.learned_set, _journal.load()) if policy else {}


def _former(backend: Backend, before: Machine) -> Optional[Backend]:
    """The backend of the last run if it is another one, and still there."""
    if before.backend in ("", backend.name) or before.backend not in BACKENDS:
        return None
    former = BACKENDS[before.backend](backend.run)
    return former if former.installed() else None


def _apply(backend: Backend, view: View, plan: Plan, former: Optional[Backend], write: Callable[[], None]) -> None:
    """Rules first, then what a former backend has left, files last; if anything fails, all goes back.

    Without conntrack's memory all live connections would look new, and be dropped: it meets them first.
    """
    undo: list[Callable[[], None]] = []
    try:
        if view.live is not None:
            observing = backend.observing(view.concrete, view.live) if view.concrete else None
            first = backend.plan(observing, view.live, _learned_by(backend, observing)) if observing else plan
            undo.append(backend.apply(first))
            if observing:
                time.sleep(SETTLE_SECONDS)
                backend.apply(backend.plan(view.concrete, backend.read(), {}))
        if former:
            undo.append(former.apply(former.plan(None, former.read(), {}, backend)))
        write()
    except BaseException:
        for step in reversed(undo):
            step()
        raise


def _locked(check: bool) -> ContextManager[None]:
    return nullcontext() if check else _system.lock()


def _earlier(anew: bool, resolver_anew: bool) -> Machine:
    """What earlier runs left; a run that makes something anew replaces its damaged file, as it needs nothing out of it."""
    resolver = _earlier_resolver(resolver_anew)
    try:
        stored = _stored.load()
        return Machine(stored.policy, stored.resolved, resolver, stored.backend)
    except TargetProblem:
        if not anew:
            raise
        return Machine(resolver=resolver)


def _earlier_resolver(anew: bool) -> Optional[Resolver]:
    try:
        return _stored.load_resolver()
    except TargetProblem:
        if not anew:
            raise
        return None
