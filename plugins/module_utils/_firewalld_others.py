# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What of firewalld's own doing keeps flows from passing: panic mode, and policies of others that decide before ours."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Blocker
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import FORWARD, HOST, FirewalldPolicy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

_REFUSE = ("DROP", "REJECT")


def blockers(policy: Policy, seen: Mapping[str, Any], ours: Iterable[FirewalldPolicy]) -> list[Blocker]:
    """What keeps, or may keep, flows from passing.

    Args:
        policy: what shall pass.
        seen: what `read` of _firewalld_bus has found.
        ours: our policies as they shall be.
    """
    flows = tuple(flow.id for flow in policy.flows)
    found = []
    if seen["panic"]:
        why, remedy = "firewalld drops every packet", "Run firewall-cmd --panic-off."
        found.append(Blocker(flows, "firewalld", "panic mode is on", why, remedy))
    for opening in (item for item in ours if item.name in (FORWARD, HOST)):
        for name, settings in sorted(seen["others"].items()):
            if int(settings.get("priority") or 0) <= int(str(opening.settings["priority"])) and _overlap(settings, opening):
                found += _refusals(flows, name, settings)
    return list(dict.fromkeys(found))


def _overlap(settings: Mapping[str, Any], opening: FirewalldPolicy) -> bool:
    """Whether two policies may hold for the same packets. ``ANY`` is every zone, but not the machine itself (firewalld.policies(5))."""
    pairs = ((settings.get("ingress_zones", []), opening.zones.ingress), (settings.get("egress_zones", []), opening.zones.egress))
    return all(_meet(set(theirs), set(mine)) for theirs, mine in pairs)


def _meet(theirs: set[str], mine: set[str]) -> bool:
    zones = theirs - {"HOST"}, mine - {"HOST"}
    return bool(theirs & mine) or ("ANY" in (*theirs, *mine) and all(zones))


def _refusals(flows: tuple[str, ...], name: str, settings: Mapping[str, Any]) -> list[Blocker]:
    """A policy that drops; which packets its rich rules are about is not looked at."""
    where, why = f"firewalld policy {name}", f"its priority, {settings['priority']}, lets it decide before ours"
    remedy = f"Give it a higher priority (firewall-cmd --permanent --policy={name} --set-priority=-1), or take it away."
    rules = [rule for rule in settings.get("rich_rules", []) if rule.split()[-1:] == ["drop"] or " reject" in rule]
    target = [f"target {settings['target']}"] if settings.get("target") in _REFUSE else []
    return [Blocker(flows, where, text, why, remedy, sure=False) for text in (*rules, *target)]
