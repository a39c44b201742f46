# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables come back after a reload of firewalld; tests/golden has the real firewalld."""

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_checks, _firewalld_flushed, _foreign_read
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Output

FILTER = "*filter\n:INPUT ACCEPT [{}]\n:f2b-sshd - [0:0]\n[{}] -A f2b-sshd -s 192.0.2.7/32 -j REJECT\nCOMMIT\n"
NAT = "*nat\n:POSTROUTING ACCEPT [0:0]\n[0:0] -A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n"
EMPTY = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
BEFORE = {"iptables": FILTER.format("5:60", "1:2") + NAT, "ip6tables": "*nat\nCOMMIT\n"}


@pytest.mark.parametrize(
    ("now", "emptied", "restored"),
    [
        (FILTER.format("9:99", "3:4") + NAT, False, []),
        (EMPTY + NAT, False, [FILTER.format("5:60", "1:2")]),
        (EMPTY + NAT, True, [FILTER.format("5:60", "1:2")]),
        ("", False, [BEFORE["iptables"]]),
        ("", True, [BEFORE["iptables"]]),
        # Its owner has put one part back, or something else.
        (FILTER.format("0:0", "0:0").replace("192.0.2.7", "192.0.2.8") + NAT, False, [FILTER.format("5:60", "1:2")]),
        (FILTER.format("0:0", "0:0").replace("192.0.2.7", "192.0.2.8") + NAT, True, []),
    ],
)
def test_a_table_comes_back_as_a_whole_and_no_other_is_touched(monkeypatch, now, emptied, restored):
    told = []

    def run(command, text):
        if command[0].endswith("-restore"):
            told.append((command, text))
            return Output(0, "", "")
        return Output(0, now if command[0].endswith("/iptables-save") else BEFORE["ip6tables"], "")

    monkeypatch.setattr(_foreign_read, "find", lambda name: f"/usr/sbin/{name}")
    assert _firewalld_flushed.saved(run).get("iptables", "") == now
    _firewalld_flushed.put_back(BEFORE, run, emptied)
    assert told == [(["iptables-restore", "--counters", "--wait", "10"], text) for text in restored]


def test_what_does_not_come_back_is_told(monkeypatch):
    monkeypatch.setattr(_foreign_read, "find", lambda name: f"/usr/sbin/{name}")
    with pytest.raises(TargetProblem, match=r"filter, nat to come back after a reload.*restart Docker"):
        _firewalld_flushed.put_back(BEFORE, lambda command, text: Output(int(command[0] == "iptables-restore"), "", "lock is held"))


GUESTS = ":LIBVIRT_FWO - [0:0]\n[1:2] -A FORWARD -j LIBVIRT_FWO\n[3:4] -A LIBVIRT_FWO -i virbr0 -j REJECT\n"
SHARED = {"iptables": FILTER.format("5:60", "1:2").replace("COMMIT\n", f"{GUESTS}COMMIT\n")}
ALONE = FILTER.format("5:60", "1:2")
# What EMPTY lacks of it.
GONE = ALONE.replace(":INPUT ACCEPT [5:60]\n", "")
LESS = SHARED["iptables"].replace("[3:4] -A LIBVIRT_FWO -i virbr0 -j REJECT\n", "")
TWICE = SHARED["iptables"].replace("COMMIT", "[0:0] -A FORWARD -j LIBVIRT_FWO\nCOMMIT")
NEWS = LESS.replace("COMMIT", "[0:0] -A LIBVIRT_FWO -i virbr1 -j REJECT\nCOMMIT")


@pytest.mark.parametrize(
    ("running", "first", "later", "restored"),
    [
        # Nobody hears of it: all at once.
        ("", EMPTY, [], [SHARED["iptables"]]),
        # Of what libvirt is about to make nothing is put there; it makes all of it, a part, a rule twice, news, or never anything.
        ("libvirtd", EMPTY, [LESS, SHARED["iptables"]], [GONE]),
        ("libvirtd", EMPTY, [ALONE, LESS], [GONE, SHARED["iptables"]]),
        ("libvirtd", EMPTY, [TWICE], [GONE, SHARED["iptables"]]),
        ("libvirtd", EMPTY, [LESS, NEWS], [GONE]),
        ("virtnetworkd", EMPTY, [], [GONE, SHARED["iptables"]]),
        # A firewalld that empties nothing.
        ("libvirtd", SHARED["iptables"], [], []),
        ("libvirtd", LESS, [], [SHARED["iptables"]]),
        # Docker has no chains here.
        ("dockerd", EMPTY, [], [SHARED["iptables"]]),
    ],
)
def test_rules_of_those_who_hear_of_a_reload_come_back_behind_their_own_doing(monkeypatch, running, first, later, restored):
    live, told, coming = [first], [], list(later)

    def run(command, text):
        if command[0].endswith("-restore"):
            told.append(text)
            live[0] = ALONE if "--noflush" in command else text
            return Output(0, "", "")
        found = live[0] if command[0].endswith("/iptables-save") else ""
        if told and coming:
            live[0] = coming.pop(0)
        return Output(0, found, "")

    monkeypatch.setattr(_foreign_read, "find", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(_firewalld_flushed, "daemon", lambda name: int(name == running))
    monkeypatch.setattr(_firewalld_flushed, "STILL", 0.05)
    monkeypatch.setattr(_firewalld_flushed, "PATIENCE", 0.2)
    _firewalld_flushed.put_back_for_good(SHARED, run)
    assert told == restored


def test_where_it_works_through_iptables_only_chains_of_others_stop_a_run():
    names = ("FWDI_public", "IN_public_allow", "RFC3964_IPv4", "FORWARD_direct")
    own = "*filter\n:INPUT ACCEPT [0:0]\n" + "".join(f":{name} - [0:0]\n" for name in names) + "COMMIT\n"
    assert _firewalld_checks.emptied({"iptables": own}) == []
    (problem,) = _firewalld_checks.emptied({"iptables": own + FILTER, "ip6tables": "*filter\n:INTRANET - [0:0]\nCOMMIT\n"})
    assert problem.value == "chains of others: INTRANET, f2b-sshd"
