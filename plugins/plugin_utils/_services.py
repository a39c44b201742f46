# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Reading a service, the catalog's or one of the site's own: validated and normalised once, here."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import PROTOCOLS, REQUIREMENT_ID, SERVICE_NAME
from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import (
    LABEL,
    VARIABLE,
    Destinations,
    read_destinations,
    read_hostname,
    read_ports,
)
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_keys import read_checks, read_diagnosis
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import (
    TIERS,
    Alternative,
    Hostnames,
    Requirement,
    Service,
)

_AN_ID = "an id: a-z, 0-9 and -, beginning with a letter, at most 32 characters"
_A_SERVICE = "a service name: a-z, 0-9 and _, beginning with a letter, at most 32 characters"
_A_LABEL = "a text for one label of a host name: a-z, 0-9 and -"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEEDED = ("id", "destinations", "protocol", "ports")
_TEXTS = ("purpose", "application", "symptom", "source", "note")
# What a row of the catalog must tell beyond what a site's own row needs: no entry without evidence.
_EVIDENCE = ("purpose", "tier", "group", "application", "symptom", "source", "date")
_OPTIONAL = ("fallback_of", "alternatives", "note", "checks")
# What the verdicts of a service's requirements come to; see _diagnosis_keys.
_DIAGNOSIS = ("prerequisites", "ladder", "outcomes")


def read_service(data: Any, path: str, check: Input, complete: bool = False, chosen: Any = None, chosen_path: str = "") -> Service:
    """Read a service: an entry of the catalog, or one of the site's own.

    Args:
        data: what was written.
        path: where it is.
        check: takes the problems.
        complete: whether all that a catalog entry must tell is required.
        chosen: values for the service's variables, as the site gave them; None for the defaults.
        chosen_path: where those are.
    """
    told = ("title", "document")
    known = (*told, "variables", "hostnames", *_DIAGNOSIS)
    entry = check.mapping(data, path, ("service", "requirements", *(told if complete else ())), known)
    texts = {key: check.text(entry[key], f"{path}.{key}") for key in told if key in entry}
    name = check.text(entry["service"], f"{path}.service", SERVICE_NAME, _A_SERVICE) if "service" in entry else ""
    variables = _read_variables(entry.get("variables", {}), f"{path}.variables", check)
    if chosen is not None:
        variables.update(_read_variables(chosen, chosen_path, check, set(variables)))
    rows = _Rows(name, variables, complete, check)
    requirements = rows.read(entry["requirements"], f"{path}.requirements") if "requirements" in entry else ()
    listed = rows.hostnames(entry["hostnames"], f"{path}.hostnames") if "hostnames" in entry else None
    diagnosis = read_diagnosis(entry, path, requirements, listed is not None, check)
    return Service(name, requirements, listed, variables, texts.get("title", ""), texts.get("document", ""), **diagnosis)


def _read_variables(value: Any, path: str, check: Input, known: set[str] | None = None) -> dict[str, str]:
    """Values of variables by name; each becomes part of host names, so it must be fit for a label."""
    variables = {}
    for name, item in check.mapping(value, path).items():
        if known is not None and name not in known:
            check.add(path, name, f"a variable of this service: {', '.join(sorted(known)) or 'it has none'}")
        elif known is None and not VARIABLE.fullmatch(name):
            check.add(path, name, "a variable name: a-z, 0-9 and _, beginning with a letter")
        elif isinstance(item, str) and LABEL.fullmatch(item.lower()):
            variables[name] = str(item.lower())
        else:
            check.add(f"{path}.{name}", item, _A_LABEL)
            variables[name] = "x"
    return variables


class _Rows:
    """Reads what stands in one service; `complete` and the variables hold for all of it."""

    def __init__(self, service: str, variables: Mapping[str, str], complete: bool, check: Input) -> None:
        self.service = service
        self.variables = variables
        self.complete = complete
        self.check = check

    def read(self, value: Any, path: str) -> tuple[Requirement, ...]:
        """All rows, sorted by id; their ids are unique, and a fallback is one of an id that is there."""
        found: dict[str, Requirement] = {}
        wanted = []
        for where, item in self.check.items(value, path, empty=False):
            row = self.row(item, where)
            if row.id and row.id in found:
                self.check.add(f"{where}.id", row.id, "an id that no other requirement of the service has")
            found[row.id] = row
            wanted.append((f"{where}.fallback_of", row.fallback_of))
        for where, other in wanted:
            if other and other not in found:
                self.check.add(where, other, f"the id of another requirement: {', '.join(sorted(filter(None, found)))}")
        found.pop("", None)
        return tuple(found[name] for name in sorted(found))

    def row(self, value: Any, path: str) -> Requirement:
        """One row; its id is empty where that was wrong."""
        evidence, check = _EVIDENCE if self.complete else (), self.check
        row = check.mapping(value, path, (*_NEEDED, *evidence), (*_EVIDENCE, *_OPTIONAL))
        names = {key: check.text(row[key], f"{path}.{key}", REQUIREMENT_ID, _AN_ID) for key in ("id", "group", "fallback_of") if key in row}
        others = check.mapping(row.get("alternatives", {}), f"{path}.alternatives")
        protocol = check.choice(row["protocol"], f"{path}.protocol", PROTOCOLS) if "protocol" in row else ""
        return Requirement(
            service=self.service,
            id=names.pop("id", ""),
            destinations=self.destinations(row, path),
            protocol=protocol,
            ports=read_ports(row["ports"], f"{path}.ports", check) if "ports" in row else (),
            tier=check.choice(row.get("tier", TIERS[0]), f"{path}.tier", TIERS),
            alternatives={name: self.alternative(other, name, f"{path}.alternatives") for name, other in others.items()},
            checks=read_checks(row["checks"], f"{path}.checks", protocol, self.variables, check) if "checks" in row else (),
            **names,
            **self.texts(row, path, _TEXTS),
            **self.date(row, path),
        )

    def alternative(self, value: Any, name: str, path: str) -> Alternative:
        """One alternative of a row."""
        self.check.text(name, path, REQUIREMENT_ID, _AN_ID)
        keys = ("destinations", "note", "source", "date")
        other = self.check.mapping(value, f"{path}.{name}", keys if self.complete else keys[:1], keys)
        told = self.texts(other, f"{path}.{name}", ("note", "source"))
        return Alternative(self.destinations(other, f"{path}.{name}"), **told, **self.date(other, f"{path}.{name}"))

    def hostnames(self, value: Any, path: str) -> Hostnames:
        """The list of host names."""
        needed, dated = ("names", "protocol", "port"), ("date", "source")
        check = self.check
        listed = check.mapping(value, path, (*needed, *dated) if self.complete else needed, dated)
        self.texts(listed, path, ("source",))
        items = check.items(listed["names"], f"{path}.names", empty=False) if "names" in listed else []
        names = [read_hostname(item, where, self.variables, check) for where, item in items]
        return Hostnames(
            names=tuple(names),
            protocol=check.choice(listed["protocol"], f"{path}.protocol", PROTOCOLS) if "protocol" in listed else "",
            port=check.number(listed["port"], f"{path}.port", 1, 65535) if "port" in listed else 0,
            **self.date(listed, path),
        )

    def destinations(self, row: Mapping[str, Any], path: str) -> Destinations:
        """The destinations of a row or an alternative; that the key is missing was noted before."""
        if "destinations" not in row:
            return Destinations()
        there = read_destinations(row["destinations"], f"{path}.destinations", self.variables, self.check)
        return replace(there, written_at="") if self.complete else there

    def texts(self, row: Mapping[str, Any], path: str, keys: tuple[str, ...]) -> dict[str, str]:
        """Those of some texts that are there."""
        return {key: self.check.text(row[key], f"{path}.{key}") for key in keys if key in row}

    def date(self, row: Mapping[str, Any], path: str) -> dict[str, str]:
        """The date, if there is one: as text, or as what YAML makes of a date without quotes."""
        if "date" not in row:
            return {}
        day = row["date"]
        try:
            if isinstance(day, (str, date)) and _DAY.fullmatch(str(day)):
                return {"date": date.fromisoformat(str(day)).isoformat()}
        except ValueError:
            pass
        self.check.add(f"{path}.date", day, "a date as YYYY-MM-DD")
        return {}
