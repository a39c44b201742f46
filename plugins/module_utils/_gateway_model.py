# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a gateway or a host is looked at with, and what is found on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._blockers import Ways
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain, ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

HARMFUL, WARNING, NOTE = "harmful", "warning", "note"
# What calls are where no policy says so: TURN, and the media ports of the vendors' documents taken together.
CALLS = Flow("calls", "udp", ((3478, 3478), (10000, 60000)), Destination(any=True))


@dataclass(frozen=True)
class Finding:
    """Something that harms calls, or may do so.

    Attributes:
        id: the kind of finding, a stable name.
        severity: harmful, warning or note.
        what: what it is, and what users notice.
        where: the rule, setting or counter.
        remedy: what to do.
        flows: the ids of the policy's flows that it concerns.
    """

    id: str
    severity: str
    what: str
    where: str
    remedy: str
    flows: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**vars(self), "flows": list(self.flows)}


@dataclass(frozen=True)
class Gateway:
    """All that findings are made of.

    Attributes:
        policy: what shall pass; where none is stored, calls in general.
        known: whether that policy is a stored one.
        ways: how our own rules get flows through chains of others.
        chains: all chains of others.
        objects: objects that rules of nftables name, by (kind, family, table, name).
        settings: the kernel's settings, by the path below /proc/sys with dots; what is not there is left out.
        modules: the kernel's modules that are loaded.
        parts: the same with what is built into the kernel.
        counters: what the kernel's connection tracking has counted since the machine's start, by its own names.
        uplinks: the interfaces of the IPv4 default routes.
        full: lines of the kernel's log that say that no connection could be tracked.
        text: a rule in its tool's own words.
    """

    policy: Policy = field(default_factory=lambda: Policy(Frame(), {"calls": (CALLS,)}))
    known: bool = False
    ways: Ways = field(default_factory=Ways)
    chains: tuple[ForeignChain, ...] = ()
    objects: Mapping[tuple[str, str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, int] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    counters: Mapping[str, int] = field(default_factory=dict)
    uplinks: frozenset[str] = frozenset()
    full: tuple[str, ...] = ()
    text: Callable[[Address, ForeignRule], str] = lambda _address, rule: rule.text

    def where(self, address: Address, rule: ForeignRule) -> str:
        """A rule and the chain that it stands in, for people."""
        return f"{address}: {self.text(address, rule)}"

    def conntrack(self, name: str) -> Optional[int]:
        """A setting of the connection tracking; None where there is none."""
        return self.settings.get(f"net.netfilter.nf_conntrack_{name}")

    def ids(self, protocol: str = "") -> tuple[str, ...]:
        """The ids of the stored policy's flows, of one protocol or of all."""
        return tuple(flow.id for flow in self.policy.flows if self.known and protocol in ("", flow.protocol))
