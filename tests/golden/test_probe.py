# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes against real servers and through real firewalls: each thing that can be in the way is told apart from the others.

On one machine of each release, over its loopback, and from a client through a gateway.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import lab
import pytest
from conftest import REPO
from podman import podman

# Where something must come, the limit is a fault's; where nothing can come, it is short.
PATIENT, SHORT = 60, 1
RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input, _probe_run
given = json.load(sys.stdin)
limits = given["timeout"], 600
print(json.dumps(_probe_run.run(_probe_input.read(given["probes"], *limits), *limits)))
"""
ECHO = """
import socket, threading
def udp(family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 7))
    while True:
        data, peer = server.recvfrom(65535)
        server.sendto(data, peer)
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    threading.Thread(target=udp, args=(family, address)).start()
tcp = socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True)
kept = []
while True:
    kept.append(tcp.accept())
"""
IPV4, IPV6 = "127.0.0.1", "::1"
# A name that conftest.py gives to each machine, as if it came from DNS.
NAME, ADDRESS = "api.liveavatar.com", "198.18.0.7"
TURN = {"kind": "turn", "username": "lab", "password": "lab", "host": ADDRESS}
COTURN = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /O=Lab/CN=turn.example -keyout /run/key -out /run/crt 2>/dev/null; "
    f"turnserver --listening-ip={ADDRESS} --listening-ip=127.0.0.1 --relay-ip={ADDRESS} --listening-port=3478 --tls-listening-port=5349 "
    "--cert=/run/crt --pkey=/run/key --lt-cred-mech --user=lab:lab --realm=lab.example --no-dtls --no-cli --pidfile=/run/turn.pid "
    "--log-file=stdout >/run/turn.log 2>&1"
)


def asked(probes, timeout):
    return json.dumps({"timeout": timeout, "probes": [{"id": f"probe-{number}", **probe} for number, probe in enumerate(probes)]})


class Client:
    """Sends probes from a machine to itself."""

    def __init__(self, machine):
        self.machine = machine

    def send(self, *probes, timeout=PATIENT):
        done = self.machine.ask("run", argv=["python3", "-c", RUN, "/collections"], text=asked(probes, timeout))
        assert done["code"] == 0, done["err"]
        return json.loads(done["out"])

    def one(self, timeout=PATIENT, **probe):
        (result,) = self.send(probe, timeout=timeout)
        return result

    def rules(self, *lines, hook="input"):
        """Rules for what comes in over the loopback, or for what goes out."""
        table = f"table inet test {{\nchain test {{\ntype filter hook {hook} priority 0; policy accept;\n"
        self.machine.sh("nft -f -", "flush ruleset\n" + table + "\n".join(lines) + "\n}\n}\n")


@pytest.fixture(scope="module")
def servers(shared):
    shared.sh(f"ip address replace {ADDRESS}/32 dev lo; sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 || true")
    for number, command in enumerate((f"python3 -c '{ECHO}'", COTURN)):
        shared.sh(f"cat >/run/server-{number}; setsid sh /run/server-{number} >/dev/null 2>&1 </dev/null &", command)
    return shared


@pytest.fixture
def client(servers):
    client = Client(servers)
    # A server is up once it answers; before that, a probe is refused.
    waiting = [{"kind": "tcp", "host": host, "port": port} for host, port in ((IPV4, 7), (ADDRESS, 3478), (ADDRESS, 5349))]
    for _attempt in range(300):
        if {result["verdict"] for result in client.send(*waiting)} == {"open"}:
            break
        servers.sh("sleep 0.1")
    yield client
    servers.sh("nft flush ruleset")


def both(**probe):
    return [{"host": host, **probe} for host in (IPV4, IPV6)]


def seen(results):
    return [(result["kind"], result["family"], result["verdict"]) for result in results]


def test_what_nothing_is_in_the_way_of(client):
    results = client.send(*both(kind="tcp", port=7), *both(kind="udp", port=7), *both(kind="stream", port=7, seconds=0.2))
    assert seen(results) == [(kind, family, "open") for kind in ("tcp", "udp", "stream") for family in ("ipv4", "ipv6")]


def test_dropped(client):
    client.rules("tcp dport 7 drop", "udp dport 7 drop")
    results = client.send(*both(kind="tcp", port=7), *both(kind="udp", port=7), *both(kind="stream", port=7, seconds=0.2), timeout=SHORT)
    assert {verdict for _kind, _family, verdict in seen(results)} == {"timed-out"}
    assert [result["facts"]["why"] for result in results[:3:2]] == ["no answer while connecting", "no answer while waiting for an answer"]


@pytest.mark.parametrize(
    ("way", "verdict", "icmp"),
    [
        ("with icmpx type admin-prohibited", "prohibited", [(3, 13), (1, 1)]),
        ("with icmpx type port-unreachable", "refused", [(3, 3), (1, 4)]),
        ("with icmpx type host-unreachable", "unreachable", [(3, 1), (1, 3)]),
        ("with icmpx type no-route", "unreachable", [(3, 0), (1, 0)]),
    ],
)
def test_rejected_with_icmp(client, way, verdict, icmp):
    client.rules(f"meta l4proto {{ tcp, udp }} th dport 7 reject {way}")
    for kind in ("tcp", "udp", "stream"):
        # The kernel tells the reason of a connection that a message ends at once in errno; the message itself may follow too late.
        results = client.send(*both(kind=kind, port=7, **({"seconds": 0.2} if kind == "stream" else {})))
        assert seen(results) == [(kind, "ipv4", verdict), (kind, "ipv6", verdict)], results
        if kind != "tcp":
            told = [result["facts"]["icmp"] for result in results]
            assert [(one["type"], one["code"]) for one in told] == icmp
            assert [one["sender"] for one in told] == [IPV4, IPV6]


def test_rejected_with_a_reset(client):
    client.rules("tcp dport 7 reject with tcp reset")
    results = client.send(*both(kind="tcp", port=7), *both(kind="tls", port=7))
    assert {verdict for _kind, _family, verdict in seen(results)} == {"refused"}
    assert all("icmp" not in result["facts"] for result in results)


@pytest.mark.parametrize(("action", "timeout", "verdict"), [("drop", SHORT, "timed-out"), ("reject with tcp reset", PATIENT, "reset")])
def test_stopped_at_the_client_hello(client, action, timeout, verdict):
    client.rules(f"tcp dport 5349 tcp flags & psh == psh {action}")
    both_kinds = ({"kind": kind, "host": ADDRESS, "port": 5349} for kind in ("tcp", "tls"))
    connected, shaken = client.send(*both_kinds, timeout=timeout)
    assert (connected["verdict"], shaken["verdict"]) == ("open", verdict)
    assert "shaking hands after the ClientHello" in shaken["facts"]["why"]


def test_dropped_by_the_machine_itself(client):
    client.rules("udp dport 7 drop", hook="output")
    for result in client.send(*both(kind="udp", port=7)):
        assert (result["verdict"], result["facts"]["why"][:38]) == ("prohibited", "this machine's own output rules drop i")


@pytest.mark.parametrize(
    ("action", "verdict"), [("drop", "timed-out"), ("reject with icmpx type admin-prohibited", "prohibited")], ids=["drop", "reject"]
)
def test_the_first_packets_pass_and_the_rest_does_not(client, action, verdict):
    # A packet has 20 or 40 bytes of IP, 8 of UDP and 92 of RTP: 25 of IPv4 and 21 of IPv6 fit.
    client.rules(*(f"meta nfproto {family} udp dport 7 quota over 3000 bytes {action}" for family in ("ipv4", "ipv6")))
    four, six = client.send(*both(kind="stream", port=7, seconds=2))
    assert (four["verdict"], four["facts"]["stopped_after"]) == (verdict, 25)
    assert (six["verdict"], six["facts"]["stopped_after"]) == (verdict, 21)
    assert (four["facts"]["sent"], four["facts"]["received"], four["facts"]["loss_percent"]) == (100, 25, 75.0)
    # One packet alone would have said that all is well.
    client.rules(f"udp dport 7 quota over 3000 bytes {action}")
    assert client.one(kind="udp", host=IPV4, port=7)["verdict"] == "open"


def test_no_route_is_said_at_once(client):
    for kind in ("tcp", "udp", "tls", "stream"):
        results = client.send(*({"kind": kind, "host": host, "port": 443} for host in ("192.0.2.1", "2001:db8::1")))
        assert seen(results) == [(kind, "ipv4", "unreachable"), (kind, "ipv6", "unreachable")]
        assert all(result["seconds"] < 2 for result in results)


def test_names(client):
    client.machine.sh("grep -q blocked /etc/hosts || echo 0.0.0.0 blocked.example >>/etc/hosts")
    good, none, filtered, family = client.send(
        {"kind": "stun", "host": NAME, "port": 3478},
        {"kind": "tcp", "host": "nowhere.invalid", "port": 443},
        {"kind": "tcp", "host": "blocked.example", "port": 443},
        {"kind": "tcp", "host": NAME, "port": 443, "families": ["ipv6"]},
    )
    assert (good["verdict"], good["endpoint"], good["facts"]["host"]) == ("open", f"{ADDRESS}:3478/udp", NAME)
    # No resolver can be reached from here, so that nobody knows whether there is such a name.
    assert [result["verdict"] for result in (none, filtered, family)] == ["unreachable", "name-not-found", "name-not-found"]
    assert none["endpoint"] == "nowhere.invalid:443/tcp"
    assert none["family"] is None
    assert filtered["facts"]["why"] == "only unusable addresses: 0.0.0.0"
    assert family["facts"]["why"] == "no address of the family ipv6"


WAYS = [("udp", 3478), ("tcp", 3478), ("tls", 5349)]


@pytest.mark.parametrize(("transport", "port"), WAYS)
def test_coturn(client, transport, port):
    right, wrong, nobody, bound = client.send(
        {**TURN, "transport": transport, "port": port},
        {**TURN, "transport": transport, "port": port, "password": "wrong"},
        {"kind": "turn", "host": ADDRESS, "transport": transport, "port": port},
        {"kind": "stun", "host": ADDRESS, "transport": transport, "port": port},
    )
    assert (right["verdict"], right["facts"]["authenticated"], right["facts"]["given_back"]) == ("open", True, True)
    assert right["facts"]["relay"].startswith(f"{ADDRESS}:")
    assert (right["facts"]["realm"], right["facts"]["lifetime"]) == ("lab.example", 600)
    assert (wrong["verdict"], wrong["facts"]["code"]) == ("bad-answer", 401)
    assert wrong["facts"]["why"].startswith("the credentials are refused")
    assert (nobody["verdict"], nobody["facts"]["authenticated"]) == ("open", False)
    assert (bound["verdict"], bound["facts"]["nat"], bound["facts"]["mapped"]) == ("open", False, bound["facts"]["local"])
    if transport == "tls":
        assert [result["facts"]["certificate"]["issuer"] for result in (right, bound)] == ["O=Lab, CN=turn.example"] * 2
        assert not right["facts"]["trusted"]


@pytest.mark.parametrize(("transport", "port"), WAYS)
def test_media_through_coturn(client, transport, port):
    media = {**TURN, "kind": "media", "transport": transport, "port": port, "seconds": 0.5}
    right, wrong, nobody = client.send(media, {**media, "password": "wrong"}, {**media, "username": "", "password": ""})
    assert (right["verdict"], right["facts"]["sent"], right["facts"]["returned"]) == ("open", 25, 25)
    assert (right["facts"]["mapped"], right["facts"]["given_back"]) == (right["facts"]["local"], True)
    assert (wrong["verdict"], wrong["facts"]["allocation"], wrong["facts"]["code"]) == ("untested", "bad-answer", 401)
    assert nobody["verdict"] == "untested"
    assert nobody["facts"]["why"] == "no relay to test media with: the server asks for credentials"


def test_a_stream_of_bindings_and_two_servers(client):
    stream, nat = client.send(
        {"kind": "stream", "payload": "stun", "host": ADDRESS, "port": 3478, "seconds": 0.5},
        {"kind": "nat", "host": ADDRESS, "port": 3478, "second_host": IPV4, "second_port": 3478},
    )
    assert (stream["verdict"], stream["facts"]["sent"]) == ("open", 25)
    assert (nat["verdict"], nat["facts"]["mapping"]) == ("open", "none")


# From here on through a gateway, to the lab's own servers.

FAR, FAR_IPV6 = "216.147.1.1", "2001:db8:77::1"
GATEWAY, GATEWAY_IPV6 = "10.99.0.1", "fd00:99::1"
TRANSPORTS = ("udp", "tcp", "tls")
# What answers at all addresses does so by address translation, which would look like a NAT of ours.
FIRST, SECOND = ("198.51.100.2", 3478), ("216.147.0.1", 3479)
SECOND_SERVER = (
    f"nft insert rule inet far prerouting udp dport {SECOND[1]} return; setsid turnserver --listening-ip={SECOND[0]} "
    f"--listening-port={SECOND[1]} --no-auth --no-tls --no-dtls --no-cli --pidfile=/run/second.pid >/run/second.log 2>&1 </dev/null & "
    f"for _try in $(seq 100); do ss -Hlun | grep -q :{SECOND[1]} && exit; sleep 0.1; done; exit 1"
)


class Network:
    """Sends probes with this machine's Python from the network of the lab's client."""

    def __init__(self, name):
        self.parts = lab.containers(name)

    def send(self, *probes, timeout=PATIENT):
        inside = ["nsenter", "--target", lab.pid(self.parts["client"]), "--net"]
        python = [sys.executable, "-c", RUN, str(REPO / ".cache" / "collections")]
        done = subprocess.run([*inside, *python], input=asked(probes, timeout), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def rules(self, text):
        """What the gateway does, with no memory of earlier connections."""
        command = "nft -f - && conntrack -F 2>/dev/null"
        podman("exec", "--interactive", self.parts["gateway"], "sh", "-c", command, text=f"flush ruleset\n{text}\n")


@pytest.fixture(scope="module")
def network():
    name = f"webrtc-probe-{os.getpid()}"
    try:
        lab.up(name, "bookworm", "none", ["client", "gateway", "far"])
        network = Network(name)
        lab.within(network.parts["gateway"], "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        podman("exec", network.parts["far"], "sh", "-c", SECOND_SERVER)
        yield network
    finally:
        lab.down(name)


def forward(*lines):
    return "table inet test {\nchain test {\ntype filter hook forward priority 0; policy accept;\n" + "\n".join(lines) + "\n}\n}"


def test_every_kind_with_real_servers(network):
    network.rules("")
    turn = {"kind": "turn", "username": "lab", "password": "lab", "host": FAR}
    probes = [
        *({"kind": kind, "host": host, "port": 443} for kind in ("tcp", "tls", "https", "websocket") for host in (FAR, FAR_IPV6)),
        *({"kind": "sip", "transport": transport, "host": FAR, "port": 5061 if transport == "tls" else 5060} for transport in TRANSPORTS),
        *({**turn, "transport": transport, "port": 3478 if transport == "udp" else 443} for transport in TRANSPORTS),
        {"kind": "stun", "host": FAR_IPV6, "port": 3478},
        {"kind": "udp", "host": FAR, "ports": ["10000-10003", 50000]},
        {"kind": "stream", "host": FAR, "port": 20000, "seconds": 0.5},
    ]
    results = network.send(*probes)
    assert [result for result in results if result["verdict"] != "open"] == []
    assert len(results) == len(probes) + 4
    facts = {(result["kind"], result["endpoint"]): result["facts"] for result in results}
    assert facts["https", f"{FAR}:443/tls"]["body"] == "ok\n"
    assert facts["tls", f"[{FAR_IPV6}]:443/tls"]["certificate"]["issuer"] == "CN=far"
    assert [facts["sip", f"{FAR}:{port}"]["status"] for port in ("5060/udp", "5060/tcp", "5061/tls")] == [200, 200, 200]


def test_a_gateway_that_prohibits_is_named(network):
    network.rules(forward("meta l4proto { tcp, udp } th dport 20000 reject with icmpx type admin-prohibited"))
    hosts = (FAR, FAR_IPV6)
    probes = [{"kind": kind, "host": host, "port": 20000, "seconds": 0.2} for kind in ("tcp", "udp", "stream") for host in hosts]
    results = network.send(*probes)
    assert [result["verdict"] for result in results] == ["prohibited"] * 6
    assert [result["facts"]["icmp"]["sender"] for result in results[2:]] == [GATEWAY, GATEWAY_IPV6] * 2


@pytest.mark.parametrize(
    ("masquerade", "mapping"), [("", "none"), ("masquerade", "endpoint-independent"), ("masquerade fully-random", "symmetric")]
)
def test_nat(network, masquerade, mapping):
    chain = f'table ip test {{\nchain test {{\ntype nat hook postrouting priority 100;\noifname "wan0" {masquerade}\n}}\n}}'
    network.rules(chain if masquerade else "")
    (address, port), (second_host, second_port) = FIRST, SECOND
    (result,) = network.send({"kind": "nat", "host": address, "port": port, "second_host": second_host, "second_port": second_port})
    assert (result["verdict"], result["facts"]["mapping"]) == ("open", mapping)
    assert result["facts"]["nat"] is bool(masquerade)
    assert result["facts"]["mapped"].partition(":")[0] == ("198.51.100.1" if masquerade else "10.99.0.2")
