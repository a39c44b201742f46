# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What of others' a reload of firewalld would lose, or put in force unasked: whatever differs between runtime and permanent."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_bus import GUESTS, PREFIX

Settings = Mapping[str, Any]


def names(both: Mapping[str, Any]) -> list[str]:
    """The names of what differs, sorted, each with its kind.

    Args:
        both: `both` of what `read` of _firewalld_bus has found: by kind what is in force and what is stored.
    """
    runtime, permanent = both["zone"]
    found = _zones(runtime, permanent, both["asked"])
    runtime, permanent = both["policy"]
    found += [f"policy {name}" for name in _not_ours(runtime, permanent) if _differ(runtime.get(name, {}), permanent.get(name, {}))]
    # Entries of ours are never stored.
    keys = ("type", "options", "entries")
    live, stored = ({name: [item[key] for key in keys] for name, item in there.items()} for there in both["ipset"])
    found += [f"ipset {name}" for name in _not_ours(live, stored) if live.get(name) != stored.get(name)]
    found += [f"direct {kind}" for kind, (now, then) in both["direct"].items() if now != then]
    for kind in ("service", "icmptype", "helper"):
        runtime, permanent = both[kind]
        # Of ICMP types firewalld has at runtime those alone that the kernel knows.
        single = runtime.keys() ^ permanent.keys() if kind != "icmptype" else runtime.keys() - permanent.keys()
        changed = {name for name in runtime.keys() & permanent.keys() if runtime[name] != permanent[name]}
        found += [f"{kind} {name}" for name in single | changed]
    return sorted(found)


def _not_ours(runtime: Settings, permanent: Settings) -> list[str]:
    return [name for name in runtime.keys() | permanent.keys() if not name.startswith(PREFIX)]


def _zones(runtime: Mapping[str, Settings], permanent: Mapping[str, Settings], asked: bool) -> list[str]:
    """Zones; with NetworkManager their interfaces do not count."""
    whole = _joined(permanent)
    found = []
    for name in runtime.keys() | whole.keys():
        live, kept = runtime.get(name, {}), whole.get(name, {})
        if _differ(live, _with_guests(name, kept, live), "interfaces" if asked else ""):
            found.append(f"zone {name}")
    return found


def _joined(zones: Mapping[str, Settings]) -> dict[str, Settings]:
    """Zones that are stored in parts (``zone/part``) are one at runtime."""
    found: dict[str, Any] = {name: item for name, item in zones.items() if "/" not in name}
    parts = {name: item for name, item in sorted(zones.items()) if "/" in name}
    found.update({name.partition("/")[0]: {} for name in parts})
    for name, part in parts.items():
        whole = found[name.partition("/")[0]]
        for key, value in part.items():
            both = isinstance(value, list) and key in whole
            whole[key] = sorted([*whole[key], *value], key=str) if both else value or whole.get(key)
    return found


def _with_guests(zone: str, kept: Settings, live: Settings) -> Settings:
    """A stored zone with those that are in it at runtime alone and are put back behind a reload; nobody may be stored alone."""
    key = GUESTS.get(zone, "")
    put_back = kept and key in live and {*kept.get(key, ())} <= {*live[key]}
    return {**kept, key: live[key]} if put_back else kept


def _differ(one: Settings, other: Settings, ignored: str = "") -> bool:
    """Whether two settings mean something else; what is empty need not be there."""
    return any((one.get(key) or None) != (other.get(key) or None) for key in (one.keys() | other.keys()) - {ignored})
