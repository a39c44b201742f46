# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reload of firewalld would lose of others', or put in force unasked."""

from __future__ import annotations

import json

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _firewalld_apart

SET = {"type": "hash:ip", "options": {}, "entries": ["192.0.2.9"], "short": ""}
ZONES = {
    "public": {"target": "default", "services": ["ssh"], "interfaces": ["wan0"]},
    "docker": {"target": "ACCEPT", "interfaces": []},
    "trusted": {"target": "ACCEPT", "sources": ["198.51.100.7"]},
}
SAME = {
    "zone": [ZONES, ZONES],
    "policy": [{"mine": {"target": "ACCEPT"}}, {"mine": {"target": "ACCEPT"}}],
    "ipset": [{"others": SET}, {"others": SET}],
    "direct": {"chains": [[], []], "rules": [["a"], ["a"]], "passthroughs": [[], []]},
    "service": [{"ssh": None}, {"ssh": None}],
    "icmptype": [{"echo-request": None}, {"echo-request": None, "unknown-here": None}],
    "helper": [{"ftp": None}, {"ftp": None}],
    "asked": False,
}
RUNTIME, STORED = 0, 1


def found(*changes):
    both = json.loads(json.dumps(SAME))
    for path, value in changes:
        there = both
        for key in path[:-1]:
            there = there[key]
        there[path[-1]] = value
    return _firewalld_apart.names(both)


def test_what_is_the_same_is_not_told():
    assert found() == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("zone", RUNTIME, "public", "services"), ["http", "ssh"], "zone public"),
        (("zone", STORED, "public", "services"), [], "zone public"),
        (("zone", RUNTIME, "public", "interfaces"), ["lan0", "wan0"], "zone public"),
        (("zone", RUNTIME, "lab"), {"target": "ACCEPT"}, "zone lab"),
        (("zone", STORED, "lab"), {"target": "ACCEPT"}, "zone lab"),
        # Nobody put it there yet: a reload would let it in.
        (("zone", STORED, "trusted", "sources"), ["198.51.100.7", "203.0.113.0/24"], "zone trusted"),
        (("zone", STORED, "docker", "interfaces"), ["eth7"], "zone docker"),
        # Not what netavark does.
        (("zone", RUNTIME, "trusted", "interfaces"), ["eth7"], "zone trusted"),
        (("policy", RUNTIME, "mine", "target"), "DROP", "policy mine"),
        (("policy", STORED, "later"), {"target": "DROP"}, "policy later"),
        (("ipset", STORED, "others", "entries"), [], "ipset others"),
        (("ipset", RUNTIME, "more"), SET, "ipset more"),
        (("direct", "rules", RUNTIME), ["a", "b"], "direct rules"),
        (("service", STORED, "later"), None, "service later"),
        (("service", STORED, "ssh"), {"ports": [["22", "tcp"]]}, "service ssh"),
        (("icmptype", RUNTIME, "own"), None, "icmptype own"),
        (("helper", RUNTIME, "own"), None, "helper own"),
    ],
)
def test_what_differs_is_told_by_its_name(path, value, told):
    assert found((path, value)) == [told]


def test_guests_that_are_put_back_are_not_told():
    assert found((("zone", RUNTIME, "docker", "interfaces"), ["docker0"])) == []
    assert found((("zone", RUNTIME, "trusted", "sources"), ["10.88.0.0/16", "198.51.100.7"])) == []
    assert found((("zone", RUNTIME, "trusted", "sources"), []), (("zone", RUNTIME, "trusted", "services"), ["ssh"])) == ["zone trusted"]


def test_networkmanager_brings_its_interfaces_again():
    assert found((("zone", RUNTIME, "public", "interfaces"), ["lan0", "wan0"]), (("asked",), True)) == []


def test_zones_stored_in_parts_are_one():
    whole = {"target": "ACCEPT", "services": ["http", "ssh"], "sources": ["192.0.2.1", "192.0.2.2"]}
    parts = {
        "lab/a": {"target": "ACCEPT", "services": ["ssh"], "sources": ["192.0.2.1"]},
        "lab/b": {"services": ["http"], "sources": ["192.0.2.2"]},
    }
    both = json.loads(json.dumps(SAME))
    both["zone"][STORED] = {**ZONES, **parts}
    assert _firewalld_apart.names(both) == ["zone lab"]
    both["zone"][RUNTIME]["lab"] = whole
    assert _firewalld_apart.names(both) == []


def test_ours_are_no_business_of_it():
    assert found((("policy", RUNTIME, "webrtc-forward"), {}), (("ipset", STORED, "webrtc-v4.liveavatar.signaling"), SET)) == []
