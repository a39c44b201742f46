# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Targets: the site's own servers that requirements are probed at, in the place of those that the catalog knows.

A target may hold a password or a token, so nothing of a target is shown but its keys and what `_probe_input` shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input
from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import ports_text
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import TRANSPORTS
from ansible_collections.webrtc.firewall.plugins.plugin_utils._choices import Offer
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_keys import KINDS, transports_for
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._loader import catalog_names, catalog_path, load
from ansible_collections.webrtc.firewall.plugins.plugin_utils._plain import plain
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Check, Requirement
from ansible_collections.webrtc.firewall.plugins.plugin_utils._services import read_service

PATH, NAT = "webrtc_verify_targets", "nat"
# The options of module probe but for the id; a test compares them with the module's.
OPTIONS = (
    "kind",
    "host",
    "port",
    "ports",
    "transport",
    "families",
    "server_name",
    "path",
    "token",
    "username",
    "password",
    "seconds",
    "pace",
    "payload",
    "second_host",
    "second_port",
)
# Of a range, as many ports at most as show where it is cut off.
_MOST_PORTS = 30
# Where the port is that of a relay or a STUN server, and not the requirement's.
_OWN_PORT = ("media", "nat")
_AN_ID = "an id such as vonage/turn-udp"


@dataclass(frozen=True)
class Target:
    """One target, checked.

    Attributes:
        id: service/requirement, or `NAT`.
        options: for module probe, with the id; with secrets.
        path: where it was written.
    """

    id: str
    options: Mapping[str, Any]
    path: str


def sampled(ports: tuple[tuple[int, int], ...]) -> list[int]:
    """The ports that stand for some ranges: the first, the last and the one in the middle of each; of many ranges, some from end to end."""
    found = sorted({port for first, last in ports for port in (first, (first + last) // 2, last)})
    step = max(1, -(-len(found) // _MOST_PORTS))
    return sorted({*found[::step], *found[-1:]})


def is_address(host: Any) -> bool:
    """Whether a host is an address and no name."""
    try:
        return isinstance(host, str) and bool(ip_address(host))
    except ValueError:
        return False


def read_targets(
    value: Any, offer: Offer, wanted: Mapping[str, Requirement], families: tuple[str, ...], check: Input
) -> tuple[Target, ...]:
    """Read the site's targets.

    Args:
        value: what the site wrote: a list of mappings; None for none.
        offer: the services that there are.
        wanted: the requirements that the site wants, by service/requirement; targets of others are left out.
        families: of addresses, where a target does not say so itself.
        check: takes the problems.
    """
    reader = _Targets(offer, wanted, families, check)
    found = [reader.read(given, path) for path, given in read_shapes(value, check)]
    return tuple(target for target in found if target)


def read_shapes(value: Any, check: Input) -> list[tuple[str, dict[str, Any]]]:
    """The targets that are mappings, with their known keys and where they are, as far as that can be checked without the requirements.

    Args:
        value: what the site wrote; None for none.
        check: takes the problems.
    """
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        check.add(PATH, _shape(value), "a list", "Write it as a list, with one item too.")
        return []
    found = []
    for index, item in enumerate(value):
        path = f"{PATH}[{index}]"
        if isinstance(item, Mapping):
            given = check.mapping(item, path, (), ("requirement", *OPTIONS))
            found.append((path, {key: plain(part) for key, part in given.items() if part is not None}))
        else:
            check.add(path, _shape(item), "a mapping with requirement, host and options of module probe")
    return found


def _shape(value: Any) -> str:
    return f"a {type(value).__name__}" if value is not None else "nothing"


class _Targets:
    """Reads the targets one by one."""

    def __init__(self, offer: Offer, wanted: Mapping[str, Requirement], families: tuple[str, ...], check: Input) -> None:
        self.offer, self.wanted, self.families, self.check = offer, wanted, families, check
        self._others: dict[str, set[str]] = {}

    def read(self, given: dict[str, Any], path: str) -> Target | None:
        """One target; None where it is wrong, or of a requirement that the site does not want."""
        if given.get("kind") == NAT:
            if "requirement" in given:
                self.check.add(f"{path}.requirement", given["requirement"], "no requirement with the kind nat", "Remove it.")
            return self._checked(NAT, {**self._defaults(given), **given}, path)
        name = given.pop("requirement", None)
        row = self.wanted.get(name) if isinstance(name, str) else None
        if row is None:
            if not self._exists(name):
                some = ", ".join(self.wanted) or "none"
                self.check.add(f"{path}.requirement", name, f"{_AN_ID}; the site has {some}", "Correct the id.")
            return None
        return self._of_requirement(str(name), row, given, path)

    def _of_requirement(self, name: str, row: Requirement, given: Mapping[str, Any], path: str) -> Target | None:
        known = row.checks[0] if row.checks else None
        kind = given.get("kind", known.kind if known else None)
        if kind is None:
            expected = f"a kind of probe, one of {', '.join(KINDS)}"
            self.check.add(f"{path}.kind", None, expected, f"Nothing is known of how {name} is probed.")
            return None
        found = {**self._defaults(given), **given, "kind": kind}
        if isinstance(kind, str) and kind in TRANSPORTS and not self._fill(found, row, known, path):
            return None
        return self._checked(name, found, path) if self._within(found, name, row, path) else None

    def _fill(self, found: dict[str, Any], row: Requirement, known: Check | None, path: str) -> bool:
        """Put in the transport and the ports where the site named none; says whether the kind can test the requirement at all."""
        possible = transports_for(found["kind"], row.protocol)
        if not possible or found.get("transport", possible[0]) not in possible:
            key = "transport" if possible else "kind"
            expected = f"{', '.join(possible)}" if possible else f"a kind that goes over {row.protocol}"
            self.check.add(f"{path}.{key}", found[key], f"{expected}, as {row.service}/{row.id} is over {row.protocol}")
            return False
        if known and known.kind == found["kind"]:
            found.setdefault("transport", known.transport)
            if known.path != "/":
                found.setdefault("path", known.path)
        found.setdefault("transport", possible[0])
        if "port" not in found and "ports" not in found and found["kind"] not in _OWN_PORT:
            found["ports"] = sampled(row.ports)
        return True

    def _within(self, found: Mapping[str, Any], name: str, row: Requirement, path: str) -> bool:
        """Whether a probe tells something of the requirement: its ports and, where only networks are meant, its addresses."""
        good = True
        ports = found["ports"] if isinstance(found.get("ports"), (list, tuple)) else [found.get("ports", found.get("port"))]
        for port in ports if found["kind"] not in _OWN_PORT else ():
            match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", str(port))
            if match and not any(first <= int(match[1]) and int(match[2] or match[1]) <= last for first, last in row.ports):
                self.check.add(f"{path}.{'ports' if 'ports' in found else 'port'}", port, f"ports of {name}: {ports_text(row.ports)}")
                good = False
        there = row.destinations
        if found["kind"] not in _OWN_PORT and not (there.any or there.hostnames or there.suffixes):
            try:
                inside = any(ip_address(found.get("host", "")) in network for network in there.networks)
            except ValueError:
                # What a name stands for is known where it is looked up.
                inside = True
            if not inside:
                remedy = "A server elsewhere says nothing of what the requirement opens."
                self.check.add(f"{path}.host", found.get("host"), f"an address in {', '.join(there.texts())}", remedy)
                good = False
        return good

    def _defaults(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {} if "families" in given or is_address(given.get("host")) else {"families": list(self.families)}

    def _checked(self, name: str, options: Mapping[str, Any], path: str) -> Target | None:
        """The target, if module probe would take it."""
        try:
            _probe_input.read([{"id": name, **options}], None, None)
        except InvalidInput as error:
            for problem in error.problems:
                self.check.add(f"{path}{problem.path.removeprefix('probes[0]')}", problem.value, problem.expected, problem.remedy)
            return None
        return Target(name, {"id": name, **options}, path)

    def _exists(self, name: Any) -> bool:
        """Whether there is such a requirement at all, of any service."""
        service, slash, row = name.partition("/") if isinstance(name, str) else ("", "", "")
        if not slash or service not in self.offer.names:
            return False
        if service not in self._others:
            own = service not in catalog_names()
            found = self.offer.service(service, None, "") if own else read_service(load(service), catalog_path(service), Input())
            self._others[service] = {requirement.id for requirement in found.requirements}
        return row in self._others[service]
