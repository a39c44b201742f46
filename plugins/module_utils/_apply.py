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
from typing import Any, ContextManager, Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _blocked,
    _change,
    _choice,
    _journal,
    _learned,
    _paths,
    _persistence,
    _resolve,
    _seen,
    _stored,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Change, Plan
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard
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
        waits: whether the change goes back by itself unless somebody confirms it.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    policy: Optional[Policy]
    waits: bool = False


def present(backend: Backend, policy: Policy, exclusive: bool, guard: Optional[Guard], resolver: Optional[Resolver] = None) -> Result:
    """Make the machine let the policy's flows through.

    Args:
        backend: the machine's firewall.
        policy: the wanted policy.
        exclusive: whether services that the policy does not name go; otherwise they stay as they were stored.
        guard: how a change is to be settled; None stops before anything is changed.
        resolver: the settings of the resolver that shall learn; None leaves it as it is.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    with _turn(backend, guard) as told:
        before = _earlier(exclusive, resolver is not None)
        if before.policy and not exclusive:
            policy = policy.merged_with(before.policy)
        wanted = replace(before, policy=policy, resolver=resolver or before.resolver, backend=backend.name)
        return _converge(backend, wanted, before, guard, told)


def absent(backend: Backend, services: Iterable[str], guard: Optional[Guard]) -> Result:
    """Take services away; the last one takes all rules of ours with it.

    Args:
        backend: the machine's firewall.
        services: which services; empty means everything of ours, the resolver among it.
        guard: how a change is to be settled; None stops before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    gone = set(services)
    with _turn(backend, guard) as told:
        if not gone:
            return _converge(backend, Machine(), Machine(backend=_choice.stored()), guard, told)
        before = _earlier(False, False)
        rest = before.policy.without(gone) if before.policy else None
        wanted = replace(before, policy=rest if rest and rest.services else None, backend=backend.name)
        return _converge(backend, wanted, before, guard, told)


def resolve_by(backend: Backend, resolver: Optional[Resolver], guard: Optional[Guard]) -> Result:
    """Make the machine's resolver teach the packet filter, or take that away.

    Args:
        backend: the machine's firewall.
        resolver: the wanted settings; None takes the resolver away.
        guard: how a change is to be settled; None stops before anything is changed.

    Returns:
        What changed.

    Raises:
        FirewallError: something is wrong; nothing was changed.
    """
    with _turn(backend, guard) as told:
        try:
            stored = _stored.load()
        except TargetProblem as error:
            reason = "; ".join(map(str, error.problems))
            return Result((), (f"the resolver stays as it is until the role webrtc_egress has mended the policy: {reason}",), None)
        before = Machine(stored.policy, stored.resolved, _earlier_resolver(True), stored.backend)
        return _converge(backend, replace(before, resolver=resolver), before, guard, told, rules=stored.policy is not None)


def refresh(backend: Backend) -> list[str]:
    """Look the host names of the stored policy up again: new addresses come, those long unseen go, all else stays.

    Args:
        backend: the machine's firewall.

    Returns:
        What happened, a line each.

    Raises:
        FirewallError: the machine is not as the last run left it, or something else is wrong; nothing was changed.
    """
    guard = Guard("refresh")
    with _turn(backend, guard) as mended:
        before = _earlier(False, False)
        if before.policy is None:
            return []
        answers = _resolve.resolve(names(before.policy))
        known, seen = _seen.take_in(before.resolved, answers, _seen.load(), time.time())
        left = _unchanged(backend, before)
        if left:
            remedy = "Run the playbook: it shows what has changed, and mends it."
            raise TargetProblem([Problem(change.id, change.before, "what the last run left", remedy) for change in left])
        result = _converge(backend, replace(before, resolved=known), before, guard, answers=answers)
        _seen.store(seen)
    told = [*mended] + [f"{change.id}: {change.after}" for change in result.changes if not change.id.startswith("file/")]
    return told + _seen.drift(before.policy, answers)


def _unchanged(backend: Backend, before: Machine) -> tuple[Change, ...]:
    """What somebody else has changed since the last run."""
    answers = _resolve.Answers(addresses=dict(before.resolved))
    return _converge(backend, before, before, None, answers=answers).changes


def _converge(
    backend: Backend,
    wanted: Machine,
    before: Machine,
    guard: Optional[Guard],
    told: Iterable[str] = (),
    answers: Optional[_resolve.Answers] = None,
    rules: bool = True,
) -> Result:
    """Get from what is to what shall be.

    Args:
        backend: the machine's firewall.
        wanted: what shall be; of the addresses of names what is known.
        before: what the last run left.
        guard: how a change is to be settled; None stops before anything is changed.
        told: what the operator should know already.
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
        backend.validate(plan, guard is None)
    waits = guard is not None and guard.seconds > 0 and bool(moved or plan.changes)
    if changes and guard:
        looked_up = bool(before.policy and names(before.policy))
        needs = Needs(os.path.lexists(_paths.RESTORE), os.path.lexists(_paths.SETS), looked_up, before.resolver)
        way = _Way(backend, view, plan, former)
        # What no rule changes cannot cut anybody off.
        _change.make(guard if waits else replace(guard, seconds=0.0), way.back(), installed, needs, way.there, backend.run)
    sleepers = _choice.sleepers(backend) if view.policy and rules else []
    # Nobody reads what a refresh of addresses warns of, every few minutes.
    blocked = _blocked.after_run(backend, view.concrete, view.live) if rules and view.concrete and answers is None else []
    warnings = (*told, *plan.warnings, *map(str, blocked), *view.warnings, *notes(view, resolver, bool(plan.files)), *sleepers)
    return Result(changes, warnings, view.policy, bool(changes) and waits)


def _learned_by(backend: Backend, policy: Optional[Policy]) -> dict[str, tuple[str, ...]]:
    return _learned.elements(policy, backend.learned_set, _journal.load()) if policy else {}


def _former(backend: Backend, before: Machine) -> Optional[Backend]:
    """The backend of the last run if it is another one, and what it has left can still be found."""
    if before.backend in ("", backend.name) or before.backend not in BACKENDS:
        return None
    former = BACKENDS[before.backend](backend.run)
    return former if former.reachable() else None


@dataclass(frozen=True)
class _Way:
    """From the live rules to the wanted ones: rules first, then what a former backend has left."""

    backend: Backend
    view: View
    plan: Plan
    former: Optional[Backend]

    def back(self) -> list[tuple[Backend, Any]]:
        """The backends that change something, in order, and what they need to undo it."""
        found = [] if self.view.live is None else [(self.backend, self.backend.before(self.plan))]
        return [*found, (self.former, self.former.before(self._gone(self.former)))] if self.former else found

    def there(self) -> None:
        """Change the rules.

        Without conntrack's memory all live connections would look new, and be dropped: it meets them first.
        """
        backend, view = self.backend, self.view
        if view.live is not None:
            observing = backend.observing(view.concrete, view.live) if view.concrete else None
            first = backend.plan(observing, view.live, _learned_by(backend, observing)) if observing else self.plan
            backend.apply(first)
            if observing:
                time.sleep(SETTLE_SECONDS)
                backend.apply(backend.plan(view.concrete, backend.read(), {}))
        if self.former:
            self.former.apply(self._gone(self.former))

    def _gone(self, former: Backend) -> Plan:
        return former.plan(None, former.read(), {}, self.backend)


def _turn(backend: Backend, guard: Optional[Guard]) -> ContextManager[list[str]]:
    return _change.turn(backend.run) if guard else nullcontext([])


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
