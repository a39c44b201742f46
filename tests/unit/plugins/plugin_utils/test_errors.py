# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with what a site gave: where, what was expected, what to do; and all of it at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _loader
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

ROW = {"id": "row", "destinations": ["192.0.2.1"], "protocol": "tcp", "ports": [443]}
LONG_SCOPE = "fe80::1%eth0"


def problems_of(services: Any, options: dict[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as caught:
        compile_site(services, options)
    return caught.value.problems


def only_problem(services: Any, options: dict[str, Any]) -> Problem:
    problems = problems_of(services, options)
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    ("services", "path", "value", "expected"),
    [
        (None, "", "nothing", "a list"),
        ("vonage", "", "'vonage'", "a list"),
        ({"name": "vonage"}, "", "{'name': 'vonage'}", "a list"),
        (["vonge"], "[0]", "'vonge'", "liveavatar, vonage"),
        ([""], "[0]", "''", "liveavatar, vonage"),
        (["vonage", None], "[1]", "nothing", "the name of a service"),
        ([["vonage"]], "[0]", "['vonage']", "the name of a service"),
        ([{"name": 3}], "[0].name", "3", "liveavatar, vonage"),
        ([{"name": ["vonage"]}], "[0].name", "['vonage']", "liveavatar, vonage"),
        ([{}], "[0].name", "nothing", "a value"),
        (["vonage", {"name": "vonage"}], "[1].name", "'vonage'", "once"),
        ([{"name": "vonage", "teir": "minimum"}], "[0]", "'teir'", "only the keys name, overrides, tier, variables, without"),
        ([{"name": "vonage", 1: "minimum"}], "[0]", "1", "only the keys"),
        ([{"name": "vonage", "tier": "optional"}], "[0].tier", "'optional'", "minimum, recommended"),
        ([{"name": "vonage", "tier": None}], "[0].tier", "nothing", "minimum, recommended"),
        ([{"name": "vonage", "without": "sip"}], "[0].without", "'sip'", "a list"),
        ([{"name": "vonage", "without": ["sips"]}], "[0].without[0]", "'sips'", "rtp-media, signaling, sip, sip-tcp"),
        ([{"name": "vonage", "without": [["sip"]]}], "[0].without[0]", "['sip']", "ids and groups"),
        ([{"name": "vonage", "overrides": ["sip"]}], "[0].overrides", "['sip']", "a mapping"),
        ([{"name": "vonage", "overrides": {"sips": {}}}], "[0].overrides", "'sips'", "rtp-media, signaling, sip, sip-tcp"),
        ([{"name": "vonage", "overrides": {3: {}}}], "[0].overrides", "3", "texts as keys"),
        ([{"name": "vonage", "overrides": {"sip": None}}], "[0].overrides.sip", "nothing", "a mapping"),
        (
            [{"name": "vonage", "overrides": {"sip": {"protocol": "udp"}}}],
            "[0].overrides.sip",
            "'protocol'",
            "alternative, destinations, ports",
        ),
        ([{"name": "vonage", "overrides": {"sip": {"alternative": "address"}}}], "[0].overrides.sip.alternative", "'address'", "addresses"),
        (
            [{"name": "vonage", "overrides": {"turn": {"alternative": "addresses"}}}],
            "[0].overrides.turn.alternative",
            "'addresses'",
            "has none",
        ),
        ([{"name": "vonage", "overrides": {"sip": {"alternative": ["x"]}}}], "[0].overrides.sip.alternative", "['x']", "addresses"),
        (
            [{"name": "vonage", "overrides": {"sip": {"alternative": "addresses", "destinations": ["any"]}}}],
            "[0].overrides.sip",
            "['alternative', 'destinations']",
            "either",
        ),
        ([{"name": "vonage", "variables": {"subdomain": "x"}}], "[0].variables", "'subdomain'", "has none"),
        ([{"name": "liveavatar", "variables": {"subdomian": "x"}}], "[0].variables", "'subdomian'", "subdomain"),
        ([{"name": "liveavatar", "variables": None}], "[0].variables", "nothing", "a mapping"),
        ([{"name": "liveavatar", "variables": "acme"}], "[0].variables", "'acme'", "a mapping"),
        ([{"name": "liveavatar", "variables": {"subdomain": "a.b"}}], "[0].variables.subdomain", "'a.b'", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": "a_b"}}], "[0].variables.subdomain", "'a_b'", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": "-a"}}], "[0].variables.subdomain", "'-a'", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": "a\n"}}], "[0].variables.subdomain", "'a\\n'", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": "a" * 64}}], "[0].variables.subdomain", "'aaa", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": ""}}], "[0].variables.subdomain", "''", "one label"),
        ([{"name": "liveavatar", "variables": {"subdomain": 7}}], "[0].variables.subdomain", "7", "one label"),
    ],
)
def test_services(services: Any, path: str, value: str, expected: str) -> None:
    problem = only_problem(services, {})
    assert problem.path == f"webrtc_egress_services{path}"
    assert f"got {value}" in str(problem)
    assert expected in problem.expected


@pytest.mark.parametrize(
    ("option", "given", "path", "expected"),
    [
        ("teir", "minimum", "", "baseline, custom_services, families"),
        ("services", [], "", "only the options"),
        ("tier", "all", "", "minimum, recommended"),
        ("tier", None, "", "minimum, recommended"),
        ("tier", ["minimum"], "", "minimum, recommended"),
        ("wildcards", "nfqueue", "", "hostnames, dns, any"),
        ("placement", "router", "", "gateway, host, both"),
        ("baseline", "deny", "", "existing, deny_egress"),
        ("families", [], "", "at least one"),
        ("families", "ipv4", "", "a list"),
        ("families", ["ipv4", "inet"], "[1]", "ipv4, ipv6"),
        ("families", [4], "[0]", "ipv4, ipv6"),
        ("sources", None, "", "a list"),
        ("sources", "192.0.2.0/24", "", "a list"),
        ("sources", ["192.0.2.1/24"], "[0]", "without host bits"),
        ("sources", ["2001:db8::1/32"], "[0]", "without host bits"),
        ("sources", ["192.0.2.0/24", "any"], "[1]", "an IPv4 or IPv6 network"),
        ("sources", ["office.example.com"], "[0]", "an IPv4 or IPv6 network"),
        ("sources", ["192.0.2.0/33"], "[0]", "an IPv4 or IPv6 network"),
        ("sources", [LONG_SCOPE], "[0]", "an IPv4 or IPv6 network"),
        ("sources", [3221225985], "[0]", "an IPv4 or IPv6 network"),
        ("sources", [b"\xc0\x00\x02\x01"], "[0]", "an IPv4 or IPv6 network"),
        ("sources", [["192.0.2.0/24"]], "[0]", "an IPv4 or IPv6 network"),
        ("sources", [True], "[0]", "an IPv4 or IPv6 network"),
        ("resolvers", ["192.0.2.0/24"], "[0]", "address"),
        ("resolvers", ["192.0.2.53/32"], "[0]", "address"),
        ("resolvers", ["dns.example.com"], "[0]", "address"),
        ("resolvers", [None], "[0]", "address"),
        ("other_resolvers", "drop", "", "allow, reject"),
        ("other_resolvers", None, "", "allow, reject"),
        ("other_resolvers", True, "", "allow, reject"),
        ("in_interfaces", "eth0", "", "a list"),
        ("in_interfaces", ["eth0", "eth0 "], "[1]", "an interface name"),
        ("in_interfaces", ["abcdefghijklmnop"], "[0]", "15 characters"),
        ("in_interfaces", [""], "[0]", "an interface name"),
        ("out_interfaces", ['eth0"'], "[0]", "an interface name"),
        ("out_interfaces", ["eth0\n"], "[0]", "an interface name"),
        ("out_interfaces", [["eth0"]], "[0]", "an interface name"),
        ("mark", 0, "", "from 1 to 2147483648"),
        ("mark", 3, "", "exactly one bit"),
        ("mark", 0x100000000, "", "from 1 to 2147483648"),
        ("mark", -1, "", "from 1 to 2147483648"),
        pytest.param("mark", 10**5000, "", "from 1 to 2147483648", id="mark-huge"),
        ("mark", True, "", "from 1 to 2147483648"),
        ("mark", 65536.0, "", "from 1 to 2147483648"),
        ("mark", "one", "", "from 1 to 2147483648"),
        ("mark", "010000", "", "from 1 to 2147483648"),
        ("log", "maybe", "", "true or false"),
        ("log", 1, "", "true or false"),
        ("log", None, "", "true or false"),
        ("log_rate", 0, "", "from 1 to 1000"),
        ("log_rate", 1001, "", "from 1 to 1000"),
        ("log_burst", 0, "", "from 1 to 10000"),
        ("log_burst", 10001, "", "from 1 to 10000"),
        ("log_prefix", "", "", "1 to 64 characters"),
        ("log_prefix", "x" * 65, "", "1 to 64 characters"),
        ("log_prefix", 'a"b', "", "1 to 64 characters"),
        ("log_prefix", "a\n", "", "1 to 64 characters"),
        ("custom_services", None, "", "a list"),
        ("custom_services", {"service": "own"}, "", "a list"),
        ("custom_services", ["own"], "[0]", "No such file or directory"),
        ("custom_services", [7], "[0]", "a mapping"),
    ],
)
def test_site_options(option: str, given: Any, path: str, expected: str) -> None:
    problem = only_problem(["vonage"], {option: given})
    assert problem.path == f"webrtc_egress_{option}{path}"
    assert expected in problem.expected


@pytest.mark.parametrize("placement", ["host", "both"])
def test_a_machine_must_be_able_to_ask_somebody(placement: str) -> None:
    problem = only_problem(["vonage"], {"other_resolvers": "reject", "placement": placement})
    assert problem.path == "webrtc_egress_other_resolvers"
    assert "got 'reject'" in str(problem)
    assert f"webrtc_egress_placement={placement}" in problem.expected
    assert "webrtc_egress_resolvers" in problem.remedy
    compile_site(["vonage"], {"other_resolvers": "reject", "placement": placement, "resolvers": ["2001:db8::53"]})


def test_a_gateway_may_leave_its_clients_no_resolver_but_itself() -> None:
    assert compile_site(["vonage"], {"other_resolvers": "reject"}).policy.frame.other_resolvers == "reject"


@pytest.mark.parametrize("resolvers", [None, "192.0.2.53", ["dns.example.com"]])
def test_wrong_resolvers_are_told_once(resolvers: Any) -> None:
    problem = only_problem(["vonage"], {"other_resolvers": "reject", "placement": "host", "resolvers": resolvers})
    assert problem.path.startswith("webrtc_egress_resolvers")


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (0, "from 1 to 65535"),
        (65536, "from 1 to 65535"),
        (-1, "from 1 to 65535"),
        pytest.param(10**5000, "from 1 to 65535", id="huge"),
        (443.0, "from 1 to 65535"),
        (True, "from 1 to 65535"),
        (None, "from 1 to 65535"),
        ([443], "from 1 to 65535"),
        ("0", "from 1 to 65535"),
        ("65536", "from 1 to 65535"),
        ("0-10", "from 1 to 65535"),
        ("10-65536", "from 1 to 65535"),
        ("https", "from 1 to 65535"),
        ("443\n", "from 1 to 65535"),
        (" 443", "from 1 to 65535"),
        ("10000 - 50000", "from 1 to 65535"),
        ("1-2-3", "from 1 to 65535"),
        ("\u0664\u0664\u0663", "from 1 to 65535"),
        ("9" * 5000, "from 1 to 65535"),
        ("50000-10000", "not above its last"),
    ],
)
def test_ports(port: Any, expected: str) -> None:
    problem = only_problem([{"name": "vonage", "overrides": {"media": {"ports": [443, port]}}}], {})
    assert problem.path == "webrtc_egress_services[0].overrides.media.ports[1]"
    assert expected in problem.expected


@pytest.mark.parametrize(
    ("destination", "expected", "remedy"),
    [
        ("216.147.1.1/18", "without host bits", "Write 216.147.0.0/18, or 216.147.1.1 alone for one address."),
        ("2001:db8::1/64", "without host bits", "Write 2001:db8::/64, or 2001:db8::1 alone for one address."),
        (LONG_SCOPE, "a network", "zone"),
        ("fe80::%1/64", "a network", "zone"),
        ("216.147.0.0/33", "a network", ""),
        ("216.147.0.300", "a network", ""),
        ("216.147.0", "a network", ""),
        ("2001:db8::/129", "a network", ""),
        ("216.147.0.1-216.147.0.9", "a network", "the name alone"),
        (" 216.147.0.1", "a network", "the name alone"),
        ("*.com", "anybody can have a name", "the vendor's own domain"),
        ("*.com.", "anybody can have a name", "the vendor's own domain"),
        ("*.-com", "two labels", "the name alone"),
        ("*..", "two labels", "the name alone"),
        ("*.*", "two labels", "the name alone"),
        ("*.*.example.com", "two labels", "the name alone"),
        ("*.example.*", "two labels", "the name alone"),
        ("*.-a.com", "two labels", "the name alone"),
        ("*.a-.com", "two labels", "the name alone"),
        ("*.a..com", "two labels", "the name alone"),
        ("*..example.com", "two labels", "the name alone"),
        ("*.example.com..", "two labels", "the name alone"),
        ("*example.com", "two labels", "the name alone"),
        (" *.example.com", "two labels", "the name alone"),
        ("*.example.com/", "two labels", "the name alone"),
        pytest.param(f"*.{'a' * 300}", "two labels", "the name alone", id="300-in-one-label"),
        pytest.param(f"*.{'a.' * 149}com", "two labels", "the name alone", id="300-in-many-labels"),
        pytest.param(f"*.{'a.' * 125}io", "two labels", "the name alone", id="no-room-for-a-name-below"),
        ("*.m\u00fcnchen.example", "two labels", "xn--mnchen-3ya"),
        # Lower case makes an ASCII k of the Kelvin sign.
        ("*.live\u212ait.cloud", "two labels", "in ASCII"),
        ("*.\u212a", "two labels", "in ASCII"),
        ("*.", "two labels", "the name alone"),
        ("*", "two labels", "the name alone"),
        ("**.example.com", "two labels", "the name alone"),
        ("a.*.example.com", "two labels", "the name alone"),
        ("*a.example.com", "two labels", "the name alone"),
        ("localhost", "two labels", "the name alone"),
        ("-a.example.com", "two labels", "the name alone"),
        ("a..example.com", "two labels", "the name alone"),
        (f"{'a' * 64}.example.com", "two labels", "the name alone"),
        ("m\u00fcnchen.example", "two labels", "xn--mnchen-3ya"),
        ("www.example.com\n", "two labels", "the name alone"),
        ("*://api.example.com", "two labels", "the name alone"),
        ("https://api.example.com/", "two labels", "the name alone"),
        ("api.example.com:443", "two labels", "the name alone"),
        ("Any", "'any'", "the name alone"),
        ("", "'any'", "the name alone"),
        ("{subdomain}.example.com", "it has none", ""),
        (None, "'any'", ""),
        (3221225985, "'any'", ""),
        (["any"], "'any'", ""),
    ],
)
def test_destinations(destination: Any, expected: str, remedy: str) -> None:
    problem = only_problem([{"name": "vonage", "overrides": {"media": {"destinations": ["any", destination]}}}], {})
    assert problem.path == "webrtc_egress_services[0].overrides.media.destinations[1]"
    assert expected in problem.expected
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("service", "path", "expected"),
    [
        ({"service": "own"}, ".requirements", "a value"),
        ({"requirements": [ROW]}, ".service", "a value"),
        ({"service": "Own", "requirements": [ROW]}, ".service", "a service name"),
        ({"service": "my-own", "requirements": [ROW]}, ".service", "a service name"),
        ({"service": ["own"], "requirements": [ROW]}, ".service", "a service name"),
        ({"service": "vonage", "requirements": [ROW]}, ".service", "liveavatar, vonage"),
        ({"service": "own", "requirements": [ROW], "rules": []}, "", "only the keys"),
        ({"service": "own", "requirements": [ROW], "title": ""}, ".title", "a text"),
        ({"service": "own", "requirements": []}, ".requirements", "at least one"),
        ({"service": "own", "requirements": ROW}, ".requirements", "a list"),
        ({"service": "own", "requirements": [[ROW]]}, ".requirements[0]", "a mapping"),
        ({"service": "own", "requirements": [{**ROW, "port": 1}]}, ".requirements[0]", "only the keys"),
        ({"service": "own", "requirements": [{**ROW, "id": "Row"}]}, ".requirements[0].id", "an id"),
        ({"service": "own", "requirements": [{**ROW, "id": "a/b"}]}, ".requirements[0].id", "an id"),
        ({"service": "own", "requirements": [{**ROW, "id": None}]}, ".requirements[0].id", "an id"),
        ({"service": "own", "requirements": [ROW, ROW]}, ".requirements[1].id", "no other requirement"),
        ({"service": "own", "requirements": [{**ROW, "protocol": "TCP"}]}, ".requirements[0].protocol", "tcp, udp"),
        ({"service": "own", "requirements": [{**ROW, "protocol": "icmp"}]}, ".requirements[0].protocol", "tcp, udp"),
        ({"service": "own", "requirements": [{**ROW, "ports": 443}]}, ".requirements[0].ports", "a list"),
        ({"service": "own", "requirements": [{**ROW, "ports": []}]}, ".requirements[0].ports", "at least one"),
        ({"service": "own", "requirements": [{**ROW, "destinations": "any"}]}, ".requirements[0].destinations", "a list"),
        ({"service": "own", "requirements": [{**ROW, "destinations": []}]}, ".requirements[0].destinations", "at least one"),
        ({"service": "own", "requirements": [{**ROW, "tier": "optional"}]}, ".requirements[0].tier", "minimum, recommended"),
        ({"service": "own", "requirements": [{**ROW, "group": "a b"}]}, ".requirements[0].group", "an id"),
        ({"service": "own", "requirements": [{**ROW, "purpose": 3}]}, ".requirements[0].purpose", "a text"),
        ({"service": "own", "requirements": [{**ROW, "date": "21.07.2026"}]}, ".requirements[0].date", "YYYY-MM-DD"),
        ({"service": "own", "requirements": [{**ROW, "date": "2026-02-30"}]}, ".requirements[0].date", "YYYY-MM-DD"),
        ({"service": "own", "requirements": [{**ROW, "fallback_of": "other"}]}, ".requirements[0].fallback_of", "row"),
        ({"service": "own", "requirements": [{**ROW, "alternatives": ["x"]}]}, ".requirements[0].alternatives", "a mapping"),
        (
            {"service": "own", "requirements": [{**ROW, "alternatives": {"x": {}}}]},
            ".requirements[0].alternatives.x.destinations",
            "a value",
        ),
        (
            {"service": "own", "requirements": [{**ROW, "alternatives": {"x": {"destinations": ["*"]}}}]},
            ".requirements[0].alternatives.x.destinations[0]",
            "two labels",
        ),
        (
            {"service": "own", "requirements": [{**ROW, "alternatives": {"X": {"destinations": ["any"]}}}]},
            ".requirements[0].alternatives",
            "an id",
        ),
        (
            {"service": "own", "requirements": [{**ROW, "destinations": ["{x}.example.com"]}]},
            ".requirements[0].destinations[0]",
            "has none",
        ),
        ({"service": "own", "requirements": [ROW], "variables": {"x": "a.b"}}, ".variables.x", "one label"),
        ({"service": "own", "requirements": [ROW], "variables": {"X": "a"}}, ".variables", "a variable name"),
        ({"service": "own", "requirements": [ROW], "hostnames": {"protocol": "tcp", "port": 443}}, ".hostnames.names", "a value"),
        (
            {"service": "own", "requirements": [ROW], "hostnames": {"protocol": "tcp", "port": 0, "names": ["a.example.com"]}},
            ".hostnames.port",
            "from 1 to 65535",
        ),
        (
            {"service": "own", "requirements": [ROW], "hostnames": {"protocol": "tcp", "port": 443, "names": ["*.example.com"]}},
            ".hostnames.names[0]",
            "a host name",
        ),
        (
            {"service": "own", "requirements": [ROW], "hostnames": {"protocol": "tcp", "port": 443, "names": ["192.0.2.1"]}},
            ".hostnames.names[0]",
            "a host name",
        ),
    ],
)
def test_custom_services(service: dict[str, Any], path: str, expected: str) -> None:
    problem = only_problem([], {"custom_services": [service]})
    assert problem.path == f"webrtc_egress_custom_services[0]{path}"
    assert expected in problem.expected


def test_two_rows_with_wrong_ids_are_two_slips_and_no_third() -> None:
    service = {"service": "own", "requirements": [{**ROW, "id": "A"}, {**ROW, "id": "B"}]}
    paths = [problem.path for problem in problems_of([], {"custom_services": [service]})]
    assert paths == [f"webrtc_egress_custom_services[0].requirements[{index}].id" for index in (0, 1)]


def test_an_alternative_must_be_there_for_every_row_of_a_group() -> None:
    both = {**ROW, "group": "web", "alternatives": {"one": {"destinations": ["192.0.2.1"]}, "two": {"destinations": ["192.0.2.2"]}}}
    other = {**both, "id": "other", "alternatives": {"two": {"destinations": ["192.0.2.2"]}}}
    options = {"custom_services": [{"service": "own", "requirements": [both, other]}]}
    problem = only_problem([{"name": "own", "overrides": {"web": {"alternative": "one"}}}], options)
    assert (problem.path, problem.expected) == ("webrtc_egress_services[0].overrides.web.alternative", "an alternative of web: two")
    compile_site([{"name": "own", "overrides": {"web": {"alternative": "two"}, "row": {"alternative": "one"}}}], options)


def test_two_custom_services_of_one_name() -> None:
    service = {"service": "own", "requirements": [ROW]}
    problem = only_problem(["own"], {"custom_services": [service, service]})
    assert (problem.path, problem.expected) == ("webrtc_egress_custom_services[1].service", "a name that no other custom service has")


@pytest.mark.parametrize("key", ["id", "destinations", "protocol", "ports"])
def test_a_row_needs(key: str) -> None:
    row = {name: value for name, value in ROW.items() if name != key}
    problem = only_problem([], {"custom_services": [{"service": "own", "requirements": [row]}]})
    assert problem.path == f"webrtc_egress_custom_services[0].requirements[0].{key}"


@pytest.mark.parametrize(
    ("services", "options", "path", "value"),
    [
        (["vonage"], {"sources": ["192.0.2.0/24"]}, "webrtc_egress_sources", "'192.0.2.0/24'"),
        (["vonage"], {"resolvers": ["192.0.2.53"]}, "webrtc_egress_resolvers", "'192.0.2.53'"),
        (
            [{"name": "vonage", "overrides": {"turn": {"destinations": ["192.0.2.1", "2001:db8::1"]}}}],
            {},
            "webrtc_egress_services[0].overrides.turn.destinations",
            "'192.0.2.1'",
        ),
        (
            ["own"],
            {"custom_services": [{"service": "own", "requirements": [ROW]}]},
            "webrtc_egress_custom_services[0].requirements[0].destinations",
            "'192.0.2.1'",
        ),
    ],
)
def test_a_site_must_not_write_networks_of_a_family_that_it_closes(services: Any, options: Any, path: str, value: str) -> None:
    problem = only_problem(services, {"families": ["ipv6"], **options})
    assert problem.path == path
    assert f"got {value}" in str(problem)
    assert "add ipv4 to webrtc_egress_families" in problem.remedy


def test_problems_of_all_stages_come_at_once() -> None:
    services = [
        "vonge",
        {"name": "vonage", "tier": "all", "without": ["x"], "overrides": {"media": {"ports": [0], "destinations": ["192.0.2.1/24"]}}},
        {"name": "liveavatar", "variables": {"subdomain": "a b"}},
    ]
    options = {
        "families": ["ipv4"],
        "sources": ["2001:db8::/32"],
        "mark": 3,
        "log_rate": 0,
        "surprise": 1,
        "custom_services": [{"service": "own", "requirements": [{**ROW, "ports": ["9-1"]}]}],
    }
    assert {problem.path for problem in problems_of(services, options)} == {
        "webrtc_egress_surprise",
        "webrtc_egress_sources",
        "webrtc_egress_mark",
        "webrtc_egress_log_rate",
        "webrtc_egress_custom_services[0].requirements[0].ports[0]",
        "webrtc_egress_services[0]",
        "webrtc_egress_services[1].tier",
        "webrtc_egress_services[1].without[0]",
        "webrtc_egress_services[1].overrides.media.ports[0]",
        "webrtc_egress_services[1].overrides.media.destinations[0]",
        "webrtc_egress_services[2].variables.subdomain",
    }


def test_a_long_list_of_slips_is_cut_and_counted() -> None:
    problems = problems_of(["vonage"], {"sources": ["no network"] * 250})
    assert len(problems) == 101
    assert (problems[-1].path, problems[-1].value) == ("(further problems)", 150)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("    purpose: Web", "requirements[0].purpose"),
        ("    tier: minimum", "requirements[0].tier"),
        ("    group: web", "requirements[0].group"),
        ("    application: HTTPS", "requirements[0].application"),
        ("    symptom: Nothing loads.", "requirements[0].symptom"),
        ("    source: the vendor's page", "requirements[0].source"),
        ('    date: "2026-01-02"', "requirements[0].date"),
        ("title: Example", "title"),
        ("document: A page", "document"),
    ],
)
def test_a_catalog_file_must_give_its_evidence(line: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
service: example
title: Example
document: A page
requirements:
  - id: web
    purpose: Web
    tier: minimum
    group: web
    destinations: [www.example.com]
    protocol: tcp
    ports: [443]
    application: HTTPS
    symptom: Nothing loads.
    source: the vendor's page
    date: "2026-01-02"
"""
    monkeypatch.setattr(_loader, "_FOLDER", tmp_path)
    (tmp_path / "example.yml").write_text(text, encoding="utf-8")
    assert [flow.id for flow in compile_site(["example"], {}).policy.flows] == ["example/web"]
    (tmp_path / "example.yml").write_text(re.sub(f"^{re.escape(line)}$\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    assert only_problem(["example"], {}).path == f"catalog/example.yml.{path}"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "a: b: c", "\x00", "!!python/object:os.system {}"])
@pytest.mark.parametrize("name", ["own.json", "own.yml"])
def test_a_file_that_is_no_service_is_told(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert problems_of([], {"custom_services": [str(path)]})


def test_problems_of_a_file_are_told_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own.yml"
    path.write_text("service: own\nrequirements: [{id: row, destinations: [192.0.2.1], protocol: tcp, ports: [0]}]\n")
    assert only_problem([], {"custom_services": [str(path)]}).path == f"{path}.requirements[0].ports[0]"
