# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a site is probed with. Hosts and ports are those of the documents, copied by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils._checks import plan
from ansible_collections.webrtc.firewall.plugins.plugin_utils._targets import OPTIONS, sampled

BOTH = ["vonage", "liveavatar"]
# id: kind, transport, hosts, ports; what is not here has no server in the documents.
KNOWN = {
    "liveavatar/api": ("https", "tls", ["api.liveavatar.com"], [443]),
    "liveavatar/signaling": ("https", "tls", ["heygen-feapbkvq.livekit.cloud"], [443]),
    "liveavatar/turn-tls": ("turn", "tls", ["heygen-feapbkvq.turn.livekit.cloud"], [443]),
    "vonage/sip-udp": ("sip", "udp", ["216.147.0.1", "216.147.3.1", "216.147.5.2"], [5060]),
    "vonage/sip-tcp": ("sip", "tcp", ["216.147.0.1", "216.147.3.1", "216.147.5.2"], [5060]),
    "vonage/sip-tls": ("sip", "tls", ["216.147.0.1", "216.147.3.1", "216.147.5.2"], [5061]),
}
NO_SERVER = {
    "vonage/turn-udp",
    "vonage/turn-tcp",
    "vonage/rtp-media",
    "liveavatar/turn-udp",
    "liveavatar/media-udp",
    "liveavatar/media-tcp",
}


def probes(services: Any, targets: Any = None, **site: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for probe in plan(services, targets, site).probes:
        found.setdefault(probe["id"], []).append(probe)
    return found


def refused(targets: Any, services: Any = ("vonage",), **site: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        plan(list(services), targets, site)
    return str(caught.value)


@pytest.mark.parametrize("name", KNOWN)
def test_hosts_of_the_documents_are_probed(name: str) -> None:
    seen = probes(BOTH)[name]
    kind, transport, hosts, ports = KNOWN[name]
    assert {(one["kind"], one["transport"], tuple(one["ports"])) for one in seen} == {(kind, transport, tuple(ports))}
    assert [one["host"] for one in seen] == hosts


def test_vonage_signaling_is_probed_at_all_listed_names() -> None:
    seen = [one["host"] for one in probes(BOTH)["vonage/signaling"]]
    assert len(seen) == 24
    assert {"api-us-3.vonage.com", "ws-ap-4.vonage.com", "api.nexmo.com", "ws-eu-2.nexmo.com"} <= set(seen)


def test_what_has_no_server_is_told() -> None:
    assert set(plan(BOTH, None, {}).untested) == NO_SERVER


def test_subdomain_of_the_site() -> None:
    services = [{"name": "liveavatar", "variables": {"subdomain": "acme"}}]
    assert probes(services)["liveavatar/signaling"][0]["host"] == "acme.livekit.cloud"


def test_hosts_that_an_override_leaves_out_are_not_probed() -> None:
    services = [
        {"name": "vonage", "overrides": {"signaling": {"destinations": ["*.nexmo.com"]}, "sip": {"destinations": ["216.147.3.0/24"]}}}
    ]
    seen = probes(services)
    assert {one["host"].partition(".")[2] for one in seen["vonage/signaling"]} == {"nexmo.com"}
    assert [one["host"] for one in seen["vonage/sip-udp"]] == ["216.147.3.1"]


def test_other_families_are_left_out() -> None:
    found = plan(["vonage"], None, {"families": ["ipv6"], "baseline": "existing"})
    assert "vonage/sip-udp" not in {probe["id"] for probe in found.probes}
    assert "vonage/sip-udp" in found.untested
    assert all(probe["families"] == ["ipv6"] for probe in found.probes)


def test_what_is_planned_is_what_module_probe_takes() -> None:
    targets = [
        {"requirement": "vonage/turn-udp", "host": "216.147.1.1", "username": "lab", "password": "secret"},
        {"requirement": "vonage/rtp-media", "host": "168.100.64.1"},
        {"kind": "nat", "host": "216.147.1.1", "port": 3478, "second_host": "216.147.2.1", "second_port": 3478},
    ]
    assert _probe_input.read(plan(BOTH, targets, {}).probes, None, None)


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (((443, 443),), [443]),
        (((10000, 50000),), [10000, 30000, 50000]),
        (((50000, 60000),), [50000, 55000, 60000]),
        (((1, 2), (10, 10)), [1, 2, 10]),
    ],
)
def test_ranges_are_sampled_at_their_ends_and_middle(ports: Any, expected: list[int]) -> None:
    assert sampled(ports) == expected


def test_many_ranges_are_few_ports_from_end_to_end() -> None:
    seen = sampled(tuple((port, port + 10) for port in range(1000, 60000, 20)))
    assert (seen[0], seen[-1]) == (1000, 59990)
    assert len(seen) <= 31


def test_targets_stand_in_for_the_catalogs_hosts() -> None:
    seen = probes(["vonage"], [{"requirement": "vonage/sip-tls", "host": "216.147.9.9"}])["vonage/sip-tls"]
    assert seen == [{"id": "vonage/sip-tls", "host": "216.147.9.9", "kind": "sip", "transport": "tls", "ports": [5061]}]


def test_targets_take_kind_transport_and_ports_from_the_catalog() -> None:
    targets = [{"requirement": "vonage/turn-tcp", "host": "turn.example.com"}, {"requirement": "vonage/rtp-media", "host": "216.147.1.1"}]
    seen = probes(["vonage"], targets)
    assert [(one["kind"], one["transport"], one["ports"]) for one in seen["vonage/turn-tcp"]] == [("turn", "tcp", [443])]
    assert [(one["kind"], one["transport"], one["ports"]) for one in seen["vonage/rtp-media"]] == [("stream", "udp", [10000, 30000, 50000])]


def test_targets_of_what_the_site_leaves_out_are_left_out() -> None:
    targets = [{"requirement": "vonage/rtp-media", "host": "216.147.1.1"}, {"requirement": "liveavatar/turn-udp", "host": "192.0.2.1"}]
    assert "vonage/rtp-media" not in probes(["vonage"], targets, tier="minimum")
    assert "liveavatar/turn-udp" not in probes(["vonage"], targets)


def test_a_service_of_the_sites_own_may_have_checks_or_none() -> None:
    row = {"destinations": ["192.0.2.0/24"], "protocol": "tcp", "ports": [443]}
    own = {
        "service": "own",
        "requirements": [{"id": "web", **row, "checks": [{"kind": "tls", "hosts": ["192.0.2.7"]}]}, {"id": "other", **row}],
    }
    found = plan(["own"], None, {"custom_services": [own]})
    assert [(probe["id"], probe["host"], probe["kind"]) for probe in found.probes] == [("own/web", "192.0.2.7", "tls")]
    assert found.untested == {"own/other": "nothing is known of how to probe it: name a target with a kind"}
    seen = plan(["own"], [{"requirement": "own/other", "kind": "tcp", "host": "192.0.2.8"}], {"custom_services": [own]})
    assert seen.untested == {}
    assert "kind" in refused([{"requirement": "own/other", "host": "192.0.2.8"}], ["own"], custom_services=[own])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"requirement": "vonage/turn-udp", "host": "192.0.2.1"}, "[0].host: got '192.0.2.1', expected an address in 216.147.0.0/18"),
        ({"requirement": "vonage/turn-udp", "host": "216.147.64.0"}, "[0].host"),
        (
            {"requirement": "vonage/turn-udp", "host": "216.147.1.1", "port": 3479},
            "[0].port: got 3479, expected ports of vonage/turn-udp: 3478",
        ),
        ({"requirement": "vonage/rtp-media", "host": "216.147.1.1", "ports": ["9999-10001"]}, "[0].ports"),
        ({"requirement": "vonage/turn-upd", "host": "216.147.1.1"}, "[0].requirement: got 'vonage/turn-upd', expected an id such as"),
        (
            {"requirement": "vonage/sip-tls", "kind": "udp", "host": "216.147.0.1"},
            "[0].kind: got 'udp', expected a kind that goes over tcp",
        ),
        ({"requirement": "vonage/sip-udp", "transport": "tls", "host": "216.147.0.1"}, "[0].transport: got 'tls', expected udp"),
        ({"requirement": "vonage/sip-udp"}, "[0].host: got nothing, expected an address or a host name"),
        ({"requirement": "vonage/turn-udp", "kind": "nat", "host": "1.2.3.4"}, "[0].requirement"),
        ({"requirement": "vonage/turn-udp", "host": "216.147.1.1", "passwrd": "hunter2"}, "[0]: got 'passwrd', expected only the keys"),
        ("vonage/turn-udp", "[0]: got 'a str', expected a mapping"),
    ],
)
def test_wrong_targets_are_told_with_their_paths(target: Any, expected: str) -> None:
    assert f"webrtc_verify_targets{expected}" in refused([target])


def test_all_problems_at_once_and_no_secret_among_them() -> None:
    secret = "hunter2 hunter2"
    targets = [
        {"requirement": "vonage/turn-udp", "host": "216.147.1.1", "password": secret},
        {
            "requirement": "vonage/turn-udp",
            "host": "216.147.1.1",
            "kind": "turn",
            "token": secret,
            "username": "u",
            "password": {"a": secret},
        },
        {"requirement": "vonage/nothing", "host": "216.147.1.1", "password": secret},
        secret,
        {secret: 1, "requirement": 5},
    ]
    said = refused(targets)
    assert all(f"webrtc_verify_targets[{index}]" in said for index in range(5))
    assert secret not in said.replace(f"got '{secret}', expected only the keys", "")
    # A mapping in the place of the list would show all it holds.
    said = refused({"requirement": "vonage/turn-udp", "password": secret})
    assert secret not in said
    assert "webrtc_verify_targets: got 'a dict', expected a list" in said


def test_more_endpoints_than_a_run_takes() -> None:
    target = {"requirement": "vonage/rtp-media", "kind": "udp", "host": "216.147.1.1", "ports": ["10000-50000"]}
    assert "webrtc_verify_targets: got 240" in refused([target] * 3)


def test_options_are_those_of_module_probe() -> None:
    text = (Path(_probe_input.__file__).parents[1] / "modules" / "probe.py").read_text(encoding="utf-8")
    spec = text.partition("\nPROBE = {")[2].partition("\n}\n")[0]
    assert sorted([*OPTIONS, "id"]) == sorted(re.findall(r'^    "([a-z_]+)":', spec, re.MULTILINE))
