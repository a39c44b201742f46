# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What of others keeps flows from passing, for people: as the machine is, and as a run leaves it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.webrtc.firewall.plugins.module_utils import _foreign_read, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend, Blocker
from ansible_collections.webrtc.firewall.plugins.module_utils._deferred import Deferred
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

if TYPE_CHECKING:
    from ansible_collections.webrtc.firewall.plugins.module_utils import _blockers
else:
    _blockers = Deferred("_blockers")


def now(backend: Backend, policy: Policy, live: Any) -> list[Blocker]:
    """What blocks as the machine is; the remedy tells whether a run would mend it.

    Args:
        backend: the machine's firewall.
        policy: what shall pass, without host names.
        live: what the backend has read.
    """
    found = backend.blockers(policy, live)
    staying = _staying(backend, policy, live, found)
    return [_worded(backend, item) for item in (found if staying is found else _blockers.mended(found, staying))]


def after_run(backend: Backend, policy: Policy, live: Any) -> list[Blocker]:
    """What blocks whatever ours say; arguments as of `now`."""
    return [_worded(backend, item) for item in _staying(backend, policy, live, backend.blockers(policy, live))]


def _staying(backend: Backend, policy: Policy, live: Any, found: list[Blocker]) -> list[Blocker]:
    """What is left of `found` once ours are in the chains of others. Ours only let more through: where nothing blocks now, nothing will."""
    settled = backend.settled(policy, live) if found else live
    return found if settled is live else backend.blockers(policy, settled)


def _worded(backend: Backend, item: Blocker) -> Blocker:
    """A rule of nft's in nft's own words."""
    tool, _space, chain = item.where.partition(" ")
    readable = tool == "nft" and item.handle and _system.find("nft")
    text = _foreign_read.rule_text(backend.run, chain, item.handle) if readable else ""
    return replace(item, rule=text) if text else item
