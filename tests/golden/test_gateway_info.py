# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What harms calls is found on real machines where it is there, and not found where it is not; connections are seen; nothing is changed."""

from __future__ import annotations

import json
import os
import subprocess
import time

import lab
import pytest
from conftest import REPO, SUITES
from contract import policy
from podman import environment
from test_firewalld import TestFirewalld as Firewalld

LOOK = """
import json, sys
sys.path.insert(0, "/collections")
sys.path.insert(0, "/collections/ansible_collections/webrtc/firewall/tests/golden")
sys.dont_write_bytecode = True
from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_look
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output, VARIABLES
import subprocess
def run(argv, text):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, env=VARIABLES)
    return Output(done.returncode, done.stdout, done.stderr)
given = json.load(sys.stdin)
print(json.dumps(_gateway_look.look(_gateway_look.read_options(given.get("since"), given.get("endpoints"), given.get("log_prefix")), run)))
"""
# An address of a far server, held by the machine itself.
FAR = "198.18.0.7"

# An office's router, as its administrator has written it: nothing in it harms calls.
OFFICE = """
table inet office {
    ct helper office_ftp {
        type "ftp" protocol tcp
        l3proto ip
    }
    ct timeout patient {
        protocol udp
        l3proto ip
        policy = { unreplied : 60, replied : 300 }
    }
    chain office_pre {
        type filter hook prerouting priority -150; policy accept;
        tcp dport 21 ct helper set "office_ftp"
        udp dport 3478 ct timeout set "patient"
    }
    chain office_raw {
        type filter hook prerouting priority -300; policy accept;
        udp dport 53 notrack
    }
    chain office_forward {
        type filter hook forward priority 0; policy accept;
        ct state established,related accept
        icmp type echo-request limit rate over 10/second drop
        meta l4proto icmp drop
        udp dport 53 limit rate over 100/second drop
        tcp flags & (fin | syn | rst | ack) == syn limit rate over 50/second drop
        limit rate 5/minute log prefix "office: "
    }
}
table ip nat {
    chain office_post {
        type nat hook postrouting priority 100; policy accept;
        oifname "lo" meta l4proto tcp masquerade random
        oifname "lo" masquerade persistent
    }
}
"""
HELPER = """
table inet office {
    ct helper office_sip {
        type "sip" protocol udp
    }
    chain office_pre {
        type filter hook prerouting priority -150; policy accept;
        udp dport 5060 ct helper set "office_sip"
    }
}
"""
TIMEOUT = """
table inet office {
    ct timeout hasty {
        protocol udp
        l3proto ip
        policy = { unreplied : 20, replied : 60 }
    }
    chain office_pre {
        type filter hook prerouting priority -150; policy accept;
        ip daddr 216.147.0.0/18 udp dport 10000-50000 ct timeout set "hasty"
    }
}
"""
MAP = HELPER.replace('udp dport 5060 ct helper set "office_sip"', 'ct helper set udp dport map { 5060 : "office_sip" }')
METER = """
table ip office {
    set office_meters {
        type ipv4_addr
        size 65535
        flags dynamic,timeout
        timeout 1m
    }
    chain office_forward {
        type filter hook forward priority 0; policy accept;
        ip protocol udp update @office_meters { ip saddr limit rate over 200/second burst 400 packets } drop
    }
}
"""
NAMED = """
table ip office {
    limit office_lim {
        rate over 1 mbytes/second
    }
    chain office_forward {
        type filter hook forward priority 0; policy accept;
        udp dport 1024-65535 limit name "office_lim" drop
    }
}
"""


def forward(*rules, hook="forward", policy="accept"):
    body = "\n".join(rules)
    return f"table inet office {{\nchain office_{hook} {{\ntype filter hook {hook} priority 0; policy {policy};\n{body}\n}}\n}}\n"


def nat(rule, table="nat"):
    return f"table ip {table} {{\nchain office_post {{\ntype nat hook postrouting priority 100;\n{rule}\n}}\n}}\n"


# The rules, and what of them is found: id, severity, and what `where` ends with.
NFT = {
    "a good router": (OFFICE, []),
    "masquerade random": (nat('oifname "lo" masquerade random'), [("masquerade-random", "warning", 'oifname "lo" masquerade random')]),
    "masquerade fully-random": (nat("masquerade fully-random,persistent"), [("masquerade-random", "warning", "fully-random,persistent")]),
    "snat random": (nat("ip saddr 10.0.0.0/8 snat to 192.0.2.1 random"), [("masquerade-random", "warning", "snat to 192.0.2.1 random")]),
    "helper": (HELPER, [("sip-helper", "harmful", 'udp dport 5060 ct helper set "office_sip"')]),
    "helper by a map": (MAP, [("sip-helper", "harmful", '{ 5060 : "office_sip" }')]),
    "helper for what does not pass through": (
        HELPER.replace("hook prerouting priority -150", "hook input priority 0"),
        [("sip-helper", "note", 'udp dport 5060 ct helper set "office_sip"')],
    ),
    "helper in a chain of its own": (
        HELPER.replace("udp dport 5060 ct", "jump office_more\n}\nchain office_more {\nudp dport 5060 ct"),
        [("sip-helper", "harmful", 'office_more: udp dport 5060 ct helper set "office_sip"')],
    ),
    "timeout": (TIMEOUT, [("udp-timeout", "warning", 'ct timeout set "hasty"')]),
    "notrack": (
        "table inet office {\nchain office_raw {\ntype filter hook prerouting priority -300;\nudp dport 10000-50000 notrack\n}\n}\n",
        [("notrack", "harmful", "udp dport 10000-50000 notrack")],
    ),
    "limit over": (
        forward("meta l4proto udp limit rate over 100/second burst 9 packets drop"),
        [("rate-limit", "warning", "limit rate over 100/second burst 9 packets drop")],
    ),
    "limit within": (
        forward("udp dport 1024-65535 limit rate 100/second burst 9 packets accept", "meta l4proto tcp accept", policy="drop"),
        [("rate-limit", "warning", "limit rate 100/second burst 9 packets accept")],
    ),
    "meter": (METER, [("rate-limit", "warning", "drop")]),
    "named limit": (NAMED, [("rate-limit", "warning", 'limit name "office_lim" drop')]),
    "icmp": (forward("meta l4proto icmp drop", "ct state established,related accept"), [("icmp-dropped", "warning", "icmp drop")]),
    "icmp, and what was accepted before": (forward("ct state established,related accept", "meta l4proto icmp drop"), []),
    "a limit where calls have passed already": (
        forward("udp dport 1024-65535 accept", "meta l4proto udp limit rate over 9/second drop"),
        [],
    ),
}
IPTABLES = {
    "a good router": (
        "*raw\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\n-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack\nCOMMIT\n"
        "*nat\n-A POSTROUTING -o lo -p tcp -j MASQUERADE --random\n-A POSTROUTING -o lo -j MASQUERADE\nCOMMIT\n"
        "*filter\n-A FORWARD -p icmp -m icmp --icmp-type 8 -j DROP\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -p icmp -j DROP\n-A FORWARD -p udp -m udp --dport 53 -m hashlimit --hashlimit-above 50/sec --hashlimit-mode srcip "
        "--hashlimit-name dns -j DROP\n-A FORWARD -m limit --limit 5/min -j LOG\nCOMMIT\n",
        [],
    ),
    "masquerade random": (
        "*nat\n-A POSTROUTING -j MASQUERADE --random\nCOMMIT\n",
        [("masquerade-random", "warning", "MASQUERADE --random")],
    ),
    "masquerade random-fully": (
        "*nat\n-A POSTROUTING -o lo -p udp -j MASQUERADE --random-fully\nCOMMIT\n",
        [("masquerade-random", "warning", "MASQUERADE --random-fully")],
    ),
    "snat random": (
        "*nat\n-A POSTROUTING -j SNAT --to-source 192.0.2.1 --random-fully\nCOMMIT\n",
        [("masquerade-random", "warning", "--to-source 192.0.2.1 --random-fully")],
    ),
    "helper": (
        "*raw\n-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip\nCOMMIT\n",
        [("sip-helper", "harmful", "--dport 5060 -j CT --helper sip")],
    ),
    "notrack": (
        "*raw\n-A PREROUTING -d 216.147.0.0/18 -p udp -j CT --notrack\nCOMMIT\n",
        [("notrack", "harmful", "-d 216.147.0.0/18 -p udp -j CT --notrack")],
    ),
    "hashlimit": (
        "*filter\n-A FORWARD -p udp -m hashlimit --hashlimit-above 100/sec --hashlimit-mode srcip "
        "--hashlimit-name office -j DROP\nCOMMIT\n",
        [("rate-limit", "warning", "-j DROP")],
    ),
    "limit in a chain of its own": (
        "*filter\n:office - [0:0]\n-A FORWARD -p udp -j office\n-A office -m limit --limit 100/sec --limit-burst 200 -j RETURN\n"
        "-A office -j DROP\nCOMMIT\n",
        [("rate-limit", "warning", "--limit 100/sec --limit-burst 200 -j RETURN")],
    ),
    "icmp": ("*filter\n-A FORWARD -p icmp -j DROP\nCOMMIT\n", [("icmp-dropped", "warning", "-p icmp -j DROP")]),
}
# What is found on each machine whose packets are not counted.
COUNTED = ("conntrack-accounting", "note", "net.netfilter.nf_conntrack_acct = 0")
NOTHING = "nft flush ruleset; for t in raw nat mangle filter; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done 2>/dev/null; true"


def look(machine, **options):
    done = machine.ask("run", argv=["python3", "-c", LOOK], text=json.dumps(options))
    assert done["code"] == 0, done["err"]
    return json.loads(done["out"])


def found(result):
    return [(item["id"], item["severity"], item["where"]) for item in result["findings"]]


def same(told, expected):
    """Whether all that is expected was found, and no more; of `where` the end is compared."""
    return len(told) == len(expected) and all(one[:2] == two[:2] and one[2].endswith(two[2]) for one, two in zip(told, expected))


def setting(machine, **values):
    """Settings of the machine's own network namespace; from outside, as a container may not write them."""
    lab.within(machine.id, "sysctl", "-qw", *(f"net.{name.replace('__', '.')}={value}" for name, value in values.items()))


@pytest.fixture
def gateway(machine):
    """A machine that forwards and holds both services' policy."""
    setting(machine, ipv4__ip_forward=1, ipv6__conf__all__forwarding=1, netfilter__nf_conntrack_acct=0)
    assert machine.apply(policy(["vonage", "liveavatar"]))["changes"]
    yield machine
    machine.sh(f"{NOTHING}; ip address del {FAR}/32 dev lo 2>/dev/null || true")


@pytest.mark.parametrize("name", NFT)
def test_rules_of_nft(gateway, name):
    rules, expected = NFT[name]
    # After the policy: no permit of ours stands before these rules.
    gateway.sh("nft -f -", rules)
    before = gateway.sh("nft list ruleset")
    result = look(gateway)
    assert same(found(result), [*expected, COUNTED]), result["findings"]
    assert gateway.sh("nft list ruleset") == before
    assert result["unknown"] == []


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("name", IPTABLES)
def test_rules_of_iptables(gateway, tool, name):
    rules, expected = IPTABLES[name]
    gateway.sh(f"{tool}-restore --noflush", rules)
    before = gateway.sh(f"{tool}-save")
    result = look(gateway)
    assert same(found(result), [*expected, COUNTED]), result["findings"]
    assert all(item["where"].startswith(f"{tool} ip ") for item in result["findings"][:-1])
    assert [line for line in gateway.sh(f"{tool}-save").splitlines() if line[0] not in "#:"] == [
        line for line in before.splitlines() if line[0] not in "#:"
    ]


@pytest.mark.parametrize("tool", ["ip6tables-nft", "ip6tables-legacy"])
def test_rules_of_ip6tables(gateway, tool):
    gateway.sh(
        f"{tool}-restore --noflush",
        "*nat\n-A POSTROUTING -j MASQUERADE --random\nCOMMIT\n*filter\n-A FORWARD -p ipv6-icmp -j DROP\nCOMMIT\n",
    )
    try:
        result = look(gateway)
    finally:
        gateway.sh(f"{tool} -t nat -F; {tool} -F")
    random, icmp, _accounting = result["findings"]
    assert (random["id"], random["where"]) == ("masquerade-random", f"{tool} ip6 nat POSTROUTING: -A POSTROUTING -j MASQUERADE --random")
    # The others have addresses of IPv4 alone.
    assert random["flows"] == ["liveavatar/media-udp", "liveavatar/turn-udp"]
    assert icmp["id"] == "icmp-dropped"


def test_firewalld_and_its_service_sip(machines, suite):
    kind = Firewalld()
    with machines(f"{suite}-firewalld", *kind.options) as machine:
        kind.start(machine)
        setting(machine, netfilter__nf_conntrack_acct=1)
        assert [item for item in look(machine)["findings"] if item["severity"] != "note"] == []
        machine.sh("firewall-cmd --zone=public --add-service=sip")
        setting(machine, ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)
        helpers = [item for item in look(machine)["findings"] if item["id"] == "sip-helper"]
        # A zone's services are for what comes to the machine itself: a host's calls may meet it.
        assert helpers and {item["severity"] for item in helpers} == {"harmful"}
        assert all("firewalld" in item["where"] and "helper-sip" in item["where"] for item in helpers)
        assert "--remove-service=sip" in helpers[0]["remedy"]
        machine.sh("firewall-cmd --zone=public --remove-service=sip")
        assert [item for item in look(machine)["findings"] if item["id"] == "sip-helper"] == []


def test_a_kernel_that_tracks_no_connections(machines, suite):
    with machines(suite, "--cap-add", "NET_ADMIN,NET_RAW", "--security-opt", "mask=/proc/sys/net/netfilter") as machine:
        result = look(machine)
        assert (result["timeouts"], result["connections"]["count"], result["connections"]["max"]) == ({}, None, None)
        assert result["unknown"] == ["connections: this kernel does not track any, or not in this network namespace"]
        assert result["findings"] == []


def test_the_flows_that_a_rule_concerns_are_named(gateway):
    gateway.sh("nft -f -", nat("ip daddr 216.147.0.0/18 udp dport 3478 masquerade random"))
    gateway.sh("nft -f -", HELPER)
    helper, random, _accounting = look(gateway)["findings"]
    assert helper["flows"] == ["vonage/sip-udp"]
    assert random["flows"] == ["liveavatar/turn-udp", "vonage/turn-udp"]
    assert random["remedy"].startswith("Take random")


def test_a_rule_that_concerns_no_flow_is_no_finding(machine):
    setting(machine, ipv4__ip_forward=1, ipv6__conf__all__forwarding=1, netfilter__nf_conntrack_acct=1)
    machine.apply(policy(["liveavatar"]))
    machine.sh("nft -f -", HELPER)
    machine.sh("nft -f -", nat("ip protocol tcp masquerade random"))
    (helper,) = look(machine)["findings"]
    assert (helper["severity"], helper["flows"]) == ("note", [])


def test_our_own_permit_before_a_limit_is_enough(gateway):
    gateway.sh("nft -f -", forward("meta l4proto udp limit rate over 100/second drop"))
    assert "rate-limit" in [item["id"] for item in look(gateway)["findings"]]
    gateway.apply(policy(["vonage", "liveavatar"]))
    assert "rate-limit" not in [item["id"] for item in look(gateway)["findings"]]


def test_settings(gateway):
    setting(gateway, netfilter__nf_conntrack_udp_timeout=10, netfilter__nf_conntrack_udp_timeout_stream=60, ipv4__ip_forward=0)
    try:
        result = look(gateway)
        assert found(result) == [
            ("forwarding-off", "harmful", "net.ipv4.ip_forward = 0"),
            ("udp-timeout", "warning", "net.netfilter.nf_conntrack_udp_timeout = 10"),
            ("udp-timeout", "warning", "net.netfilter.nf_conntrack_udp_timeout_stream = 60"),
            COUNTED,
        ]
        assert (result["timeouts"]["udp"], result["timeouts"]["udp_stream"]) == (10, 60)
        assert "vonage/rtp-media" in result["findings"][0]["flows"] and "vonage/signaling" in result["findings"][0]["flows"]
    finally:
        setting(gateway, netfilter__nf_conntrack_udp_timeout=30, netfilter__nf_conntrack_udp_timeout_stream=120, ipv4__ip_forward=1)
    assert found(look(gateway)) == [COUNTED]


def test_without_a_policy_calls_in_general_are_meant(machine):
    setting(machine, ipv4__ip_forward=1, netfilter__nf_conntrack_acct=1)
    machine.sh("nft -f -", OFFICE)
    assert look(machine)["findings"] == []
    machine.sh("nft -f -", forward("udp dport 3478 limit rate over 100/second drop"))
    (limit,) = look(machine)["findings"]
    assert (limit["id"], limit["flows"]) == ("rate-limit", [])


TRAFFIC = """
import os, socket, time
print(os.getpid(), file=open("/run/traffic.pid", "w"), flush=True)
there, here, silent = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _number in range(3))
there.bind(("198.18.0.7", 3478))
here.bind(("127.0.0.1", 40000))
silent.bind(("198.18.0.7", 10000))
for number in range(3):
    here.sendto(b"x" * 100, ("198.18.0.7", 3478))
for number in range(2):
    there.sendto(b"y" * 50, there.recvfrom(2048)[1])
here.sendto(b"x", ("198.18.0.7", 10000))
server = socket.create_server(("198.18.0.7", 443))
client = socket.create_connection(("198.18.0.7", 443))
accepted = server.accept()
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.sendto(b"x", ("::1", 50000))
time.sleep(float(input()))
"""
ENDPOINTS = [
    f"{FAR}:3478/udp",
    f"{FAR}:10000/udp",
    f"{FAR}:443/tls",
    {"address": "::1", "port": 50000, "protocol": "udp"},
    "nowhere.invalid:443/tls",
]


@pytest.mark.parametrize("counted", [1, 0])
def test_connections_are_seen(gateway, counted):
    setting(gateway, netfilter__nf_conntrack_acct=counted)
    gateway.sh(f"ip address replace {FAR}/32 dev lo; conntrack -F 2>/dev/null; nft -f -", forward("ct state new accept", hook="output"))
    gateway.sh("cat >/run/traffic.py", TRAFFIC)
    gateway.sh("echo 60 | setsid python3 /run/traffic.py >/dev/null 2>&1 & sleep 1")
    result = look(gateway, endpoints=ENDPOINTS)
    gateway.sh("kill $(cat /run/traffic.pid)")
    seen = {item["endpoint"]: item for item in result["flows_seen"]}
    assert sorted(seen) == sorted([f"{FAR}:3478/udp", f"{FAR}:10000/udp", f"{FAR}:443/tls", "[::1]:50000/udp"])
    turn, silent, web = (seen[name] for name in ENDPOINTS[:3])
    assert (turn["source"], turn["translated"], turn["replied"], turn["state"]) == ("127.0.0.1:40000", "127.0.0.1:40000", True, "")
    # Of one nothing came back; of the other a refusal, which is no answer.
    assert (silent["replied"], silent["assured"], seen["[::1]:50000/udp"]["replied"]) == (False, False, False)
    assert (web["replied"], web["assured"], web["state"]) == (True, True, "ESTABLISHED")
    assert 0 < silent["seconds_left"] <= 30
    packets = [turn["packets_out"], turn["packets_back"], silent["packets_out"], silent["packets_back"]]
    assert packets == ([3, 2, 1, 0] if counted else [None] * 4)
    assert (turn["bytes_out"], turn["bytes_back"]) == ((3 * 128, 2 * 78) if counted else (None, None))
    assert result["connections"]["count"] >= 4 and result["connections"]["max"] > 1000
    assert result["connections"]["accounting"] is bool(counted)
    assert result["flows_seen_left_out"] == 0
    assert look(gateway)["flows_seen"] == []


def test_a_port_that_nat_has_changed_is_shown(gateway):
    gateway.sh(f"ip address replace {FAR}/32 dev lo; conntrack -F 2>/dev/null; nft -f -", nat("udp dport 10000 snat to 127.0.0.9:7777"))
    gateway.sh("cat >/run/traffic.py", TRAFFIC)
    gateway.sh("echo 0.5 | python3 /run/traffic.py")
    (seen,) = look(gateway, endpoints=ENDPOINTS[1:2])["flows_seen"]
    assert (seen["source"], seen["translated"]) == ("127.0.0.1:40000", "127.0.0.9:7777")


def test_a_container_says_that_it_cannot_read_the_log(gateway):
    result = look(gateway)
    assert (result["dropped"], result["dropped_readable"]) == ([], False)
    assert "kmsg" in result["dropped_why"]


KMSG = ("--cap-add", "NET_ADMIN,NET_RAW,SYSLOG", "--device", "/dev/kmsg")
SYSTEMD = ("--systemd=always", "--security-opt", "unmask=/proc/sys")
LINES = """
import json, time
from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_log
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output, VARIABLES
import subprocess
def run(argv, text):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=VARIABLES)
    return Output(done.returncode, done.stdout, done.stderr)
print(json.dumps([_gateway_log._journal(run, 0), list(_gateway_log.kmsg()), time.time(), time.monotonic()]))
"""
ALL_NAMESPACES = "net.netfilter.nf_log_all_netns"


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel's log cannot be read here")
def test_the_kernels_log_and_the_journal_are_read(machines, suite):
    with machines(suite, *KMSG) as machine:
        journal, lines, now, up = json.loads(machine.python(LINES))
        assert journal is None
        assert lines and all(now - up - 1 <= when <= now for when, _line in lines)
    with machines(suite, *KMSG, *SYSTEMD, *(("--cap-add", "SYS_ADMIN") if suite == "trixie" else ())) as machine:
        for _attempt in range(100):
            journal, lines, *_times = json.loads(machine.python(LINES))
            if journal:
                break
            machine.sh("sleep 0.2")
        # A line may have come, or gone, between the two.
        told = {line.strip() for _when, line in journal}
        assert len([line for _when, line in lines if line.strip() in told]) > len(lines) * 0.9


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel's log cannot be read here")
def test_drops_of_the_policy_are_read_from_the_log(machines):
    before = lab.run("sysctl", "-n", ALL_NAMESPACES).strip()
    prefix = f"golden-{os.getpid()}: "
    with machines("bookworm", *KMSG) as machine:
        setting(machine, ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        begin = time.time()
        machine.sh("ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up")
        machine.sh("ip address add 10.99.0.2/24 dev eth0; ip route add default via 10.99.0.1")
        machine.apply(policy(placement="host", baseline="deny_egress", log_prefix=prefix, out_interfaces=["eth0"]))
        lab.run("sysctl", "-qw", f"{ALL_NAMESPACES}=1")
        try:
            script = """
            import socket
            for port in (3479, 3480):
                there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                there.bind(("", 40000 + port))
                try:
                    there.sendto(b"x", ("203.0.113.9", port))
                except PermissionError:
                    pass
            """
            machine.python(script)
        finally:
            lab.run("sysctl", "-qw", f"{ALL_NAMESPACES}={before}")
        result = look(machine, since=begin - 2)
        expected = {"protocol": "udp", "source": "10.99.0.2", "destination": "203.0.113.9", "in": "", "out": "eth0"}
        fields = [{key: item[key] for key in ("protocol", "source", "destination", "in", "out")} for item in result["dropped"]]
        assert fields == [expected, expected]
        assert [(item["port"], item["source_port"]) for item in result["dropped"]] == [(3479, 43479), (3480, 43480)]
        assert all(item["line"].startswith(prefix) and item["time"].endswith("Z") for item in result["dropped"])
        assert (result["dropped_readable"], result["dropped_why"], result["dropped_left_out"]) == (True, "", 0)
        # Nothing of it is from later, nor has it another prefix.
        later = look(machine, since=time.time() + 60)
        assert (later["dropped"], later["dropped_readable"]) == ([], False)
        assert look(machine, log_prefix="golden-other: ")["dropped"] == []


@pytest.mark.parametrize("rights", [("--cap-drop", "ALL"), ("--cap-drop", "ALL", "--user", "nobody")], ids=["root", "nobody"])
def test_without_rights_it_says_what_it_could_not_see(machines, suite, rights):
    with machines(suite, *rights) as machine:
        result = look(machine, endpoints=ENDPOINTS)
        told = " ".join(result["unknown"])
        assert "rules of nftables" in told and "root" in told
        assert "flows_seen: the kernel does not list its connections (Operation not permitted)" in told
        assert (result["flows_seen"], result["timeouts"]["udp"]) == ([], 30)


def test_without_nft_the_rules_of_iptables_are_read_all_the_same(gateway):
    gateway.sh("iptables-nft-restore --noflush; mv /usr/sbin/nft /root/nft", IPTABLES["masquerade random"][0])
    try:
        result = look(gateway)
    finally:
        gateway.sh("mv /root/nft /usr/sbin/nft")
    assert same(found(result), [*IPTABLES["masquerade random"][1], COUNTED])
    assert result["unknown"] == [
        "rules of nftables: nft is not installed, so nobody can tell whether there are any. Install the package nftables."
    ]


def test_without_iptables_the_rules_of_nft_are_read_all_the_same(gateway):
    gateway.sh("nft -f -", nat("masquerade random", "office"))
    gateway.sh("iptables-nft-restore --noflush", IPTABLES["masquerade random"][0])
    gateway.sh("mkdir /root/away; mv /usr/sbin/iptables-nft-save /root/away")
    try:
        result = look(gateway)
    finally:
        gateway.sh("mv /root/away/iptables-nft-save /usr/sbin; rmdir /root/away")
    assert same(found(result), [("masquerade-random", "warning", "masquerade random"), COUNTED])
    assert [line.partition(":")[0] for line in result["unknown"]] == ["rules of iptables"]
    assert "iptables-nft-save" in result["unknown"][0]


def test_a_damaged_policy_is_told_and_calls_in_general_are_meant(gateway):
    gateway.sh("truncate -s 100 /etc/webrtc-firewall/policy.json")
    gateway.sh("nft -f -", nat("masquerade random"))
    result = look(gateway)
    assert result["unknown"][0].startswith("policy: /etc/webrtc-firewall/policy.json")
    assert [item["flows"] for item in result["findings"] if item["id"] == "masquerade-random"] == [[]]


def test_a_thousand_rules_are_looked_at_quickly(gateway):
    many = [
        f"ip daddr 198.51.{number // 250}.{number % 250} udp dport {1024 + number} limit rate over 9/second drop" for number in range(1000)
    ]
    gateway.sh("nft -f -", forward(*many, "meta l4proto udp limit rate over 9/second drop"))
    begin = time.monotonic()
    result = look(gateway)
    assert [item["id"] for item in result["findings"] if item["id"] == "rate-limit"]
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("suite_name", SUITES[1:])
def test_the_module_itself_also_in_check_mode(machines, suite_name):
    with machines(suite_name) as machine:
        machine.sh("nft -f -", nat("masquerade random"))
        before = machine.sh("nft list ruleset; sysctl -a 2>/dev/null | grep -E 'net.netfilter|ip_forward' | grep -v count")
        argv = ["ansible", "-i", f"{machine.id},", "-c", "containers.podman.podman", "-m", "webrtc.firewall.gateway_info", "all"]

        def call(*more):
            done = subprocess.run([*argv, *more], cwd=REPO, env=environment(), capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        for more in ((), ("--check", "--diff")):
            answer = call(*more, "-a", json.dumps({"endpoints": ENDPOINTS, "since": 1.5}))
            assert "SUCCESS" in answer and '"changed": false' in answer and '"masquerade-random"' in answer
        assert machine.sh("nft list ruleset; sysctl -a 2>/dev/null | grep -E 'net.netfilter|ip_forward' | grep -v count") == before
        told = call(
            "-a", json.dumps({"endpoints": ["here", {"address": "x", "port": 1, "protocol": "udp"}], "since": -1, "log_prefix": " "})
        )
        assert "FAILED" in told and "Traceback" not in told
        assert all(path in told for path in ("endpoints[0]", "endpoints[1].address", "since", "log_prefix"))
