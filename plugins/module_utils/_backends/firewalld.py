# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The firewalld backend: our policies read, compared and set over D-Bus, permanent and runtime alike."""

from __future__ import annotations

import glob
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _ipv6, _services, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import FIREWALLD, RUNTIME_UNITS, UNITS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import (
        _blockers,
        _firewalld_apart,
        _firewalld_boot,
        _firewalld_bus,
        _firewalld_checks,
        _firewalld_describe,
        _firewalld_flushed,
        _firewalld_live,
        _firewalld_others,
        _firewalld_python,
        _firewalld_render,
        _firewalld_sets,
        _firewalld_zones,
        _foreign_read,
    )
    from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_live import Live
    from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Rules
else:
    _blockers = Deferred("_blockers")
    _firewalld_apart = Deferred("_firewalld_apart")
    _firewalld_boot = Deferred("_firewalld_boot")
    _firewalld_bus = Deferred("_firewalld_bus")
    _firewalld_checks = Deferred("_firewalld_checks")
    _firewalld_describe = Deferred("_firewalld_describe")
    _firewalld_flushed = Deferred("_firewalld_flushed")
    _firewalld_live = Deferred("_firewalld_live")
    _firewalld_others = Deferred("_firewalld_others")
    _firewalld_python = Deferred("_firewalld_python")
    _firewalld_render = Deferred("_firewalld_render")
    _firewalld_sets = Deferred("_firewalld_sets")
    _firewalld_zones = Deferred("_firewalld_zones")
    _foreign_read = Deferred("_foreign_read")

DIRECTORIES = ("/etc/firewalld/policies", "/etc/firewalld/ipsets")
# Beyond this firewalld takes minutes for a change.
MOST_RULES = 2000
# Its own chains where it works through iptables: what it decides in them is known from itself. Direct rules come before.
_CHAINS = tuple(f"{hook}_{part}" for hook in ("FORWARD", "INPUT", "OUTPUT") for part in ("POLICIES_pre", "POLICIES", "ZONES", "IN_ZONES"))


@dataclass(frozen=True)
class Steps:
    """What `apply` sets, and what it fills sets with that are made anew."""

    wanted: Rules
    before: Live
    learned: Learned


@dataclass(frozen=True)
class Before:
    """Whether firewalld ran, what was ours as it was stored, what sets held on, our files, and what iptables-save printed."""

    running: bool
    permanent: _firewalld_render.Rules
    held: dict[str, tuple[str, ...]]
    files: dict[str, str]
    others: dict[str, str]


class Firewalld(Backend):
    """firewalld 0.9 and newer, through its own policies and rich rules."""

    name = "firewalld"
    manager = True
    kept = Before

    def installed(self) -> bool:
        return _system.find("firewalld") is not None

    def in_charge(self) -> str:
        process = _system.daemon("firewalld")
        return f"firewalld runs (process {process})" if process else ""

    def comes_back(self) -> str:
        masked = any(os.path.realpath(f"{root}/firewalld.service") == "/dev/null" for root in (UNITS, RUNTIME_UNITS))
        links = () if masked else glob.glob(f"{UNITS}/*.wants/firewalld.service") or glob.glob("/etc/rc[2S].d/S??firewalld")
        return sorted(links)[0] if links and self.installed() and not self.in_charge() else ""

    @staticmethod
    def unsupported(policy: Policy) -> list[Problem]:
        text = _firewalld_render.render(policy, _firewalld_render.Zones(), _firewalld_render.Zones(), _firewalld_render.ICMPV6_LOCAL)
        count = sum(len(item.rules) for item in text)
        if count <= MOST_RULES:
            return []
        by_size = sorted(policy.flows, key=lambda flow: -len(flow.destination.ipv4) - len(flow.destination.ipv6))
        expected = f"at most {MOST_RULES} rich rules (this flow has the most networks)"
        return [Problem(by_size[0].id if by_size else "webrtc_egress_resolvers", f"{count} rich rules", expected, "Name fewer networks.")]

    @staticmethod
    def learned_set(flow_id: str, family: str) -> str:
        return _firewalld_render.learned_set(flow_id, family)

    @staticmethod
    def learned_text(learned: Learned) -> str:
        return ""

    @staticmethod
    def sets() -> Sets:
        return _firewalld_sets.FirewalldSets()

    @staticmethod
    def render_text(policy: Policy) -> str:
        return _firewalld_describe.policy_text(policy)

    def read(self) -> Live:
        files = tuple(path for path in _own_files() if path.endswith(".xml"))
        if not self.in_charge():
            return _firewalld_live.Live(False, {}, files)
        seen = self._ask({"do": "read"})
        return _firewalld_live.Live(True, {**seen, "apart": _firewalld_apart.names(seen.pop("both"))}, files, _ipv6.in_use())

    def obstacles(self, policy: Policy, live: Live) -> list[Problem]:
        if not live.running:
            return [_firewalld_checks.not_running(self.installed())]
        found = _firewalld_zones.zones_of(policy.frame, live.seen).problems
        if not live.seen["ipv6"] and live.ipv6_in_use:
            remedy = "have firewalld rule it: it needs a working ip6tables where FirewallBackend is iptables"
            found += _ipv6.lost(policy, "IPv6, which firewalld does not rule here", "IPv6 in firewalld", remedy)
        if int(str(live.seen["version"]).partition(".")[0]) == 0:
            found += _firewalld_checks.too_old(policy, str(live.seen["version"]))
        if not found and _firewalld_live.needs_reload(self._wanted(policy, live), live):
            found += [_firewalld_checks.apart(live.seen["apart"])] if live.seen["apart"] else []
            found += _firewalld_checks.emptied(_firewalld_flushed.saved(self.run)) if live.seen["by_iptables"] else []
        return found

    def blockers(self, policy: Policy, live: Live) -> list[Blocker]:
        if not live.running:
            return []
        found = _blockers.find(_foreign_read.everything(self.run), policy, _blockers.Ways(chains=_CHAINS))
        return [*_firewalld_others.blockers(policy, live.seen, self._policies(policy, live)), *found]

    def plan(self, policy: Optional[Policy], live: Live, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        if not live.running:
            # Our policies cannot be compared; without a wish for any, their files are what is to go.
            changes = _firewalld_describe.files(live.files) if policy is None else []
            return Plan(tuple(changes), (), Steps(_firewalld_render.Rules(), live, {}))
        wanted = self._wanted(policy, live) if policy else _firewalld_render.Rules()
        changes = _firewalld_describe.changes(wanted, live.permanent, live.runtime)
        warnings = _firewalld_describe.warnings(policy, live.seen["icmp_types"]) if policy else []
        # Where it is no unit of systemd's, nothing of ours could come before it.
        files = {FIREWALLD: (_firewalld_boot.script(wanted), 0o700)} if policy and _services.manager() == "systemd" else {}
        return Plan(tuple(changes), tuple(warnings), Steps(wanted, live, learned), files)

    def validate(self, plan: Plan, check: bool) -> None:
        # firewalld checks each rule as it takes it, permanent ones first, and nothing is live before all have been taken.
        return

    def before(self, plan: Plan) -> Before:
        live: Live = plan.steps.before
        held = {name: tuple(entries) for name, entries in _firewalld_live.held(live.permanent, live, {}).items()}
        files = {path: _system.read(path) or "" for path in live.files}
        others = self._others(live) if live.running and _firewalld_live.needs_reload(plan.steps.wanted, live) else {}
        return Before(live.running, live.permanent, held, files, others)

    def apply(self, plan: Plan) -> None:
        steps: Steps = plan.steps
        if not steps.before.running:
            for path in steps.before.files:
                _system.remove(path)
            return
        try:
            self._set(steps.wanted, steps.before, _firewalld_live.held(steps.wanted, steps.before, steps.learned))
        except TargetProblem:
            self.undo(self.before(plan))
            raise

    def undo(self, before: Before) -> None:
        live = self.read()
        if before.running and live.running:
            # Of a run that was killed right behind a reload.
            _firewalld_flushed.put_back(before.others, self.run, emptied=True)
            self._set(before.permanent, live, {name: list(entries) for name, entries in before.held.items()})
            return
        for path in live.files:
            if path not in before.files:
                _system.remove(path)
        for path, text in before.files.items():
            if _system.read(path) != text:
                os.replace(_system.stage(path, text, 0o644), path)

    def loaded_at_boot(self) -> list[str]:
        return list(_own_files())

    def _set(self, wanted: Rules, live: Live, held: Mapping[str, list[str]]) -> None:
        reload = _firewalld_live.needs_reload(wanted, live)
        there, sets = live.runtime.policies, _firewalld_live.different(wanted.sets, live.permanent.sets)
        if reload:
            sets.update((name, wanted.sets[name]) for name in held)
        runtime = {
            name: item
            for name, item in wanted.policies.items()
            if not reload and _firewalld_live.changeable(there[name]) != _firewalld_live.changeable(item)
        }
        policies = _firewalld_live.different(wanted.policies, live.permanent.policies)
        others = self._others(live) if reload else {}
        try:
            self._ask({"do": "write", "permanent": policies, "sets": sets, "fill": held, "runtime": runtime, "reload": reload})
        finally:
            _firewalld_flushed.put_back_for_good(others, self.run)
        unknown = {f"{DIRECTORIES[0]}/{name}.xml" for name, item in policies.items() if item is None}
        for path in _own_files():
            # What firewalld keeps of an earlier text, and a file that it has not met yet.
            if path.endswith(".old") or path in unknown:
                _system.remove(path)

    def _others(self, live: Live) -> dict[str, str]:
        """What iptables holds beside firewalld's own nftables."""
        return {} if live.seen["by_iptables"] else _firewalld_flushed.saved(self.run)

    def observing(self, policy: Policy, live: Live) -> Optional[Policy]:
        return None

    def state(self, live: Live) -> State:
        words = _firewalld_describe.describe(live.runtime)
        flows = tuple(FlowState(name, words[name], None, None) for name in sorted(words) if not name.startswith(("frame/", "policy/")))
        frame = {name: text for name, text in words.items() if name.startswith(("frame/", "policy/"))}
        # firewalld's sets count nothing.
        learned = {name: dict.fromkeys(item["entries"], 0) for name, item in live.runtime.sets.items()}
        return State(bool(live.runtime.policies), flows, frame=frame, learned=learned)

    def _wanted(self, policy: Policy, live: Live) -> Rules:
        policies = {item.name: item.settings for item in self._policies(policy, live)}
        return _firewalld_render.Rules(policies, _firewalld_render.sets(_in_families(policy, live)))

    def _policies(self, policy: Policy, live: Live) -> list[_firewalld_render.FirewalldPolicy]:
        zones = _firewalld_zones.zones_of(policy.frame, live.seen)
        return _firewalld_render.render(_in_families(policy, live), zones.scope, zones.ways_out, live.seen["icmp_types"])

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        done = self.run(_firewalld_python.command(_firewalld_bus), json.dumps(job))
        answer: dict[str, Any] = json.loads(done.out) if done.code == 0 and done.out else {"error": done.err.strip()[-300:] or "no answer"}
        if "error" in answer:
            remedy = "Look at `journalctl -u firewalld`; it must run, and this run needs root (become: true)."
            raise TargetProblem([Problem(f"firewalld ({job['do']})", answer["error"], "firewalld to do as asked", remedy)])
        return answer


def _in_families(policy: Policy, live: Live) -> Policy:
    """What a firewalld without IPv6 can have of a policy; what would be lost by that was refused."""
    return policy if live.seen["ipv6"] else _ipv6.without(policy)


def _own_files() -> Iterable[str]:
    there = [(directory, name) for directory in DIRECTORIES if os.path.isdir(directory) for name in sorted(os.listdir(directory))]
    return [f"{directory}/{name}" for directory, name in there if name.startswith(_firewalld_bus.PREFIX)]
