# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one backend to another in one run: the old objects go, what others have stays, and no required call is blocked at any moment."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import pytest
from contract import CONTENT, PRESENT
from podman import environment, podman
from subject import VICTIM
from test_firewalld import TestFirewalld as Firewalld
from test_iptables import TestNft as Nft
from test_live import FIREWALLD, IPTABLES, Call, gateways, wanted
from test_nftables import TestNftables as Nftables
from test_ufw import ICMP
from test_ufw import TestUfw as Ufw

# All of the packet filter, whatever tool it is from, and the files of managers.
LIVE = (
    "nft -s list ruleset | sed '/^table ip6\\? \\(filter\\|nat\\|mangle\\|raw\\|security\\) {$/,/^}$/d';"
    " for tool in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do"
    " $tool-save 2>/dev/null | sed 's/ \\[.*//' | grep -v -e '^#' -e '^:[A-Z]* ACCEPT$' -e '^[*]' -e '^COMMIT'; done;"
    " ipset save | sed 's/ hashsize.*maxelem/ maxelem/; s/ bucketsize.*//';"
    " { cd /etc/firewalld && find . -type f | sort | xargs -r grep -H ''; cat /etc/ufw/*.rules /etc/ufw/ufw.conf; } 2>/dev/null || true"
)
# What a backend leaves nothing of.
SIGNS = {
    "nftables": "table inet webrtc_firewall",
    "iptables": "\n-A webrtc-forward",
    "firewalld": "./policies/webrtc-forward.xml:",
    "ufw": "comment=7765627274632e6669726577616c6c",
}
OTHERS = "nft add table inet mine; nft add chain inet mine calm; nft add rule inet mine calm tcp dport 7 drop\n"
UFW = f"""
ufw limit 22/tcp comment 'ssh from everywhere'
ufw route allow in on lan0 out on wan9 proto tcp from 10.0.0.0/8 to any port 443 comment 'web'
{ICMP}
"""
UFW_ON, UFW_OFF = "ufw --force enable", "ufw disable"
FIREWALLD_ON = FIREWALLD[FIREWALLD.index("firewalld --nofork") :]
FIREWALLD_OFF = "pkill -f '[/]usr/sbin/firewalld'; while nft list table inet firewalld >/dev/null 2>&1; do sleep 0.1; done"
WANTED = wanted("vonage", baseline="deny_egress")
# At how many of a run's steps it is killed.
POINTS = 2


@dataclass(frozen=True)
class Move:
    """A run with another backend than the last one's.

    Attributes:
        to: the backend.
        admin: what somebody has done to the managers just before it.
        new: what becomes of new flows that must pass: all do; all do since the first did, as a manager that has just been started
            blocks them until our run; or nothing is said of them.
    """

    to: str
    admin: str = ""
    new: str = "all"


# While firewalld reloads, which a run does that moves to it, new connections are dropped: of them nothing is said there.
ROADS = {
    "iptables-nft": ("bookworm", OTHERS + IPTABLES.format("nft"), "nftables", (Move("iptables"), Move("nftables"))),
    "iptables-legacy": ("bookworm", OTHERS + IPTABLES.format("legacy"), "nftables", (Move("iptables"), Move("nftables"))),
    "firewalld": (
        "bookworm-firewalld",
        OTHERS,
        "iptables",
        (Move("firewalld", FIREWALLD, "unsaid"), Move("nftables", FIREWALLD_OFF), Move("firewalld", FIREWALLD_ON, "unsaid")),
    ),
    "ufw": (
        "bookworm-ufw",
        OTHERS + UFW,
        "iptables",
        (Move("ufw", UFW_ON), Move("nftables", UFW_OFF), Move("ufw", UFW_ON, "since the first")),
    ),
}  # fmt: skip


def others(text):
    """What is nobody's of ours, whichever backend made it."""
    for kind in (Nftables, Nft, Firewalld, Ufw):
        text = re.sub(kind.ours, "", text, flags=re.MULTILINE)
    return sorted(line for line in text.splitlines() if line.strip())


class Traffic:
    """A call that was there before, and new flows of its kind all the time."""

    def __init__(self, call):
        self.call = call

    @contextmanager
    def lasting(self, admin):
        """The call, with what an admin does during it; of what comes after that nothing may be lost."""
        podman("exec", self.call.client, "sh", "-c", "rm -f /run/paced-*")
        self.call.start()
        self.call.box.sh(admin or "true")
        podman("exec", self.call.client, "touch", "/run/paced-mark")
        yield
        told = json.loads(self.call.ask("stop"))
        udp, tcp = told["udp"], told["tcp"]
        assert (udp["lost_since_mark"], udp["refused"], tcp["lost"], tcp["error"]) == (0, [], 0, ""), told
        assert udp["sent"] > 0 < tcp["sent"]

    @contextmanager
    def fresh(self, since_the_first=False, kind="fresh"):
        """The new flows: none may be lost, or none since the first that passed."""
        command = ["podman", "exec", "--interactive", self.call.client, "python3", "/lab/paced.py", kind]
        with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flows:
            try:
                assert flows.stdout.readline() == "begun\n"
                yield
            finally:
                told = json.loads(flows.communicate()[0])
        blocked = list(range(len(told["lost"]))) if since_the_first else []
        print(f"  {told['sent']} new flows, {len(told['lost'])} lost, the slowest began after {told['slowest']} s")
        assert told["lost"] == blocked and told["sent"] > len(blocked), told


class Gateway:
    """A machine on its way from one backend to another."""

    def __init__(self, box):
        self.box = box

    def live(self):
        return self.box.sh(LIVE)

    def whole(self):
        return sorted(self.box.sh(f"{LIVE}; {CONTENT}").splitlines())

    def run(self, to, kill=0):
        """A run that waits for its confirmation, or is killed before one of its steps; tells how many steps it has."""
        job = {"backend": to, "policy": WANTED, "id": "victim", "seconds": 60, "kill": kill}
        done = self.box.ask("run", argv=["python3", VICTIM], text=json.dumps(job))
        assert done["code"] == (-9 if kill else 0), done["err"]
        return 0 if kill else json.loads(done["out"])["steps"]

    def there_and_back(self, to, before):
        """Taken back, and killed at some of its steps: all is as it was."""
        steps = self.run(to)
        assert SIGNS[to] in self.live()
        assert self.box.ask("revoke", id="victim") == {"changed": True}
        assert self.whole() == before
        # The first half writes down how to go back.
        for kill in range(steps // 2, steps, steps // 2 // POINTS + 1):
            self.run(to, kill)
            self.box.ask("revoke", id="victim")
            assert self.whole() == before, (kill, steps)

    def move(self, former, to):
        """The run itself."""
        theirs = others(self.live())
        told = self.box.apply(WANTED, backend=to, check=True)
        assert told.get("changes", {}).get("backend") == [former, to], told
        assert self.box.apply(WANTED, backend=to)["changes"] == told["changes"]
        after = self.live()
        assert SIGNS[to] in after and SIGNS[former] not in after
        assert others(after) == theirs
        assert self.box.apply(WANTED, backend=to)["changes"] == {}
        assert self.box.apply(WANTED, backend="auto")["changes"] == {}


@pytest.mark.parametrize("road", ROADS)
def test_no_call_is_blocked_while_one_backend_follows_another(machines, road):
    image, start, former, moves = ROADS[road]
    with gateways(machines, image, "--cap-add", "NET_ADMIN,NET_RAW") as (box, client):
        box.sh(start)
        before = others(box.sh(LIVE))
        assert box.apply(WANTED, backend=former).get("changes")
        gateway, traffic = Gateway(box), Traffic(Call(box, client))
        for move in moves:
            print(f"{road}: {former} to {move.to}")
            with traffic.lasting(move.admin), traffic.fresh() if move.new == "all" else nullcontext():
                gateway.there_and_back(move.to, gateway.whole())
                with traffic.fresh(since_the_first=True) if move.new == "since the first" else nullcontext():
                    gateway.move(former, move.to)
            former = move.to
        box.absent(backend=former)
        assert box.sh(PRESENT) == ""
        assert not any(sign in gateway.live() for sign in SIGNS.values())
        assert others(gateway.live()) == before or any(move.admin for move in moves)
