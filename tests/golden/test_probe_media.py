# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both directions of media between a client and the relays of a real coturn, through a real gateway that harms them."""

from __future__ import annotations

import os

import lab
import pytest
from podman import podman
from test_probe import FAR, Network, forward

SERVER, SERVER_IPV6 = "216.147.0.1", "2001:db8:77::7"
# Of the server's relays, and so of media; a packet of it has 20 or 40 bytes of IP, 8 of UDP and 92 of RTP.
MEDIA = "10000-10100"
COTURN = (
    f"turnserver --listening-ip={SERVER} --listening-ip={SERVER_IPV6} --relay-ip={SERVER} --relay-ip={SERVER_IPV6} --listening-port=3479 "
    f"--tls-listening-port=5349 --min-port=10000 --max-port=10100 --cert=/run/ca/ca.crt --pkey=/run/ca/ca.key --lt-cred-mech "
    "--user=lab:lab --realm=lab --no-dtls --no-cli --pidfile=/run/media.pid --log-file=stdout >/run/media.log 2>&1 </dev/null"
)
# Media goes to coturn and not to what echoes everywhere else; port 443 of its address is TURN over TLS.
TO_COTURN = f"""
insert rule inet far prerouting ip daddr {SERVER} tcp dport 443 dnat ip to {SERVER}:5349
insert rule inet far prerouting ip daddr {SERVER} meta l4proto {{ tcp, udp }} th dport {{ 3479-3481, 5349, {MEDIA} }} return
insert rule inet far prerouting ip6 daddr {SERVER_IPV6} meta l4proto {{ tcp, udp }} th dport {{ 3479, 5349, {MEDIA} }} return
insert rule inet far prerouting udp dport 40000-49999 return
"""
# A server that is told a wrong public address, and one that sends nothing to inner networks.
OTHERS = {3480: "--external-ip=10.9.9.9", 3481: "--denied-peer-ip=10.0.0.0-10.255.255.255"}
TURN = {"kind": "media", "username": "lab", "password": "lab", "host": SERVER, "seconds": 2}
UDP = {**TURN, "port": 3479}
TLS = {**TURN, "transport": "tls", "port": 443}


@pytest.fixture(scope="module")
def network():
    name = f"webrtc-media-{os.getpid()}"
    try:
        lab.up(name, "bookworm", "none", ["client", "gateway", "far"])
        network = Network(name)
        far = network.parts["far"]
        lab.within(network.parts["gateway"], "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        podman("exec", "--interactive", far, "nft", "-f", "-", text=TO_COTURN)
        start(far, COTURN, 5349)
        for port, option in OTHERS.items():
            other = COTURN.replace("3479", f"{port} {option}").replace("5349", f"{port + 2000}").replace("media", f"{port}")
            start(far, other, port + 2000)
        yield network
    finally:
        lab.down(name)


def start(far, command, port):
    """Start a server, and wait until it listens."""
    podman(
        "exec",
        far,
        "sh",
        "-c",
        f"setsid {command} & for _try in $(seq 100); do ss -Hltn | grep -q :{port} && exit; sleep 0.1; done; exit 1",
    )


def one(network, probe, *rules):
    network.rules(forward(*rules))
    (result,) = network.send(probe)
    return result


def test_open_over_each_transport_and_family(network):
    network.rules("")
    probes = [
        UDP,
        {**UDP, "host": SERVER_IPV6},
        {**TURN, "transport": "tcp", "port": 3479},
        TLS,
        {**TLS, "port": 5349, "host": SERVER_IPV6},
        {**TURN, "transport": "tcp", "port": 443},
    ]
    results = network.send(*probes)
    for probe, result in zip(probes, results):
        facts = result["facts"]
        assert (result["verdict"], facts["sent"], facts["arrived"], facts["returned"]) == ("open", 100, 100, 100), result
        assert (facts["loss_percent_out"], facts["loss_percent_in"], facts["stopped_after"], facts["stopped_way"]) == (0, 0, None, None)
        host, _colon, port = facts["relay"].rpartition(":")
        assert host.strip("[]") == probe["host"]
        assert int(port) == facts["relay_port"]
        assert 10000 <= facts["relay_port"] <= 10100
        assert facts["mapped"] == facts["local"]
        assert facts["given_back"]
        assert 0 < facts["round_trip_ms"]["least"] <= facts["round_trip_ms"]["mean"]
    assert results[3]["facts"]["certificate"]["issuer"] == "CN=far"


def test_blocked(network):
    blocked = one(network, UDP, f"udp dport {MEDIA} drop")
    assert (blocked["verdict"], blocked["facts"]["why"]) == ("timed-out", "no packet arrived at the relay")
    assert (blocked["facts"]["sent"], blocked["facts"]["arrived"], blocked["facts"]["loss_percent_out"]) == (100, 0, 100.0)
    assert (blocked["facts"]["loss_percent_in"], blocked["facts"]["mapped"], blocked["facts"]["given_back"]) == (None, None, True)
    for verdict, way in (("prohibited", "admin-prohibited"), ("refused", "port-unreachable")):
        rejected = one(network, UDP, f"udp dport {MEDIA} reject with icmpx type {way}")
        assert (rejected["verdict"], rejected["facts"]["icmp"]["sender"], rejected["facts"]["arrived"]) == (verdict, "10.99.0.1", 0)


@pytest.mark.parametrize("probe", [UDP, {**UDP, "host": SERVER_IPV6}, TLS], ids=["udp", "ipv6", "tls"])
def test_one_way(network, probe):
    result = one(network, probe, f"udp sport {MEDIA} drop")
    assert (result["verdict"], result["facts"]["why"]) == ("one-way", "packets arrive at the relay, and none comes back")
    assert (result["facts"]["arrived"], result["facts"]["returned"]) == (100, 0)
    assert (result["facts"]["loss_percent_out"], result["facts"]["loss_percent_in"], result["facts"]["stopped_after"]) == (0, 100, None)


@pytest.mark.parametrize("probe", [UDP, TLS], ids=["udp", "tls"])
@pytest.mark.parametrize(
    ("port", "way", "why"),
    [
        ("dport", "out", "no packet arrived at the relay any more after packet 25"),
        ("sport", "in", "packets arrive at the relay, and none comes back any more after packet 25"),
    ],
)
def test_the_first_packets_pass_and_the_rest_does_not(network, probe, port, way, why):
    result = one(network, probe, f"udp {port} {MEDIA} quota over 3000 bytes drop")
    facts = result["facts"]
    assert (result["verdict"], facts["why"]) == ("timed-out", why)
    assert (facts["stopped_after"], facts["stopped_way"], facts["returned"]) == (25, way, 25)
    assert (facts["loss_percent_out"], facts["loss_percent_in"]) == ((75, 0) if way == "out" else (0, 75))


@pytest.mark.parametrize(("port", "out", "back"), [("dport", 20, 0), ("sport", 0, 20)])
def test_loss_is_told_for_each_way(network, port, out, back):
    # One packet in five, by turns.
    result = one(network, TLS, f"udp {port} {MEDIA} numgen inc mod 5 0 drop")
    assert result["verdict"] == "open"
    assert result["facts"]["loss_percent_out"] == pytest.approx(out, abs=5)
    assert result["facts"]["loss_percent_in"] == pytest.approx(back, abs=5)


@pytest.mark.parametrize("probe", [UDP, TLS], ids=["udp", "tls"])
@pytest.mark.parametrize("masquerade", ["masquerade", "masquerade fully-random"])
def test_behind_nat(network, probe, masquerade):
    nat = f'table ip test {{\nchain test {{\ntype nat hook postrouting priority 100;\noifname "wan0" {masquerade}\n}}\n}}'
    network.rules(nat)
    (result,) = network.send(probe)
    assert (result["verdict"], result["facts"]["returned"]) == ("open", 100)
    assert result["facts"]["mapped"].startswith("198.51.100.1:")
    assert result["facts"]["permitted"] == ["198.51.100.1"]
    # No rule lets in what the relay answers; the NAT does.
    assert one(network, probe, f"udp sport {MEDIA} drop")["verdict"] == "one-way"


def test_only_turn_over_tcp_gets_through(network):
    # The server is not seen over UDP then; the address of the allocation is as good.
    result = one(network, TLS, "udp dport 3478 drop")
    facts = result["facts"]
    assert (result["verdict"], facts["permitted"], facts["seen_over_udp"]) == ("open", ["10.99.0.2"], None)
    result = one(network, TLS, "meta l4proto udp drop")
    assert (result["verdict"], result["facts"]["why"]) == ("timed-out", "no packet arrived at the relay, which lets in 10.99.0.2 alone")


def test_turn_through_a_proxy(network):
    # The lab's port 443 hands TURN on by a connection of its own: the server sees its own address there, and ours over UDP alone.
    through = {**TURN, "transport": "tcp", "port": 443, "host": FAR}
    result = one(network, through)
    facts = result["facts"]
    assert (result["verdict"], facts["permitted"], facts["seen_over_udp"]) == ("open", ["10.99.0.2", "198.51.100.2"], "10.99.0.2"), result
    assert facts["mapped"].startswith("10.99.0.2:")
    result = one(network, through, "udp dport 3478 drop")
    assert (result["verdict"], result["facts"]["why"]) == ("timed-out", "no packet arrived at the relay, which lets in 198.51.100.2 alone")


def test_servers_that_are_set_up_badly(network):
    network.rules("")
    inner, denied = network.send(*({**UDP, "port": port} for port in OTHERS))
    assert (inner["verdict"], inner["facts"]["relay"].partition(":")[0], inner["facts"]["given_back"]) == ("bad-answer", "10.9.9.9", True)
    assert inner["facts"]["why"].startswith("the server offers the inner address 10.9.9.9 as a relay")
    assert (denied["verdict"], denied["facts"]["code"], denied["facts"]["given_back"]) == ("untested", 403, True)
    assert denied["facts"]["why"].startswith("the server does not let us send to its relay: TURN error 403")


def test_a_failure_of_turn_is_not_blamed_on_media(network):
    for probe, rule, verdict in (
        (UDP, "udp dport 3479 drop", "timed-out"),
        (UDP, "udp dport 3479 reject with icmpx type admin-prohibited", "prohibited"),
        (TLS, "tcp dport 443 reject with tcp reset", "refused"),
        (TLS, "tcp dport 443 tcp flags & psh == psh reject with tcp reset", "reset"),
        ({**UDP, "password": "wrong"}, "", "bad-answer"),
    ):
        network.rules(forward(rule))
        (result,) = network.send(probe, timeout=2)
        assert (result["verdict"], result["facts"]["allocation"]) == ("untested", verdict), result
        assert result["facts"]["why"].startswith("no relay to test media with: ")


@pytest.mark.parametrize("probe", [UDP, TLS], ids=["udp", "tls"])
def test_turn_that_dies_is_not_blamed_on_media(network, probe):
    result = one(network, probe, "meta l4proto { tcp, udp } th dport { 443, 3479 } quota over 6 kbytes drop")
    assert result["verdict"] == "untested"
    assert result["facts"]["why"].startswith("the TURN server itself does not answer any more")
    assert not result["facts"]["given_back"]
