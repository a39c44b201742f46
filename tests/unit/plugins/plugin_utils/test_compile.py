# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of services and site options: one table a concern."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Log, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict, to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import to_dict as row_to_dict

SUBNETS = ("168.100.64.0/18", "216.147.0.0/18")
STATIC_RANGES = ("143.223.88.0/21", "153.57.128.0/18", "161.115.160.0/19")


def policy_of(*services: Any, **options: Any) -> Policy:
    return compile_site(list(services), options).policy


def flow_of(policy: Policy, name: str) -> Flow:
    return next(flow for flow in policy.flows if flow.id == name)


def custom(**row: Any) -> Policy:
    """The policy of one custom service `own` with one row `row`."""
    complete = {"id": "row", "destinations": ["192.0.2.1"], "protocol": "tcp", "ports": [443], **row}
    return policy_of("own", custom_services=[{"service": "own", "requirements": [complete]}])


def test_both_services_as_the_documents_ask() -> None:
    policy = policy_of("vonage", "liveavatar")
    seen = {flow.id: (flow.protocol, flow.ports, flow.destination.any, flow.destination.ipv4) for flow in policy.flows}
    assert seen == {
        "liveavatar/api": ("tcp", ((443, 443),), False, ()),
        "liveavatar/media-tcp": ("tcp", ((7881, 7881),), True, ()),
        "liveavatar/media-udp": ("udp", ((50000, 60000),), True, ()),
        "liveavatar/signaling": ("tcp", ((443, 443),), False, ()),
        "liveavatar/turn-tls": ("tcp", ((443, 443),), False, ()),
        "vonage/rtp-media": ("udp", ((10000, 50000),), False, SUBNETS),
        "vonage/signaling": ("tcp", ((443, 443),), False, ()),
        "vonage/sip-tcp": ("tcp", ((5060, 5060),), False, SUBNETS),
        "vonage/sip-tls": ("tcp", ((5061, 5061),), False, SUBNETS),
        "vonage/sip-udp": ("udp", ((5060, 5060),), False, SUBNETS),
        "vonage/turn-tcp": ("tcp", ((443, 443),), False, SUBNETS),
        "vonage/turn-udp": ("udp", ((3478, 3478),), False, SUBNETS),
    }
    assert list(policy.services) == ["liveavatar", "vonage"]
    assert list(policy.unsatisfied) == ["liveavatar/turn-udp"]


MINIMUM = ["vonage/signaling", "vonage/turn-udp"]
WITHOUT_SIP = ["vonage/rtp-media", "vonage/signaling", "vonage/turn-tcp", "vonage/turn-udp"]


@pytest.mark.parametrize(
    ("entry", "options", "expected"),
    [
        ("vonage", {"tier": "minimum"}, MINIMUM),
        ({"name": "vonage", "tier": "minimum"}, {}, MINIMUM),
        ({"name": "vonage", "tier": "minimum"}, {"tier": "recommended"}, MINIMUM),
        ({"name": "vonage", "without": ["sip"]}, {}, WITHOUT_SIP),
        ({"name": "vonage", "without": ["sip", "turn-tcp"]}, {}, ["vonage/rtp-media", "vonage/signaling", "vonage/turn-udp"]),
        ({"name": "vonage", "without": ["turn"], "tier": "minimum"}, {}, ["vonage/signaling"]),
        ({"name": "vonage", "without": ["sip", "media", "turn", "signaling"]}, {}, []),
    ],
)
def test_rows_that_are_chosen(entry: Any, options: dict[str, Any], expected: list[str]) -> None:
    policy = policy_of(entry, **options)
    assert [flow.id for flow in policy.flows] == expected
    assert list(policy.services) == ["vonage"]


def test_no_services_give_no_flows() -> None:
    assert policy_of().services == {}


@pytest.mark.parametrize(
    ("overrides", "ports", "ipv4"),
    [
        ({"rtp-media": {"ports": ["10000-60000"]}}, ((10000, 60000),), SUBNETS),
        ({"rtp-media": {"ports": [20000, "10000", "10001-19999"]}}, ((10000, 20000),), SUBNETS),
        ({"media": {"destinations": ["216.147.0.0/18"]}}, ((10000, 50000),), ("216.147.0.0/18",)),
        ({"media": {"destinations": ["216.147.0.0/18"], "ports": [9]}, "rtp-media": {"ports": [7]}}, ((7, 7),), ("216.147.0.0/18",)),
        ({"rtp-media": {}}, ((10000, 50000),), SUBNETS),
    ],
)
def test_overrides(overrides: dict[str, Any], ports: tuple[Any, ...], ipv4: tuple[str, ...]) -> None:
    flow = flow_of(policy_of({"name": "vonage", "overrides": overrides}), "vonage/rtp-media")
    assert (flow.ports, flow.destination) == (ports, Destination(ipv4=ipv4))


def test_alternative_of_a_group_holds_for_its_rows_alone() -> None:
    policy = policy_of({"name": "vonage", "overrides": {"sip": {"alternative": "addresses"}}})
    addresses = {f"216.147.{third}.{last}" for third in range(6) for last in (1, 2)}
    for name in ("sip-udp", "sip-tcp", "sip-tls"):
        assert set(flow_of(policy, f"vonage/{name}").destination.ipv4) == addresses
    assert flow_of(policy, "vonage/turn-udp").destination.ipv4 == SUBNETS


def test_alternative_narrows_any_and_brings_its_own_source() -> None:
    compiled = compile_site([{"name": "liveavatar", "overrides": {"media-udp": {"alternative": "static-ranges"}}}], {})
    assert flow_of(compiled.policy, "liveavatar/media-udp").destination == Destination(ipv4=STATIC_RANGES)
    assert flow_of(compiled.policy, "liveavatar/media-tcp").destination == Destination(any=True)
    row = next(row for row in compiled.requirements if row.id == "media-udp")
    assert "endpoints" in row.source
    assert row.date == "2026-08-24"


def test_an_overridden_requirement_says_so() -> None:
    compiled = compile_site([{"name": "vonage", "overrides": {"turn-udp": {"ports": [3479]}}}], {})
    notes = {row.id: row.note for row in compiled.requirements}
    assert notes["turn-udp"] == "Changed by the site: webrtc_egress_services[0].overrides.turn-udp."
    assert "site" not in notes["rtp-media"]


def test_hostnames_stand_for_suffixes_on_their_own_port_alone() -> None:
    policy = policy_of("liveavatar")
    assert flow_of(policy, "liveavatar/turn-tls").destination == Destination(hostnames=("heygen-feapbkvq.turn.livekit.cloud",))
    names = flow_of(policy, "liveavatar/signaling").destination.hostnames
    assert len(names) == 46
    assert list(names) == sorted(names)
    assert "liveavatar/turn-udp" not in {flow.id for flow in policy.flows}
    reason = policy.unsatisfied["liveavatar/turn-udp"]
    assert "*.host.livekit.cloud" in reason
    assert "udp 3478" in reason


def test_a_changed_port_is_not_on_the_list_of_names() -> None:
    policy = policy_of({"name": "liveavatar", "overrides": {"signaling": {"ports": [443, 8443]}}})
    assert "liveavatar/signaling" in policy.unsatisfied
    assert "liveavatar/signaling" not in {flow.id for flow in policy.flows}


def test_any_opens_suffixes_to_every_address_on_their_own_port() -> None:
    policy = policy_of("liveavatar", wildcards="any")
    assert flow_of(policy, "liveavatar/turn-udp") == Flow("liveavatar/turn-udp", "udp", ((3478, 3478),), Destination(any=True))
    assert flow_of(policy, "liveavatar/api").destination == Destination(hostnames=("api.liveavatar.com",))
    assert policy.unsatisfied == {}


def test_a_suffix_is_not_the_end_of_any_name() -> None:
    listed = {"protocol": "tcp", "port": 443, "names": ["a.example.com", "notexample.com", "example.com", "b.c.example.com"]}
    row = {"id": "row", "destinations": ["*.example.com"], "protocol": "tcp", "ports": [443]}
    policy = policy_of("own", custom_services=[{"service": "own", "requirements": [row], "hostnames": listed}])
    assert flow_of(policy, "own/row").destination.hostnames == ("a.example.com", "b.c.example.com")


def test_what_is_opened_in_part_is_told() -> None:
    policy = custom(destinations=["192.0.2.1", "*.example.com"])
    assert flow_of(policy, "own/row").destination == Destination(ipv4=("192.0.2.1",))
    assert "*.example.com" in policy.unsatisfied["own/row"]


@pytest.mark.parametrize(("value", "expected"), [("acme", "acme"), ("ACME-1", "acme-1")])
def test_variable_fills_the_names(value: str, expected: str) -> None:
    policy = policy_of({"name": "liveavatar", "variables": {"subdomain": value}})
    assert flow_of(policy, "liveavatar/turn-tls").destination.hostnames == (f"{expected}.turn.livekit.cloud",)


def test_variable_of_a_custom_service_has_its_default() -> None:
    service = {
        "service": "own",
        "variables": {"tenant": "first"},
        "requirements": [{"id": "row", "destinations": ["{tenant}.example.com"], "protocol": "tcp", "ports": [443]}],
    }
    default = policy_of("own", custom_services=[service])
    other = policy_of({"name": "own", "variables": {"tenant": "second"}}, custom_services=[service])
    assert flow_of(default, "own/row").destination.hostnames == ("first.example.com",)
    assert flow_of(other, "own/row").destination.hostnames == ("second.example.com",)


def test_networks_of_the_other_family_leave_a_catalog_row_unsatisfied() -> None:
    policy = policy_of("vonage", families=["ipv6"])
    assert [flow.id for flow in policy.flows] == ["vonage/signaling"]
    assert "ipv6" in policy.unsatisfied["vonage/turn-udp"]


def test_any_stays_any_in_one_family() -> None:
    assert flow_of(policy_of("liveavatar", families=["ipv6"]), "liveavatar/media-tcp").destination == Destination(any=True)


@pytest.mark.parametrize(
    ("destinations", "expected"),
    [
        (["192.0.2.1/32"], Destination(ipv4=("192.0.2.1",))),
        (["192.0.2.128/25", "192.0.2.0/25", "192.0.2.7"], Destination(ipv4=("192.0.2.0/24",))),
        (["192.0.2.0/255.255.255.0"], Destination(ipv4=("192.0.2.0/24",))),
        (["2001:DB8::/32", "192.0.2.1"], Destination(ipv4=("192.0.2.1",), ipv6=("2001:db8::/32",))),
        (["2001:db8:0:0::1"], Destination(ipv6=("2001:db8::1",))),
        (["WWW.Example.COM.", "www.example.com"], Destination(hostnames=("www.example.com",))),
        (["192.0.2.1", "any"], Destination(any=True)),
    ],
)
def test_destinations_are_normalised(destinations: list[str], expected: Destination) -> None:
    assert flow_of(custom(destinations=destinations), "own/row").destination == expected


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([443], ((443, 443),)),
        (["443"], ((443, 443),)),
        ([1, 65535], ((1, 1), (65535, 65535))),
        (["1-65535"], ((1, 65535),)),
        ([3, 1, 2, 2], ((1, 3),)),
        (["10-20", "15-30", 32], ((10, 30), (32, 32))),
    ],
)
def test_ports_are_normalised(ports: list[Any], expected: tuple[Any, ...]) -> None:
    assert flow_of(custom(ports=ports), "own/row").ports == expected


def test_ranges_that_touch_at_50000_are_not_joined_over_services() -> None:
    policy = policy_of("vonage", "liveavatar")
    assert flow_of(policy, "vonage/rtp-media").ports == ((10000, 50000),)
    assert flow_of(policy, "liveavatar/media-udp").ports == ((50000, 60000),)


def test_a_custom_row_may_say_all_that_a_catalog_row_says() -> None:
    told = {
        "id": "media",
        "destinations": ["192.0.2.0/24"],
        "protocol": "udp",
        "ports": ["40000-49999"],
        "tier": "recommended",
        "group": "av",
        "purpose": "media",
        "application": "RTP",
        "symptom": "silence",
        "source": "the vendor",
        "note": "none",
        "date": date(2026, 3, 4),
        "alternatives": {"narrow": {"destinations": ["192.0.2.1"], "note": "one node"}},
    }
    least = {"id": "web", "destinations": ["www.example.com"], "protocol": "tcp", "ports": [443]}
    options = {"custom_services": [{"service": "own", "title": "Own", "requirements": [told, least]}]}
    rows = [row_to_dict(row) for row in compile_site(["own"], options).requirements]
    assert rows == [
        {**told, "service": "own", "date": "2026-03-04"},
        {**least, "service": "own", "tier": "minimum"},
    ]
    assert [flow.id for flow in policy_of({"name": "own", "tier": "minimum"}, **options).flows] == ["own/web"]


def test_a_custom_service_is_opened_only_where_it_is_named() -> None:
    row = {"id": "row", "destinations": ["any"], "protocol": "tcp", "ports": [443]}
    assert list(policy_of("vonage", custom_services=[{"service": "own", "requirements": [row]}]).services) == ["vonage"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Frame()),
        ({"placement": "both", "baseline": "deny_egress"}, Frame(placement="both", baseline="deny_egress")),
        ({"families": ["ipv6", "ipv4", "ipv6"]}, Frame()),
        (
            {"sources": ["192.0.2.0/25", "2001:db8::/32", "192.0.2.128/25"]},
            Frame(sources_ipv4=("192.0.2.0/24",), sources_ipv6=("2001:db8::/32",)),
        ),
        ({"resolvers": ["192.0.2.53", "2001:db8::53"]}, Frame(resolvers_ipv4=("192.0.2.53",), resolvers_ipv6=("2001:db8::53",))),
        (
            {"in_interfaces": ["lan1", "lan0", "lan1"], "out_interfaces": ["wan.7@if3"]},
            Frame(in_interfaces=("lan0", "lan1"), out_interfaces=("wan.7@if3",)),
        ),
        ({"in_interfaces": ["abcdefghijklmno"]}, Frame(in_interfaces=("abcdefghijklmno",))),
        ({"mark": 1}, Frame(mark=1)),
        ({"mark": 0x80000000}, Frame(mark=0x80000000)),
        ({"mark": "0x20000"}, Frame(mark=0x20000)),
        ({"mark": "65536"}, Frame()),
        ({"log": False}, Frame(log=Log(enabled=False))),
        ({"log": "No"}, Frame(log=Log(enabled=False))),
        ({"log": "true"}, Frame()),
        ({"log_rate": "1000", "log_burst": 10000, "log_prefix": "x"}, Frame(log=Log(rate=1000, burst=10000, prefix="x"))),
    ],
)
def test_frame(options: dict[str, Any], expected: Frame) -> None:
    assert policy_of(**options).frame == expected


@pytest.mark.parametrize("options", [{}, {"wildcards": "any"}, {"families": ["ipv6"]}, {"sources": ["192.0.2.0/24", "2001:db8::/32"]}])
def test_policy_survives_the_way_to_the_target(options: dict[str, Any]) -> None:
    policy = policy_of("vonage", "liveavatar", **options)
    assert from_dict(json.loads(json.dumps(to_dict(policy)))) == policy


def test_services_compose_in_either_order() -> None:
    both = policy_of("vonage", "liveavatar")
    assert policy_of("liveavatar", "vonage") == both
    assert policy_of("vonage").merged_with(policy_of("liveavatar")) == both
    assert both.without({"liveavatar"}) == policy_of("vonage")


@pytest.mark.parametrize(("name", "dump"), [("own.json", json.dumps), ("own.yml", lambda data: f"---\n{json.dumps(data)}\n")])
def test_a_custom_service_may_stand_in_a_file(tmp_path: Any, name: str, dump: Any) -> None:
    service = {"service": "own", "requirements": [{"id": "row", "destinations": ["192.0.2.1"], "protocol": "tcp", "ports": [443]}]}
    path = tmp_path / name
    path.write_text(dump(service))
    assert policy_of("own", custom_services=[str(path)]) == policy_of("own", custom_services=[service])
