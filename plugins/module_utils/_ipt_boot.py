# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What brings our iptables rules back: sets before anybody's rules name them, rules and jumps after everybody else's.

A saved ruleset that names a set which is not there is refused as a whole, and the machine comes up without any rules. So the sets are
made first, empty where their data are missing; and our rules are taken out of the files that netfilter-persistent loads.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils import _foreign, _ipt_script, _permits, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import path_of
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_live import Live
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import BUILT_IN, IpSet, Ruleset, entry, is_ours
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_render import HOOKS
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import HEAD, LEARNED, RESTORE, RULES, SETS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

# Where distributions keep what is loaded at boot.
SAVED = ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables")
_TARGET = re.compile(r"\s-[jg] (\S+)")
Files = dict[str, tuple[str, int]]


def files(policy: Policy, wanted: Ruleset, live: Live, permits: _foreign.Permits) -> Files:
    """All files of ours, and those of others that are to lose what is ours.

    Args:
        policy: what is in force.
        wanted: its ruleset.
        live: what was read; says which iptables it is.
        permits: those in chains that iptables does not own.
    """
    found = {RULES[family]: (HEAD + _ipt_script.definition(wanted, family), 0o600) for family in live.families if wanted.rules.get(family)}
    found[SETS] = (HEAD + _ipt_script.definition_of_sets(wanted), 0o600)
    found[RESTORE] = (f"#!/bin/sh\n{HEAD}{_script(policy, wanted, live, permits)}", 0o700)
    return {**found, **cleaned()}


def cleaned() -> Files:
    """Saved rulesets of the machine that hold rules of ours, without them."""
    found = {}
    for path in SAVED:
        text = _system.read(path)
        rest = "".join(line for line in (text or "").splitlines(keepends=True) if not _ours(line))
        if text is not None and rest != text:
            found[path] = (rest, os.stat(path).st_mode & 0o7777)
    return found


def _ours(line: str) -> bool:
    words = line.lstrip("[0123456789:] ").split() if line.startswith("[") else line.split()
    if words[:1] == ["-A"] and len(words) > 1:
        target = _TARGET.search(line)
        return is_ours(words[1]) or bool(target and is_ours(target.group(1))) or f"--comment {COMMENT} " in line.replace('"', "")
    return line.startswith(":") and is_ours(words[0][1:])


def _script(policy: Policy, wanted: Ruleset, live: Live, permits: _foreign.Permits) -> str:
    sets = [*_sets(wanted.sets.values(), policy.learns), '[ "$1" = sets ] && exit 0']
    rules = [line for family in live.families if wanted.rules.get(family) for line in _rules(family, live, HOOKS[policy.frame.placement])]
    where = sorted({*permits.add, *permits.keep})
    tools = {item.tool: path_of(item.tool) for item in where if item.tool != "nft"}
    nft = path_of("nft") if any(item.tool == "nft" for item in where) else ""
    return "\n".join([*sets, *rules, *_permits.permit_lines(nft, where, policy.frame.mark, tools), "exit $failed", ""])


def _sets(sets: Iterable[IpSet], learns: bool) -> list[str]:
    """Each set by itself, so that one which cannot be filled is there all the same; then their data."""
    names = " ".join([SETS, *([LEARNED] if learns else [])])
    made = [f'"$ipset" -exist {item.create()}' for item in sets]
    return [
        f"ipset={shlex.quote(path_of('ipset'))}",
        "failed=0",
        *made,
        f'cat {names} 2>/dev/null | "$ipset" -exist restore || "$ipset" -exist restore <{SETS} || failed=1',
    ]


def _rules(family: str, live: Live, hooks: tuple[str, ...]) -> list[str]:
    tool = path_of(live.tool(family))
    restore, save = path_of(f"{live.tool(family)}-restore"), path_of(f"{live.tool(family)}-save")
    listed = f"{shlex.quote(save)} -t filter 2>/dev/null | grep '^-A webrtc-' | LC_ALL=C sort"
    wanted = f"grep '^-A webrtc-' {RULES[family]} | LC_ALL=C sort"
    lines = [
        f"tool={shlex.quote(tool)}",
        # Loaded anew only where it differs, so that counters go on.
        f'if [ "$({listed})" != "$({wanted})" ]; then',
        f"    {shlex.quote(restore)} --noflush --wait 10 <{RULES[family]} || failed=1",
        "fi",
    ]
    for hook in hooks:
        jump = f"-m comment --comment {COMMENT} -j {entry(hook)}"
        lines += _jump(BUILT_IN[hook], jump, hook == "forward")
    return lines


def _jump(chain: str, jump: str, docker: bool) -> list[str]:
    """At the head of the chain; but of Docker's own where that is called, as Docker rewrites the built-in one."""
    here = [f'if ! "$tool" -w -C {chain} {jump} 2>/dev/null; then', f'    "$tool" -w -I {chain} 1 {jump} || failed=1', "fi"]
    if not docker:
        return here
    called = f'"$tool" -w -S {chain} 2>/dev/null | grep -q -e "-j {_foreign.DOCKER_CHAIN}$"'
    return [
        f"if {called}; then",
        f'    "$tool" -w -C {_foreign.DOCKER_CHAIN} {jump} 2>/dev/null || "$tool" -w -I {_foreign.DOCKER_CHAIN} 1 {jump} || failed=1',
        f'    while "$tool" -w -D {chain} {jump} 2>/dev/null; do :; done',
        "else",
        *(f"    {line}" for line in here),
        "fi",
    ]
