# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The site's options: the role variables of webrtc_egress without their prefix, read into typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import (
    BASELINES,
    FAMILIES,
    INTERFACE,
    LEARNED_SIZES,
    LOG_PREFIX,
    OTHER_RESOLVERS,
    PLACEMENTS,
    Frame,
    Log,
)
from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import read_addresses, read_networks, split_families
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import TIERS

PREFIX = "webrtc_egress_"
WILDCARDS = ("hostnames", "dns", "any")
DEFAULTS: dict[str, Any] = {
    "tier": "recommended",
    "wildcards": "hostnames",
    "custom_services": [],
    "placement": "gateway",
    "baseline": "existing",
    "families": ["ipv4", "ipv6"],
    "sources": [],
    "in_interfaces": [],
    "out_interfaces": [],
    "mark": 0x10000,
    "resolvers": [],
    "other_resolvers": "allow",
    "log": True,
    "log_rate": 5,
    "log_burst": 20,
    "log_prefix": "webrtc-firewall drop: ",
    "learned_size": 65536,
}


@dataclass(frozen=True)
class Site:
    """What a site says for all its services.

    Attributes:
        frame: what goes into the policy.
        tier: the tier of services that do not say their own.
        wildcards: what becomes of domain suffixes, ``hostnames``, ``dns`` or ``any``.
        custom_services: the site's own services, not read yet.
    """

    frame: Frame
    tier: str
    wildcards: str
    custom_services: Any


def read_site(options: Mapping[str, Any], check: Input) -> Site:
    """Read the site's options.

    Args:
        options: options by name, without the prefix; what is missing has its default.
        check: takes the problems.
    """
    for name in sorted(set(options) - set(DEFAULTS), key=str):
        check.add(f"{PREFIX}{name}", options[name], f"only the options {', '.join(sorted(DEFAULTS))}", "Correct or remove this option.")
    given = {**DEFAULTS, **options}
    families = _families(given["families"], check)
    sources = read_networks(given["sources"], f"{PREFIX}sources", check)
    resolvers = read_addresses(given["resolvers"], f"{PREFIX}resolvers", check)
    from_where = split_families(sources, families, f"{PREFIX}sources", check)
    dns = split_families(resolvers, families, f"{PREFIX}resolvers", check)
    frame = Frame(
        placement=check.choice(given["placement"], f"{PREFIX}placement", PLACEMENTS),
        baseline=check.choice(given["baseline"], f"{PREFIX}baseline", BASELINES),
        families=families,
        sources_ipv4=from_where["ipv4"],
        sources_ipv6=from_where["ipv6"],
        in_interfaces=_interfaces(given["in_interfaces"], f"{PREFIX}in_interfaces", check),
        out_interfaces=_interfaces(given["out_interfaces"], f"{PREFIX}out_interfaces", check),
        mark=_mark(given["mark"], check),
        resolvers_ipv4=dns["ipv4"],
        resolvers_ipv6=dns["ipv6"],
        other_resolvers=check.choice(given["other_resolvers"], f"{PREFIX}other_resolvers", OTHER_RESOLVERS),
        log=_log(given, check),
        learned_size=check.number(given["learned_size"], f"{PREFIX}learned_size", *LEARNED_SIZES),
    )
    _can_still_ask(frame, given["resolvers"], check)
    tier = check.choice(given["tier"], f"{PREFIX}tier", TIERS)
    wildcards = check.choice(given["wildcards"], f"{PREFIX}wildcards", WILDCARDS)
    return Site(frame, tier, wildcards, given["custom_services"])


def _can_still_ask(frame: Frame, resolvers: Any, check: Input) -> None:
    """A machine whose own DNS is governed needs a resolver that it may ask; a gateway's clients may ask the gateway itself."""
    if frame.other_resolvers == "reject" and frame.placement != "gateway" and resolvers in ([], ()):
        expected = f"allow, as {PREFIX}resolvers is empty and {PREFIX}placement={frame.placement} governs this machine's own DNS"
        remedy = f"Name the DNS servers that this machine asks in {PREFIX}resolvers; it could not ask anybody otherwise."
        check.add(f"{PREFIX}other_resolvers", frame.other_resolvers, expected, remedy)


def _families(value: Any, check: Input) -> tuple[str, ...]:
    """The families in their fixed order; both where the input was wrong, so that nothing is said twice."""
    noted = len(check.problems)
    chosen = check.names(value, f"{PREFIX}families", FAMILIES, "families")
    if isinstance(value, (list, tuple)) and not value:
        check.add(f"{PREFIX}families", value, "at least one of ipv4, ipv6")
    good = len(check.problems) == noted
    return tuple(family for family in FAMILIES if family in chosen) if good else FAMILIES


def _interfaces(value: Any, path: str, check: Input) -> tuple[str, ...]:
    """Interface names, sorted; whether they exist is known on the target alone."""
    expected = "an interface name: at most 15 characters, A-Z, a-z, 0-9 and _.@:-"
    return tuple(sorted({check.text(item, where, INTERFACE, expected) for where, item in check.items(value, path)}))


def _mark(value: Any, check: Input) -> int:
    """The one bit of the conntrack mark."""
    noted = len(check.problems)
    mark = check.number(value, f"{PREFIX}mark", 1, 0x80000000)
    if len(check.problems) == noted and mark & (mark - 1):
        check.add(f"{PREFIX}mark", value, "a number with exactly one bit set, such as 65536 (0x10000)")
    return mark


def _log(given: Mapping[str, Any], check: Input) -> Log:
    """What is logged; the bounds are those that the target checks again."""
    expected = "1 to 64 characters of A-Z, a-z, 0-9, space and :._/-"
    return Log(
        enabled=check.truth(given["log"], f"{PREFIX}log"),
        rate=check.number(given["log_rate"], f"{PREFIX}log_rate", 1, 1000),
        burst=check.number(given["log_burst"], f"{PREFIX}log_burst", 1, 10000),
        prefix=check.text(given["log_prefix"], f"{PREFIX}log_prefix", LOG_PREFIX, expected),
    )
