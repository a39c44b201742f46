# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random input: junk gives nothing but InvalidInput, and what is good survives every way through."""

from __future__ import annotations

import copy
import json
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import merge_networks
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict, to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import to_dict as row_to_dict

often = settings(deadline=None, database=None, max_examples=300)

OPTIONS = [
    "tier",
    "wildcards",
    "custom_services",
    "placement",
    "baseline",
    "families",
    "sources",
    "in_interfaces",
    "out_interfaces",
    "mark",
    "resolvers",
    "log",
    "log_rate",
    "log_burst",
    "log_prefix",
    "surprise",
]
KEYS = [
    *OPTIONS,
    "name",
    "service",
    "requirements",
    "without",
    "overrides",
    "variables",
    "hostnames",
    "names",
    "id",
    "destinations",
    "protocol",
    "ports",
    "port",
    "group",
    "alternatives",
    "alternative",
    "fallback_of",
    "date",
    "sip",
    "subdomain",
    "",
]
WORDS = [
    *KEYS,
    "vonage",
    "liveavatar",
    "minimum",
    "recommended",
    "any",
    "tcp",
    "udp",
    "ipv4",
    "ipv6",
    "443",
    "1-2",
    "2-1",
    "0",
    "0x10000",
    "10.0.0.0/8",
    "10.0.0.1/8",
    "::/0",
    "fe80::1%eth0",
    "%",
    "*.example.com",
    "*.",
    "*",
    "a.example.com",
    "{subdomain}.example.com",
    "{}",
    "2026-01-02",
    "\n",
    "\ud800",
    "signaling",
    "addresses",
]
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 70000),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.dates(),
    st.binary(max_size=4),
)
junk = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=12,
)

VALID_SERVICES: list[Any] = [
    "liveavatar",
    {
        "name": "vonage",
        "tier": "minimum",
        "without": ["sip"],
        "overrides": {"media": {"ports": ["1-2"], "destinations": ["192.0.2.1"]}, "sip": {"alternative": "addresses"}},
    },
    {"name": "own", "variables": {"tenant": "a"}},
]
VALID_OPTIONS: dict[str, Any] = {
    "families": ["ipv4", "ipv6"],
    "sources": ["192.0.2.0/24"],
    "resolvers": ["192.0.2.53"],
    "in_interfaces": ["lan0"],
    "log": True,
    "mark": 65536,
    "log_prefix": "x",
    "custom_services": [
        {
            "service": "own",
            "variables": {"tenant": "b"},
            "hostnames": {"protocol": "tcp", "port": 443, "names": ["{tenant}.example.com"]},
            "requirements": [
                {
                    "id": "web",
                    "destinations": ["*.example.com"],
                    "protocol": "tcp",
                    "ports": [443],
                    "alternatives": {"x": {"destinations": ["any"]}},
                },
                {"id": "more", "destinations": ["192.0.2.1", "2001:db8::/32"], "protocol": "udp", "ports": ["1-9"], "date": "2026-01-02"},
            ],
        }
    ],
}


def places_in(data: Any) -> list[tuple[Any, Any]]:
    """Every container and key in nested data, so that any single value can be replaced."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [place for key in keys for place in [(data, key), *places_in(data[key])]]


def compile_or_refuse(services: Any, options: dict[str, Any]) -> None:
    try:
        compiled = compile_site(services, options)
    except InvalidInput as error:
        assert error.problems
        assert all(problem.path and problem.expected for problem in error.problems)
        assert str(error)
        return
    assert from_dict(json.loads(json.dumps(to_dict(compiled.policy)))) == compiled.policy
    json.dumps([row_to_dict(row) for row in compiled.requirements])


@often
@given(services=junk, options=st.dictionaries(st.sampled_from(OPTIONS), junk, max_size=4))
@example(services=["vonage", []], options={"mark": 2**70, "custom_services": [{"service": "own", "requirements": [{"id": []}]}]})
def test_junk_is_refused(services: Any, options: dict[str, Any]) -> None:
    compile_or_refuse(services, options)


@often
@given(data=st.data(), value=junk)
def test_one_bad_value_in_good_input_is_refused_or_harmless(data: st.DataObject, value: Any) -> None:
    services, options = copy.deepcopy(VALID_SERVICES), copy.deepcopy(VALID_OPTIONS)
    places = [*places_in(services), *places_in(options)]
    container, key = data.draw(st.sampled_from(places))
    container[key] = value
    compile_or_refuse(services, options)


def test_the_good_input_is_good() -> None:
    ids = {flow.id for flow in compile_site(VALID_SERVICES, VALID_OPTIONS).policy.flows}
    assert {"own/web", "own/more", "vonage/signaling", "liveavatar/api"} <= ids


label = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hostnames = st.builds(lambda *labels: ".".join(labels), label, label, label)
networks = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.builds(
        lambda address, cut: str(ip_network(f"{address}/{address.max_prefixlen - cut}", strict=False)),
        st.ip_addresses(),
        st.integers(0, 32),
    ),
)
destinations = st.lists(st.one_of(st.just("any"), networks, hostnames, hostnames.map("*.{}".format)), min_size=1, max_size=5)
ports = st.lists(
    st.one_of(st.integers(1, 65535), st.lists(st.integers(1, 65535), min_size=2, max_size=2).map(lambda two: f"{min(two)}-{max(two)}")),
    min_size=1,
    max_size=5,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
            "destinations": destinations,
            "protocol": st.sampled_from(["tcp", "udp"]),
            "ports": ports,
        },
        optional={
            "tier": st.sampled_from(["minimum", "recommended"]),
            "group": st.just("av"),
            "note": st.just("a note"),
            "date": st.dates(),
        },
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row["id"],
)


@often
@given(rows=rows, wildcards=st.sampled_from(["hostnames", "any"]), tier=st.sampled_from(["minimum", "recommended"]))
def test_good_input_compiles_and_its_normal_form_means_the_same(rows: list[Any], wildcards: str, tier: str) -> None:
    options = {"wildcards": wildcards, "tier": tier}
    compiled = compile_site(["own"], {**options, "custom_services": [{"service": "own", "requirements": rows}]})
    assert from_dict(json.loads(json.dumps(to_dict(compiled.policy)))) == compiled.policy
    assert {row.id for row in compiled.requirements} == {
        row["id"] for row in rows if tier == "recommended" or row.get("tier", "minimum") == "minimum"
    }
    told = {row.id for row in compiled.requirements}
    assert told == {name.partition("/")[2] for name in (*(flow.id for flow in compiled.policy.flows), *compiled.policy.unsatisfied)}

    normal = [row_to_dict(row) for row in compiled.requirements]
    for row in normal:
        assert row.pop("service") == "own"
    if normal:
        again = compile_site(["own"], {**options, "custom_services": [{"service": "own", "requirements": normal}]})
        assert again.policy == compiled.policy


@often
@given(
    networks=st.lists(
        st.builds(
            lambda address, cut: f"{ip_network((address, 32 - cut), strict=False)}",
            st.integers(0, 0xFFFF),
            st.integers(0, 12),
        ),
        max_size=30,
    )
)
@example(networks=["10.0.0.0/24", "10.0.0.0/8"])
@example(networks=["255.255.255.255", "255.255.255.254", "0.0.0.0/1", "128.0.0.0/1"])
def test_merged_networks_are_those_of_the_standard_library(networks: list[str]) -> None:
    expected = [str(network).replace("/32", "") for network in collapse_addresses(map(IPv4Network, networks))]
    assert list(merge_networks(networks)) == expected


@often
@given(networks=st.lists(st.ip_addresses(v=6, network="2001:db8::/122").map(str), max_size=30))
def test_merged_ipv6_addresses_are_those_of_the_standard_library(networks: list[str]) -> None:
    expected = [str(network).replace("/128", "") for network in collapse_addresses(map(IPv6Network, networks))]
    assert list(merge_networks(networks)) == expected
