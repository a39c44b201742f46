# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Requirements: the rows of a vendor's document, or of a service of the site's own, with typed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import Destinations

TIERS = ("minimum", "recommended")
# In the place of a check's hosts: the names on the service's list of host names that the requirement's destinations cover.
LISTED = "listed"
# What can become of a call, for which a service has words of its own.
OUTCOMES = ("no-call", "no-media", "drops")


@dataclass(frozen=True)
class Check:
    """How a requirement is probed from a machine of the users' network.

    Attributes:
        kind: a kind of the module probe.
        transport: udp, tcp or tls; one that fits the requirement's protocol.
        hosts: addresses and names; none where the document names no server.
        listed: whether the hosts are those on the service's list of host names.
        path: of an HTTP request.
    """

    kind: str
    transport: str
    hosts: tuple[str, ...] = ()
    listed: bool = False
    path: str = "/"


@dataclass(frozen=True)
class Way:
    """One way that media can take.

    Attributes:
        way: what people call it.
        needs: ids of the requirements that must all be open.
        quality: what users notice when calls take this way; empty for the best.
    """

    way: str
    needs: tuple[str, ...]
    quality: str = ""


@dataclass(frozen=True)
class Alternative:
    """Other destinations that a site may choose for a requirement; the texts are empty where nothing was said."""

    destinations: Destinations
    note: str = ""
    source: str = ""
    date: str = ""


@dataclass(frozen=True)
class Requirement:
    """One row of a vendor's document.

    Attributes:
        service: the service it belongs to.
        id: its name within the service.
        destinations: where to.
        protocol: ``tcp`` or ``udp``.
        ports: destination ports as merged inclusive ranges.
        tier: ``minimum`` or ``recommended``.
        group: the part of the service that it belongs to; may be empty.
        purpose: what it is for.
        application: the application protocol.
        symptom: what users notice when it is blocked.
        source: the document and section that says so.
        date: the day of the source, or on which it was read (ISO 8601).
        note: what else there is to say.
        fallback_of: the id of the requirement that this one stands in for.
        alternatives: other destinations by name.
        checks: how it is probed; none, if nothing is known.
    """

    service: str
    id: str
    destinations: Destinations
    protocol: str
    ports: tuple[tuple[int, int], ...]
    tier: str = "minimum"
    group: str = ""
    purpose: str = ""
    application: str = ""
    symptom: str = ""
    source: str = ""
    date: str = ""
    note: str = ""
    fallback_of: str = ""
    alternatives: Mapping[str, Alternative] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def is_called(self, name: str) -> bool:
        """Whether a name means this requirement, by its id or its group."""
        return name in (self.id, self.group)


@dataclass(frozen=True)
class Hostnames:
    """A vendor's list of host names for firewalls that know no wildcards; all on one protocol and port."""

    names: tuple[str, ...]
    protocol: str
    port: int
    date: str = ""


@dataclass(frozen=True)
class Service:
    """A service with all its requirements, sorted by id, and the values of its variables.

    Attributes:
        name: its name.
        requirements: its rows.
        hostnames: the vendor's list of names, if there is one.
        variables: values by name.
        title: what people call it; may be empty.
        document: where the rows come from; may be empty.
        prerequisites: ids that every call needs.
        ladder: the ways that media can take, best first.
        outcomes: by some of `OUTCOMES`, what users notice.
    """

    name: str
    requirements: tuple[Requirement, ...]
    hostnames: Hostnames | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    document: str = ""
    prerequisites: tuple[str, ...] = ()
    ladder: tuple[Way, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What a site may leave out or override: ids and groups."""
        return sorted({name for row in self.requirements for name in (row.id, row.group) if name})


def to_dict(requirement: Requirement) -> dict[str, Any]:
    """A requirement as plain data, as one writes it in a catalog file, with its service; empty keys are left out."""
    row: dict[str, Any] = {key: value for key, value in vars(requirement).items() if isinstance(value, str) and value}
    row["destinations"] = requirement.destinations.texts()
    row["ports"] = [first if first == last else f"{first}-{last}" for first, last in requirement.ports]
    others = {}
    for name, other in requirement.alternatives.items():
        told = {key: value for key, value in vars(other).items() if isinstance(value, str) and value}
        others[name] = {**told, "destinations": other.destinations.texts()}
    checks = [_check_to_dict(check) for check in requirement.checks]
    return {**row, **({"alternatives": others} if others else {}), **({"checks": checks} if checks else {})}


def _check_to_dict(check: Check) -> dict[str, Any]:
    hosts = {"hosts": LISTED if check.listed else list(check.hosts)} if check.listed or check.hosts else {}
    return {"kind": check.kind, "transport": check.transport, **hosts, **({"path": check.path} if check.path != "/" else {})}
