# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Which way is out: the interfaces that hold this machine's default routes, as the kernel lists them.

A flow to every address would also match what comes in from outside. So a gateway lets its flows out only by the interfaces that
the site names, or by these.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

_IPV4, _IPV6 = "/proc/net/route", "/proc/net/ipv6_route"
# linux/route.h: the route is usable; the route refuses.
_UP, _REJECT = 0x1, 0x200


def outbound(policy: Policy) -> Policy:
    """The policy with the interfaces by which its forwarded flows may go out.

    Args:
        policy: the policy; one that names interfaces or sources, or forwards nothing, comes back as it is.

    Raises:
        TargetProblem: the site names nothing and the machine has no default route.
    """
    frame = policy.frame
    named = frame.in_interfaces or frame.out_interfaces or frame.sources_ipv4 or frame.sources_ipv6
    if frame.placement == "host" or named:
        return policy
    found = tuple(sorted({*default_ipv4(_system.read(_IPV4) or ""), *default_ipv6(_system.read(_IPV6) or "")}))
    if not found:
        remedy = "Name the interface to the internet: without a direction a flow to every address would also be a way in."
        raise TargetProblem([Problem("webrtc_egress_out_interfaces", [], "an interface, as this machine has no default route", remedy)])
    return replace(policy, frame=replace(frame, uplinks=found))


def default_ipv4(text: str) -> set[str]:
    """The interfaces of the default routes in /proc/net/route (proc(5)): destination and mask are zero."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000" and _usable(row[3])}


def default_ipv6(text: str) -> set[str]:
    """The same for /proc/net/ipv6_route: the prefix length is zero; the kernel's own refusing route is on lo."""
    rows = (line.split() for line in text.splitlines())
    return {row[9] for row in rows if len(row) > 9 and row[1] == "00" and row[9] != "lo" and _usable(row[8])}


def _usable(flags: str) -> bool:
    return int(flags, 16) & (_UP | _REJECT) == _UP
