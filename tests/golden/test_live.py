# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live calls live on: a thousand datagrams a second and a TCP stream through changes of all kinds; nothing may be lost."""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import contextmanager

import lab
import pytest
from contract import policy
from podman import podman, remove
from subject import KINDS
from test_machine import FOREIGN

# As a firewall of somebody's that lets through what is established, and nothing else.
FIREWALLD = """
mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile
cd /etc/firewalld
for pair in internal,lan0 external,wan0; do
    echo "<zone><interface name=\\"${pair#*,}\\"/></zone>" >zones/${pair%,*}.xml
done
firewalld --nofork --nopid >/dev/null 2>&1 &
for try in $(seq 100); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.2; done
"""
IPTABLES = """
iptables-{0} -P FORWARD DROP
iptables-{0} -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
"""
NOTHING = "true"
STARTS = {
    "nftables": f"nft -f - <<'END'\n{FOREIGN}END\n",
    "nftables-alone": NOTHING,
    "iptables-nft-alone": NOTHING,
    "iptables-nft": IPTABLES.format("nft"),
    "iptables-legacy": IPTABLES.format("legacy"),
    "firewalld": FIREWALLD,
    "ufw": "",
}
CHANGES = {"nftables": int(os.environ.get("CHANGES", "100"))}
FEWER = int(os.environ.get("CHANGES", "26"))
BOTH = ("vonage", "liveavatar")


class Call:
    """A client, a gateway and a far side, with a call between the first and the last.

    Attributes:
        box: the gateway.
        made: how many changes were made.
    """

    def __init__(self, box, client):
        self.box, self.client, self.made = box, client, 0

    def ask(self, role):
        return podman("exec", self.client, "python3", "/lab/paced.py", role).stdout.strip()

    def start(self):
        podman("exec", "--detach", self.client, "python3", "/lab/paced.py", "talk")
        wait(self.client, "/run/paced-started")

    def apply(self, *services, **site):
        self.made += 1
        told = self.box.apply(wanted(*services, **site))
        assert "changes" in told, told
        return told["changes"]

    def take_back(self, change):
        """A change that nobody confirms."""
        self.made += 1
        assert change(id=f"change{self.made}", seconds=600).get("changes")
        assert self.box.ask("revoke", id=f"change{self.made}") == {"changed": True}

    def remove(self, *services):
        self.made += 1
        assert self.box.absent(services=services).get("changes")


def wanted(*services, **site):
    return policy(services, out_interfaces=["wan0"], **site)


def wait(container, path):
    for _attempt in range(300):
        if podman("exec", container, "test", "-e", path, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} did not come")


@contextmanager
def gateways(machines, image, *options):
    """A lab with an echo at its far side: the gateway, and the name of the client's container."""
    own = f"live-{image}-{uuid.uuid4().hex[:8]}"
    labels = ("--label", f"{lab.LABEL}={own}", "--label", f"{lab.LABEL}-part=gateway")
    with machines(image, *options, *labels) as box:
        try:
            lab.start(own, "client", "bookworm", "none")
            lab.start(own, "far", "bookworm", "none")
            lab.join(lab.containers(own))
            lab.check(own)
            parts = lab.containers(own)
            podman("exec", "--detach", parts["far"], "python3", "/lab/paced.py", "echo")
            wait(parts["far"], "/run/echo-ready")
            yield box, parts["client"]
        finally:
            # The gateway goes with its machine.
            remove(*(container for part, container in lab.containers(own).items() if part != "gateway"))


@contextmanager
def calls(machines, name):
    """A lab whose gateway has that kind of firewall."""
    kind = KINDS[name.partition("-alone")[0]]()
    with gateways(machines, f"bookworm{kind.image}", *kind.options) as (box, client):
        box.backend = kind.backend
        if name == "ufw":
            kind.start(box)
            kind.stop(box)
        box.sh(STARTS[name] or kind.foreign)
        yield Call(box, client)


def one_round(call):
    """Everything that may happen to a gateway during a call; the call belongs to vonage, and to its recommended tier."""
    call.apply("vonage")
    assert call.apply("vonage") == {}
    yield
    assert call.apply("vonage", tier="minimum")
    assert call.apply(*BOTH)
    assert call.apply(*BOTH, baseline="deny_egress")
    yield
    assert call.apply(*BOTH, baseline="deny_egress", tier="minimum")
    call.take_back(lambda **options: call.box.apply(wanted("vonage"), **options))
    call.remove("liveavatar")
    yield
    assert call.apply("liveavatar")
    assert call.apply("liveavatar", baseline="deny_egress")
    call.take_back(call.box.absent)
    yield
    assert call.apply("vonage", baseline="deny_egress")
    call.remove()
    assert call.apply("liveavatar", baseline="deny_egress")
    yield
    call.remove()


@pytest.fixture(params=STARTS)
def call(request, machines):
    with calls(machines, request.param) as found:
        found.name = request.param
        yield found


def test_a_call_lives_through_all_changes(call):
    if STARTS[call.name] != NOTHING:
        call.apply("vonage")
    assert call.ask("new") == "open"
    call.start()
    # Where there was no firewall, conntrack has not met the call yet.
    call.apply("liveavatar", baseline="deny_egress")
    changes = CHANGES.get(call.name, FEWER)
    while call.made < changes:
        for _pause in one_round(call):
            if call.made >= changes:
                break
    # The rules do rule: a flow that begins now is not let through.
    call.apply("liveavatar", baseline="deny_egress")
    assert call.ask("new") == "blocked"
    told = json.loads(call.ask("stop"))
    udp, tcp = told["udp"], told["tcp"]
    lost = udp["lost_there"] + udp["lost_back"]
    print(f"{call.name}: {call.made} changes")
    print(f"  UDP: {udp['sent']} sent, {udp['lost_there']} lost there and {udp['lost_back']} back, longest gap {udp['gap_ms']} ms")
    print(f"  TCP: {tcp['sent']} sent, {tcp['lost']} lost, {tcp['sent_again']} sent again, longest gap {tcp['gap_ms']} ms")
    assert (lost, udp["refused"]) == (0, []), told
    assert (tcp["lost"], tcp["error"]) == (0, ""), told
    assert udp["sent"] > 0 < tcp["sent"]
