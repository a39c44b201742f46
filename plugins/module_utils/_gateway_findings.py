# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What on a machine harms calls: the list of all that is looked for, and what the kernel's settings and counters tell.

A new finding is a function that takes the machine and yields findings, and a name in `LOOKS`.
"""

from __future__ import annotations

from typing import Callable, Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_limits, _gateway_rules
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_model import HARMFUL, NOTE, WARNING, Finding, Gateway

# How full the table of connections may be, in percent.
_TIGHT, _FULL = 80, 95
_SIP_PORTS = (5060, 5061)
_STRICT = 1
_SEVERITIES = (HARMFUL, WARNING, NOTE)


def timeouts(gateway: Gateway) -> Iterator[Finding]:
    """Times of UDP connections below the kernel's own, which suffice for live media: ICE asks every 5 s or so (RFC 7675)."""
    for name, least in (("udp_timeout", _gateway_rules.UDP), ("udp_timeout_stream", _gateway_rules.UDP_STREAM)):
        value = gateway.conntrack(name)
        if value is not None and value < least:
            yield Finding(
                "udp-timeout", WARNING,
                f"UDP connections are forgotten after {value} s without a packet: a pause in a call can end its way through this "
                "machine, and what comes back is dropped then",
                f"net.netfilter.nf_conntrack_{name} = {value}",
                f"sysctl -w net.netfilter.nf_conntrack_{name}={least}, and the same in a file in /etc/sysctl.d.",
                gateway.ids("udp"),
            )  # fmt: skip


def automatic_helper(gateway: Gateway) -> Iterator[Finding]:
    """Kernels before 6.0 can give every connection to port 5060 to the SIP helper, without any rule."""
    on = gateway.conntrack("helper") == 1
    sip = tuple(flow.id for flow in gateway.policy.flows if any(first <= port <= last for port in _SIP_PORTS for first, last in flow.ports))
    if on and "nf_conntrack_sip" in gateway.parts:
        yield Finding(
            "sip-helper", HARMFUL,
            "The kernel's SIP helper (ALG) reads and rewrites all SIP to port 5060: calls over SIP fail to connect, or connect "
            "without sound",
            "net.netfilter.nf_conntrack_helper = 1, module nf_conntrack_sip",
            "sysctl -w net.netfilter.nf_conntrack_helper=0, and the same in a file in /etc/sysctl.d; modprobe -r nf_nat_sip "
            "nf_conntrack_sip.",
            sip if gateway.known else (),
        )  # fmt: skip
        return
    loaded = sorted({"nf_nat_sip", "nf_conntrack_sip"} & gateway.modules)
    if loaded:
        yield Finding(
            "sip-helper", NOTE, "The kernel's SIP helper (ALG) is loaded; by itself it does nothing until a rule assigns it",
            f"module {', '.join(loaded)}",
            f"modprobe -r {' '.join(reversed(loaded))}; who loads it (firewalld, /etc/modules-load.d) should be told not to.",
            sip if gateway.known else (),
        )  # fmt: skip


def conntrack_full(gateway: Gateway) -> Iterator[Finding]:
    """A table of connections without room takes no new ones: calls that begin are dropped, those that live go on."""
    count, most = gateway.conntrack("count"), gateway.conntrack("max")
    what = "New connections are dropped once the table of connections is full: calls fail to begin, now and then and under load"
    remedy = "Raise net.netfilter.nf_conntrack_max (some 320 bytes of memory each), or find out who opens so many (conntrack -L)."
    if gateway.full:
        yield Finding("conntrack-full", HARMFUL, what, f"kernel log: {gateway.full[-1]}", remedy, gateway.ids())
    percent = 100 * count / most if count is not None and most else 0.0
    if percent >= _TIGHT:
        severity = HARMFUL if percent >= _FULL else WARNING
        yield Finding("conntrack-full", severity, what, f"{count} of {most} connections ({percent:.0f} %)", remedy, gateway.ids())
    lost = {name: gateway.counters.get(name, 0) for name in ("drop", "early_drop") if gateway.counters.get(name, 0)}
    if lost:
        told = ", ".join(f"{name} {number}" for name, number in lost.items())
        yield Finding(
            "conntrack-full", NOTE, "Since the machine's start packets were dropped that could not be tracked, or connections to "
            "make room for others",
            f"/proc/net/stat/nf_conntrack: {told}", f"Look whether the numbers still grow. {remedy}", gateway.ids(),
        )  # fmt: skip


def forwarding(gateway: Gateway) -> Iterator[Finding]:
    """A gateway that does not forward."""
    if not gateway.known or gateway.policy.frame.placement == "host":
        return
    ipv6 = tuple(flow.id for flow in gateway.policy.flows if flow.destination.any or flow.destination.ipv6)
    wanted = (("ipv4", "net.ipv4.ip_forward", HARMFUL, gateway.ids()), ("ipv6", "net.ipv6.conf.all.forwarding", WARNING, ipv6))
    for family, name, severity, flows in wanted:
        if gateway.settings.get(name) == 0 and family in gateway.policy.frame.families and flows:
            kind = {"ipv4": "IPv4", "ipv6": "IPv6"}[family]
            yield Finding(
                "forwarding-off", severity, f"This machine does not forward {kind}: nothing of the users' network gets through it",
                f"{name} = 0", f"sysctl -w {name}=1, and the same in a file in /etc/sysctl.d.", flows,
            )  # fmt: skip


def reverse_path(gateway: Gateway) -> Iterator[Finding]:
    """A strict check of the way back drops answers that come by another uplink than the one that packets left by (RFC 3704)."""
    common = gateway.settings.get("net.ipv4.conf.all.rp_filter", 0)
    strict = sorted(name for name in gateway.uplinks if max(common, gateway.settings.get(f"net.ipv4.conf.{name}.rp_filter", 0)) == _STRICT)
    if len(gateway.uplinks) > 1 and strict:
        yield Finding(
            "reverse-path", NOTE, "There are several uplinks, and the way back is checked strictly: answers that come back by "
            "another uplink are dropped",
            ", ".join(f"net.ipv4.conf.{name}.rp_filter" for name in strict),
            "If answers may take another uplink, set rp_filter to 2 (loose) on these interfaces.", gateway.ids(),
        )  # fmt: skip


def accounting(gateway: Gateway) -> Iterator[Finding]:
    """Without accounting it cannot be told how many packets of a connection went out and came back."""
    if gateway.conntrack("acct") == 0:
        yield Finding(
            "conntrack-accounting", NOTE, "The packets of connections are not counted: of a probe one can tell whether an answer "
            "came back, not how many packets did",
            "net.netfilter.nf_conntrack_acct = 0", "sysctl -w net.netfilter.nf_conntrack_acct=1 before the probes; connections "
            "made from then on are counted.",
        )  # fmt: skip


LOOKS: tuple[Callable[[Gateway], Iterator[Finding]], ...] = (
    forwarding,
    _gateway_rules.sip_helper,
    automatic_helper,
    conntrack_full,
    _gateway_rules.untracked,
    _gateway_rules.masquerade_random,
    _gateway_limits.rate_limits,
    timeouts,
    _gateway_rules.short_timeouts,
    _gateway_rules.icmp_dropped,
    reverse_path,
    accounting,
)


def find(gateway: Gateway) -> list[Finding]:
    """All that is found, the worst first."""
    found = dict.fromkeys(finding for look in LOOKS for finding in look(gateway))
    return sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity))
