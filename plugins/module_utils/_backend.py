# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The contract of a backend: what turns a policy into the rules of one Linux firewall, and what changes show.

A backend refuses what it cannot express and never weakens it. Only `unsupported`, `render_text` and `plan` hold logic; the rest
reads or writes the machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

# So many flows are named in a sentence.
_SHOWN = 6


@dataclass(frozen=True)
class Change:
    """One difference between what is and what shall be, in the operator's words.

    Attributes:
        id: a flow's id, or ``frame/...``, ``permit/...``, ``file/...``, ``unit/...``.
        before: what is; None where there is nothing.
        after: what shall be; None where it goes.
    """

    id: str
    before: Optional[str]
    after: Optional[str]


@dataclass(frozen=True)
class Plan:
    """How to get from the live rules to the wanted ones.

    Attributes:
        changes: what differs, by id; empty if there is nothing to do.
        warnings: what the operator should know although the run can go on.
        steps: backend-specific; what `apply` does.
        files: own files that bring the rules back when the machine starts, path to (text, mode); none where the firewall does that itself.
    """

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    steps: Any
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class FlowState:
    """A flow as the live rules have it.

    Attributes:
        id: the flow's id.
        rule: what it lets through, in words.
        packets: packets of new connections that matched, since the flow was first applied; None where the firewall does not count.
        bytes: their bytes.
    """

    id: str
    rule: str
    packets: Optional[int]
    bytes: Optional[int]


@dataclass(frozen=True)
class State:
    """What is live, for people: flows, frame rules, the chains that hold a permit, and what each set has learned, with its packets."""

    present: bool
    flows: tuple[FlowState, ...] = ()
    permits: tuple[str, ...] = ()
    dropped_packets: int = 0
    rejected_packets: int = 0
    frame: dict[str, str] = field(default_factory=dict)
    learned: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Blocker:
    """A rule, a policy or a setting of others that keeps flows from passing.

    Attributes:
        flows: the ids of the flows.
        where: the chain, or what else it is.
        rule: its text; of a rule of nft's what its JSON says.
        why: why ours do not help.
        remedy: what to do about it, as a sentence.
        sure: whether it does so; otherwise it may, as its text does not tell.
        handle: nft's handle of the rule; 0 elsewhere.
    """

    flows: tuple[str, ...]
    where: str
    rule: str
    why: str
    remedy: str
    sure: bool = True
    handle: int = 0

    def __str__(self) -> str:
        flows = ", ".join(self.flows[:_SHOWN]) + (f" and {len(self.flows) - _SHOWN} more" if len(self.flows) > _SHOWN else "")
        verb = "blocked by" if self.sure else "may be blocked by"
        return f"{flows or 'every flow'}: {verb} {self.where}: {self.rule} ({self.why}). {self.remedy}".rstrip()


class Backend(ABC):
    """One Linux firewall on one machine.

    Attributes:
        name: what users call it.
        manager: whether it owns the packet filter while it runs, so that nobody else should rule beside it.
        permits: whether it lets marked connections pass by permits in chains of others.
        kept: the class of what `before` returns.

    Args:
        run: runs commands on the machine.
    """

    name: str
    manager = False
    permits = False
    kept: type

    def __init__(self, run: Runner) -> None:
        self.run = run

    @abstractmethod
    def installed(self) -> bool:
        """Whether the backend's tool is on this machine."""

    def reachable(self) -> bool:
        """Whether what is ours can be looked for: a manager's files outlive its package, and are read without it."""
        return self.manager or self.installed()

    @abstractmethod
    def in_charge(self) -> str:
        """Why it is this firewall that rules the machine now; empty if it is not. Cheap: every run asks."""

    def comes_back(self) -> str:
        """What starts this firewall's manager at the next boot although it does not run now; empty if nothing does.

        It would rule beside the backend that is chosen in its absence.
        """
        return ""

    @staticmethod
    @abstractmethod
    def unsupported(policy: Policy) -> list[Problem]:
        """What this firewall can never express of a policy, by the id of the flow or the name of the option."""

    @staticmethod
    @abstractmethod
    def render_text(policy: Policy) -> str:
        """The ruleset for a policy as text, without a look at any machine."""

    @staticmethod
    @abstractmethod
    def learned_set(flow_id: str, family: str) -> str:
        """The name of the set that DNS answers fill for a flow; family is ipv4 or ipv6."""

    @staticmethod
    @abstractmethod
    def learned_text(learned: Learned) -> str:
        """What the boot loads to fill sets with what DNS answers have taught; empty where the learner alone does it."""

    @staticmethod
    @abstractmethod
    def sets() -> Sets:
        """A connection by which the learner fills its sets.

        Raises:
            OSError: the kernel refuses.
        """

    @abstractmethod
    def read(self) -> Any:
        """What is live: own rules and foreign chains.

        Raises:
            TargetProblem: the tool is missing, or may not read.
        """

    @abstractmethod
    def obstacles(self, policy: Policy, live: Any) -> list[Problem]:
        """What else on the machine forbids the policy: a manager that owns the rules, another user of the mark.

        Args:
            policy: what shall be; host names in it do not matter.
            live: what `read` returned.
        """

    @abstractmethod
    def blockers(self, policy: Policy, live: Any) -> list[Blocker]:
        """Rules, policies and settings of others that keep, or may keep, flows from passing; changes nothing.

        Args:
            policy: what shall pass, without host names.
            live: what `read` or `settled` returned.
        """

    def settled(self, policy: Policy, live: Any) -> Any:
        """What `read` will return of chains of others once a run has put ours into them; the same where none go there.

        Args:
            policy: what shall pass, without host names.
            live: what `read` returned.
        """
        return live

    @abstractmethod
    def plan(self, policy: Optional[Policy], live: Any, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        """Compare; changes nothing.

        Args:
            policy: what shall be, without host names; None takes all our rules away.
            live: what `read` returned.
            learned: name of a set to the addresses that DNS answers have taught, for sets that are made anew.
            heir: with no policy, the backend that has just taken over; permits that both would place are its own now.
        """

    @abstractmethod
    def validate(self, plan: Plan, check: bool) -> None:
        """Let the real tool check what `apply` would not check by itself.

        Args:
            plan: what `plan` returned.
            check: whether `apply` will not follow, so that everything is to be checked here.

        Raises:
            TargetProblem: it refuses.
        """

    @abstractmethod
    def before(self, plan: Plan) -> Any:
        """What `undo` needs: a dataclass of plain values, of the class `kept`, since it may have to outlive the process and the boot."""

    @abstractmethod
    def apply(self, plan: Plan) -> None:
        """Apply the plan; on an error the machine is as it was.

        Raises:
            TargetProblem: the tool refuses.
        """

    @abstractmethod
    def undo(self, before: Any) -> None:
        """Bring back what was live before `apply`, whether that has been done as a whole, in part or not at all.

        Args:
            before: what `before` returned.

        Raises:
            TargetProblem: the tool refuses.
        """

    def loaded_at_boot(self) -> list[str]:
        """Files of the firewall's own, there now, that it loads at boot and that `apply` changes."""
        return []

    @abstractmethod
    def observing(self, policy: Policy, live: Any) -> Optional[Policy]:
        """The policy to apply for a moment before this one, so that live connections are known to conntrack; None if not needed."""

    @abstractmethod
    def state(self, live: Any) -> State:
        """What `read` returned, for people."""
