# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From what a site wants to the probes that show whether it gets through."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_input import MOST_ENDPOINTS
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import FAMILIES, family_of
from ansible_collections.webrtc.firewall.plugins.plugin_utils._choices import Choice
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import Compiled, read_site_and_services
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Check, Requirement
from ansible_collections.webrtc.firewall.plugins.plugin_utils._targets import PATH, Target, is_address, read_shapes, read_targets, sampled

NO_CHECKS = "nothing is known of how to probe it: name a target with a kind"
NO_SERVER = "the document names no server: name one as a target"


@dataclass(frozen=True)
class Plan:
    """What is to be probed.

    Attributes:
        compiled: what the site wants.
        targets: those of its targets that concern it.
        probes: options for module probe, in the order of the requirements; with secrets.
        untested: by service/requirement, why it is not probed.
    """

    compiled: Compiled
    targets: tuple[Target, ...]
    probes: tuple[dict[str, Any], ...]
    untested: Mapping[str, str]


def plan(services: Any, targets: Any, options: Mapping[str, Any]) -> Plan:
    """What is to be probed for a site.

    Args:
        services: as in `compile_site`.
        targets: the site's own servers, a list of mappings with ``requirement`` and options of module probe; None for none.
        options: the site's options by name.

    Raises:
        InvalidInput: with everything that is wrong in any of them; no password or token is in it.
    """
    check = Input()
    found = plan_for(read_site_and_services(services, options, check), targets, check)
    check.raise_if_any()
    return found


def plan_for(compiled: Compiled, targets: Any, check: Input) -> Plan:
    """The same for a site that is read already; nothing of the result may be used where `check` has problems."""
    if check.problems:
        # Without sound requirements, no more than their shape can be said of targets.
        read_shapes(targets, check)
        return Plan(compiled, (), (), {})
    families = compiled.site.frame.families
    wanted = {f"{row.service}/{row.id}": row for row in compiled.requirements}
    aimed = read_targets(targets, compiled.offer, wanted, families, check)
    probes: list[dict[str, Any]] = []
    untested: dict[str, str] = {}
    for choice in compiled.choices:
        for row in choice.requirements():
            name = f"{row.service}/{row.id}"
            found = [dict(target.options) for target in aimed if target.id == name] or _known(name, row, choice, families)
            probes += found
            if not found:
                untested[name] = NO_SERVER if row.checks else NO_CHECKS
    probes += [dict(target.options) for target in aimed if target.id not in wanted]
    count = sum(_endpoints(probe) for probe in probes)
    if count > MOST_ENDPOINTS:
        check.add(PATH, count, f"at most {MOST_ENDPOINTS} endpoints (ports times families) in one run", "Name fewer ports or targets.")
    return Plan(compiled, aimed, tuple(probes), untested)


def _known(name: str, row: Requirement, choice: Choice, families: Sequence[str]) -> list[dict[str, Any]]:
    """The probes of a requirement at the hosts that the catalog, or the site's own service, names."""
    return [
        {
            "id": name,
            "kind": check.kind,
            "transport": check.transport,
            "host": host,
            "ports": sampled(row.ports),
            **({} if is_address(host) else {"families": list(families)}),
            **({"path": check.path} if check.path != "/" else {}),
        }
        for check in row.checks
        for host in _hosts(check, choice)
        if _covers(row, host) and (not is_address(host) or family_of(host) in families)
    ]


def _hosts(check: Check, choice: Choice) -> Sequence[str]:
    listed = choice.service.hostnames
    return listed.names if check.listed and listed else check.hosts


def _covers(row: Requirement, host: str) -> bool:
    """Whether a host is among a requirement's destinations, which the site may have changed."""
    there = row.destinations
    if there.any:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return host in there.hostnames or host.endswith(tuple(f".{suffix}" for suffix in there.suffixes))
    return any(address in network for network in there.networks)


def _endpoints(probe: Mapping[str, Any]) -> int:
    ports = probe["ports"] if isinstance(probe.get("ports"), (list, tuple)) else [probe.get("ports", probe.get("port"))]
    ends = [str(port).partition("-") for port in ports]
    return sum(int(last or first) - int(first) + 1 for first, _dash, last in ends) * len(probe.get("families", FAMILIES))
