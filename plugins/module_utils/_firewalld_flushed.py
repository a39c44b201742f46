# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Rules of others in iptables, which firewalld 0.9 and 1.x empty whenever they are reloaded, and which come back right behind that.

Docker and libvirt put theirs back by themselves, fail2ban and a hand-written script do not.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import save
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner

_TOOLS = ("iptables", "ip6tables")
_TABLE = re.compile(r"^[*](\S+)\n(.*?)^COMMIT\n", re.MULTILINE | re.DOTALL)
_REMEDY = "Have their owners make them again: restart Docker, libvirt and fail2ban, or run the script that made them."
_COUNTERS = re.compile(r"\[\d+:\d+\]")


def saved(run: Runner) -> dict[str, str]:
    """What iptables-save and ip6tables-save print, with counters, by the tool's name; of the variant that firewalld uses too."""
    found = {}
    for tool in _TOOLS:
        # Where one is missing or cannot read, it cannot restore either.
        with suppress(TargetProblem):
            found[tool] = save(run, tool)
    return found


def put_back(before: Mapping[str, str], run: Runner, emptied: bool = False) -> None:
    """Put tables back that hold something else now, each as a whole.

    Args:
        before: what `saved` has told.
        run: runs commands on the machine.
        emptied: whether only those are meant that hold no rule any more, as their owners may have changed the others since.

    Raises:
        TargetProblem: iptables did not take them.
    """
    now = saved(run) if before else {}
    problems: list[Problem] = []
    for tool, text in before.items():
        there = dict(_TABLE.findall(now.get(tool, "")))
        gone = {name: rules for name, rules in _TABLE.findall(text) if _differs(rules, there.get(name, ""), emptied)}
        if gone:
            lines = "".join(f"*{name}\n{rules}COMMIT\n" for name, rules in gone.items())
            done = run([f"{tool}-restore", "--counters", "--wait", "10"], lines)
            expected = f"{', '.join(gone)} to come back after a reload"
            problems += [Problem(f"{tool}-restore", done.err.strip()[-300:], expected, _REMEDY)] if done.code else []
    if problems:
        raise TargetProblem(problems)


def _differs(before: str, now: str, emptied: bool) -> bool:
    if emptied:
        return "-A " in before and "-A " not in now
    return _COUNTERS.sub("", before) != _COUNTERS.sub("", now)
