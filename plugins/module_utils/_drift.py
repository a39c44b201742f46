# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.
"""What is on the machine against what the last run left, and what of others keeps flows from passing now; changes nothing, takes no lock.

`examine` is the whole story.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterable, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _blocked,
    _choice,
    _paths,
    _pending,
    _persistence,
    _resolve,
    _stored,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, Change
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner
from ansible_collections.webrtc.firewall.plugins.module_utils._view import Machine, View, names, notes, survey


@dataclass(frozen=True)
class Waiting:
    """A change that is not settled: its id, the seconds until it goes back by itself, and whether all of it is made."""

    id: str
    seconds_left: int
    made: bool


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        backend: the firewall that the rules are in; empty where that cannot be told.
        reason: why it is this one.
        services: the services that should be in force.
        drift: what differs, by id; before is what is, after what should be.
        blocked: what of others keeps, or may keep, flows from passing.
        waiting: a change that is not settled; None if there is none.
        warnings: what the operator should know.
    """

    backend: str = ""
    reason: str = ""
    services: tuple[str, ...] = ()
    drift: tuple[Change, ...] = ()
    blocked: tuple[Blocker, ...] = ()
    waiting: Optional[Waiting] = None
    warnings: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether all is as it should be, and nothing is under way."""
        return not (self.drift or self.blocked or self.waiting)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data, in the words of the module's documentation."""
        blocked = [
            {"flows": list(item.flows), **{key: getattr(item, key) for key in ("where", "rule", "sure", "why", "remedy")}}
            for item in self.blocked
        ]  # fmt: skip
        return {
            "clean": self.clean,
            "backend": self.backend,
            "backend_reason": self.reason,
            "services": list(self.services),
            "drift": [{"id": item.id, "found": item.before, "expected": item.after} for item in self.drift],
            "blocked": blocked,
            "waiting": vars(self.waiting) if self.waiting else None,
            "summary": self.lines(),
        }

    def lines(self) -> list[str]:
        """The same for people, a line each; empty if all is clean."""
        told = [f"{item.id}: {item.before or 'missing'}; expected: {item.after or 'nothing'}" for item in self.drift]
        told += [str(item) for item in self.blocked]
        if self.waiting:
            state = "waits for its confirmation" if self.waiting.made else "is not made as a whole"
            told.append(f"change {self.waiting.id}: {state}; goes back by itself in {self.waiting.seconds_left} s")
        return told


def examine(asked: str, run: Runner, given: Optional[Policy] = None) -> Report:
    """Compare the machine with what it should be.

    Args:
        asked: a backend's name, or ``auto`` for the one that the last run used.
        run: runs commands.
        given: the policy that should be in force; None for the one that the last run has stored.

    Returns:
        What was found; also damaged files and missing tools are, since nothing else needs them.
    """
    drift: list[Change] = []
    waiting, before = _waiting(drift), _before(drift)
    try:
        choice = _choice.in_force(asked, run)
    except TargetProblem as error:
        return Report("", "", (), tuple(drift), tuple(_obstacles(error.problems, given or before.policy)), waiting)
    policy = given or before.policy
    wanted = replace(before, policy=policy, backend=choice.backend.name)
    services = tuple(sorted(policy.services)) if policy else ()
    if before.backend not in ("", choice.backend.name):
        drift.append(Change("backend", before.backend, choice.backend.name))
    report = Report(choice.backend.name, choice.reason, services, waiting=waiting)
    if policy is None and drift:
        # Without the policy nobody knows what should be.
        return replace(report, drift=tuple(drift))
    view, problems = survey(choice.backend, wanted, before, _answers(policy, before))
    changes, blocked, warnings = _compared(choice.backend, wanted, view, problems)
    return replace(report, drift=(*drift, *_without_policy(policy, changes)), blocked=tuple(blocked), warnings=tuple(warnings))


def _waiting(drift: list[Change]) -> Optional[Waiting]:
    try:
        found = _pending.load()
    except TargetProblem as error:
        drift += _damage(error)
        return None
    return Waiting(found.id, int(max(0.0, found.seconds_left)), _pending.done()) if found else None


def _before(drift: list[Change]) -> Machine:
    """What the last run left, as far as it can be read."""
    before = Machine()
    try:
        stored = _stored.load()
        before = Machine(stored.policy, stored.resolved, None, stored.backend)
    except TargetProblem as error:
        drift += _damage(error)
    try:
        return replace(before, resolver=_stored.load_resolver())
    except TargetProblem as error:
        drift += _damage(error)
        return before


def _damage(error: TargetProblem) -> list[Change]:
    return [Change(f"file/{problem.path}", str(problem.value), problem.expected) for problem in error.problems]


def _answers(policy: Optional[Policy], before: Machine) -> _resolve.Answers:
    """The addresses that are known already; DNS is asked for names alone that the last run did not know."""
    unknown = (names(policy) if policy else set()) - before.resolved.keys()
    asked = _resolve.resolve(unknown) if unknown else _resolve.Answers()
    return _resolve.Answers({**asked.addresses, **before.resolved}, asked.failures)


def _compared(backend: Backend, wanted: Machine, view: View, problems: list[Problem]) -> tuple[list[Change], list[Blocker], list[str]]:
    """What differs, and what blocks, as far as the machine could be looked at."""
    policy = view.concrete or view.policy
    blocked: list[Blocker] = []
    if view.policy and view.live is not None and policy:
        blocked = _blocked.now(backend, policy, view.live)
    # What the chains themselves have shown is not told twice.
    rest = [problem for problem in problems if not any(item.where in str(problem.value) for item in blocked)]
    blocked += _obstacles(rest, policy)
    if view.live is None or not view.directed or (view.policy and not view.concrete):
        return [], blocked, []
    try:
        plan = backend.plan(view.concrete, view.live, {})
    except TargetProblem as error:
        return [], [*blocked, *_obstacles(error.problems, policy)], []
    installed = _persistence.installed(replace(wanted, resolved=view.resolved), view.policy, plan.files)
    changes = [*plan.changes, *_persistence.changes(installed, backend.run)]
    return changes, blocked, [*view.warnings, *notes(view, wanted.resolver, bool(plan.files))]


def _obstacles(problems: Iterable[Problem], policy: Optional[Policy]) -> list[Blocker]:
    """What would keep a run from mending the machine, and may keep flows from passing."""
    ids = tuple(flow.id for flow in policy.flows) if policy else ()
    return [
        Blocker(
            (item.path,) if item.path in ids else ids,
            item.path,
            "missing" if item.value is None else str(item.value),
            f"expected {item.expected}",
            item.remedy,
            sure=False,
        )
        for item in problems
    ]  # fmt: skip


def _without_policy(policy: Optional[Policy], changes: list[Change]) -> list[Change]:
    """Rules and files without a policy: that is what is missing, and not the rules too many."""
    if policy is None and any(change.after is None for change in changes):
        return [Change(f"file/{_paths.POLICY}", None, "the policy of the rules and files that are there")]
    return changes
