# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A look at the machine before anything is changed: what shall be, what stands in the way, and what the operator should know."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _choice, _paths, _resolve, _services, _uplinks
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import _resolver_check
else:
    _resolver_check = Deferred("_resolver_check")


@dataclass(frozen=True)
class Machine:
    """What a machine has, or shall have, of ours.

    Attributes:
        policy: the policy, with its host names.
        resolved: the addresses of its host names that are known.
        resolver: the settings of the resolver that learns.
        backend: the name of the backend that applies it; empty where nothing is applied.
    """

    policy: Optional[Policy] = None
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resolver: Optional[Resolver] = None
    backend: str = ""


@dataclass
class View:
    """What a look at the machine and at DNS has shown.

    Attributes:
        policy: the wanted policy, with its direction.
        concrete: the same with addresses in place of host names.
        resolved: the addresses of each host name.
        answers: what the resolver said of the host names.
        directed: whether the way out is known, where it has to be found.
        live: what the backend has read; None where there is nothing to read, or it is not this run's business.
        warnings: what the operator should know.
    """

    policy: Optional[Policy]
    concrete: Optional[Policy] = None
    resolved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    answers: _resolve.Answers = field(default_factory=_resolve.Answers)
    live: object = None
    directed: bool = True
    warnings: list[str] = field(default_factory=list)


def look(backend: Backend, wanted: Machine, before: Machine, answers: Optional[_resolve.Answers], rules: bool) -> View:
    """Look at everything and tell all problems at once.

    Args:
        backend: the machine's firewall.
        wanted: what shall be; of the addresses of names what is known.
        before: what the last run left.
        answers: what the resolver says of the host names, where that is known already.
        rules: whether the rules are this run's business.

    Raises:
        TargetProblem: something is in the way.
    """
    view, problems = survey(backend, wanted, before, answers, rules)
    if problems:
        raise TargetProblem(problems)
    return view


def survey(
    backend: Backend, wanted: Machine, before: Machine, answers: Optional[_resolve.Answers], rules: bool = True
) -> tuple[View, list[Problem]]:
    """The same as `look`, with what is in the way beside what could be seen all the same."""
    problems: list[Problem] = []
    view = View(wanted.policy)
    if view.policy:
        problems += _unknown_interfaces(view.policy)
        view.directed = False
        with _gathered(problems):
            view.policy = _uplinks.outbound(view.policy)
            view.directed = True
        view.answers = answers or _resolve.resolve(names(view.policy))
        with _gathered(problems):
            view.concrete, view.resolved = _resolve.concrete(view.policy, wanted.resolved, view.answers)
    if wanted.resolver:
        findings = _resolver_check.examine(wanted.resolver, before.resolver, view.policy, backend.run)
        problems += findings.problems
        view.warnings += findings.warnings
    if rules and view.policy:
        problems += backend.unsupported(view.policy)
    if rules and (view.policy or backend.reachable()):
        with _gathered(problems):
            view.live = backend.read()
            # An interface that is not there is in no zone either: what is known of an option is told once.
            told = {problem.path for problem in problems if problem.path.startswith("webrtc_egress_")}
            problems += [item for item in backend.obstacles(view.policy, view.live) if item.path not in told] if view.policy else []
            problems += _choice.rivals(backend) if view.policy else []
    return view, problems


@contextmanager
def _gathered(problems: list[Problem]) -> Iterator[None]:
    """Take note of what is wrong and go on, so that everything is told at once."""
    try:
        yield
    except FirewallError as error:
        problems += error.problems


def names(policy: Policy) -> set[str]:
    """The host names that a policy's flows go to."""
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


def notes(view: View, resolver: Optional[Resolver], restored: bool) -> list[str]:
    """What the operator should know of a machine with this policy, this resolver, and rules that something of ours restores or not."""
    if view.policy is None:
        return []
    found = [f"{key} is not opened: {reason}" for key, reason in sorted(view.policy.unsatisfied.items())]
    for name, reason in sorted(view.answers.failures.items()):
        kept = "its earlier addresses stay" if view.resolved.get(name) else "it has no address"
        found.append(f"{name} does not resolve ({reason}); {kept}")
    if view.policy.learns and resolver is None:
        found.append("no resolver of this machine teaches the addresses behind wildcards: run the role webrtc_domains")
    if restored and not _services.manager():
        found.append(f"no systemd and no LSB init found: run {_paths.RESTORE} whenever the machine starts")
    found += [f"unit/{name}: changed by {', '.join(files)}, which stays" for name, files in sorted(_services.overridden().items())]
    return found
