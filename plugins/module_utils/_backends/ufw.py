# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The ufw backend: our rules in ufw's own files and chains, compared in both, changed under ufw's own lock and all at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import (
        _blockers,
        _foreign_read,
        _ufw_checks,
        _ufw_describe,
        _ufw_files,
        _ufw_live,
        _ufw_machine,
        _ufw_model,
        _ufw_render,
    )
else:
    _blockers = Deferred("_blockers")
    _foreign_read = Deferred("_foreign_read")
    _ufw_checks = Deferred("_ufw_checks")
    _ufw_describe = Deferred("_ufw_describe")
    _ufw_files = Deferred("_ufw_files")
    _ufw_live = Deferred("_ufw_live")
    _ufw_machine = Deferred("_ufw_machine")
    _ufw_model = Deferred("_ufw_model")
    _ufw_render = Deferred("_ufw_render")

_NOTHING: dict[str, tuple[_ufw_model.Rule, ...]] = dict.fromkeys(FAMILIES, ())


@dataclass(frozen=True)
class Steps:
    """What `apply` does.

    Attributes:
        scripts: family to what iptables-restore loads.
        files: family to the new text of ufw's file.
        before: what was there.
    """

    scripts: Mapping[str, str]
    files: Mapping[str, str]
    before: _ufw_machine.Live


@dataclass(frozen=True)
class Before:
    """Family to what iptables-restore brings the changed chains back with, and to the text of ufw's file."""

    scripts: dict[str, str]
    files: dict[str, str]


class Ufw(Backend):
    """ufw 0.36, by its own files and chains."""

    name = "ufw"
    manager = True
    kept = Before

    def installed(self) -> bool:
        return _system.find("ufw") is not None

    def in_charge(self) -> str:
        return "ufw is enabled" if self.installed() and _ufw_machine.settings().get("enabled") == "yes" else ""

    @staticmethod
    def unsupported(policy: Policy) -> list[Problem]:
        return _ufw_render.unsupported(policy)

    @staticmethod
    def learned_set(flow_id: str, family: str) -> str:
        return f"{flow_id}.{family}"

    @staticmethod
    def learned_text(learned: Learned) -> str:
        return ""

    @staticmethod
    def sets() -> Sets:
        raise OSError("ufw has no sets that DNS answers fill")

    @staticmethod
    def render_text(policy: Policy) -> str:
        rules = [rule for items in _ufw_render.render(policy).values() for rule in items]
        return "".join(f"{rule.command}\n" for rule in rules)

    def read(self) -> _ufw_machine.Live:
        return _ufw_machine.read(self.run)

    def obstacles(self, policy: Policy, live: _ufw_machine.Live) -> list[Problem]:
        if not self.installed():
            remedy = "Install the package ufw, run `ufw allow ssh` and `ufw enable`; or let webrtc_egress_backend be auto, or another."
            return [Problem("ufw", "not installed", "ufw to be active", remedy)]
        return _ufw_checks.obstacles(policy, live)

    def blockers(self, policy: Policy, live: _ufw_machine.Live) -> list[Blocker]:
        chains = (*_foreign_read.everything(self.run), *_ufw_checks.coming(live))
        return _blockers.find(chains, policy, _blockers.Ways(chains=_ufw_model.USER)) if live.running else []

    def plan(self, policy: Optional[Policy], live: _ufw_machine.Live, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        too_many = _ufw_render.too_many(policy) if policy else []
        if too_many:
            raise TargetProblem(too_many)
        rendered = _ufw_render.render(policy) if policy else _NOTHING
        wanted = {family: rules if family in live.families else () for family, rules in rendered.items()}
        ruled = [family for family in FAMILIES if live.halves[family].chains]
        found = {family: _ours(live.halves[family], wanted[family]) for family in ruled}
        scripts = {family: text for family in ruled if (text := _ufw_live.script(wanted[family], found[family]))}
        files = {family: half.file.text(wanted[family]) for family, half in live.halves.items() if not _stands(half, wanted[family])}
        known = {family: found[family].rules(_known(live.halves[family], wanted[family])) for family in ruled}
        there = {family: [rule for rule, _packets, _bytes in items] for family, items in known.items()}
        stored = {family: half.file.ours for family, half in live.halves.items()}
        changes = _ufw_describe.changes(wanted, stored, there, ruled)
        if not changes and (scripts or files):
            intruders = [name.intruder for family in scripts for name in found[family].chains.values()]
            changes = [_ufw_describe.order([live.halves[family].file.intruder(_chains(wanted[family])) for family in files], intruders)]
        warnings = _ufw_checks.warnings(policy) if policy else []
        return Plan(tuple(changes), tuple(warnings), Steps(scripts, files, live))

    def validate(self, plan: Plan, check: bool) -> None:
        # What is loaded is checked by being loaded.
        if check:
            for family, text in plan.steps.scripts.items():
                self._restore(family, text, "--test")

    def apply(self, plan: Plan) -> None:
        steps: Steps = plan.steps
        if not steps.scripts and not steps.files:
            return
        with _ufw_machine.locked():
            _unchanged(steps.before)
            self._change(plan)

    def _change(self, plan: Plan) -> None:
        """The kernel first, one transaction a family; then both files, each put in its place at once."""
        steps: Steps = plan.steps
        staged: dict[str, str] = {}
        loaded: list[str] = []
        written: list[str] = []
        try:
            for family, text in steps.files.items():
                staged[family] = _stage(family, text)
            for family, text in steps.scripts.items():
                self._restore(family, text, "--counters")
                loaded.append(family)
            for family in list(staged):
                os.replace(staged[family], os.path.realpath(_ufw_machine.RULES[family]))
                written.append(family)
        except BaseException as error:
            for path in staged.values():
                _system.remove(path)
            kept = self.before(plan)
            self._put_back({family: kept.scripts[family] for family in loaded}, {family: kept.files[family] for family in written})
            if not isinstance(error, OSError):
                raise
            remedy = "Make room, or make the directory writable."
            raise TargetProblem([Problem("/etc/ufw", error.strerror, "to be able to write ufw's rules", remedy)]) from error

    def before(self, plan: Plan) -> Before:
        steps: Steps = plan.steps
        halves = steps.before.halves
        return Before(
            {family: _ufw_live.whole(_ufw_live.touched(text), halves[family].chains) for family, text in steps.scripts.items()},
            {family: halves[family].file.whole for family in steps.files},
        )

    def undo(self, before: Before) -> None:
        ruled = [family for family, half in self.read().halves.items() if half.chains]
        with _ufw_machine.locked():
            self._put_back({family: text for family, text in before.scripts.items() if family in ruled}, before.files)

    def _put_back(self, scripts: Mapping[str, str], files: Mapping[str, str]) -> None:
        for family, text in scripts.items():
            self._restore(family, text, "--counters")
        for family, text in files.items():
            # What is right needs no room on the disk.
            if _system.read(_ufw_machine.RULES[family]) != text:
                os.replace(_stage(family, text), os.path.realpath(_ufw_machine.RULES[family]))

    def loaded_at_boot(self) -> list[str]:
        return [path for path in map(os.path.realpath, _ufw_machine.RULES.values()) if os.path.exists(path)]

    def _restore(self, family: str, text: str, option: str) -> None:
        tool = f"{_ufw_machine.TOOLS[family]}-restore"
        done = self.run([_foreign_read.path_of(tool), "--noflush", "--wait", "10", option], text)
        if done.code:
            raise TargetProblem([_told(tool, done.err, text)])

    def observing(self, policy: Policy, live: _ufw_machine.Live) -> Optional[Policy]:
        # ufw's own rules ask conntrack, so that it knows all live connections already.
        return None

    def state(self, live: _ufw_machine.Live) -> State:
        found: dict[str, list[tuple[_ufw_model.Rule, int, int]]] = {}
        for half in live.halves.values():
            for item in _ours(half, ()).rules(_known(half, ())):
                found.setdefault(item[0].id, []).append(item)
        said = {name: _ufw_describe.told(name, [rule for rule, _packets, _bytes in items]) for name, items in sorted(found.items())}
        flows = [FlowState(name, said[name], *_sum(found[name])) for name in said if not name.startswith("frame/")]
        frame = {name: text for name, text in said.items() if name.startswith("frame/")}
        dropped = [item for items in found.values() for item in items if item[0].action.startswith("deny")]
        rejected = [item for items in found.values() for item in items if item[0].action == "reject"]
        return State(bool(found), tuple(flows), (), _sum(dropped)[0], _sum(rejected)[0], frame)


def _known(half: _ufw_machine.Half, wanted: Iterable[_ufw_model.Rule]) -> list[_ufw_model.Rule]:
    """Rules that are ours by ufw's file, and those that are wanted, none twice."""
    stored = [rule for block in half.file.ours if (rule := block.rule(half.family))]
    return list(dict.fromkeys([*stored, *wanted]))


def _ours(half: _ufw_machine.Half, wanted: Iterable[_ufw_model.Rule]) -> _ufw_live.Family:
    return _ufw_live.ours(half.chains, _known(half, wanted), half.file.foreign)


def _stands(half: _ufw_machine.Half, wanted: tuple[_ufw_model.Rule, ...]) -> bool:
    """Whether the file has the wanted rules, in order, and before those of others that the same packets meet."""
    same = [block.text for block in half.file.ours] == [rule.text for rule in wanted]
    return same and not half.file.intruder(_chains(wanted))


def _chains(rules: Iterable[_ufw_model.Rule]) -> set[str]:
    return {line.chain for rule in rules for line in rule.lines}


def _sum(items: Iterable[tuple[_ufw_model.Rule, int, int]]) -> tuple[int, int]:
    found = list(items)
    return sum(item[1] for item in found), sum(item[2] for item in found)


def _unchanged(before: _ufw_machine.Live) -> None:
    """Nobody has used ufw since we looked."""
    for family, half in before.halves.items():
        if _ufw_files.listing(_system.read(_ufw_machine.RULES[family]) or "") != half.file:
            remedy = "Run again."
            raise TargetProblem([Problem("ufw", _ufw_machine.RULES[family], "nobody else to change ufw's rules meanwhile", remedy)])


def _stage(family: str, text: str) -> str:
    path = os.path.realpath(_ufw_machine.RULES[family])
    directory, name = os.path.split(path)
    for other in os.listdir(directory):
        # What a run that was killed has left.
        if re.fullmatch(rf"\.{re.escape(name)}\.[a-z0-9_]{{8}}", other):
            _system.remove(os.path.join(directory, other))
    owner = os.stat(path)
    staged = _system.stage(path, text, owner.st_mode & 0o7777)
    os.chown(staged, owner.st_uid, owner.st_gid)
    return staged


def _told(tool: str, error: str, text: str) -> Problem:
    """The tool's own words, with the line that they are about."""
    found = re.search(r"line:? (\d+)", error)
    lines = text.splitlines()
    line = lines[int(found.group(1)) - 1] if found and 0 < int(found.group(1)) <= len(lines) else ""
    remedy = "Run again; if it stays, ufw's chains are not what its files say: `ufw reload`."
    return Problem(
        f"{tool} ({line[:120]})" if line else tool, (error.strip().splitlines() or ["no message"])[0][:200], "to be taken", remedy
    )
