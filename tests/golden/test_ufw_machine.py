# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ufw backend beside a real ufw: what people do with it, what fails, and what a change costs."""

from __future__ import annotations

import re
import textwrap
import time

import pytest
from contract import policy
from others import CHAINS, UFW_DOCKER
from test_ufw import FILES, KEEP, LIVE, RESET, START
from test_ufw import TestUfw as Ufw

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict

LINKS = """
for name in lan0 lan1 wan0; do ip link add $name type veth peer name ${name}x; done
ip address add 198.18.0.1/24 dev wan0; ip link set wan0 up; ip link set wan0x up
ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:02 dev wan0; ip route add default via 198.18.0.2
"""
VARIANT = """
ufw disable >/dev/null
for name in iptables ip6tables; do $name -F; $name -X; update-alternatives --set $name /usr/sbin/$name-%s >/dev/null; done
ufw --force enable >/dev/null
"""
IMPORTS = 'import sys; sys.path.insert(0, "/collections"); sys.pycache_prefix = "/tmp/pycache"\n'
POLICY = "file//etc/webrtc-firewall/policy.json"
OWN = {"placement": "host", "out_interfaces": ["wan0"]}


@pytest.fixture(scope="module")
def box(machines):
    # What differs between releases is in test_ufw.py.
    with machines("bookworm-ufw", "--cap-add", "NET_ADMIN,NET_RAW") as machine:
        machine.backend = "ufw"
        machine.sh(KEEP + LINKS)
        yield machine


@pytest.fixture
def ufw(box):
    """A machine with an active ufw and rules of others."""
    box.absent()
    box.sh(RESET + START)
    yield box
    box.absent()
    box.sh(RESET)


PORTS = [*range(1001, 1030, 2), "2000-2010", "3000-3001", "49152-65535"]
INTRANET = {
    "service": "intranet",
    "requirements": [
        {"id": "many", "destinations": ["192.0.2.0/25", "192.0.2.7", "2001:db8::1", "2001:db8:1::/64"], "protocol": "udp", "ports": PORTS},
        {"id": "all", "destinations": ["any"], "protocol": "tcp", "ports": ["1-65535"]},
    ],
}
# Each kind of rule: both hooks, lists and ranges of ports, both families, sources, a refusal spelt out, a denial with a log and without.
SITES = (
    {"placement": "both"},
    {"placement": "gateway", "sources": ["10.20.0.0/16", "2001:db8:20::/48"], "in_interfaces": ["lan0"], "out_interfaces": ["wan0"]},
    {"placement": "both", "baseline": "deny_egress", "resolvers": ["9.9.9.9", "2620:fe::fe"], "other_resolvers": "reject", "log": False},
    {"placement": "gateway", "baseline": "deny_egress", "in_interfaces": ["lan0", "lan1"]},
    {"placement": "gateway", "resolvers": ["9.9.9.9", "2620:fe::fe"], "other_resolvers": "reject"},
)


@pytest.mark.parametrize("site", SITES, ids=range(len(SITES)))
def test_the_rendered_commands_make_what_a_run_makes(ufw, site):
    wanted = policy(["vonage", "intranet"], custom_services=[INTRANET], **site)
    ufw.sh("cp /usr/share/ufw/iptables/user*.rules /etc/ufw; ufw reload")
    ufw.sh(f"({BACKENDS['ufw'].render_text(from_dict(wanted))}) >/dev/null; ufw reload")
    by_hand = ufw.sh(LIVE)
    # What ufw itself has made is known as ours: but for the stored policy nothing is to be done.
    assert set(ufw.apply(wanted)["changes"]) == {POLICY}
    ufw.absent()
    assert ufw.apply(wanted)["changes"].keys() > {POLICY}
    assert ufw.sh(LIVE) == by_hand


@pytest.mark.parametrize(
    "command",
    [
        "ufw reload",
        "ufw disable; ufw --force enable",
        "ufw allow 99; ufw route allow 99; ufw delete allow 99; ufw route delete allow 99",
        "ufw logging off; ufw reload",
        "ufw logging full",
        "ufw insert 1 deny from 192.0.2.7",
        "/lib/ufw/ufw-init force-stop; /lib/ufw/ufw-init start",
    ],
)
def test_ours_outlive_what_people_do_with_ufw(ufw, command):
    # All that is new is denied, with a log, whatever its way: the way out is the default route's.
    wanted = policy(baseline="deny_egress", placement="both", out_interfaces=[])
    assert ufw.apply(wanted)["changes"]
    ufw.sh(f"({command}) >/dev/null")
    assert ufw.apply(wanted)["changes"] == {}
    assert re.search(r"10000:50000/udp on wan0 +ALLOW FWD .*# webrtc.firewall vonage/rtp-media", ufw.sh("ufw status"))


def test_dockers_way_into_ufws_rules_stays_as_it_is(ufw):
    contract = Ufw()
    ufw.sh(f"{UFW_DOCKER}iptables-restore --noflush <<'END'\n{CHAINS}END\nufw reload")
    live = f"{LIVE}; cat /etc/ufw/after.rules"
    before = ufw.sh(live)
    for wanted in (policy(["vonage", "liveavatar"]), policy(tier="minimum")):
        assert ufw.apply(wanted).get("changes")
        for after in ("true", "ufw reload >/dev/null"):
            ufw.sh(after)
            assert contract.others(ufw.sh(live)) == contract.others(before), after
            assert ufw.apply(wanted)["changes"] == {}, after
            assert ufw.drift()["clean"], ufw.drift()["summary"]
    ufw.absent()
    assert ufw.sh(live) == before


def test_a_refusal_names_what_is_in_the_way_and_nothing_is_changed(ufw):
    def refused(damage, **site):
        ufw.sh(damage)
        before = ufw.sh(LIVE)
        told = ufw.apply(policy(**site))["error"]
        assert ufw.sh(LIVE) == before
        return told

    learned = policy(wildcards="dns")
    assert "vonage/signaling: got 'addresses learned from DNS'" in ufw.apply(learned)["error"]
    assert "webrtc_egress_out_interfaces" in refused("true", out_interfaces=["lan0:1"])
    many = [f"198.18.{number}.0/25" for number in range(200)]
    assert "vonage/rtp-media: got '400 ufw rules'" in refused("true", sources=many)
    icmp = "iptables -D ufw-before-output -p icmp --icmp-type 8 -j ACCEPT"
    assert "-A ufw-before-output -p icmp --icmp-type 8 -j ACCEPT" in refused(icmp, placement="host", baseline="deny_egress")
    assert ufw.apply(policy(placement="host"), check=True)["changes"]
    known = "iptables -D ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    assert "ufw-before-forward does not accept known connections" in refused(known)
    ufw.sh("ufw reload")
    jump = "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j ufw-user-forward"
    assert "DOCKER-USER jump to ufw-user-forward" in refused(jump, baseline="deny_egress")
    assert ufw.apply(policy(), check=True)["changes"]
    assert "no jump to ufw-user-forward" in refused("iptables -D ufw-before-forward -j ufw-user-forward")
    told = refused("sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw; ufw reload")
    assert "vonage/signaling: got 'IPv6, while IPV6=no" in told and "rtp-media" not in told
    assert ufw.apply(policy(families=["ipv4"]), check=True)["changes"]
    assert "ufw: got 'inactive'" in refused("ufw disable")
    assert "enabled, but its chains are not loaded" in refused("sed -i s/ENABLED=no/ENABLED=yes/ /etc/ufw/ufw.conf")


def test_rules_of_ours_leave_the_files_of_an_inactive_ufw(ufw):
    before = ufw.sh(FILES)
    found = ufw.apply(policy(placement="both"), backend="auto")
    assert (found["backend"], found["reason"]) == ("ufw", "ufw is enabled")
    ufw.sh("ufw disable")
    assert "vonage/rtp-media" in ufw.absent()["changes"]
    assert ufw.sh(FILES) == before


def test_rules_of_ours_leave_the_files_of_a_ufw_that_was_taken_away(ufw):
    before = ufw.sh(FILES)
    ufw.apply(policy())
    ufw.sh("ufw disable; mv /usr/sbin/ufw /usr/sbin/ufw.gone")
    try:
        told = ufw.apply(policy())["error"]
        assert "ufw: got 'not installed'" in told and "Install the package ufw" in told
        for change in (ufw.absent, lambda **options: ufw.apply(policy(), backend="nftables", **options)):
            told = change(id="gone", seconds=60)["changes"]
            assert told["vonage/rtp-media" if "backend" not in told else "backend"][0]
            assert ufw.sh(FILES) == before
            assert ufw.ask("revoke", id="gone") == {"changed": True}
            assert ufw.sh(FILES) != before
        assert ufw.absent(backend="auto")["changes"]
        assert ufw.sh(FILES) == before
    finally:
        ufw.sh("mv /usr/sbin/ufw.gone /usr/sbin/ufw")


def test_auto_leaves_an_inactive_ufw_alone(ufw):
    # As after a boot: disabled ufw leaves chains behind until then.
    ufw.sh("ufw disable; for tool in iptables ip6tables; do $tool -F; $tool -X; $tool -P INPUT ACCEPT; $tool -P FORWARD ACCEPT; done")
    before = ufw.sh(LIVE)
    told = ufw.apply(policy(), backend="auto", check=True)
    assert (told["backend"], bool(told["changes"])) == ("nftables", True)
    assert ufw.sh(LIVE) == before
    told = ufw.apply(policy(), backend="ufw")["error"]
    assert "ufw: got 'inactive'" in told
    assert ufw.sh(LIVE) == before


def test_a_failure_midway_leaves_all_as_it_was(ufw):
    ufw.apply(policy(tier="minimum"))
    before = ufw.sh(LIVE)
    # IPv4 is in force already when IPv6 is refused.
    ufw.sh("printf '#!/bin/sh\\necho no >&2; exit 1' >/usr/local/sbin/ip6tables-restore; chmod 755 /usr/local/sbin/ip6tables-restore")
    assert "ip6tables-restore" in ufw.apply(policy(["vonage", "liveavatar"]))["error"]
    assert ufw.sh(LIVE) == before


def test_a_killed_run_leaves_files_that_ufw_can_load(ufw):
    before = ufw.sh(FILES)
    ufw.sh("printf '#!/bin/sh\\nkill -9 $PPID' >/usr/local/sbin/ip6tables-restore; chmod 755 /usr/local/sbin/ip6tables-restore")
    script = f"""
        import subprocess
        from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _system
        from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
        from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard
        from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict
        def run(argv, text):
            done = subprocess.run(argv, input=text, capture_output=True, text=True, env=_system.VARIABLES)
            return _system.Output(done.returncode, done.stdout, done.stderr)
        _apply.present(BACKENDS["ufw"](run), from_dict({policy()!r}), True, Guard())
    """
    done = ufw.ask("run", argv=["python3", "-c", IMPORTS + textwrap.dedent(script)], text="")
    assert done["code"] == -9
    ufw.sh("rm /usr/local/sbin/ip6tables-restore")
    assert ufw.sh(FILES) == before and ufw.sh("ls -A /etc/ufw | grep '^[.]user' || true")
    ufw.sh("ufw reload")
    assert ufw.apply(policy())["changes"]
    assert ufw.sh("ls -A /etc/ufw | grep '^[.]user' || true") == ""
    assert ufw.apply(policy())["changes"] == {}


def test_a_run_waits_for_other_users_of_ufw(ufw):
    hold = "import fcntl, time; file = open('/run/ufw.lock', 'w'); fcntl.lockf(file, fcntl.LOCK_EX); time.sleep(2)"
    ufw.sh(f'python3 -c "{hold}" >/dev/null 2>&1 & sleep 0.5')
    begun = time.monotonic()
    assert ufw.apply(policy())["changes"]
    assert time.monotonic() - begun > 1


FLOW = """
import socket, sys, threading, time
refused, sent, end = [], 0, time.monotonic() + 12
known = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while time.monotonic() < end:
    fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for end_point in (known, fresh):
        try:
            end_point.sendto(b"x", ("216.147.0.9", 20000)); sent += 1
        except OSError as error:
            refused.append(str(error))
    fresh.close()
    time.sleep(0.002)
print(sent, len(refused), sorted(set(refused)))
"""


def test_no_change_blocks_what_is_required(ufw):
    ufw.sh("ufw default deny outgoing >/dev/null; ufw reload")
    alone, both = policy(**OWN), policy(["vonage", "liveavatar"], **OWN)
    ufw.apply(alone)
    ufw.sh("cat >/tmp/flow.py; (python3 /tmp/flow.py >/tmp/flow.txt 2>&1 &) ; sleep 0.5", FLOW)
    begun, changes = time.monotonic(), 0
    while time.monotonic() - begun < 8:
        # Each run changes something: rules come before those that the flow needs, and go again.
        changes += bool(ufw.apply(alone if changes % 2 else both)["changes"])
    ufw.sh("while pgrep -f '[f]low.py' >/dev/null; do sleep 0.2; done")
    sent, refused, why = ufw.sh("cat /tmp/flow.txt").split(None, 2)
    assert (int(refused), why.strip()) == (0, "[]") and int(sent) > 1000 and changes > 2


def test_counters_go_on_over_a_change(ufw):
    ufw.apply(policy(**OWN))
    ufw.sh("python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(9), (\"216.147.0.9\", 20000))'")
    for names in (["vonage"], ["vonage", "liveavatar"]):
        ufw.apply(policy(names, **OWN))
        assert {flow["id"]: flow["packets"] for flow in ufw.state()["flows"]}["vonage/rtp-media"] == 1


def test_the_other_variant_of_iptables(ufw):
    try:
        ufw.sh(VARIANT % "legacy")
        before = ufw.sh(LIVE)
        wanted = policy(baseline="deny_egress", placement="both")
        assert ufw.apply(wanted)["changes"]
        assert ufw.apply(wanted)["changes"] == {}
        ufw.sh("ufw reload; iptables-legacy -D ufw-user-forward 1")
        assert ufw.apply(wanted)["changes"].keys() == {"vonage/rtp-media"}
        ufw.absent()
        assert ufw.sh(LIVE) == before
    finally:
        ufw.sh(VARIANT % "nft")


def test_many_rules_at_once_and_none_again(ufw):
    """A rule a command takes ufw some tenths of a second; a run takes all at once."""
    sources = [f"198.18.{number}.0/25" for number in range(60)]
    wanted = policy(["vonage", "liveavatar"], sources=sources)
    begun = time.monotonic()
    assert ufw.apply(wanted)["changes"]
    first, begun = time.monotonic() - begun, time.monotonic()
    assert ufw.apply(wanted)["changes"] == {}
    again, begun = time.monotonic() - begun, time.monotonic()
    ufw.sh("ufw allow 99/tcp; ufw delete allow 99/tcp")
    command = (time.monotonic() - begun) / 2
    rules = int(ufw.sh("grep -c 'tuple.*comment=776562' /etc/ufw/user.rules"))
    print(f"{rules} rules: first {first:.2f} s, again {again:.2f} s; one ufw command {command:.2f} s")
    assert rules > 500 and first < command * rules / 8 and again < command * rules / 8
