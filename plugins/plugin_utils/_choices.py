# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a site chooses: services of the catalog and its own, and of each the rows it wants, in its own way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import Destinations, read_destinations, read_ports
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._loader import catalog_names, catalog_path, load, load_file
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import TIERS, Requirement, Service
from ansible_collections.webrtc.firewall.plugins.plugin_utils._services import read_service
from ansible_collections.webrtc.firewall.plugins.plugin_utils._site import PREFIX

_KEYS = ("tier", "without", "overrides", "variables")


@dataclass(frozen=True)
class Override:
    """What a site puts in the place of a requirement's own values; None leaves them as they are."""

    path: str
    ports: tuple[tuple[int, int], ...] | None = None
    destinations: Destinations | None = None
    alternative: str | None = None


@dataclass(frozen=True)
class Choice:
    """One entry of the site's list of services.

    Attributes:
        service: the service with its variables filled in.
        tier: which rows: ``minimum``, or ``recommended``, which is all.
        without: ids and groups to leave out.
        overrides: other values by id or group.
    """

    service: Service
    tier: str
    without: tuple[str, ...]
    overrides: Mapping[str, Override]

    def requirements(self) -> tuple[Requirement, ...]:
        """The rows that the site wants, with its own values, sorted by id."""
        rows = (
            self.service.requirements if self.tier == "recommended" else [row for row in self.service.requirements if row.tier == "minimum"]
        )
        return tuple(self._overridden(row) for row in rows if not any(row.is_called(name) for name in self.without))

    def _overridden(self, row: Requirement) -> Requirement:
        # What is said for the id alone comes last and so wins over what is said for its group.
        for name in sorted((name for name in self.overrides if row.is_called(name)), key=lambda name: name == row.id):
            row = _apply(self.overrides[name], row)
        return row


class Offer:
    """The services that a site can choose from: the catalog's, and its own, which are all read at once.

    Args:
        custom_services: what the site gave.
        check: takes the problems.
    """

    def __init__(self, custom_services: Any, check: Input) -> None:
        self._check = check
        self._own: dict[str, tuple[str, Any, Service]] = {}
        catalog = catalog_names()
        for given_at, given in check.items(custom_services, f"{PREFIX}custom_services"):
            path, data = self._described(given_at, given)
            if data is None:
                continue
            service = read_service(data, path, check)
            if service.name in catalog:
                remedy = "Choose another name; to change a service of the catalog, use without and overrides."
                check.add(f"{path}.service", service.name, f"a name that the catalog does not have: {', '.join(catalog)}", remedy)
            elif service.name in self._own:
                check.add(f"{path}.service", service.name, "a name that no other custom service has")
            elif service.name:
                self._own[service.name] = (path, data, service)
        self.names = sorted({*catalog, *self._own})

    def _described(self, path: str, given: Any) -> tuple[str, Any]:
        """A service as given, or as the file describes it that is named in its place, with where it stands; None if that cannot be read."""
        if not isinstance(given, str):
            return path, given
        try:
            return str(given), load_file(str(given))
        except ValueError as error:
            remedy = "Name the file by its whole path, for example with inventory_dir."
            self._check.add(path, str(given), f"a service, or the path of a YAML or JSON file that can be read ({error})", remedy)
            return path, None

    def service(self, name: str, variables: Any, path: str) -> Service:
        """A service by its name, with values for its variables (None for the defaults) that stand at a path."""
        if name not in self._own:
            return read_service(load(name), catalog_path(name), self._check, True, variables, path)
        written_at, data, service = self._own[name]
        return service if variables is None else read_service(data, written_at, self._check, False, variables, path)


def read_choices(services: Any, offer: Offer, tier: str, check: Input) -> list[Choice]:
    """Read the site's list of services.

    Args:
        services: names, or mappings with a name and what differs from the whole service.
        offer: what there is.
        tier: the tier of entries that do not say their own.
        check: takes the problems.

    Returns:
        One choice for each service, sorted by name.
    """
    chosen: dict[str, Choice] = {}
    for path, item in check.items(services, f"{PREFIX}services"):
        if not isinstance(item, (str, Mapping)):
            check.add(path, item, "the name of a service, or a mapping with a name")
            continue
        entry = {"name": item} if isinstance(item, str) else check.mapping(item, path, ("name",), _KEYS)
        name, where = entry.get("name"), path if isinstance(item, str) else f"{path}.name"
        if not isinstance(name, str) or name not in offer.names:
            if "name" in entry:
                check.add(
                    where,
                    name,
                    f"one of {', '.join(offer.names)}",
                    f"Correct the name, or describe the service in {PREFIX}custom_services.",
                )
        elif name in chosen:
            check.add(where, name, "each service once", "Join the entries to one.")
        else:
            chosen[str(name)] = _read_choice(entry, path, offer, tier, check)
    return [chosen[name] for name in sorted(chosen)]


def _read_choice(entry: Mapping[str, Any], path: str, offer: Offer, tier: str, check: Input) -> Choice:
    service = offer.service(str(entry["name"]), entry.get("variables"), f"{path}.variables")
    if "variables" in entry and entry["variables"] is None:
        check.add(f"{path}.variables", None, "a mapping")
    overrides = {}
    for name, item in check.mapping(entry.get("overrides", {}), f"{path}.overrides").items():
        if name in service.names:
            overrides[name] = _read_override(item, f"{path}.overrides.{name}", name, service, check)
        else:
            check.add(f"{path}.overrides", name, f"one of the ids and groups {', '.join(service.names)}")
    return Choice(
        service=service,
        tier=check.choice(entry.get("tier", tier), f"{path}.tier", TIERS),
        without=tuple(check.names(entry.get("without", []), f"{path}.without", service.names, "ids and groups")),
        overrides=overrides,
    )


def _read_override(value: Any, path: str, name: str, service: Service, check: Input) -> Override:
    """One override; an alternative must be there for every row that it is to hold for."""
    given = check.mapping(value, path, (), ("ports", "destinations", "alternative"))
    if "alternative" in given and "destinations" in given:
        check.add(path, sorted(given), "either destinations or an alternative", "Remove one of the two.")
    alternative = None
    if "alternative" in given:
        rows = [row for row in service.requirements if row.is_called(name)]
        common = set.intersection(*(set(row.alternatives) for row in rows))
        alternative = _read_alternative(given["alternative"], f"{path}.alternative", name, common, check)
    there = None
    if "destinations" in given:
        there = read_destinations(given["destinations"], f"{path}.destinations", service.variables, check)
    return Override(
        path=path,
        ports=read_ports(given["ports"], f"{path}.ports", check) if "ports" in given else None,
        destinations=there,
        alternative=alternative,
    )


def _read_alternative(value: Any, path: str, name: str, known: set[str], check: Input) -> str | None:
    if isinstance(value, str) and value in known:
        return str(value)
    check.add(path, value, f"an alternative of {name}: {', '.join(sorted(known)) or 'it has none'}")
    return None


def _apply(override: Override, row: Requirement) -> Requirement:
    """A requirement with what the site says in its place; it then tells where that comes from."""
    if override.alternative is not None:
        other = row.alternatives[override.alternative]
        row = replace(
            row, destinations=other.destinations, **{key: getattr(other, key) for key in ("note", "source", "date") if getattr(other, key)}
        )
    if override.destinations is not None:
        row = replace(row, destinations=override.destinations)
    if override.ports is not None:
        row = replace(row, ports=override.ports)
    if override.ports is not None or override.destinations is not None:
        row = replace(row, note=f"Changed by the site: {override.path}.")
    return row
