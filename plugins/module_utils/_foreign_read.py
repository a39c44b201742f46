# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What other programs have put into the packet filter, as its tools list it."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import ForeignChain
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import (
    IPTABLES,
    from_iptables_save,
    from_nft,
    iptables_tables,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_listing import uncounted
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find, read

_LEGACY = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
_PACKAGES = {"nft": "nftables", "ipset": "ipset"}


def path_of(name: str) -> str:
    """The path of a tool.

    Raises:
        TargetProblem: it is not installed.
    """
    path = find(name)
    if path is None:
        remedy = f"Install the package {_PACKAGES.get(name, 'iptables')}, or leave webrtc_egress_install at true."
        raise TargetProblem([Problem(f"command {name}", None, f"{name} in the system's path", remedy)])
    return path


def parsed(text: str) -> Any:
    """What nft has printed as JSON.

    Raises:
        TargetProblem: it is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        remedy = "Install an nft that is built with JSON support (libjansson)."
        raise TargetProblem([Problem("nft -j", text[:80], "JSON", remedy)]) from error


def saved(run: Runner, listing: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What iptables-save prints, with counters, of iptables-nft where nft lists any of it, and of iptables-legacy where the kernel names
    its tables.

    Args:
        run: runs commands.
        listing: what `nft -t -j list ruleset` printed, parsed.

    Returns:
        (command, ip or ip6) to the text.

    Raises:
        TargetProblem: a tool is missing, or cannot read its own tables.
    """
    managed = {family for family, _table in iptables_tables(listing)}
    found = {(f"{IPTABLES[family]}-nft", family): "" for family in sorted(managed)}
    found.update({(f"{IPTABLES[family]}-legacy", family): "" for family, path in _LEGACY.items() if (read(path) or "").strip()})
    for name, family in found:
        found[name, family] = save(run, name)
    return found


def save(run: Runner, name: str, *options: str) -> str:
    """What one of iptables' save commands prints, with counters.

    Args:
        run: runs commands.
        name: the command without ``-save``.
        options: further options.

    Raises:
        TargetProblem: it is missing, or cannot read its own tables.
    """
    done = run([path_of(f"{name}-save"), "--counters", *options], "")
    if done.code:
        remedy = "Its tables hold rules that it cannot read itself, or it may not read them: run as root (become: true)."
        raise TargetProblem([Problem(f"{name}-save", done.err.strip()[:300], "a listing of its tables", remedy)])
    return done.out


def iptables_chains(texts: dict[tuple[str, str], str]) -> list[ForeignChain]:
    """The chains of others in what `saved` returned."""
    return [chain for (name, family), text in texts.items() for chain in from_iptables_save(name, family, uncounted(text))]


def everything(run: Runner) -> list[ForeignChain]:
    """All chains of others, whatever tool made them.

    Raises:
        TargetProblem: a tool cannot read its own tables.
    """
    listing: dict[str, Any] = {}
    if find("nft"):
        done = run([path_of("nft"), "-t", "-j", "list", "ruleset"], "")
        listing = parsed(done.out) if done.code == 0 else {}
    return [*from_nft(listing), *iptables_chains(saved(run, listing))]


def rule_text(run: Runner, chain: str, handle: int) -> str:
    """A rule as nft prints it; empty if it is gone.

    Args:
        run: runs commands.
        chain: family, table and name.
        handle: the rule's handle.
    """
    listed = run([path_of("nft"), "-a", "list", "chain", *chain.split()], "").out
    sign = f" # handle {handle}"
    return next((line[: -len(sign)].strip() for line in listed.splitlines() if line.endswith(sign)), "")
