# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Talks to firewalld over D-Bus: reads a job as JSON from standard input, does it, and prints JSON.

Runs by itself in firewalld's own interpreter, which has the bindings (python3-dbus) wherever firewalld runs; so it imports nothing else
of ours. Reference: firewalld.dbus(5).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

NAME, ROOT = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
CONFIG = f"{NAME}.config"
ETC = "/etc/firewalld"
DIRECTORY = f"{ETC}/policies"
PREFIX = "webrtc-"
# Docker and libvirt put their bridges into these at runtime alone, netavark (Podman) its networks; and again whenever firewalld says that
# it has been reloaded.
GUESTS = {"docker": "interfaces", "libvirt": "interfaces", "libvirt-routed": "interfaces", "trusted": "sources"}
# What of a policy we set; the rest is as firewalld makes it.
OWN = ("description", "target", "priority", "ingress_zones", "egress_zones", "rich_rules")
# What a set is made of, in the order in which D-Bus has it.
SET = ("version", "short", "description", "type", "options", "entries")


class Bus:
    """A connection to firewalld."""

    def __init__(self) -> None:
        self.dbus: Any = importlib.import_module("dbus")
        self._bus = self.dbus.SystemBus()
        self.main = self.at(ROOT)
        self.config = self.at(f"{ROOT}/config")

    def at(self, path: str) -> Any:
        """The object at a path; firewalld takes longer to describe it than to answer, and its types are known here."""
        return self._bus.get_object(NAME, path, introspect=False)

    def has(self, name: str) -> bool:
        """Whether somebody owns a name on the bus."""
        return bool(self._bus.name_has_owner(name))

    def get(self, name: str, interface: str = NAME) -> Any:
        """A property of firewalld, or of its configuration (the interface CONFIG)."""
        there = self.config if interface == CONFIG else self.main
        return there.Get(interface, name, dbus_interface="org.freedesktop.DBus.Properties")

    def settings(self, values: dict[str, Any]) -> Any:
        """A policy's settings with the types that D-Bus wants."""
        typed = {key: self.dbus.Array(value, signature="s") if isinstance(value, list) else value for key, value in values.items()}
        return self.dbus.Dictionary(typed, signature="sv")

    def set_settings(self, values: dict[str, Any]) -> Any:
        """A set's settings with the types that D-Bus wants."""
        typed = {"options": self.dbus.Dictionary(values["options"], signature="ss")}
        typed["entries"] = self.dbus.Array(values["entries"], signature="s")
        return self.dbus.Struct([typed.get(key, values[key]) for key in SET], signature="ssssa{ss}as")


def plain(value: Any) -> Any:
    """A value of D-Bus as JSON has it; the order of lists says nothing here."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, bool) or type(value).__name__ == "Boolean":
        return bool(value)
    return int(value) if isinstance(value, int) else str(value)


def read(bus: Bus) -> dict[str, Any]:
    """What firewalld has of ours, runtime and permanent; its zones; policies of others in force, and `both`: all that a reload touches."""
    zones, policies = f"{NAME}.zone", f"{NAME}.policy"
    runtime, permanent = {}, {}
    for name in bus.main.getPolicies(dbus_interface=policies):
        runtime[str(name)] = plain(bus.main.getPolicySettings(name, dbus_interface=policies))
    for name in bus.config.getPolicyNames(dbus_interface=CONFIG):
        item = bus.at(bus.config.getPolicyByName(name, dbus_interface=CONFIG))
        permanent[str(name)] = plain(item.getSettings(dbus_interface=f"{CONFIG}.policy"))
    sets = {"runtime": runtime_sets(bus), "permanent": permanent_sets(bus)}
    found = {str(name): plain(bus.main.getZoneSettings2(name, dbus_interface=zones)) for name in bus.main.getZones(dbus_interface=zones)}
    active = plain(bus.main.getActiveZones(dbus_interface=zones))
    rest = others(bus)
    return {
        "version": str(bus.get("version")),
        "ipv6": bool(bus.get("IPv6")),
        "default": str(bus.main.getDefaultZone(dbus_interface=NAME)),
        "zones": {name: {"sources": active.get(name, {}).get("sources", [])} for name in found},
        "interfaces": {str(name): zone for zone, item in active.items() for name in item.get("interfaces", [])},
        "icmp_types": sorted(rest["icmptype"][0]),
        "runtime": {name: own(item) for name, item in runtime.items() if name.startswith(PREFIX)},
        "permanent": {name: own(item) for name, item in stored(permanent).items() if name.startswith(PREFIX)},
        "sets": {kind: {name: item for name, item in there.items() if name.startswith(PREFIX)} for kind, there in sets.items()},
        "others": {name: own(item) for name, item in runtime.items() if not name.startswith(PREFIX)},
        "by_iptables": str(bus.get("FirewallBackend", CONFIG)) == "iptables",
        "panic": bool(bus.main.queryPanicMode(dbus_interface=NAME)),
        "both": {
            "zone": [found, stored_zones(bus)],
            "policy": [runtime, permanent],
            "ipset": [sets["runtime"], sets["permanent"]],
            **rest,
        },
    }


def stored(known: dict[str, Any]) -> dict[str, Any]:
    """Our policies as their files have them, by firewalld's own reader: firewalld itself looks at them again only after some seconds.

    Args:
        known: the policies as firewalld knows them; the answer where it has no such reader.
    """
    there = os.listdir(DIRECTORY) if os.path.isdir(DIRECTORY) else []
    ours = [name for name in there if name.startswith(PREFIX) and name.endswith(".xml")]
    if not ours:
        # The reader takes longer to load than all else here.
        return {}
    try:
        reader = importlib.import_module("firewall.core.io.policy").policy_reader
    except (ImportError, AttributeError):
        return known
    found = {}
    for name in ours:
        try:
            found[name[:-4]] = plain(reader(name, DIRECTORY).export_config_dict())
        except Exception:
            # Whatever cannot be read has no settings; firewalld would not start with it.
            found[name[:-4]] = {}
    return found


def own(settings: dict[str, Any]) -> dict[str, Any]:
    """Of a policy what we set, and all else that is not empty."""
    kept = {key: settings.get(key, "") for key in OWN}
    return {**kept, **{key: item for key, item in settings.items() if item and key not in OWN}}


def stored_zones(bus: Bus) -> dict[str, dict[str, Any]]:
    """The zones as they are stored, some in parts (``zone/part``)."""
    found: dict[str, dict[str, Any]] = {}
    for name in map(str, bus.config.getZoneNames(dbus_interface=CONFIG)):
        item = bus.at(bus.config.getZoneByName(name, dbus_interface=CONFIG))
        found[name] = plain(item.getSettings2(dbus_interface=f"{CONFIG}.zone"))
    return found


def others(bus: Bus) -> dict[str, Any]:
    """What else a reload makes anew, in force and stored: direct chains, rules and passthroughs; services, ICMP types and helpers."""
    stored_parts = bus.at(f"{ROOT}/config").getSettings(dbus_interface=f"{CONFIG}.direct")
    direct = {}
    for kind, part in zip(("Chains", "Rules", "Passthroughs"), stored_parts):
        live = getattr(bus.main, f"getAll{kind}")(dbus_interface=f"{NAME}.direct")
        # The order of words counts here.
        direct[kind.lower()] = [sorted(json.dumps(item) for item in items) for items in (live, part)]
    kinds = (
        ("Service", "listServices", "getServiceSettings2", "getSettings2"),
        ("IcmpType", "listIcmpTypes", "getIcmpTypeSettings", "getSettings"),
        ("Helper", "getHelpers", "getHelperSettings", "getSettings"),
    )
    objects = {}
    for kind, names, live, there in kinds:
        # Of stock ones the settings are not asked for: both are the same, and all of them take seconds.
        known = edited(kind.lower())
        objects[kind.lower()] = [in_force(bus, names, live, known), in_store(bus, kind, there, known)]
    # NetworkManager's interfaces are at runtime alone, and firewalld asks for them anew.
    return {"direct": direct, **objects, "asked": bus.has("org.freedesktop.NetworkManager")}


def in_force(bus: Bus, names: str, live: str, known: set[str]) -> dict[str, Any]:
    """The objects of a kind at runtime, those that are in `known` with their settings."""
    found = list(map(str, getattr(bus.main, names)(dbus_interface=NAME)))
    return {name: plain(getattr(bus.main, live)(name, dbus_interface=NAME)) if name in known else None for name in found}


def in_store(bus: Bus, kind: str, there: str, known: set[str]) -> dict[str, Any]:
    """The same as they are stored."""
    found = list(map(str, getattr(bus.config, f"get{kind}Names")(dbus_interface=CONFIG)))
    places = {name: bus.at(getattr(bus.config, f"get{kind}ByName")(name, dbus_interface=CONFIG)) for name in known & set(found)}
    settings = {name: plain(getattr(item, there)(dbus_interface=f"{CONFIG}.{kind.lower()}")) for name, item in places.items()}
    return {name: settings.get(name) for name in found}


def edited(kind: str) -> set[str]:
    """The names of objects of a kind that the machine's own files define, or did once: firewalld keeps an earlier text."""
    directory = f"{ETC}/{kind}s"
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return {name.partition(".xml")[0] for name in names if ".xml" in name}


def runtime_sets(bus: Bus) -> dict[str, dict[str, Any]]:
    """All sets as they are in force."""
    sets = f"{NAME}.ipset"
    return {str(name): made_of(bus.main.getIPSetSettings(name, dbus_interface=sets)) for name in bus.main.getIPSets(dbus_interface=sets)}


def permanent_sets(bus: Bus) -> dict[str, dict[str, Any]]:
    """All sets as they are stored."""
    names = bus.config.getIPSetNames(dbus_interface=CONFIG)
    stored = {str(name): bus.at(bus.config.getIPSetByName(name, dbus_interface=CONFIG)) for name in names}
    return {name: made_of(item.getSettings(dbus_interface=f"{CONFIG}.ipset")) for name, item in stored.items()}


def made_of(settings: Any) -> dict[str, Any]:
    """A set's settings by their names."""
    return {key: plain(value) for key, value in zip(SET, settings)}


def write(bus: Bus, job: dict[str, Any]) -> dict[str, Any]:
    """Set policies and sets, permanent first; a reload brings what cannot be made or removed at runtime.

    At runtime new rules come before old ones go, so that nothing is blocked between them.
    """
    gone = [name for name, values in job["sets"].items() if values is None]
    # While they are stored with what they hold, a reload brings them back full.
    store_sets(bus, {name: values for name, values in job["sets"].items() if values is not None}, job["fill"] if job["reload"] else {})
    store_policies(bus, job)
    # No set can go before the rules that name it.
    stored = permanent_sets(bus)
    for name in gone:
        if name in stored:
            stored_set(bus, name).remove(dbus_interface=f"{CONFIG}.ipset")
    if job["reload"]:
        active = plain(bus.main.getActiveZones(dbus_interface=f"{NAME}.zone"))
        bus.main.reload(dbus_interface=NAME)
        for zone, guests in GUESTS.items():
            # Their owners would take a moment for it, and may not run.
            change = bus.main.changeZoneOfInterface if guests == "interfaces" else bus.main.changeZoneOfSource
            for name in active.get(zone, {}).get(guests, ()):
                change(zone, name, dbus_interface=f"{NAME}.zone")
        store_sets(bus, {name: values for name, values in job["sets"].items() if name in job["fill"]}, {})
    policies = f"{NAME}.policy"
    for name, values in job["runtime"].items():
        now = plain(bus.main.getPolicySettings(name, dbus_interface=policies))
        both = sorted({*now.get("rich_rules", []), *values["rich_rules"]})
        changing = {key: values[key] for key in ("ingress_zones", "egress_zones")}
        bus.main.setPolicySettings(name, bus.settings({**changing, "rich_rules": both}), dbus_interface=policies)
        bus.main.setPolicySettings(name, bus.settings({**changing, "rich_rules": values["rich_rules"]}), dbus_interface=policies)
    return {}


def stored_set(bus: Bus, name: str) -> Any:
    """The object of a set that is stored."""
    return bus.at(bus.config.getIPSetByName(name, dbus_interface=CONFIG))


def store_sets(bus: Bus, sets: dict[str, dict[str, Any]], entries: dict[str, list[str]]) -> None:
    """Store sets, with entries in place of their own."""
    there = {str(name) for name in bus.config.getIPSetNames(dbus_interface=CONFIG)}
    for name, values in sets.items():
        settings = bus.set_settings({**values, "entries": entries.get(name, values["entries"])})
        if name in there:
            stored_set(bus, name).update(settings, dbus_interface=f"{CONFIG}.ipset")
        else:
            bus.config.addIPSet(name, settings, dbus_interface=CONFIG)


def store_policies(bus: Bus, job: dict[str, Any]) -> None:
    """Store policies, or remove them."""
    there = {str(name) for name in bus.config.getPolicyNames(dbus_interface=CONFIG)}
    for name, values in job["permanent"].items():
        item = bus.at(bus.config.getPolicyByName(name, dbus_interface=CONFIG)) if name in there else None
        # An update leaves alone what it does not name, such as a service that somebody has added.
        more = own(plain(item.getSettings(dbus_interface=f"{CONFIG}.policy"))).keys() - set(OWN) if item else set()
        if item and (values is None or more):
            item.remove(dbus_interface=f"{CONFIG}.policy")
            item = None
        if values is None:
            continue
        if item:
            item.update(bus.settings(values), dbus_interface=f"{CONFIG}.policy")
        else:
            bus.config.addPolicy(name, bus.settings(values), dbus_interface=CONFIG)


def main() -> None:
    """One job."""
    job = json.load(sys.stdin)
    try:
        bus = Bus()
        answer = read(bus) if job["do"] == "read" else write(bus, job)
    except Exception as error:
        answer = {"error": f"{getattr(error, 'get_dbus_message', error.__str__)()}"[:500]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
