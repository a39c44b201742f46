# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The policy: what a site wants let through, resolved, sorted, and independent of any backend."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import ports_text

FAMILIES = ("ipv4", "ipv6")
PLACEMENTS = ("gateway", "host", "both")
BASELINES = ("existing", "deny_egress")
OTHER_RESOLVERS = ("allow", "reject")
PROTOCOLS = ("tcp", "udp")
LEARNED_SIZES = (16, 1_000_000)

SERVICE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
REQUIREMENT_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
INTERFACE = re.compile(r"[A-Za-z0-9_.@:-]{1,15}")
HOSTNAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# What DNS answers may teach: a whole name, or any depth below a suffix.
PATTERN = re.compile(rf"(\*\.)?{HOSTNAME.pattern}")
LOG_PREFIX = re.compile(r"[A-Za-z0-9 :._/-]{1,64}")


@dataclass(frozen=True)
class Destination:
    """Where a flow goes: anywhere, or networks of both families and names resolved on the target.

    Attributes:
        any: every address of the frame's families; the rest is empty then.
        ipv4: merged IPv4 networks in CIDR text, hosts without a prefix length.
        ipv6: the same for IPv6.
        hostnames: names that the target resolves, lower case, sorted.
        learned: names whose addresses DNS answers teach, whole ones and ``*.suffix`` for any depth below, sorted.
    """

    any: bool = False
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """A requirement resolved for one site: outbound, one protocol, port ranges, one destination set.

    Attributes:
        id: stable name, ``service/requirement``.
        protocol: ``tcp`` or ``udp``.
        ports: destination ports as merged inclusive ranges.
        destination: where to.
    """

    id: str
    protocol: str
    ports: tuple[tuple[int, int], ...]
    destination: Destination

    @property
    def service(self) -> str:
        """The name of the service that the flow belongs to."""
        return self.id.partition("/")[0]

    def __str__(self) -> str:
        there = self.destination
        where = ["any"] if there.any else [*there.ipv4, *there.ipv6, *sorted({*there.hostnames, *there.learned})]
        more = f" and {len(where) - 8} more" if len(where) > 8 else ""
        return f"{self.protocol} {ports_text(self.ports)} to {', '.join(where[:8]) or 'nowhere'}{more}"


@dataclass(frozen=True)
class Log:
    """Rate-limited logging of what the deny baseline drops.

    Attributes:
        enabled: whether to log at all.
        rate: packets a second that are logged at most.
        burst: packets that may be logged at once before the rate applies.
        prefix: text before each line in the kernel's log.
    """

    enabled: bool = True
    rate: int = 5
    burst: int = 20
    prefix: str = "webrtc-firewall drop: "


@dataclass(frozen=True)
class Frame:
    """What holds for all flows of a site.

    Attributes:
        placement: ``gateway`` (forwarded traffic), ``host`` (own traffic) or ``both``.
        baseline: ``existing`` (another firewall decides) or ``deny_egress`` (we drop the rest).
        families: address families in which flows are opened.
        sources_ipv4: forwarded traffic must come from here; all sources empty means from anywhere.
        sources_ipv6: the same for IPv6.
        in_interfaces: forwarded traffic must come in here; empty means on any.
        out_interfaces: traffic must go out here; empty means on any.
        uplinks: where a gateway's flows go out if the site names neither interfaces nor sources; found on the target.
        mark: the one bit of the conntrack mark that says "permitted" (nft(8), ct mark).
        resolvers_ipv4: DNS servers that the deny baseline leaves reachable; all empty means any.
        resolvers_ipv6: the same for IPv6.
        other_resolvers: ``allow``, or ``reject``: DNS to addresses that are not resolvers is refused at once.
        log: what is logged.
        learned_size: how many addresses a set that DNS answers fill may hold.
    """

    placement: str = "gateway"
    baseline: str = "existing"
    families: tuple[str, ...] = FAMILIES
    sources_ipv4: tuple[str, ...] = ()
    sources_ipv6: tuple[str, ...] = ()
    in_interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()
    uplinks: tuple[str, ...] = ()
    mark: int = 0x10000
    resolvers_ipv4: tuple[str, ...] = ()
    resolvers_ipv6: tuple[str, ...] = ()
    other_resolvers: str = "allow"
    log: Log = field(default_factory=Log)
    learned_size: int = 65536


@dataclass(frozen=True)
class Policy:
    """The flows of all chosen services within the site's frame.

    Attributes:
        frame: what holds for all flows.
        services: the flows of each service by its name; both sorted.
        unsatisfied: flow id to reason, for requirements that the chosen way of handling wildcards cannot open.
        dated: service to the date of the vendor's list of host names that it uses.
    """

    frame: Frame
    services: dict[str, tuple[Flow, ...]]
    unsatisfied: dict[str, str] = field(default_factory=dict)
    dated: dict[str, str] = field(default_factory=dict)

    @property
    def learns(self) -> bool:
        """Whether any flow waits for DNS answers."""
        return any(flow.destination.learned for flow in self.flows)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """All flows, sorted by id."""
        return tuple(flow for name in sorted(self.services) for flow in self.services[name])

    def merged_with(self, other: Policy) -> Policy:
        """This policy with those services of another that it does not name itself; the frame is this one's."""
        services = {**other.services, **self.services}
        kept = {name: why for name, why in other.unsatisfied.items() if name.partition("/")[0] not in self.services}
        dated = {name: date for name, date in {**other.dated, **self.dated}.items() if name in services}
        return replace(self, services=dict(sorted(services.items())), unsatisfied={**kept, **self.unsatisfied}, dated=dated)

    def without(self, names: set[str]) -> Policy:
        """This policy less some services."""
        services = {name: flows for name, flows in self.services.items() if name not in names}
        unsatisfied = {key: why for key, why in self.unsatisfied.items() if key.partition("/")[0] not in names}
        dated = {name: date for name, date in self.dated.items() if name not in names}
        return replace(self, services=services, unsatisfied=unsatisfied, dated=dated)
