# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A machine, or a firewall, without IPv6: what would be lost is refused, by the same rule for all backends.

A firewall that leaves IPv6 alone, or denies it, cannot open a flow there; so it refuses every flow that may use IPv6. Where no IPv6 packet
can pass at all, nothing is lost, and nothing is refused.
"""

from __future__ import annotations

import os
from dataclasses import replace

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

_SWITCH = "/proc/sys/net/ipv6/conf/all/disable_ipv6"
_ADDRESSES = "/proc/net/if_inet6"


def in_kernel() -> bool:
    """Whether the kernel has IPv6, so that rules of that family can be loaded."""
    return os.path.exists(_SWITCH)


def in_use() -> bool:
    """Whether IPv6 packets can pass: it is there, and not switched off; a single interface may be switched on again."""
    return in_kernel() and ((_system.read(_SWITCH) or "").strip() == "0" or bool(_system.read(_ADDRESSES)))


def lost(policy: Policy, value: str, expected: str, remedy: str) -> list[Problem]:
    """The flows that a firewall without IPv6 cannot open as a whole.

    Args:
        policy: the wanted policy.
        value: what it is now.
        expected: what it should be.
        remedy: how to get there, beside leaving IPv6 out.
    """
    if "ipv6" not in policy.frame.families:
        return []
    there = ((flow.id, flow.destination) for flow in policy.flows)
    ids = [name for name, to in there if to.any or to.ipv6 or to.learned]
    return [Problem(name, value, expected, f"Set webrtc_egress_families to [ipv4], or {remedy}.") for name in ids]


def without(policy: Policy) -> Policy:
    """A policy's part in IPv4; sources and resolvers stay, since a list that loses its last entry means everybody."""
    services = {
        name: tuple(
            replace(flow, destination=replace(to, ipv6=()))
            for flow in flows
            if (to := flow.destination).any or to.ipv4 or to.hostnames or to.learned
        )
        for name, flows in policy.services.items()
    }
    return replace(policy, frame=replace(policy.frame, families=("ipv4",)), services=services)
