# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as Ansible calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible.errors", reason="filters run on the controller, which has ansible-core")

import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.webrtc.firewall.plugins.doc_fragments.site import ModuleDocFragment
from ansible_collections.webrtc.firewall.plugins.filter import assessment, checks, policy, render, requirements
from ansible_collections.webrtc.firewall.plugins.plugin_utils._site import DEFAULTS

PLAIN = {str, int, bool, list, dict, type(None)}


def filter_of(module: Any) -> Any:
    (function,) = module.FilterModule().filters().values()
    return function


def types_in(data: Any) -> set[type]:
    inner = [*data, *data.values()] if isinstance(data, dict) else data if isinstance(data, list) else []
    return {type(data)}.union(*map(types_in, inner))


@pytest.fixture
def inventory(tmp_path: Path) -> Any:
    """Variables as Ansible loads them: since core 2.19 as types of its own that remember where they were written."""
    path = tmp_path / "vars.yml"
    path.write_text(
        """
services:
  - name: vonage
    without: [sip]
    overrides: {media: {ports: ["10000", 10001-60000], destinations: [216.147.0.0/18]}}
  - {name: liveavatar, variables: {subdomain: acme}}
  - own
site:
  tier: recommended
  families: [ipv4]
  sources: [192.0.2.0/24]
  in_interfaces: [lan0]
  mark: 0x20000
  log_prefix: "drop "
  custom_services:
    - service: own
      requirements: [{id: web, destinations: [any, www.example.com], protocol: tcp, ports: [443], purpose: web, date: 2026-01-02}]
""",
        encoding="utf-8",
    )
    return DataLoader().load_from_file(str(path))


def test_policy_is_plain_data(inventory: Any) -> None:
    seen = filter_of(policy)(inventory["services"], **inventory["site"])
    assert types_in(seen) <= PLAIN
    assert json.loads(json.dumps(seen)) == seen
    assert [flow["id"] for flow in seen["services"]["vonage"]] == [
        "vonage/rtp-media",
        "vonage/signaling",
        "vonage/turn-tcp",
        "vonage/turn-udp",
    ]
    assert seen["services"]["vonage"][0] == {
        "id": "vonage/rtp-media",
        "protocol": "udp",
        "ports": [[10000, 60000]],
        "any": False,
        "ipv4": ["216.147.0.0/18"],
        "ipv6": [],
        "hostnames": [],
        "learned": [],
    }
    assert seen["frame"]["mark"] == 0x20000
    assert seen["frame"]["families"] == ["ipv4"]


def test_requirements_are_plain_data(inventory: Any) -> None:
    seen = filter_of(requirements)(inventory["services"], **inventory["site"])
    assert types_in(seen) <= PLAIN
    assert [f"{row['service']}/{row['id']}" for row in seen] == [
        "liveavatar/api",
        "liveavatar/media-tcp",
        "liveavatar/media-udp",
        "liveavatar/signaling",
        "liveavatar/turn-tls",
        "liveavatar/turn-udp",
        "own/web",
        "vonage/rtp-media",
        "vonage/signaling",
        "vonage/turn-tcp",
        "vonage/turn-udp",
    ]
    assert seen[6] == {
        "service": "own",
        "id": "web",
        "tier": "minimum",
        "purpose": "web",
        "date": "2026-01-02",
        "destinations": ["any"],
        "protocol": "tcp",
        "ports": [443],
    }


def test_checks_and_assessment_are_plain_data(inventory: Any, tmp_path: Path) -> None:
    path = tmp_path / "seen.yml"
    path.write_text(
        """
targets:
  - {requirement: vonage/rtp-media, host: 216.147.1.1, ports: [10001], username: someone, password: hunter2}
evidence:
  vantage_points:
    office:
      results:
        - id: vonage/rtp-media
          kind: stream
          endpoint: 216.147.1.1:10001/udp
          verdict: timed-out
          facts: {why: no answer, icmp: {code: 13}}
  gateways:
    gw1: {after: {info: {present: true, flows: [{id: vonage/rtp-media, packets: 1}]}, gateway: {dropped: [{time: now, line: "drop "}]}}}
""",
        encoding="utf-8",
    )
    given = DataLoader().load_from_file(str(path))
    planned = filter_of(checks)(inventory["services"], targets=given["targets"], **inventory["site"])
    seen = filter_of(assessment)(inventory["services"], **given, time="2026-11-21T12:00:00Z", **inventory["site"])
    for data in (planned, seen):
        assert types_in(data) <= {*PLAIN, float}
        assert json.loads(json.dumps(data)) == data
    (media,) = [probe for probe in planned["probes"] if probe["id"] == "vonage/rtp-media"]
    assert media["password"] == "hunter2"
    assert "hunter2" not in json.dumps(seen)
    assert planned["untested"].keys() >= {"own/web", "vonage/turn-udp"}
    row = next(row for row in seen["vantage_points"][0]["requirements"] if row["id"] == "vonage/rtp-media")
    assert (row["verdict"], row["endpoints"][0]["facts"]) == ("blocked", {"why": "no answer", "icmp": {"code": 13}})


@pytest.mark.parametrize("module", [checks, assessment])
def test_problems_of_targets_reach_the_user_without_secrets(module: Any) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        filter_of(module)(["vonnage"], targets=[{"password": "hunter2"}, "hunter2"], tier="some")
    assert "webrtc_egress_services[0]" in str(caught.value)
    assert "webrtc_egress_tier" in str(caught.value)
    assert "webrtc_verify_targets[1]" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("module", [policy, requirements])
def test_all_problems_reach_the_user(module: Any) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        filter_of(module)(["vonge"], tier="all", surprise=[1], families=[["ipv4"]])
    text = str(caught.value)
    for name in ("webrtc_egress_services[0]", "webrtc_egress_tier", "webrtc_egress_surprise", "webrtc_egress_families[0]"):
        assert f"{name}: got " in text


def test_render_gives_a_ruleset_with_the_flows() -> None:
    text = filter_of(render)(filter_of(policy)(["vonage"]))
    assert isinstance(text, str)
    for expected in ("webrtc_firewall", "vonage/rtp-media", "216.147.0.0/18", "10000-50000"):
        assert expected in text


def test_render_refuses_an_unknown_backend() -> None:
    with pytest.raises(AnsibleFilterError, match="got 'pf', expected one of firewalld, iptables, nftables"):
        filter_of(render)(filter_of(policy)(["vonage"]), backend="pf")


@pytest.mark.parametrize("given", [None, [], "text", {}, {"version": [1]}, {"version": 1, "frame": {}, "services": [], "unsatisfied": []}])
def test_render_refuses_what_is_no_policy(given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="policy"):
        filter_of(render)(given)


@pytest.mark.parametrize("module", [policy, requirements, render, checks, assessment])
def test_a_filter_is_named_like_its_file_and_documented(module: Any) -> None:
    (name,) = module.FilterModule().filters()
    assert module.__name__.rpartition(".")[2] == name
    document = yaml.safe_load(module.DOCUMENTATION)
    assert document["name"] == name
    assert document["version_added"] == "0.1.0"
    assert yaml.safe_load(module.RETURN)["_value"]["type"]
    assert yaml.safe_load(module.EXAMPLES)


def test_documented_options_and_defaults_are_the_real_ones() -> None:
    options = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    del options["_input"]
    assert {name: option["default"] for name, option in options.items()} == DEFAULTS
