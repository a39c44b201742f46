# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the gateway's NAT does to one socket, seen from a real coturn with two addresses (RFC 5780)."""

from __future__ import annotations

import os

import lab
import pytest
from podman import podman
from test_probe import Network, forward

HERE, ELSEWHERE = "198.51.100.2", "216.147.0.1"
PORT, ALONE = 3482, 3484
# One server with two addresses and two ports, and one with neither; what answers everywhere else must leave them be. Debian's own settings
# for coturn, which -n leaves out, turn RFC 5780 off.
COTURN = "setsid turnserver -n --no-auth --no-tls --no-dtls --no-cli --log-file=/dev/null"
SERVERS = f"""
nft insert rule inet far prerouting udp dport {PORT}-{ALONE} return
{COTURN} --listening-ip={HERE} --listening-ip={ELSEWHERE} --listening-port={PORT} --pidfile=/run/two.pid >/dev/null 2>&1 </dev/null &
{COTURN} --listening-ip={HERE} --listening-port={ALONE} --pidfile=/run/alone.pid >/dev/null 2>&1 </dev/null &
for attempt in $(seq 100); do
    ss -Hlun | grep -q {ELSEWHERE}:{PORT + 1} && ss -Hlun | grep -q :{ALONE} && exit
    sleep 0.1
done
exit 1
"""
NAT = {"kind": "nat", "host": HERE, "port": PORT}
ANYTHING, FULLY_RANDOM = "masquerade", "masquerade fully-random"
# How long the gateway keeps a mapping in the tests of that, and how long it is left alone there.
KEPT, LEFT = 3, 6


@pytest.fixture(scope="module")
def network():
    name = f"webrtc-nat-{os.getpid()}"
    try:
        lab.up(name, "bookworm", "none", ["client", "gateway", "far"])
        network = Network(name)
        podman("exec", network.parts["far"], "sh", "-c", SERVERS)
        yield network
    finally:
        lab.down(name)


def translated(how):
    return f'table ip test {{\nchain test {{\ntype nat hook postrouting priority 100;\noifname "wan0" {how}\n}}\n}}' if how else ""


STATEFUL = forward("ct state established accept", 'iifname "wan0" drop')


@pytest.mark.parametrize(
    ("rules", "mapping", "depends_on", "filtering"),
    [
        ("", "none", None, "endpoint-independent"),
        (STATEFUL, "none", None, "address-and-port-dependent"),
        (forward('iifname "wan0" ip saddr 216.147.0.1 drop'), "none", None, None),
        (forward(f'iifname "wan0" ip saddr 216.147.0.1 udp sport {PORT + 1} ct state new drop'), "none", None, "address-dependent"),
        (translated(ANYTHING), "endpoint-independent", None, "address-and-port-dependent"),
        (translated(FULLY_RANDOM), "symmetric", "address-and-port", "address-and-port-dependent"),
    ],
    ids=["nothing", "stateful", "other-closed", "address", "masquerade", "random"],
)
def test_one_server_with_two_addresses(network, rules, mapping, depends_on, filtering):
    network.rules(rules)
    (result,) = network.send(NAT, timeout=5)
    if filtering is None:
        assert (result["verdict"], result["facts"]["nat"]) == ("timed-out", False)
        return
    facts = result["facts"]
    assert (result["verdict"], facts["mapping"], facts.get("mapping_depends_on")) == ("open", mapping, depends_on), facts
    assert facts["filtering"] == filtering


def test_a_server_with_one_address(network):
    network.rules("")
    (result,) = network.send({**NAT, "port": ALONE})
    assert result["verdict"] == "untested"
    assert result["facts"]["why"] == "the server names no second address of its own (RFC 5780): name a second server"
    assert result["facts"]["nat"] is False


@pytest.mark.parametrize("timeout", [KEPT, 600])
@pytest.mark.parametrize("how", ["", ANYTHING, FULLY_RANDOM], ids=["stateful", "masquerade", "random"])
def test_how_long_a_mapping_lives(network, how, timeout):
    names = ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream")
    lab.within(network.parts["gateway"], "sysctl", "-qw", *(f"net.netfilter.{name}={timeout}" for name in names))
    network.rules(f"{STATEFUL}\n{translated(how)}")
    lost = timeout == KEPT
    two, alone = network.send(
        {**NAT, "seconds": LEFT},
        {**NAT, "port": ALONE, "second_host": ELSEWHERE, "second_port": PORT, "seconds": LEFT},
    )
    assert (two["facts"]["mapping_lost"], two["facts"]["mapping_kept_seconds"]) == (lost, None if lost else LEFT)
    # A server that cannot answer elsewhere only tells when the port is another one; this NAT gives the same one again, unless it is random.
    assert (alone["facts"]["mapping_lost"], alone["facts"]["mapping_kept_seconds"]) == (
        True if lost and how == FULLY_RANDOM else None,
        None,
    )
    assert (two["verdict"], alone["verdict"]) == ("open", "open")
