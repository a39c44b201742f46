# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What firewalld cannot do, or would do to others, told before anything is touched."""

from __future__ import annotations

import re
from typing import Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

# How firewalld names its chains where it works through iptables: a built-in chain or a short form of it, and what the chain is for.
_ITS_OWN = re.compile(r"(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING|IN|OUT|PRE|POST|FWD[IO]?)_|RFC3964_IPv4$")
_CHAIN = re.compile(r"^:(\S+) - ", re.MULTILINE)


def not_running(installed: bool) -> Problem:
    """Why nothing can be asked of firewalld, which was called for by its name."""
    if not installed:
        remedy = "Install it (on Debian: apt install firewalld) and start it, or let webrtc_egress_backend be auto."
        return Problem("firewalld", "not installed", "firewalld to be installed and to run", remedy)
    remedy = "Start it (systemctl enable --now firewalld), or let webrtc_egress_backend be auto."
    return Problem("firewalld", "installed and stopped", "firewalld to run", remedy)


def too_old(policy: Policy, version: str) -> list[Problem]:
    """What firewalld 0.9 cannot do: match destinations with a set, or deny without cutting known connections of the host itself."""
    other = "or let the nftables backend rule in firewalld's place."
    expected = f"firewalld 1.0 or newer, to match destinations with a set (this is {version})"
    remedy = f"Install a newer one, set webrtc_egress_wildcards to hostnames or any, {other}"
    found = [Problem(flow.id, "addresses learned from DNS", expected, remedy) for flow in policy.flows if flow.destination.learned]
    if policy.frame.baseline == "deny_egress" and policy.frame.placement != "gateway":
        expected = f"firewalld 1.0 or newer, where the host's known connections come before policies (this is {version})"
        remedy = f"Install a newer one, leave the host's own traffic out with webrtc_egress_placement gateway, {other}"
        found.append(Problem("webrtc_egress_baseline", f"deny_egress with placement {policy.frame.placement}", expected, remedy))
    return found


def apart(names: Iterable[str]) -> Problem:
    """What others have changed in one of permanent and runtime alone, where a reload is due."""
    remedy = "Run firewall-cmd --runtime-to-permanent to keep what is in force, or --reload for what is stored; then run again."
    expected = "permanent and runtime to be the same, as a reload would put the former in force"
    return Problem("firewalld", ", ".join(names), expected, remedy)


def emptied(saved: Mapping[str, str]) -> list[Problem]:
    """Chains of others, where firewalld works through iptables and empties all of it at a reload.

    Args:
        saved: what iptables-save and ip6tables-save print.
    """
    names = sorted({name for text in saved.values() for name in _CHAIN.findall(text) if not _ITS_OWN.match(name)})
    if not names:
        return []
    expected = "no rules of others in iptables, which a reload empties where FirewallBackend is iptables"
    remedy = "Set FirewallBackend=nftables in /etc/firewalld/firewalld.conf and restart firewalld, or take them away."
    return [Problem("firewalld", f"chains of others: {', '.join(names)}", expected, remedy)]
