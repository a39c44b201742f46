# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict, to_dict

FLOW = Flow("vonage/rtp-media", "udp", ((10000, 50000),), Destination(ipv4=("168.100.64.0/18", "216.147.0.0/18")))


def plain(policy=None):
    return json.loads(json.dumps(to_dict(policy or Policy(Frame(), {"vonage": (FLOW,)}))))


def test_a_policy_survives_the_way_to_the_target():
    policy = Policy(
        Frame(
            placement="both",
            sources_ipv4=("192.0.2.0/24",),
            in_interfaces=("eth0",),
            resolvers_ipv6=("2001:db8::53",),
            other_resolvers="reject",
        ),
        {"liveavatar": (Flow("liveavatar/api", "tcp", ((443, 443),), Destination(hostnames=("api.liveavatar.com",))),), "vonage": (FLOW,)},
        {"liveavatar/turn-udp": "no name"},
    )
    assert from_dict(plain(policy)) == policy


def put(path, value):
    def change(data):
        *way, last = path
        for step in way:
            data = data[step]
        data[last] = value

    return change


FIRST = ("services", "vonage", 0)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (put(("version",), 2), "policy.version"),
        (put(("frame", "placement"), "bridge"), "policy.frame.placement"),
        (put(("frame", "other_resolvers"), "drop"), "policy.frame.other_resolvers"),
        (put(("frame", "other_resolvers"), None), "policy.frame.other_resolvers"),
        (put(("frame", "mark"), 3), "policy.frame.mark"),
        (put(("frame", "mark"), True), "policy.frame.mark"),
        (put(("frame", "families"), ["ipv5"]), "policy.frame.families"),
        (put(("frame", "in_interfaces"), ['eth0" accept; "']), "policy.frame.in_interfaces"),
        (put(("frame", "log", "prefix"), 'x" drop comment "'), "policy.frame.log.prefix"),
        (put(("frame", "log", "rate"), 0), "policy.frame.log.rate"),
        (put(("frame", "sources_ipv4"), ["10.0.0.0/8 } ; flush ruleset"]), "policy.frame.sources_ipv4"),
        (put(("frame", "surprise"), 1), "policy.frame"),
        (put((*FIRST, "id"), "liveavatar/media-udp"), "policy.services.vonage[0].id"),
        (put((*FIRST, "id"), 'vonage/x" drop'), "policy.services.vonage[0].id"),
        (put((*FIRST, "protocol"), "sctp"), "policy.services.vonage[0].protocol"),
        (put((*FIRST, "ports"), []), "policy.services.vonage[0].ports"),
        (put((*FIRST, "ports"), [[0, 10]]), "policy.services.vonage[0].ports[0]"),
        (put((*FIRST, "ports"), [[1, 65536]]), "policy.services.vonage[0].ports[0]"),
        (put((*FIRST, "ports"), [[20, 10]]), "policy.services.vonage[0].ports[0]"),
        (put((*FIRST, "ports"), [7]), "policy.services.vonage[0].ports[0]"),
        (put((*FIRST, "any"), "yes"), "policy.services.vonage[0].any"),
        (put((*FIRST, "ipv4"), ["2001:db8::/32"]), "policy.services.vonage[0].ipv4"),
        (put((*FIRST, "ipv6"), ["192.0.2.0/24"]), "policy.services.vonage[0].ipv6"),
        (put((*FIRST, "ipv6"), ["fe80::1%eth0"]), "policy.services.vonage[0].ipv6"),
        (put((*FIRST, "hostnames"), ["-rf"]), "policy.services.vonage[0].hostnames"),
        (put(("services", "vonage"), "all"), "policy.services.vonage"),
        (put(("services",), None), "policy.services"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_path(change, path):
    data = plain()
    change(data)
    with pytest.raises(InvalidInput) as caught:
        from_dict(data)
    assert path in [problem.path for problem in caught.value.problems]


@pytest.mark.parametrize("junk", [None, [], "policy", 7, {"version": 1}, {1: 2}])
def test_junk_gives_problems_and_no_traceback(junk):
    with pytest.raises(InvalidInput):
        from_dict(junk)


def test_all_problems_are_told_at_once():
    data = plain()
    put(("frame", "placement"), "x")(data)
    put((*FIRST, "protocol"), "x")(data)
    with pytest.raises(InvalidInput) as caught:
        from_dict(data)
    assert len(caught.value.problems) == 2


def test_services_compose_in_either_order():
    one = Policy(Frame(), {"vonage": (FLOW,)})
    other = Policy(Frame(), {"liveavatar": ()}, {"liveavatar/turn-udp": "no name"})
    both = other.merged_with(one)
    assert both == one.merged_with(other)
    assert both.without({"liveavatar"}) == one


def test_a_number_too_long_to_print_is_told():
    data = plain()
    put(("frame", "mark"), 10**5000)(data)
    with pytest.raises(InvalidInput, match="a huge number"):
        from_dict(data)
