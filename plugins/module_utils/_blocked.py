# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What of others keeps flows from passing, for people: as the machine is, and as a run leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils import _foreign_read, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

_MENDED = "Run the playbook: it puts a rule of ours before it."


def now(backend: Backend, policy: Policy, live: Any) -> list[Blocker]:
    """What blocks as the machine is; the remedy tells whether a run would mend it.

    Args:
        backend: the machine's firewall.
        policy: what shall pass, without host names.
        live: what the backend has read.
    """
    found, settled = backend.blockers(policy, live), backend.settled(policy, live)
    if found and settled is not live:
        found = mended(found, backend.blockers(policy, settled))
    return [_worded(backend, item) for item in found]


def after_run(backend: Backend, policy: Policy, live: Any) -> list[Blocker]:
    """What blocks whatever ours say; arguments as of `now`."""
    return [_worded(backend, item) for item in backend.blockers(policy, backend.settled(policy, live))]


def mended(found: Iterable[Blocker], staying: Iterable[Blocker]) -> list[Blocker]:
    """What is found, with another remedy where a run helps.

    Args:
        found: what keeps flows from passing now.
        staying: what does once a run has put ours into the chains of others.
    """
    left: dict[tuple[str, str, int], set[str]] = {}
    for item in staying:
        left.setdefault((item.where, item.rule, item.handle), set()).update(item.flows)
    told = []
    for item in found:
        stays = left.get((item.where, item.rule, item.handle), set())
        kept, gone = tuple(filter(stays.__contains__, item.flows)), tuple(name for name in item.flows if name not in stays)
        told += [replace(item, flows=kept)] if kept or not item.flows else []
        told += [replace(item, flows=gone, why="no rule of ours lets flows through before it", remedy=_MENDED)] if gone else []
    return told


def _worded(backend: Backend, item: Blocker) -> Blocker:
    """A rule of nft's in nft's own words."""
    tool, _space, chain = item.where.partition(" ")
    readable = tool == "nft" and item.handle and _system.find("nft")
    text = _foreign_read.rule_text(backend.run, chain, item.handle) if readable else ""
    return replace(item, rule=text) if text else item
