# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld started by systemd while files of ours are missing or damaged: it comes up with all rules, ours and others'."""

from __future__ import annotations

import pytest
from contract import learning, policy
from test_firewalld import FOREIGN
from test_units import SYSTEMD

LINKS = "for pair in lan0,lan0x wan0,wan0x; do ip link add ${pair%,*} type veth peer name ${pair#*,}; done\n"
START = "systemctl restart firewalld; for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.2; done\n"
STATE = "firewall-cmd --state 2>&1; firewall-cmd --list-all-policies; firewall-cmd --list-all-zones; firewall-cmd --get-ipsets"
DROPIN = "/etc/systemd/system/firewalld.service.d/webrtc-firewall.conf"
SET = "/etc/firewalld/ipsets/webrtc-v4.liveavatar.signaling.xml"
RULES = "/etc/firewalld/policies/webrtc-forward.xml"
DAMAGE = (
    f"rm -f {SET} {RULES}",
    f"truncate -s 0 {RULES}; [ ! -e {SET} ] || truncate -s 0 {SET}",
    "rm -rf /etc/firewalld/ipsets/webrtc* /etc/firewalld/policies/webrtc*",
)


@pytest.fixture
def box(machines, suite):
    with machines(f"{suite}-firewalld", *SYSTEMD) as machine:
        machine.backend = "firewalld"
        machine.sh(LINKS + START + FOREIGN)
        yield machine


def test_it_comes_up_with_its_rules_whatever_is_missing_of_ours(box, suite):
    # firewalld 0.9 has no sets for us, and does not deny what the host sends.
    wanted = policy(baseline="deny_egress", placement="gateway", out_interfaces=["wan0", "wan0x"])
    wanted = wanted if suite == "bullseye" else learning(out=("wan0", "wan0x"))
    assert box.apply(wanted).get("changes")
    good = box.sh(STATE)
    assert "webrtc-forward" in good and "mine (active)" in good
    for damage in DAMAGE:
        box.sh(damage)
        box.sh(START)
        assert box.sh(STATE) == good, damage
        assert box.apply(wanted, check=True)["changes"] == {}, damage
    # Without what we put before its start it is as firewalld has it; so this test can fail.
    box.sh(f"mv {DROPIN} /root/; systemctl daemon-reload; {DAMAGE[1]}")
    box.sh(f"systemctl restart firewalld; sleep 1; mv /root/webrtc-firewall.conf {DROPIN}; systemctl daemon-reload")
    assert box.sh(f"({STATE}) || true") != good
    box.sh(START)
    assert box.sh(STATE) == good
    box.absent()
    assert box.sh(f"ls -d {DROPIN} /etc/systemd/system/firewalld.service.d /etc/webrtc-firewall 2>/dev/null || true") == ""
    assert "webrtc" not in box.sh(f"{START}{STATE}; ls -R /etc/firewalld")
