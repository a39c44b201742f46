# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What firewalld has of ours, and what of it a change can reach at runtime; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Rules
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned

_CHANGEABLE = ("ingress_zones", "egress_zones", "rich_rules")
# What a set is at runtime; the rest is stored alone.
_KIND = ("type", "options")
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Live:
    """What firewalld has; `read` of _firewalld_bus says what is in it. Not running, only our own files count."""

    running: bool
    seen: dict[str, Any]
    files: tuple[str, ...] = ()
    ipv6_in_use: bool = True

    @property
    def permanent(self) -> Rules:
        """What is ours as it is stored."""
        return self._rules("permanent")

    @property
    def runtime(self) -> Rules:
        """What is ours as it is in force."""
        return self._rules("runtime")

    def _rules(self, kind: str) -> Rules:
        return Rules(self.seen.get(kind, {}), self.seen.get("sets", {}).get(kind, {}))


def held(wanted: Rules, before: Live, learned: Learned) -> dict[str, list[str]]:
    """What sets hold on: a reload would empty them; a new one begins with what was learned before."""
    there = {name: item["entries"] for name, item in before.runtime.sets.items()}
    found = {name: list(there.get(name, learned.get(name, ())))[: int(item["options"]["maxelem"])] for name, item in wanted.sets.items()}
    return {name: entries for name, entries in found.items() if entries}


def different(wanted: Mapping[str, Settings], stored: Mapping[str, Settings]) -> dict[str, Optional[Settings]]:
    """What is to be stored; None is to go."""
    found: dict[str, Optional[Settings]] = {name: item for name, item in wanted.items() if stored.get(name) != item}
    return {**found, **{name: None for name in stored if name not in wanted}}


def needs_reload(wanted: Rules, live: Live) -> bool:
    """Whether something has to come or go that firewalld cannot change at runtime: a policy or a set as a whole, or what it is."""
    if wanted.policies.keys() != live.runtime.policies.keys():
        return True
    kinds, there = ({name: [item[key] for key in _KIND] for name, item in rules.sets.items()} for rules in (wanted, live.runtime))
    if kinds != there:
        return True
    # At runtime the description stays as it was; what the rules are is told by the stored one.
    spoken = {*_CHANGEABLE, "description"}
    return any(
        {key: value for key, value in item.items() if key not in spoken}
        != {key: value for key, value in live.runtime.policies[name].items() if key not in spoken}
        for name, item in wanted.policies.items()
    )


def changeable(settings: Settings) -> list[Any]:
    """What of a policy changes at runtime."""
    return [settings.get(key) for key in _CHANGEABLE]
