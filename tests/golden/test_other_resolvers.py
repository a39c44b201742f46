# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS to servers that the site did not choose: refused at once by the kernel of a gateway, and everything else as before.

In a lab with a client, a gateway and a far side that answers at every address and port: silence is a firewall's drop, and a
refusal a firewall's answer.
"""

from __future__ import annotations

import json
import os

import lab
import pytest
from conftest import podman
from expectations import ELSEWHERE, ELSEWHERE_IPV6, RESOLVER, RESOLVER_IPV6, Row, other_resolvers, refusal
from prove import send

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

OWN = {"resolvers_ipv4": (RESOLVER,), "resolvers_ipv6": (RESOLVER_IPV6,)}
GATEWAY, GATEWAY_IPV6, CLIENT, CLIENT_IPV6 = "10.99.0.1", "fd00:99::1", "10.99.0.2", "fd00:99::2"
# An address of the far side that a service of the site's own names.
NAMED = "198.18.5.3"
OVER_TLS = Flow("names/over-tls", "tcp", ((853, 853),), Destination(ipv4=(NAMED,)))


class Network:
    def __init__(self, name):
        self.parts = lab.containers(name)

    def sh(self, part, script, text=""):
        return podman("exec", "--interactive", self.parts[part], "sh", "-c", script, text=text).stdout

    def load(self, *flows, **frame):
        """The rules of a policy, and no memory of earlier connections."""
        policy = Policy(Frame(other_resolvers="reject", uplinks=("wan0",), **frame), {"names": flows})
        self.sh("gateway", "nft -f - && conntrack -F 2>/dev/null", BACKENDS["nftables"].render_text(policy))

    def seen(self, part, rows):
        """What became of each row that was not as it should be: nothing, if all is well."""
        verdicts = send(self.parts[part], [row for row, _expected in rows])
        return [(row, verdict["seen"], verdict["detail"]) for (row, want), verdict in zip(rows, verdicts) if verdict["seen"] != want]

    def rejected(self):
        (counter,) = (
            entry["counter"] for entry in json.loads(self.sh("gateway", "nft -j list counters"))["nftables"] if "counter" in entry
        )
        assert counter["name"] == "wf_rejected"
        return counter["packets"]


@pytest.fixture(scope="module")
def labs(suite):
    name = f"webrtc-golden-{os.getpid()}-{suite}"
    try:
        lab.up(name, suite, "none", ["client", "gateway", "far"])
        network = Network(name)
        # The kernel tells one client of an unreachable port once a second only, after a burst of six; here many tests share a client.
        lab.within(network.parts["gateway"], "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        podman("exec", "--detach", network.parts["gateway"], "python3", "/lab/listen.py")
        yield network
    finally:
        lab.down(name)


@pytest.fixture
def network(labs):
    yield labs
    labs.sh("gateway", "nft flush ruleset")


def row(kind, transport, address, port, inbound=False):
    return Row("row", kind, transport, address, port, "", inbound)


def refused(own=False):
    return [(other, refusal(other, own)) for other in other_resolvers()]


def own_resolvers(want="open"):
    return [(row("dns", transport, address, 53), want) for transport in ("udp", "tcp") for address in (RESOLVER, RESOLVER_IPV6)]


def own_resolvers_over_tls(want):
    return [(row(kind, kind, address, 853), want) for kind in ("udp", "tcp") for address in (RESOLVER, RESOLVER_IPV6)]


def neighbours(want):
    """Ports beside DNS, multicast DNS's, and the web, of name servers as of anybody."""
    there = [("udp", 52), ("udp", 54), ("udp", 852), ("udp", 854), ("udp", 5353), ("tcp", 52), ("tcp", 54), ("tcp", 852), ("tcp", 854)]
    return [(row(kind, kind, address, port), want) for address in (ELSEWHERE, ELSEWHERE_IPV6) for kind, port in there]


def test_only_other_resolvers_are_refused(network):
    network.load(**OWN)
    rows = [
        *refused(),
        *own_resolvers(),
        *own_resolvers_over_tls("open"),
        *neighbours("open"),
        (row("https", "tls", ELSEWHERE, 443), "open"),
    ]
    assert network.seen("client", rows) == []
    # Each was one packet, and its answer was final.
    assert network.rejected() == len(other_resolvers()) == 8


def test_a_gateway_of_which_only_the_forwarded_traffic_is_meant_asks_whom_it_likes(network):
    network.load(**OWN)
    rows = [(row("dns", transport, address, 53), "open") for transport in ("udp", "tcp") for address in (ELSEWHERE, ELSEWHERE_IPV6)]
    assert network.seen("gateway", rows) == []


@pytest.mark.parametrize("placement", ["host", "both"])
def test_a_machine_asks_its_own_resolvers_only(network, placement):
    network.load(placement=placement, **OWN)
    loopback = [(row("udp", "udp", address, 53), "open") for address in ("127.0.0.1", "::1")]
    assert network.seen("gateway", [*refused(own=True), *own_resolvers(), *neighbours("open"), *loopback]) == []
    forwarded = refused() if placement == "both" else [(other, "open") for other in other_resolvers()]
    assert network.seen("client", [*forwarded, *own_resolvers()]) == []


def test_the_deny_baseline_refuses_them_too_and_drops_the_rest(network):
    network.load(baseline="deny_egress", **OWN)
    assert network.seen("client", [*refused(), *own_resolvers(), *own_resolvers_over_tls("blocked"), *neighbours("blocked")]) == []


@pytest.mark.parametrize("baseline", ["existing", "deny_egress"])
def test_without_resolvers_clients_ask_the_gateway(network, baseline):
    network.load(baseline=baseline)
    asked = [(row(kind, kind, address, 53), "open") for kind in ("udp", "tcp") for address in (GATEWAY, GATEWAY_IPV6)]
    assert network.seen("client", [*refused(), *own_resolvers("refused"), *asked]) == []


@pytest.mark.parametrize("baseline", ["existing", "deny_egress"])
def test_a_flow_of_the_site_passes(network, baseline):
    network.load(OVER_TLS, baseline=baseline)
    beside = [(row("connect", "tcp", NAMED, 53), "refused"), (row("udp", "udp", NAMED, 853), "refused")]
    assert network.seen("client", [(row("tcp", "tcp", NAMED, 853), "open"), *beside, *refused()]) == []


def test_a_name_server_inside_is_no_other_resolver(network):
    network.load()
    rows = [(row(kind, kind, address, 53, inbound=True), "open") for kind in ("udp", "tcp") for address in (CLIENT, CLIENT_IPV6)]
    assert network.seen("far", rows) == []


def test_other_clients_are_left_alone(network):
    network.load(sources_ipv4=("10.99.1.0/24",), sources_ipv6=("fd00:98::/64",))
    assert network.seen("client", [(other, "open") for other in other_resolvers()]) == []
    assert network.rejected() == 0
