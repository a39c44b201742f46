# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The line from services and site options to a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import ports_text
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Policy
from ansible_collections.webrtc.firewall.plugins.plugin_utils._choices import Choice, Offer, read_choices
from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import split_families
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Hostnames, Requirement
from ansible_collections.webrtc.firewall.plugins.plugin_utils._site import PREFIX, Site, read_site

_REMEDY = f"{PREFIX}wildcards=dns would learn them from DNS answers, {PREFIX}wildcards=any would open it to every address"


@dataclass(frozen=True)
class Compiled:
    """Both stages of the line.

    Attributes:
        requirements: the rows that the site wants, with its own values, sorted by service and id.
        policy: what is to be let through for them.
        choices: what the site chose, sorted by the services' names.
        site: what the site says for all of them.
        offer: the services that there are to choose from.
    """

    requirements: tuple[Requirement, ...]
    policy: Policy
    choices: tuple[Choice, ...]
    site: Site
    offer: Offer


def compile_site(services: Any, options: Mapping[str, Any]) -> Compiled:
    """The whole line on the controller: what a site chose becomes requirements, and those become its policy.

    Args:
        services: names of services, or mappings with a name, tier, without, overrides and variables.
        options: the site's options by name, as the role webrtc_egress has them without its prefix.

    Returns:
        The requirements and the policy.

    Raises:
        InvalidInput: anything in either argument is wrong; all problems of all stages at once.
    """
    check = Input()
    compiled = read_site_and_services(services, options, check)
    check.raise_if_any()
    return compiled


def read_site_and_services(services: Any, options: Mapping[str, Any], check: Input) -> Compiled:
    """The same line for who has more to read: nothing of the result may be used where `check` has problems.

    Args:
        services: names of services, or mappings.
        options: the site's options by name.
        check: takes the problems.
    """
    site = read_site(options, check)
    offer = Offer(site.custom_services, check)
    choices = read_choices(services, offer, site.tier, check)

    requirements: list[Requirement] = []
    flows: dict[str, tuple[Flow, ...]] = {}
    unsatisfied: dict[str, str] = {}
    dated: dict[str, str] = {}
    for choice in choices:
        wanted = choice.requirements()
        opened = [_open(requirement, choice, site, check) for requirement in wanted]
        requirements += wanted
        flows[choice.service.name] = tuple(flow for flow, _reason in opened if flow)
        if site.wildcards == "hostnames" and choice.service.hostnames and choice.service.hostnames.date:
            dated[choice.service.name] = choice.service.hostnames.date
        unsatisfied.update((f"{row.service}/{row.id}", reason) for row, (_flow, reason) in zip(wanted, opened) if reason)

    return Compiled(tuple(requirements), Policy(site.frame, flows, unsatisfied, dated), tuple(choices), site, offer)


def _open(requirement: Requirement, choice: Choice, site: Site, check: Input) -> tuple[Flow | None, str]:
    """The flow of a requirement, and what of it cannot be opened; either may be missing."""
    there = requirement.destinations
    name = f"{requirement.service}/{requirement.id}"
    if there.any or (there.suffixes and site.wildcards == "any"):
        return Flow(name, requirement.protocol, requirement.ports, Destination(any=True)), ""
    learned = _learned(requirement) if site.wildcards == "dns" else ()
    listed, unknown = ([], []) if learned else _listed(requirement, choice.service.hostnames)
    networks = split_families(there.networks, site.frame.families, there.written_at, check)
    reason = ""
    if unknown:
        reason = f"{_why(requirement, unknown, choice.service.hostnames)}; {_REMEDY}"
    elif there.networks and not any(networks.values()):
        reason = f"its networks are not of the families that {PREFIX}families opens: {', '.join(site.frame.families)}"
    names = tuple(sorted({*there.hostnames, *listed}))
    destination = Destination(ipv4=networks["ipv4"], ipv6=networks["ipv6"], hostnames=names, learned=learned)
    opened = destination != Destination()
    return Flow(name, requirement.protocol, requirement.ports, destination) if opened else None, reason


def _learned(requirement: Requirement) -> tuple[str, ...]:
    """The names whose addresses DNS answers teach: any depth below a suffix, and hosts, since a pool answers differently each time."""
    there = requirement.destinations
    return tuple(sorted({*(f"*.{suffix}" for suffix in there.suffixes), *there.hostnames}))


def _listed(requirement: Requirement, hostnames: Hostnames | None) -> tuple[list[str], list[str]]:
    """The names on the vendor's list that a requirement's suffixes cover, and the suffixes without any.

    The list holds for its own protocol and port; names for another would be a guess.
    """
    names: tuple[str, ...] = ()
    if hostnames and (requirement.protocol, requirement.ports) == (hostnames.protocol, ((hostnames.port, hostnames.port),)):
        names = hostnames.names
    suffixes = [f".{suffix}" for suffix in requirement.destinations.suffixes]
    listed = [name for name in names if name.endswith(tuple(suffixes))]
    return listed, [f"*{suffix}" for suffix in suffixes if not any(name.endswith(suffix) for name in listed)]


def _why(requirement: Requirement, unknown: list[str], hostnames: Hostnames | None) -> str:
    """Why no host name stands for some suffixes."""
    if hostnames is None:
        return f"the service has no list of host names for {', '.join(unknown)}"
    dated = f" of {hostnames.date}" if hostnames.date else ""
    return (
        f"the list of host names{dated} ({hostnames.protocol} {hostnames.port}) has none "
        f"for {', '.join(unknown)} on {requirement.protocol} {ports_text(requirement.ports)}"
    )
