# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Rules of others in iptables, which firewalld 0.9 and 1.x empty whenever they are reloaded, and which come back right behind that.

Docker and libvirt make theirs anew by themselves, fail2ban and a hand-written script do not.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Iterator, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import save
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, daemon

_TOOLS = ("iptables", "ip6tables")
_TABLE = re.compile(r"^[*](\S+)\n(.*?)^COMMIT\n", re.MULTILINE | re.DOTALL)
_REMEDY = "Have their owners make them again: restart Docker, libvirt and fail2ban, or run the script that made them."
# Who hears of a reload from firewalld itself while it runs, and what its chains begin with.
_HEARERS = {"dockerd": "DOCKER", "libvirtd": "LIBVIRT_", "virtnetworkd": "LIBVIRT_", "netavark": "NETAVARK"}
# Chains, and rules in them and to them.
_ABOUT = r"^(?::|(?:\[\d+:\d+\] )?-A (?:\S+ (?:.* )?-[jg] )?)(?:%s).*\n"
# Seconds without a change after which they have done their part, and for how long their chains are waited for.
STILL, PATIENCE = 1.5, 15.0
_COUNTERS = re.compile(r"\[\d+:\d+\]")


def saved(run: Runner) -> dict[str, str]:
    """What iptables-save and ip6tables-save print, with counters, by the tool's name; of the variant that firewalld uses too."""
    found = {}
    for tool in _TOOLS:
        # Where one is missing or cannot read, it cannot restore either.
        with suppress(TargetProblem):
            found[tool] = save(run, tool)
    return found


def put_back_for_good(before: Mapping[str, str], run: Runner) -> None:
    """Put tables back right behind a reload; rules of those who hear of it only when they have made them anew and left some out.

    Before that, libvirt would stumble over a chain that is there already, and leave its networks without rules. Docker 20.10 leaves the
    rules out that keep its networks apart, whoever reloads. Rules that were not there before are news of an owner: then all stays as it is.

    Args:
        before: what `saved` has told before the reload.
        run: runs commands on the machine.

    Raises:
        TargetProblem: iptables did not take them.
    """
    prefixes = {prefix for name, prefix in _HEARERS.items() if any(f"\n:{prefix}" in text for text in before.values()) and daemon(name)}
    if not prefixes:
        put_back(before, run)
        return
    heard = re.compile(_ABOUT % "|".join(prefixes), re.MULTILINE)
    _load(_missing({tool: heard.sub("", text) for tool, text in before.items()}, saved(run)), run, "--noflush")
    chains = {rule for rule in _rules(before) if rule[2].startswith(":") and heard.match(rule[2] + "\n")}
    began = changed = time.monotonic()
    now = _rules(saved(run))
    while time.monotonic() < (changed + STILL if chains <= set(now) else began + PATIENCE):
        time.sleep(STILL / 10)
        last, now = now, _rules(saved(run))
        if now != last:
            changed = min(time.monotonic(), began + PATIENCE)
    if not set(now) - set(_rules(before)):
        put_back(before, run)


def _rules(texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Tool, table and line of all rules and chains, in their order, without counters."""
    tables = ((tool, name, rules) for tool, text in texts.items() for name, rules in _TABLE.findall(text))
    return [(tool, name, line) for tool, name, rules in tables for line in _COUNTERS.sub("", rules).splitlines()]


def put_back(before: Mapping[str, str], run: Runner, emptied: bool = False) -> None:
    """Put tables back that hold something else now, each as a whole.

    Args:
        before: what `saved` has told.
        run: runs commands on the machine.
        emptied: whether only those are meant that hold no rule any more, as their owners may have changed the others since.

    Raises:
        TargetProblem: iptables did not take them.
    """
    gone: dict[str, dict[str, str]] = {}
    for tool, name, rules, there in _tables(before, saved(run) if before else {}):
        if _differs(rules, there, emptied):
            gone.setdefault(tool, {})[name] = rules
    _load(gone, run)


def _missing(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The lines that are not there, by tool and table. A chain that is there is not named, as that would empty it."""
    found: dict[str, dict[str, str]] = {}
    for tool, name, rules, there in _tables(before, now):
        known = _COUNTERS.sub("", there).splitlines(keepends=True)
        lines = [line for line in rules.splitlines(keepends=True) if _COUNTERS.sub("", line) not in known]
        if lines:
            found.setdefault(tool, {})[name] = "".join(lines)
    return found


def _tables(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Tool and name of each table of before, with what it held and what it holds now."""
    for tool, text in before.items():
        there = dict(_TABLE.findall(now.get(tool, "")))
        for name, rules in _TABLE.findall(text):
            yield tool, name, rules, there.get(name, "")


def _load(tables: Mapping[str, Mapping[str, str]], run: Runner, *options: str) -> None:
    problems: list[Problem] = []
    for tool, rules in tables.items():
        lines = "".join(f"*{name}\n{text}COMMIT\n" for name, text in rules.items())
        done = run([f"{tool}-restore", *options, "--counters", "--wait", "10"], lines)
        if done.code:
            problems.append(Problem(f"{tool}-restore", done.err.strip()[-300:], f"{', '.join(rules)} to come back after a reload", _REMEDY))
    if problems:
        raise TargetProblem(problems)


def _differs(before: str, now: str, emptied: bool) -> bool:
    if emptied:
        return "-A " in before and "-A " not in now
    return _COUNTERS.sub("", before) != _COUNTERS.sub("", now)
