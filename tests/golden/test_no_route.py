# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes on a machine without a way out: it is said at once, and what is near is probed all the same."""

from __future__ import annotations

import time

import lab
import pytest
from test_probe import ADDRESS, NAME, Client

from ansible_collections.webrtc.firewall.plugins.plugin_utils import _loader

HOSTS = [host for service in ("vonage", "liveavatar") for host in _loader.load(service)["hostnames"]["names"]]
NAMES = [{"kind": "https", "host": host.replace("{subdomain}", "heygen-feapbkvq"), "port": 443} for host in (*HOSTS, NAME)]
NETWORKS = [{"kind": "turn", "host": host, "port": 3478} for host in ("216.147.1.1", "168.100.64.1", "2001:2::7")]
BOTH = "no route to the internet (IPv4 and IPv6)"
# A resolver on the machine's own network that never answers: port 53 is open, and nobody reads.
SILENT = """
import os, socket
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there.bind(("127.0.0.1", 53))
print(os.getpid(), file=open("/run/silent.pid", "w"), flush=True)
while True:
    there.recv(512)
"""


@pytest.fixture(scope="module")
def client(machines, suite):
    # A machine of its own: others hold far addresses themselves.
    with machines(suite) as machine:
        yield Client(machine)


# Whoever waits takes longer: for an answer, or for a resolver, which is asked twice for 5 seconds each.
NO_WAIT, TIMEOUT = 9, 30


def timed(client, *probes):
    begin = time.monotonic()
    results = client.send(*probes, timeout=TIMEOUT)
    return results, time.monotonic() - begin


def test_both_catalog_services_by_name_and_by_network(client):
    assert len(NAMES) > 50
    results, seconds = timed(client, *NAMES, *NETWORKS)
    # The one name that conftest.py puts into /etc/hosts is found; all others cannot even be asked for.
    assert {result["facts"]["why"] for result in results[: len(HOSTS)]} == {BOTH}
    assert results[len(HOSTS)]["facts"]["why"] == "no route to the internet (IPv4)"
    assert [result["facts"]["why"][-6:] for result in results[len(NAMES) :]] == ["(IPv4)", "(IPv4)", "(IPv6)"]
    assert {result["verdict"] for result in results} == {"unreachable"}
    assert seconds < NO_WAIT


def test_a_resolver_that_is_silent(client):
    client.machine.sh("cp /etc/resolv.conf /run/resolv.conf; echo nameserver 127.0.0.1 >/etc/resolv.conf; ip link set lo up")
    client.machine.sh("cat >/run/silent.py; setsid python3 /run/silent.py >/dev/null 2>&1 </dev/null & sleep 1", SILENT)
    try:
        results, seconds = timed(client, *NAMES[:40])
    finally:
        client.machine.sh("cat /run/resolv.conf >/etc/resolv.conf; kill $(cat /run/silent.pid)")
    assert {(result["verdict"], result["facts"]["why"]) for result in results} == {("unreachable", BOTH)}
    assert seconds < NO_WAIT


def test_what_is_near_needs_no_route(client):
    client.machine.sh(f"ip address add {ADDRESS}/32 dev lo")
    try:
        results = client.send(*({"kind": "tcp", "host": host, "port": 9} for host in (NAME, "127.0.0.1", "::1")))
    finally:
        client.machine.sh(f"ip address del {ADDRESS}/32 dev lo")
    assert [result["verdict"] for result in results] == ["refused"] * 3


def test_one_family_has_a_way_out(machines, suite):
    with machines(suite) as machine, machines(suite) as gateway:
        here, there = lab.pid(machine.id), lab.pid(gateway.id)
        lab.enter(here, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", there)
        lab.enter(there, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        machine.sh("ip address add 10.99.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.99.0.1")
        gateway.sh("ip address add 10.99.0.1/24 dev eth0; ip link set eth0 up")
        four, six, name = Client(machine).send(
            *({"kind": "udp", "host": host, "port": 3478} for host in ("216.147.1.1", "2001:2::7", "nowhere.invalid")), timeout=1
        )
        assert (four["verdict"], four["facts"]["why"]) == ("timed-out", "no answer while waiting for an answer")
        assert (six["verdict"], six["facts"]["why"]) == ("unreachable", "no route to the internet (IPv6)")
        assert name["verdict"] == "name-not-found"
