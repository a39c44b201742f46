# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Which of firewalld's zones stand for the interfaces of a site; never for more than these."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Zones
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame

_ANY = ("ANY",)
# Before, policies of the default zone are applied to the interfaces that have been put there alone (firewalld#1205).
_WHOLE = 2


@dataclass(frozen=True)
class Found:
    """The zones of a site.

    Attributes:
        scope: those of the traffic that is our business.
        ways_out: those of forwarded flows.
        problems: interfaces that no zone stands for alone.
    """

    scope: Zones
    ways_out: Zones
    problems: list[Problem] = field(default_factory=list)


def zones_of(frame: Frame, seen: Mapping[str, Any]) -> Found:
    """The zones of a site's interfaces.

    Args:
        frame: names the interfaces.
        seen: what `read` of _firewalld_bus has found.
    """
    problems: list[Problem] = []
    ins = _zones("webrtc_egress_in_interfaces", frame.in_interfaces, seen, problems)
    outs = _zones("webrtc_egress_out_interfaces", frame.out_interfaces, seen, problems)
    uplinks = _zones("webrtc_egress_out_interfaces", frame.uplinks, seen, problems) if frame.placement != "host" else _ANY
    scope = Zones(ins, outs)
    return Found(scope, Zones(ins, uplinks if frame.uplinks else outs), problems)


def _zones(option: str, interfaces: tuple[str, ...], seen: Mapping[str, Any], problems: list[Problem]) -> tuple[str, ...]:
    if not interfaces:
        return _ANY
    bound: Mapping[str, str] = seen["interfaces"]
    zone_of = {name: bound.get(name, seen["default"]) for name in {*os.listdir("/sys/class/net"), *bound} - {"lo"}}
    zones = []
    for index, name in enumerate(interfaces):
        zone = zone_of.get(name, seen["default"])
        if name not in bound and name != "lo" and int(seen["version"].partition(".")[0]) < _WHOLE:
            remedy = f"Put it there: firewall-cmd --permanent --zone={zone} --add-interface={name}, and --reload."
            expected = f"an interface that is put into a zone, as firewalld {seen['version']} applies policies to no other"
            problems.append(Problem(f"{option}[{index}]", f"{name} in no zone", expected, remedy))
        others = sorted(other for other, its in zone_of.items() if its == zone and other not in interfaces)
        sources = seen["zones"].get(zone, {}).get("sources", [])
        if others or sources:
            path = f"{option}[{index}]"
            beside = ", ".join([*others, *(f"source {source}" for source in sources)])
            remedy = (
                f"Name {', '.join(others)} too, or move {name} into a zone of its own." if others else f"Move {name} into another zone."
            )
            problems.append(Problem(path, f"{name} in zone {zone} beside {beside}", "a zone that holds the named interfaces alone", remedy))
        zones.append(zone)
    return tuple(sorted(set(zones)))
