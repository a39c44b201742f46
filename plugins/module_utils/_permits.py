# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Permits in foreign chains as commands: one nft rule, or one iptables rule, that accepts our bit of the conntrack mark."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT, Address, Permits
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import accept, marked


@dataclass(frozen=True)
class Files:
    """The files that bring the table back; learned is empty where nothing is learned."""

    ruleset: str
    learned: str


_MARKED = "marked connections pass"


def permit_changes(permits: Permits) -> list[Change]:
    """What becomes of permits, one change a chain. A permit that is removed and added anew is not first there, or not whole."""
    before = {address: _MARKED if rule.permit else f"damaged: {rule.text}" for address, rule in permits.remove}
    late = {address: f"{text}, but not first of all" for address, text in before.items() if address in permits.add and text == _MARKED}
    return [
        Change(f"permit/{address}", {**before, **late}.get(address), _MARKED if address in permits.add else None)
        for address in sorted({*before, *permits.add})
    ]


def nft_lines(permits: Permits, mark: int) -> list[str]:
    """The lines of an nft transaction that place and remove permits in native chains."""
    gone = [
        f"delete rule {where.family} {where.table} {where.name} handle {rule.handle}"
        for where, rule in permits.remove if where.tool == "nft"
    ]  # fmt: skip
    return gone + [f"insert rule {_chain(where)} {_nft_rule(mark)}" for where in permits.add if where.tool == "nft"]


def _chain(where: Address) -> str:
    return f"{where.family} {where.table} {where.name}"


def _nft_rule(mark: int) -> str:
    return f'{marked(mark).text} {accept().text} comment "{COMMENT}"'


def _iptables_rule(mark: int) -> str:
    return f"-m connmark --mark {mark:#x}/{mark:#x} -m comment --comment {COMMENT} -j ACCEPT"


def iptables_scripts(permits: Permits, mark: int) -> dict[str, str]:
    """For each iptables command the text for its ``-restore --noflush``; one call is one transaction a table."""
    tables: dict[tuple[str, str], list[str]] = {}
    for where, rule in permits.remove:
        if where.tool != "nft":
            tables.setdefault((where.tool, where.table), []).append(f"-D{rule.text[2:]}")
    for where in permits.add:
        if where.tool != "nft":
            tables.setdefault((where.tool, where.table), []).append(f"-I {where.name} 1 {_iptables_rule(mark)}")
    scripts: dict[str, str] = {}
    for (tool, table), lines in sorted(tables.items()):
        scripts[tool] = scripts.get(tool, "") + "\n".join([f"*{table}", *lines, "COMMIT", ""])
    return scripts


def boot_script(nft: str, files: Files, where: Iterable[Address], mark: int, tools: dict[str, str]) -> str:
    """Shell commands that load our table if it is not there, and each permit if its chain is there without it.

    A chain that is gone is reported and passed over: what others have changed must not keep our own rules away.

    Args:
        nft: path of nft.
        files: the file with our table, and that with what DNS answers have taught.
        where: the chains that hold a permit.
        mark: the bit of the conntrack mark.
        tools: path of each iptables command by its name.
    """
    lines = [
        f"nft={shlex.quote(nft)}",
        'if ! "$nft" -t list table inet webrtc_firewall >/dev/null 2>&1; then',
        f"    {_load(files)} || exit 1",
        "fi",
    ]
    return "\n".join([*lines, *permit_lines("", where, mark, tools), "exit 0", ""])


def permit_lines(nft: str, where: Iterable[Address], mark: int, tools: dict[str, str]) -> list[str]:
    """Shell commands that put each permit where it is missing; nft's path is in its variable already if none is given."""
    lines = [f"nft={shlex.quote(nft)}"] if nft else []
    for item in where:
        if item.tool == "nft":
            chain = " ".join(map(shlex.quote, (item.family, item.table, item.name)))
            has = f'"$nft" list chain {chain} | grep -qF {shlex.quote(_nft_comment())}'
            put = f'"$nft" insert rule {chain} {shlex.quote(_nft_rule(mark))}'
        else:
            command = f"{shlex.quote(tools[item.tool])} -w -t {shlex.quote(item.table)}"
            has = f"{command} -C {shlex.quote(item.name)} {_iptables_rule(mark)} 2>/dev/null"
            put = f"{command} -I {shlex.quote(item.name)} 1 {_iptables_rule(mark)}"
        lines += [f"if ! {has}; then", f"    {put} || echo {shlex.quote(f'webrtc-firewall: no permit in {item}')} >&2", "fi"]
    return lines


def _load(files: Files) -> str:
    alone = f'"$nft" -f {shlex.quote(files.ruleset)}'
    if not files.learned:
        return alone
    # What was learned comes in the same transaction; where its file is damaged or missing, the rules come without it.
    both = f"cat {shlex.quote(files.ruleset)} {shlex.quote(files.learned)} 2>/dev/null"
    return f'{both} | "$nft" -f - || {alone}'


def _nft_comment() -> str:
    return f'comment "{COMMENT}"'
