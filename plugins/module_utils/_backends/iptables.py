# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The iptables backend: our chains and ipsets read, compared, changed family by family, and brought back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _foreign,
    _ipt_boot,
    _ipt_describe,
    _ipt_live,
    _ipt_render,
    _ipt_script,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, Change, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Permits
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import path_of
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_live import Live
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import BUILT_IN, PREFIX, REFUSE, TOOLS, Ruleset, entry, learned_set
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_script import Jumps, Script
from ansible_collections.webrtc.firewall.plugins.module_utils._permits import iptables_scripts, nft_lines, permit_changes
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets
from ansible_collections.webrtc.firewall.plugins.module_utils._system import find, read

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import _blockers, _ipt_sets
else:
    _blockers = Deferred("_blockers")
    _ipt_sets = Deferred("_ipt_sets")

# xt_LOG takes 29 characters.
_LONGEST_PREFIX = 29
_CONNTRACK_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
_LINE = re.compile(r"line:? (\d+)")
# Iptables' filter chains decide at this priority of nftables'.
_FILTER = 0


@dataclass(frozen=True)
class Steps:
    """What `apply` loads: our sets and chains, what empties the other variant of ours, permits in chains that iptables does not own."""

    script: Script
    stray: Script
    permits: Permits
    mark: int
    before: Live


class Iptables(Backend):
    """iptables, both its variants, with ipset."""

    name = "iptables"
    permits = True
    kept = Live

    def installed(self) -> bool:
        return all(find(name) for name in ("iptables", "ip6tables", "ipset"))

    def in_charge(self) -> str:
        return _ipt_live.holder(self.run)

    @staticmethod
    def unsupported(policy: Policy) -> list[Problem]:
        log = policy.frame.log
        if policy.frame.baseline == "deny_egress" and log.enabled and len(log.prefix) > _LONGEST_PREFIX:
            expected = f"at most {_LONGEST_PREFIX} characters, which is what iptables can log"
            return [Problem("webrtc_egress_log_prefix", log.prefix, expected, "Shorten it.")]
        return []

    @staticmethod
    def learned_set(flow_id: str, family: str) -> str:
        return learned_set(flow_id, family)

    @staticmethod
    def learned_text(learned: Learned) -> str:
        return _ipt_script.elements(learned)

    @staticmethod
    def sets() -> Sets:
        return _ipt_sets.IpSets()

    @staticmethod
    def render_text(policy: Policy) -> str:
        wanted, hooks = _ipt_render.render(policy), _ipt_render.HOOKS[policy.frame.placement]
        parts = [f"# ipset restore\n{_ipt_script.definition_of_sets(wanted)}"] if wanted.sets else []
        for family in wanted.rules:
            parts.append(f"# {TOOLS[family]}-restore --noflush\n{_ipt_script.definition(wanted, family, hooks)}")
        return "".join(parts)

    def read(self) -> Live:
        return _ipt_live.read(self.run)

    def obstacles(self, policy: Policy, live: Live) -> list[Problem]:
        found = _foreign.managers(live.foreign) + _foreign.conflicts(live.foreign, policy.frame.mark)
        if live.both:
            remedy = "Move the rules of one into the other (iptables-legacy-save, iptables-nft-restore) and flush the first."
            found.append(
                Problem("iptables", "iptables-nft and iptables-legacy both hold rules", "one of them to rule this machine", remedy)
            )
        remedy = "Let webrtc_egress_backend be nftables, which reaches both, or move those rules into iptables."
        hooks = _foreign.HOOKS[policy.frame.placement] - {"input"}
        return found + [
            Problem("firewall", text, "no chain of nftables that drops before iptables decides", remedy)
            for text in _foreign.droppers([chain for chain in live.foreign if chain.address.tool == "nft"], hooks, _FILTER)
        ]

    def blockers(self, policy: Policy, live: Live) -> list[Blocker]:
        if not live.foreign:
            return []
        return _blockers.find(live.foreign, policy, _blockers.Ways(policy.frame.mark, _FILTER, tuple(map(entry, BUILT_IN))))

    def settled(self, policy: Policy, live: Live) -> Live:
        permits = _permits(live, policy.frame.placement, policy.frame.mark)
        heads = dict.fromkeys(permits.add, _foreign.ForeignRule("", permit=policy.frame.mark, ours=True))
        wanted = _in_families(_ipt_render.render(policy), live.families)
        for family, jumps in _ipt_live.jumps(live, wanted, policy.frame.placement).items():
            hooks = dict(jumps.add)
            chains = [address for address in live.filters(family) if address.name in hooks]
            heads.update((address, _foreign.ForeignRule("", jump=entry(hooks[address.name]))) for address in chains)
        return replace(live, foreign=_foreign.headed(live.foreign, heads))

    def plan(self, policy: Optional[Policy], live: Live, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        placement, mark = (policy.frame.placement, policy.frame.mark) if policy else ("", 0)
        wanted = _in_families(_ipt_render.render(policy), live.families) if policy else Ruleset()
        jumps = _ipt_live.jumps(live, wanted, placement)
        permits = Permits() if heir and heir.permits else _permits(live, placement, mark)
        other = live.other
        strays = _ipt_live.jumps(other, Ruleset(), "")
        stray = _ipt_script.script(Ruleset(sets=other.ours.sets), other.ours, strays, {})
        steps = Steps(_ipt_script.script(wanted, live.ours, jumps, learned), stray, permits, mark, live)
        gone = [*_stray_changes(other), *_jump_changes(other, strays)]
        changes = [*_ipt_describe.changes(wanted, live.ours), *_jump_changes(live, jumps), *gone, *permit_changes(permits)]
        files = _ipt_boot.files(policy, wanted, live, permits) if policy else _ipt_boot.cleaned()
        return Plan(tuple(changes), (), steps, files)

    def validate(self, plan: Plan, check: bool) -> None:
        # What is loaded is checked by being loaded; without that, all but the sets that are not there yet can be tested.
        if check:
            for family, text in plan.steps.script.rules.items():
                self._restore(plan.steps.before.tool(family), _ipt_script.without_sets(text), "--test")

    def before(self, plan: Plan) -> Live:
        live: Live = plan.steps.before
        # Of the chains of others nothing is brought back but what is ours in them.
        mine = (replace(chain, rules=tuple(rule for rule in chain.rules if rule.ours or rule.jump)) for chain in live.foreign)
        return replace(live, foreign=tuple(chain for chain in mine if chain.rules))

    def apply(self, plan: Plan) -> None:
        steps: Steps = plan.steps
        try:
            self._load(steps.script, _texts(steps.script, steps.before) + _texts(steps.stray, steps.before.other))
            self._permit(steps.permits, steps.mark)
        except FirewallError:
            self.undo(steps.before)
            raise

    def _load(self, script: Script, texts: list[tuple[str, str]]) -> None:
        """The script's sets, with rules of both variants between those that come and those that go."""
        if script.before:
            self._ipset(script.before)
        for tool, text in texts:
            self._restore(tool, text, "--counters")
        if script.after:
            self._ipset(script.after)

    def _permit(self, permits: Permits, mark: int) -> None:
        lines = nft_lines(permits, mark)
        if lines:
            done = self.run([path_of("nft"), "-f", "-"], "".join(f"{line}\n" for line in lines))
            if done.code:
                raise TargetProblem([Problem("nft -f", done.err.strip()[:300], "to take the permit", "Run again.")])
        for tool, text in iptables_scripts(permits, mark).items():
            self._restore(tool, text)

    def undo(self, before: Live) -> None:
        now = self.read()
        views = [(before.at(name), now.at(name)) for name in (now.variant, now.other.variant)]
        scripts = [(_ipt_script.script(was.ours, here.ours, _back(was, here), before.ours.learned), here) for was, here in views]
        self._load(scripts[0][0], [text for script, here in scripts for text in _texts(script, here)])
        there, here = _ours(before), _ours(now)
        if [(where, rule.permit) for where, rule in there] != [(where, rule.permit) for where, rule in here]:
            mark = next((rule.permit for _where, rule in there), 0)
            self._permit(Permits(tuple(where for where, _rule in there), tuple(here)), mark)

    def observing(self, policy: Policy, live: Live) -> Optional[Policy]:
        denied = any(REFUSE in live.ours.chains(family) for family in live.families)
        if policy.frame.baseline == "existing" or denied or int(read(_CONNTRACK_COUNT) or 0):
            return None
        return replace(policy, frame=replace(policy.frame, baseline="existing", other_resolvers="allow"))

    def state(self, live: Live) -> State:
        words = _ipt_describe.describe(live.ours)
        counted = {name: _sum(live, name) for name in words}
        flows = tuple(FlowState(name, words[name], *counted[name]) for name in sorted(words) if _is_flow(name))
        frame = {name: text for name, text in words.items() if not _is_flow(name)}
        permits = (*_ipt_live.placed(live), *sorted(str(where) for where, _rule in _ours(live)))
        dropped, rejected = _sum(live, "frame/deny")[0], _sum(live, "frame/other-resolvers")[0]
        return State(bool(words), flows, permits, dropped, rejected, frame, live.ours.learned)

    def _ipset(self, text: str) -> None:
        done = self.run([path_of("ipset"), "restore"], text)
        if done.code:
            raise TargetProblem([_told("ipset restore", done.err, text)])

    def _restore(self, tool: str, text: str, *options: str) -> None:
        done = self.run([path_of(f"{tool}-restore"), "--noflush", "--wait", "10", *options], text)
        if done.code:
            raise TargetProblem([_told(f"{tool}-restore", done.err, text)])


def _texts(script: Script, live: Live) -> list[tuple[str, str]]:
    """The rules of a script, with the tool that loads them."""
    return [(live.tool(family), text) for family, text in script.rules.items()]


def _stray_changes(other: Live) -> list[Change]:
    """Our chains in the variant that does not rule."""
    return [Change(f"chain/{other.tool(family)} {name}", "there", None) for family in other.families for name in other.ours.chains(family)]


def _in_families(ruleset: Ruleset, families: tuple[str, ...]) -> Ruleset:
    """What a kernel without IPv6 can have of it: there is nothing to deny in a family that is not there."""
    return Ruleset(
        {family: rules for family, rules in ruleset.rules.items() if family in families},
        {name: item for name, item in ruleset.sets.items() if item.family in families},
    )


def _elsewhere(live: Live) -> list[_foreign.ForeignChain]:
    """Chains of others but for those that our jumps go into."""
    own = {address for family in live.families for address in live.filters(family)}
    return [chain for chain in live.foreign if chain.address not in own]


def _permits(live: Live, placement: str, mark: int) -> Permits:
    found = _foreign.plan(_elsewhere(live), placement, mark)
    own = [chain for family in live.families for chain in live.filters(family).values()]
    stray = tuple((chain.address, rule) for chain in own for rule in chain.rules if rule.ours)
    return replace(found, remove=(*found.remove, *stray))


def _ours(live: Live) -> list[tuple[_foreign.Address, _foreign.ForeignRule]]:
    """Permits of ours in chains of others."""
    return sorted(((chain.address, rule) for chain in live.foreign for rule in chain.rules if rule.ours), key=lambda item: item[0])


def _back(before: Live, now: Live) -> dict[str, Jumps]:
    """The jumps as they were."""
    found = {}
    for family in now.families:
        was, is_now = before.filters(family), now.filters(family)
        add = [(address.name, rule.jump) for address, chain in was.items() for rule in chain.rules if rule.jump]
        gone = [rule.text[3:] for chain in is_now.values() for rule in chain.rules if rule.jump]
        same = sorted(rule.text[3:] for chain in was.values() for rule in chain.rules if rule.jump) == sorted(gone)
        found[family] = Jumps() if same else Jumps(tuple((name, target[len(PREFIX) :]) for name, target in add), tuple(gone))
    return found


def _jump_changes(live: Live, jumps: dict[str, Jumps]) -> list[Change]:
    found: dict[str, list[Optional[str]]] = {}
    for family, item in jumps.items():
        for words in item.remove:
            found.setdefault(f"jump/{live.tool(family)} {words.split()[0]}", [None, None])[0] = words
        for chain, hook in item.add:
            found.setdefault(f"jump/{live.tool(family)} {chain}", [None, None])[1] = f"to {entry(hook)}, first of all"
    return [Change(name, before, after) for name, (before, after) in sorted(found.items())]


def _sum(live: Live, name: str) -> tuple[int, int]:
    found = [count for (_family, other), count in live.ours.packets.items() if other == name]
    return sum(packets for packets, _size in found), sum(size for _packets, size in found)


def _is_flow(name: str) -> bool:
    return not name.startswith(("frame/", "chain/", "set/", "unknown "))


def _told(what: str, error: str, text: str) -> Problem:
    """The tool's own words, with the flow's id in place of a line number."""
    found = _LINE.search(error)
    lines = text.splitlines()
    line = lines[int(found.group(1)) - 1] if found and 0 < int(found.group(1)) <= len(lines) else ""
    comment = re.search(r'--comment "?([^" ]+)"?', line)
    where = comment.group(1) if comment else line[:80]
    remedy = "Run again; if it stays, the kernel lacks ip_set, xt_set, xt_connmark, xt_conntrack or xt_multiport."
    return Problem(f"{what} ({where})" if where else what, (error.strip().splitlines() or ["no message"])[0][:200], "to be taken", remedy)
