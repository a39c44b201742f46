# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The nftables backend: our own table, and one permit in each foreign chain that could drop."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _foreign,
    _nft_describe,
    _nft_listing,
    _nft_render,
    _nft_transaction,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker, Change, FlowState, Plan, State
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT, Address, ForeignChain, ForeignRule, Permits
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import from_nft
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import iptables_chains, parsed, path_of, saved
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import FAMILY, TABLE, Ruleset
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import HEAD, LEARNED, RESTORE, RULESET
from ansible_collections.webrtc.firewall.plugins.module_utils._permits import (
    Files,
    boot_script,
    iptables_scripts,
    nft_lines,
    permit_changes,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned, Sets
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output, find, read

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import _blockers, _nft_elements
else:
    _blockers = Deferred("_blockers")
    _nft_elements = Deferred("_nft_elements")

_CONNTRACK_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
# A segmentation fault or an abort, as Python and as a shell tell it.
_CRASHED = (-11, -6, 139, 134)
_ERROR_LINE = re.compile(r"^(?:/dev/stdin|-|internal|<cmdline>):(\d+):\d+-\d+: Error: (.*)$", re.MULTILINE)
_REMEDIES = (
    ("Operation not permitted", "Run as root (become: true); in a container it needs the capability NET_ADMIN."),
    ("Protocol not supported", "This kernel has no nf_tables; load or build it in (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)."),
    ("not supported", "The kernel lacks a feature: nf_tables needs NF_TABLES_INET, NFT_CT and NF_CONNTRACK_MARK."),
    ("No such file", "Something that was there a moment ago is gone; if nothing is missing, the kernel lacks a module. Run again."),
)


@dataclass(frozen=True)
class Live:
    """What is on the machine: our table, None if there is none, and the chains of others."""

    ours: Optional[Ruleset]
    foreign: tuple[ForeignChain, ...]


@dataclass(frozen=True)
class Steps:
    """What `apply` loads, one nft transaction, then one text for each iptables command; and the whole table as the boot loads it."""

    nft: str
    iptables: dict[str, str]
    definition: str
    before: Live


@dataclass(frozen=True)
class Before:
    """Our table as nft lists it, empty if there was none; and where permits stood, with their bits of the mark."""

    table: str
    permits: tuple[tuple[Address, int], ...]


class Nftables(Backend):
    """nftables, for kernels and nft versions from 0.9.8 on."""

    name = "nftables"
    permits = True
    kept = Before

    def installed(self) -> bool:
        return find("nft") is not None

    def in_charge(self) -> str:
        if not self.installed():
            return ""
        chains = [str(chain.address) for chain in from_nft(parsed(self._nft("-t", "-j", "list", "ruleset"))) if chain.hook]
        return f"nft holds {', '.join(sorted(chains))}" if chains else ""

    @staticmethod
    def unsupported(policy: Policy) -> list[Problem]:
        return []

    @staticmethod
    def learned_set(flow_id: str, family: str) -> str:
        return _nft_render.learned_set(flow_id, family)

    @staticmethod
    def learned_text(learned: Learned) -> str:
        return "".join(f"{line}\n" for line in _nft_transaction.elements(learned))

    @staticmethod
    def sets() -> Sets:
        return _nft_elements.NftSets()

    @staticmethod
    def render_text(policy: Policy) -> str:
        return _nft_transaction.definition(_nft_render.render(policy))

    def read(self) -> Live:
        listing = parsed(self._nft("-t", "-j", "list", "ruleset"))
        tables = [entry["table"] for entry in listing.get("nftables", []) if "table" in entry]
        ours = None
        if any(table["family"] == FAMILY and table["name"] == TABLE for table in tables):
            ours = _nft_listing.parse(parsed(self._nft("-j", "list", "table", FAMILY, TABLE)))
        return Live(ours, tuple(from_nft(listing) + iptables_chains(saved(self.run, listing))))

    def obstacles(self, policy: Policy, live: Live) -> list[Problem]:
        return _foreign.managers(live.foreign) + _foreign.conflicts(live.foreign, policy.frame.mark)

    def blockers(self, policy: Policy, live: Live) -> list[Blocker]:
        if not live.foreign:
            return []
        return _blockers.find(live.foreign, policy, _blockers.Ways(policy.frame.mark, _nft_render.CLASSIFY))

    def settled(self, policy: Policy, live: Live) -> Live:
        permits = _foreign.plan(live.foreign, policy.frame.placement, policy.frame.mark)
        ours = ForeignRule("", permit=policy.frame.mark, ours=True)
        return replace(live, foreign=_foreign.headed(live.foreign, dict.fromkeys(permits.add, ours)))

    def plan(self, policy: Optional[Policy], live: Live, learned: Learned, heir: Optional[Backend] = None) -> Plan:
        frame = policy.frame if policy else None
        permits = _foreign.plan(live.foreign, frame.placement if frame else "", frame.mark if frame else 0)
        if heir and heir.permits:
            permits = Permits()
        wanted = _nft_render.render(policy) if policy else None
        changes = [*_table_changes(wanted, live.ours), *permit_changes(permits)]
        mark = frame.mark if frame else 0
        own = (
            ""
            if _same(wanted, live.ours)
            else _nft_transaction.transaction(wanted, live.ours, learned)
            if wanted
            else _nft_transaction.removal()
        )
        script = own + "".join(f"{line}\n" for line in nft_lines(permits, mark))
        text = _nft_transaction.definition(wanted) if wanted else ""
        steps = Steps(script, iptables_scripts(permits, mark), text, live)
        return Plan(tuple(changes), (), steps, self._files(wanted, text, permits, mark) if wanted else {})

    def validate(self, plan: Plan, check: bool) -> None:
        # The transaction is validated by being loaded, all or nothing; what is stored differs from it where a table is there already.
        if plan.steps.nft and check:
            self._load(plan.steps.nft, "-c")
        elif plan.steps.nft and plan.steps.before.ours:
            self._load(plan.steps.definition, "-c")

    def before(self, plan: Plan) -> Before:
        live: Live = plan.steps.before
        table = self._nft("list", "table", FAMILY, TABLE) if live.ours else ""
        return Before(table, tuple((address, rule.permit) for address, rule in _ours(live)))

    def apply(self, plan: Plan) -> None:
        before = self.before(plan) if plan.steps.iptables else None
        if plan.steps.nft:
            self._load(plan.steps.nft)
        try:
            for tool, text in plan.steps.iptables.items():
                self._restore(tool, text)
        except FirewallError:
            if before:
                self.undo(before)
            raise

    def undo(self, before: Before) -> None:
        here = _ours(self.read())
        same = before.permits == tuple((address, rule.permit) for address, rule in here)
        permits = Permits() if same else Permits(tuple(address for address, _bit in before.permits), tuple(here))
        mark = next((bit for _address, bit in before.permits), 0)
        self._load(_nft_transaction.removal() + before.table + "".join(f"{line}\n" for line in nft_lines(permits, mark)))
        for tool, text in iptables_scripts(permits, mark).items():
            self._restore(tool, text)

    def observing(self, policy: Policy, live: Live) -> Optional[Policy]:
        denied = live.ours and any(chain.name == _nft_render.REFUSE for chain in live.ours.chains)
        if policy.frame.baseline == "existing" or denied or int(read(_CONNTRACK_COUNT) or 0):
            return None
        return replace(policy, frame=replace(policy.frame, baseline="existing", other_resolvers="allow"))

    def state(self, live: Live) -> State:
        permits = tuple(sorted(str(chain.address) for chain in live.foreign if any(rule.ours for rule in chain.rules)))
        if live.ours is None:
            return State(False, permits=permits)
        words = _nft_describe.describe(live.ours)
        counted = {name: live.ours.packets.get(_nft_render.flow_name(name), (0, 0)) for name in words}
        flows = tuple(FlowState(name, words[name], *counted[name]) for name in sorted(words) if _is_flow(name))
        frame = {name: text for name, text in words.items() if not _is_flow(name)}
        dropped, rejected = (live.ours.packets.get(name, (0, 0))[0] for name in (_nft_render.DROPPED, _nft_render.REJECTED))
        return State(True, flows, permits, dropped, rejected, frame, live.ours.learned)

    def _files(self, wanted: Ruleset, text: str, permits: Permits, mark: int) -> dict[str, tuple[str, int]]:
        where = sorted({*permits.add, *permits.keep})
        tools = {item.tool: path_of(item.tool) for item in where if item.tool != "nft"}
        files = Files(RULESET, LEARNED if any(item.learned for item in wanted.sets) else "")
        script = boot_script(path_of("nft"), files, where, mark, tools)
        return {RULESET: (HEAD + text, 0o600), RESTORE: (f"#!/bin/sh\n{HEAD}{script}", 0o700)}

    def _nft(self, *arguments: str) -> str:
        done = self.run([path_of("nft"), *arguments], "")
        if done.code:
            raise TargetProblem([_nft_problem(done, "", f"nft {' '.join(arguments)}")])
        return done.out

    def _load(self, text: str, *options: str) -> None:
        done = self.run([path_of("nft"), *options, "-f", "-"], text)
        if done.code:
            raise TargetProblem([_nft_problem(done, text, "nft -f")])

    def _restore(self, tool: str, text: str) -> None:
        done = self.run([path_of(f"{tool}-restore"), "--noflush", "--wait", "10"], text)
        if done.code:
            remedy = "Something changed the chains meanwhile; run again."
            raise TargetProblem([Problem(f"{tool}-restore", done.err.strip()[:300], "to take the permit", remedy)])


def _ours(live: Live) -> list[tuple[Address, ForeignRule]]:
    """Our rules in chains of others."""
    return sorted(((chain.address, rule) for chain in live.foreign for rule in chain.rules if rule.ours), key=lambda item: item[0])


def _same(wanted: Optional[Ruleset], live: Optional[Ruleset]) -> bool:
    return wanted is live if wanted is None or live is None else _nft_listing.same(wanted, live)


def _table_changes(wanted: Optional[Ruleset], live: Optional[Ruleset]) -> list[Change]:
    return [] if _same(wanted, live) else _nft_describe.changes(wanted or Ruleset(), live or Ruleset())


def _is_flow(name: str) -> bool:
    return not name.startswith(("frame/", "chain/", "set/", "counter/", "unknown "))


def _nft_problem(done: Output, text: str, what: str) -> Problem:
    """nft's own words, shortened, with the flow's id in place of a line number."""
    found = _ERROR_LINE.search(done.err)
    message = (found.group(2) if found else done.err.strip().splitlines()[0] if done.err.strip() else f"exit status {done.code}")[:200]
    lines = text.splitlines()
    line = lines[int(found.group(1)) - 1] if found and 0 < int(found.group(1)) <= len(lines) else ""
    comment = re.search(r'comment "([^"]+)"$', line)
    where = f"permit in {line.split(' ct ')[0]}" if comment and comment.group(1) == COMMENT else comment.group(1) if comment else line[:80]
    remedy = next((advice for sign, advice in _REMEDIES if sign in done.err), "Please report it with the output of `nft --version`.")
    if done.code in _CRASHED:
        remedy = "nft has crashed: a set on this machine was made by a newer nft, such as a container's; remove it, or upgrade nft."
    return Problem(f"{what} ({where})" if where else what, message, "nft to accept the ruleset", remedy)
