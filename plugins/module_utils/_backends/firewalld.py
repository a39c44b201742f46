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
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _blockers,
    _firewalld_apart,
    _firewalld_boot,
    _firewalld_bus,
    _firewalld_checks,
    _firewalld_describe,
    _firewalld_flushed,
    _firewalld_others,
    _firewalld_render,
    _foreign_read,
    _ipv6,
    _services,
    _system,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_python import command
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import FirewalldPolicy, Rules, Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_sets import FirewalldSets
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_zones import zones_of
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import FIREWALLD, RUNTIME_UNITS, UNITS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets

DIRECTORIES = ("/etc/firewalld/policies", "/etc/firewalld/ipsets")
# Beyond this firewalld takes minutes for a change.
MOST_RULES = 2000
_CHANGEABLE = ("ingress_zones", "egress_zones", "rich_rules")
# What a set is at runtime; the rest is stored alone.
_KIND = ("type", "options")
# Its own chains where it works through iptables: what it decides in them is known from itself. Direct rules come before.
_CHAINS = tuple(f"{hook}_{part}" for hook in ("FORWARD", "INPUT", "OUTPUT") for part in ("POLICIES_pre", "POLICIES", "ZONES", "IN_ZONES"))
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Live:
    """What firewalld has; `read` of _firewalld_bus says what is in it. Not running, only our own files count."""

    running: bool
    seen: dict[str, Any]
    files: tuple[str, ...] = ()
    ipv6_in_use: bool = True

    @property
    def permanent(self) -> Rules:
        """What is ours as it is stored."""
        return self._rules("permanent")

    @property
    def runtime(self) -> Rules:
        """What is ours as it is in force."""
        return self._rules("runtime")

    def _rules(self, kind: str) -> Rules:
        return Rules(self.seen.get(kind, {}), self.seen.get("sets", {}).get(kind, {}))


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
    permanent: Rules
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
        text = _firewalld_render.render(policy, Zones(), Zones(), _firewalld_render.ICMPV6_LOCAL)
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
        return FirewalldSets()

    @staticmethod
    def render_text(policy: Policy) -> str:
        frame = policy.frame
        outs = tuple(f"zone of {name}" for name in frame.out_interfaces or frame.uplinks) or ("ANY",)
        scope = Zones(tuple(f"zone of {name}" for name in frame.in_interfaces) or ("ANY",), outs if frame.out_interfaces else ("ANY",))
        known = (*_firewalld_render.ICMP, *_firewalld_render.ICMPV6_TRANSIT, *_firewalld_render.ICMPV6_LOCAL)
        policies = _firewalld_render.render(policy, scope, Zones(scope.ingress, outs), known)
        sets = _firewalld_render.sets(policy)
        return "\n".join(_firewalld_describe.text(item) for item in policies) + _firewalld_describe.text_of_sets(sets)

    def read(self) -> Live:
        files = tuple(path for path in _own_files() if path.endswith(".xml"))
        if not self.in_charge():
            return Live(False, {}, files)
        seen = self._ask({"do": "read"})
        return Live(True, {**seen, "apart": _firewalld_apart.names(seen.pop("both"))}, files, _ipv6.in_use())

    def obstacles(self, policy: Policy, live: Live) -> list[Problem]:
        if not live.running:
            return [_firewalld_checks.not_running(self.installed())]
        found = zones_of(policy.frame, live.seen).problems
        if not live.seen["ipv6"] and live.ipv6_in_use:
            remedy = "have firewalld rule it: it needs a working ip6tables where FirewallBackend is iptables"
            found += _ipv6.lost(policy, "IPv6, which firewalld does not rule here", "IPv6 in firewalld", remedy)
        if int(str(live.seen["version"]).partition(".")[0]) == 0:
            found += _firewalld_checks.too_old(policy, str(live.seen["version"]))
        if not found and _needs_reload(self._wanted(policy, live), live):
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
            return Plan(tuple(changes), (), Steps(Rules(), live, {}))
        wanted = self._wanted(policy, live) if policy else Rules()
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
        held = {name: tuple(entries) for name, entries in _held(live.permanent, live, {}).items()}
        files = {path: _system.read(path) or "" for path in live.files}
        return Before(live.running, live.permanent, held, files, self._others(live))

    def apply(self, plan: Plan) -> None:
        steps: Steps = plan.steps
        if not steps.before.running:
            for path in steps.before.files:
                _system.remove(path)
            return
        try:
            self._set(steps.wanted, steps.before, _held(steps.wanted, steps.before, steps.learned))
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
        reload = _needs_reload(wanted, live)
        there, sets = live.runtime.policies, _different(wanted.sets, live.permanent.sets)
        if reload:
            sets.update((name, wanted.sets[name]) for name in held)
        runtime = {name: item for name, item in wanted.policies.items() if not reload and _changeable(there[name]) != _changeable(item)}
        policies = _different(wanted.policies, live.permanent.policies)
        others = self._others(live) if reload else {}
        try:
            self._ask({"do": "write", "permanent": policies, "sets": sets, "fill": held, "runtime": runtime, "reload": reload})
        finally:
            _firewalld_flushed.put_back(others, self.run)
        unknown = {f"{DIRECTORIES[0]}/{name}.xml" for name, item in policies.items() if item is None}
        for path in _own_files():
            # What firewalld keeps of an earlier text, and a file that it has not met yet.
            if path.endswith(".old") or path in unknown:
                _system.remove(path)

    def _others(self, live: Live) -> dict[str, str]:
        """What iptables holds beside firewalld's own nftables."""
        return _firewalld_flushed.saved(self.run) if live.running and not live.seen["by_iptables"] else {}

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
        return Rules(policies, _firewalld_render.sets(_in_families(policy, live)))

    def _policies(self, policy: Policy, live: Live) -> list[FirewalldPolicy]:
        zones = zones_of(policy.frame, live.seen)
        return _firewalld_render.render(_in_families(policy, live), zones.scope, zones.ways_out, live.seen["icmp_types"])

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        done = self.run(command(_firewalld_bus), json.dumps(job))
        answer: dict[str, Any] = json.loads(done.out) if done.code == 0 and done.out else {"error": done.err.strip()[-300:] or "no answer"}
        if "error" in answer:
            remedy = "Look at `journalctl -u firewalld`; it must run, and this run needs root (become: true)."
            raise TargetProblem([Problem(f"firewalld ({job['do']})", answer["error"], "firewalld to do as asked", remedy)])
        return answer


def _in_families(policy: Policy, live: Live) -> Policy:
    """What a firewalld without IPv6 can have of a policy; what would be lost by that was refused."""
    return policy if live.seen["ipv6"] else _ipv6.without(policy)


def _held(wanted: Rules, before: Live, learned: Learned) -> dict[str, list[str]]:
    """What sets hold on: a reload would empty them; a new one begins with what was learned before."""
    there = {name: item["entries"] for name, item in before.runtime.sets.items()}
    found = {name: list(there.get(name, learned.get(name, ())))[: int(item["options"]["maxelem"])] for name, item in wanted.sets.items()}
    return {name: entries for name, entries in found.items() if entries}


def _different(wanted: Mapping[str, Settings], stored: Mapping[str, Settings]) -> dict[str, Optional[Settings]]:
    """What is to be stored; None is to go."""
    found: dict[str, Optional[Settings]] = {name: item for name, item in wanted.items() if stored.get(name) != item}
    return {**found, **{name: None for name in stored if name not in wanted}}


def _needs_reload(wanted: Rules, live: Live) -> bool:
    """Whether something has to come or go that firewalld cannot change at runtime: a policy or a set as a whole, or what it is."""
    if wanted.policies.keys() != live.runtime.policies.keys():
        return True
    kinds, there = ({name: [item[key] for key in _KIND] for name, item in rules.sets.items()} for rules in (wanted, live.runtime))
    if kinds != there:
        return True
    # At runtime the description stays as it was; what the rules are is told by the stored one.
    spoken = {*_CHANGEABLE, "description"}
    return any(
        {key: value for key, value in item.items() if key not in spoken}
        != {key: value for key, value in live.runtime.policies[name].items() if key not in spoken}
        for name, item in wanted.policies.items()
    )


def _changeable(settings: Settings) -> list[Any]:
    return [settings.get(key) for key in _CHANGEABLE]


def _own_files() -> Iterable[str]:
    there = [(directory, name) for directory in DIRECTORIES if os.path.isdir(directory) for name in sorted(os.listdir(directory))]
    return [f"{directory}/{name}" for directory, name in there if name.startswith(_firewalld_bus.PREFIX)]
