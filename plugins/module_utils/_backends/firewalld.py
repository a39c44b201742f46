# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The firewalld backend: our policies read, compared and set over D-Bus, permanent and runtime alike."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_bus, _firewalld_describe, _firewalld_render, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import FirewalldPolicy, Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_zones import zones_of
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets

DIRECTORY = "/etc/firewalld/policies"
# Beyond this firewalld takes minutes for a change.
MOST_RULES = 2000
_CHANGEABLE = ("ingress_zones", "egress_zones", "rich_rules")
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Live:
    """What firewalld has; `read` of _firewalld_bus says what is in it. Not running, only our own files count."""

    running: bool
    seen: dict[str, Any]
    files: tuple[str, ...] = ()

    @property
    def permanent(self) -> dict[str, Settings]:
        """Our policies as they are stored."""
        return dict(self.seen.get("permanent", {}))

    @property
    def runtime(self) -> dict[str, Settings]:
        """Our policies as they are in force."""
        return dict(self.seen.get("runtime", {}))


@dataclass(frozen=True)
class Steps:
    """What `apply` sets; None takes a policy away."""

    wanted: Mapping[str, Settings]
    before: Live


@dataclass(frozen=True)
class Before:
    """Whether firewalld ran, our policies as they were stored, and our files."""

    running: bool
    permanent: dict[str, Any]
    files: dict[str, str]


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

    @staticmethod
    def unsupported(policy: Policy) -> list[Problem]:
        remedy = "Set webrtc_egress_wildcards to hostnames or any."
        found = [
            Problem(flow.id, "addresses learned from DNS", "networks, host names, or every address with firewalld", remedy)
            for flow in policy.flows if flow.destination.learned
        ]  # fmt: skip
        text = _firewalld_render.render(policy, Zones(), Zones(), _firewalld_render.ICMPV6_LOCAL)
        count = sum(len(item.rules) for item in text)
        if count > MOST_RULES:
            by_size = sorted(policy.flows, key=lambda flow: -len(flow.destination.ipv4) - len(flow.destination.ipv6))
            expected = f"at most {MOST_RULES} rich rules (this flow has the most networks)"
            found.append(
                Problem(by_size[0].id if by_size else "webrtc_egress_resolvers", f"{count} rich rules", expected, "Name fewer networks.")
            )
        return found

    @staticmethod
    def learned_set(flow_id: str, family: str) -> str:
        return f"{flow_id}.{family}"

    @staticmethod
    def learned_text(learned: Learned) -> str:
        return ""

    @staticmethod
    def sets() -> Sets:
        raise OSError("firewalld has no sets that DNS answers fill")

    @staticmethod
    def render_text(policy: Policy) -> str:
        frame = policy.frame
        outs = tuple(f"zone of {name}" for name in frame.out_interfaces or frame.uplinks) or ("ANY",)
        scope = Zones(tuple(f"zone of {name}" for name in frame.in_interfaces) or ("ANY",), outs if frame.out_interfaces else ("ANY",))
        known = (*_firewalld_render.ICMP, *_firewalld_render.ICMPV6_TRANSIT, *_firewalld_render.ICMPV6_LOCAL)
        policies = _firewalld_render.render(policy, scope, Zones(scope.ingress, outs), known)
        return "\n".join(_firewalld_describe.text(item) for item in policies)

    def read(self) -> Live:
        files = tuple(path for path in _own_files() if path.endswith(".xml"))
        if not self.in_charge():
            return Live(False, {}, files)
        return Live(True, self._ask({"do": "read"}), files)

    def obstacles(self, policy: Policy, live: Live) -> list[Problem]:
        if not live.running:
            remedy = "Start it (systemctl enable --now firewalld), or let webrtc_egress_backend be auto."
            return [Problem("firewalld", "installed and stopped", "firewalld to run", remedy)]
        found = zones_of(policy.frame, live.seen).problems
        if not live.seen["ipv6"]:
            remedy = "Set webrtc_egress_families to [ipv4], or enable IPv6."
            flows = [flow for flow in policy.flows if "ipv6" in policy.frame.families and flow.destination.ipv6]
            found += [Problem(flow.id, "IPv6 networks", "IPv6 in firewalld", remedy) for flow in flows]
        wanted = {item.name: item.settings for item in self._wanted(policy, live)} if not found else {}
        if not found and live.seen["apart"] and _needs_reload(wanted, live):
            remedy = "Run firewall-cmd --runtime-to-permanent, or --reload, so that both are the same; then run again."
            told = ", ".join(live.seen["apart"])
            found.append(Problem("firewalld", told, "permanent and runtime to be the same, as a reload would lose the latter", remedy))
        return found

    def plan(self, policy: Optional[Policy], live: Live, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        if not live.running:
            changes = _firewalld_describe.files(live.files)
            return Plan(tuple(changes), (), Steps({}, live))
        wanted = {item.name: item.settings for item in self._wanted(policy, live)} if policy else {}
        changes = _firewalld_describe.changes(wanted, live.permanent, live.runtime)
        warnings = _firewalld_describe.warnings(policy, live.seen["icmp_types"]) if policy else []
        return Plan(tuple(changes), tuple(warnings), Steps(wanted, live))

    def validate(self, plan: Plan, check: bool) -> None:
        # firewalld checks each rule as it takes it, permanent ones first, and nothing is live before all have been taken.
        return

    def before(self, plan: Plan) -> Before:
        live: Live = plan.steps.before
        return Before(live.running, live.permanent, {path: _system.read(path) or "" for path in live.files})

    def apply(self, plan: Plan) -> None:
        steps: Steps = plan.steps
        if not steps.before.running:
            for path in steps.before.files:
                _system.remove(path)
            return
        try:
            self._set(steps.wanted, steps.before)
        except TargetProblem:
            self.undo(self.before(plan))
            raise

    def undo(self, before: Before) -> None:
        live = self.read()
        if before.running and live.running:
            self._set(before.permanent, live)
            return
        for path in live.files:
            if path not in before.files:
                _system.remove(path)
        for path, text in before.files.items():
            os.replace(_system.stage(path, text, 0o644), path)

    def loaded_at_boot(self) -> list[str]:
        return list(_own_files())

    def _set(self, wanted: Mapping[str, Settings], live: Live) -> None:
        permanent = {name: settings for name, settings in wanted.items() if live.permanent.get(name) != settings}
        gone = {name: None for name in live.permanent if name not in wanted}
        reload = _needs_reload(wanted, live)
        runtime = {} if reload else {name: item for name, item in wanted.items() if _changeable(live.runtime[name]) != _changeable(item)}
        self._ask({"do": "write", "permanent": {**permanent, **gone}, "runtime": runtime, "reload": reload})
        for path in _own_files():
            # What firewalld keeps of an earlier text.
            if path.endswith(".old"):
                _system.remove(path)

    def observing(self, policy: Policy, live: Live) -> Optional[Policy]:
        return None

    def state(self, live: Live) -> State:
        words = _firewalld_describe.describe(live.runtime)
        flows = tuple(FlowState(name, words[name], None, None) for name in sorted(words) if not name.startswith(("frame/", "policy/")))
        frame = {name: text for name, text in words.items() if name.startswith(("frame/", "policy/"))}
        return State(bool(live.runtime), flows, frame=frame)

    def _wanted(self, policy: Policy, live: Live) -> list[FirewalldPolicy]:
        zones = zones_of(policy.frame, live.seen)
        return _firewalld_render.render(policy, zones.scope, zones.ways_out, live.seen["icmp_types"])

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        done = self.run([_interpreter(), "-I", "-c", _source()], json.dumps(job))
        answer: dict[str, Any] = json.loads(done.out) if done.code == 0 and done.out else {"error": done.err.strip()[-300:] or "no answer"}
        if "error" in answer:
            remedy = "Look at `journalctl -u firewalld`; it must run, and this run needs root (become: true)."
            raise TargetProblem([Problem(f"firewalld ({job['do']})", answer["error"], "firewalld to do as asked", remedy)])
        return answer


def _needs_reload(wanted: Mapping[str, Settings], live: Live) -> bool:
    """Whether something has to come or go that firewalld cannot change at runtime: a policy as a whole, or what it is."""
    if wanted.keys() != live.runtime.keys():
        return True
    # At runtime the description stays as it was; what the rules are is told by the stored one.
    spoken = {*_CHANGEABLE, "description"}
    return any(
        {key: value for key, value in item.items() if key not in spoken}
        != {key: value for key, value in live.runtime[name].items() if key not in spoken}
        for name, item in wanted.items()
    )


def _changeable(settings: Settings) -> list[Any]:
    return [settings.get(key) for key in _CHANGEABLE]


def _interpreter() -> str:
    """firewalld's own: where it runs, its bindings are."""
    first = (_system.read(_system.find("firewalld") or "") or "").partition("\n")[0]
    words = first[2:].split()
    return words[0] if first.startswith("#!") and words and os.path.basename(words[0]).startswith("python") else "/usr/bin/python3"


def _source() -> str:
    spec = importlib.util.find_spec(_firewalld_bus.__name__)
    text: Optional[str] = spec.loader.get_source(_firewalld_bus.__name__) if spec and spec.loader else None  # type: ignore[attr-defined]
    return text or ""


def _own_files() -> Iterable[str]:
    names = os.listdir(DIRECTORY) if os.path.isdir(DIRECTORY) else []
    return [f"{DIRECTORY}/{name}" for name in sorted(names) if name.startswith(_firewalld_bus.PREFIX)]
