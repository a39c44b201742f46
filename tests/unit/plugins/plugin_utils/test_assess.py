# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assessment as a whole: what to change, gateways, NAT, summary, and evidence of every kind of wrong shape."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess import assess

BOTH = ["vonage", "liveavatar"]
LOG = "webrtc-firewall drop: IN=lan0 OUT=wan0 SRC=10.1.2.3 DST=216.147.1.1 PROTO=UDP SPT=40012 DPT=3478"


def result(name: str, verdict: str = "open", endpoint: str = "216.147.1.1:3478/udp", kind: str = "turn", **facts: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "endpoint": endpoint, "family": "ipv4", "verdict": verdict, "seconds": 0.1, "facts": facts}


def line(destination: str = "216.147.1.1", port: Any = 3478, protocol: str = "udp") -> dict[str, Any]:
    told = {"time": "2026-11-21T12:00:01Z", "line": LOG, "source": "10.1.2.3"}
    return {**told, "protocol": protocol, "destination": destination, "port": port}


def gateway(before: int | None = 5, after: int | None = 5, **seen: Any) -> dict[str, Any]:
    """A gateway whose counter of vonage/turn-udp was seen twice; None for no such flow, beside another."""

    def info(packets: int | None) -> dict[str, Any]:
        flows = [{"id": "vonage/signaling", "packets": 7}]
        return {"present": True, "flows": flows if packets is None else [*flows, {"id": "vonage/turn-udp", "packets": packets}]}

    return {"before": {"info": info(before), "gateway": {}}, "after": {"info": info(after), "gateway": seen}}


def seen(*results: dict[str, Any], gateways: Any = None, points: Any = None, **options: Any) -> dict[str, Any]:
    evidence = {"vantage_points": points or {"office": {"results": list(results)}}, "gateways": gateways or {}}
    return assess(options.pop("services", BOTH), options, evidence)


def remedy(*results: dict[str, Any], **more: Any) -> str:
    rows = seen(*results, **more)["vantage_points"][0]["requirements"]
    return next(str(row["remedy"]) for row in rows if row["id"] == results[0]["id"])


# What comes back for turn-udp, and what the remedy must say of it.
OPENING = "UDP 3478 out to 216.147.0.0/18 and 168.100.64.0/18"
SOURCE = "(vonage/turn-udp; TrueEngage document, section 2 (STUN / TURN Servers) and its summary table, row TURN (minimum))"
CHANGES = {
    "timed-out": ({}, f"Let {OPENING} {SOURCE}."),
    "refused": ({}, f"Let {OPENING} {SOURCE}. Something says that the port is closed"),
    "prohibited": (
        {"icmp": {"type": 3, "code": 13, "sender": "10.1.0.254"}},
        f"On the filter at 10.1.0.254, which forbids it: let {OPENING} {SOURCE}.",
    ),
    "reset": ({}, f"Let {OPENING} {SOURCE}. Connections come up and are cut before an answer"),
    "unreachable": ({}, f"Give this machine a route to 216.147.0.0/18 and 168.100.64.0/18 {SOURCE}"),
    "name-not-found": ({"host": "turn.example.com"}, "Have the DNS resolver of this network answer for turn.example.com"),
    "bad-answer": ({}, f"Let {OPENING} {SOURCE}. Something else answers in the server's place"),
    "one-way": ({}, f"Let the answers to {OPENING} back in {SOURCE}"),
}


@pytest.mark.parametrize("verdict", CHANGES)
def test_change_says_what_to_do(verdict: str) -> None:
    facts, expected = CHANGES[verdict]
    found = seen(result("vonage/turn-udp", verdict, why="x", **facts))["vantage_points"][0]
    assert next(row["remedy"] for row in found["requirements"] if row["id"] == "vonage/turn-udp").startswith(expected)
    service = next(one for one in found["services"] if one["name"] == "vonage")
    assert [text[:40] for text in service["change"]] == [expected[:40]]


def test_change_for_any_address_and_for_suffixes() -> None:
    assert remedy(result("liveavatar/media-udp", "timed-out")).startswith("Let UDP 50000-60000 out to any address (liveavatar/media-udp; ")
    assert remedy(result("liveavatar/turn-udp", "timed-out")).startswith("Let UDP 3478 out to *.host.livekit.cloud (liveavatar/turn-udp; ")


def test_change_names_the_inspecting_issuer() -> None:
    certificate = {"issuer": "O=Zscaler Inc., CN=Zscaler Root CA", "expired": False}
    said = remedy(result("vonage/signaling", endpoint="203.0.113.1:443/tls", certificate=certificate, trusted=True))
    assert said.startswith("Exempt *.vonage.com and *.nexmo.com on TCP 443 from TLS inspection")
    assert "O=Zscaler Inc., CN=Zscaler Root CA" in said


def test_change_of_what_calls_fail_by_comes_first() -> None:
    results = [result("vonage/sip-udp", "timed-out"), result("vonage/signaling", "reset"), result("vonage/rtp-media", loss_percent=9)]
    service = seen(*results, services=["vonage"])["vantage_points"][0]["services"][0]
    assert ["vonage/signaling" in text for text in service["change"]] == [True, False, False]
    assert service["blame"] == ["vonage/signaling"]


def test_an_address_without_the_name_in_its_certificate_is_no_inspection() -> None:
    certificate = {"issuer": "C=US, O=DigiCert Inc, CN=DigiCert TLS RSA SHA256 2020 CA1", "expired": False}
    error = "IP address mismatch, certificate is not valid for '216.147.0.1'"
    found = seen(result("vonage/sip-tls", endpoint="216.147.0.1:5061/tls", certificate=certificate, trusted=False, trust_error=error))
    row = next(one for one in found["vantage_points"][0]["requirements"] if one["id"] == "vonage/sip-tls")
    assert (row["verdict"], row["cause"]) == ("open", "open")


BLOCKED = result("vonage/turn-udp", "timed-out", why="no answer", local="10.1.2.3:40012")
CONNECTION = {"endpoint": "216.147.1.1:3478/udp", "source": "10.1.2.3:40012"}
# What a gateway has seen of it, and what is said of whose doing it is; nothing where nothing can be said.
DOINGS = {
    "its log names the endpoint": (gateway(dropped=[line()]), "Dropped by gateway gw1 itself, as its log says: webrtc-firewall drop"),
    "its log names the endpoint in capitals": (gateway(dropped=[line(protocol="UDP", port="3478")]), "Dropped by gateway gw1 itself"),
    "its log names another port": (gateway(dropped=[line(port=3479)]), "It never reached gateway gw1"),
    "its log names another address": (gateway(dropped=[line("216.147.1.2")]), "It never reached gateway gw1"),
    "its log names another protocol": (gateway(dropped=[line(protocol="tcp")]), "It never reached gateway gw1"),
    "its counter rose": (gateway(5, 9), "It left gateway gw1 (its counter for vonage/turn-udp rose by 4 packets), and nothing came back"),
    "its counter did not": (gateway(5, 5), "It never reached gateway gw1 (its counter for vonage/turn-udp did not rise)"),
    "its counter began anew": (gateway(9, 5), ""),
    "its counter was not seen before": (gateway(None, 5), ""),
    "it has no such flow": (gateway(None, None), "As for gateway gw1, it has no rule for vonage/turn-udp: run webrtc_egress there"),
    "it dropped it and has no such flow": (gateway(None, None, dropped=[line()]), "And it has no rule for vonage/turn-udp"),
    "it has none of our rules": (
        {"after": {"info": {"present": False, "flows": []}}},
        "None of the collection's rules is live on gateway gw1: run webrtc_egress there.",
    ),
    "its connection without an answer": (
        gateway(5, 9, flows_seen=[{**CONNECTION, "replied": False}]),
        "It left gateway gw1 (its table of connections has it), and nothing came back",
    ),
    "its connection with an answer": (
        gateway(5, 9, flows_seen=[{**CONNECTION, "replied": True}]),
        "Answers came back to gateway gw1 (its table of connections has them)",
    ),
    "another's connection": (
        gateway(5, 9, flows_seen=[{**CONNECTION, "source": "10.9.9.9:1", "replied": True}]),
        "It left gateway gw1 (its counter",
    ),
    "it could not be asked": ({"error": "unreachable"}, ""),
    "it was not looked at": ({}, ""),
}


@pytest.mark.parametrize("case", DOINGS)
def test_whose_doing_it_is(case: str) -> None:
    evidence, expected = DOINGS[case]
    said = remedy(BLOCKED, gateways={"gw1": evidence}, services=["vonage"])
    assert expected in said
    if not expected:
        assert said == f"Let {OPENING} {SOURCE}."


def test_nobody_is_accused_of_what_dns_or_tls_says() -> None:
    unknown = {**result("vonage/signaling", "name-not-found", "api.nexmo.com:443/tls"), "family": None}
    assert "gw1" not in remedy(unknown, gateways={"gw1": gateway(5, 5, dropped=[line()])})


def test_counters_are_of_all_machines() -> None:
    points = {"office": {"results": [BLOCKED]}, "branch": {"results": [result("vonage/turn-udp")]}}
    found = seen(points=points, gateways={"gw1": gateway(5, 9)})
    said = next(row["remedy"] for row in found["vantage_points"][0]["requirements"] if row["id"] == "vonage/turn-udp")
    assert "rose by 4 packets, those of other machines among them" in said


def test_dropped_lines_name_what_they_concern() -> None:
    lines = [
        line(),
        line("168.100.64.9", 20000),
        line("216.147.9.9", 5061, "tcp"),
        line("168.100.64.9", 3478, "tcp"),
        line("192.0.2.1", 53),
        line("216.147.64.0", 3478),
        line(port=None),
        {"time": "", "line": "x"},
    ]
    shown = seen(BLOCKED, gateways={"gw1": gateway(dropped=lines)})["gateways"][0]["dropped"]
    assert [one["ids"] for one in shown] == [["vonage/turn-udp"], ["vonage/rtp-media"], ["vonage/sip-tls"], [], [], [], [], []]
    assert set(shown[0]) == {"time", "line", "ids"}


def test_media_is_aimed_at_its_relay() -> None:
    media = result("vonage/rtp-media", "timed-out", kind="media", relay="216.147.1.1:20000", relay_port=20000, why="x")
    shown = seen(media, gateways={"gw1": gateway(dropped=[line(port=20000)])})
    assert shown["gateways"][0]["dropped"][0]["ids"] == ["vonage/rtp-media"]
    assert "Dropped by gateway gw1 itself" in next(
        row["remedy"] for row in shown["vantage_points"][0]["requirements"] if row["id"] == "vonage/rtp-media"
    )


def test_media_by_a_port_that_is_not_the_requirements_says_nothing() -> None:
    for verdict in ("open", "timed-out"):
        media = result("vonage/rtp-media", verdict, kind="media", relay="216.147.1.1:50001", relay_port=50001)
        row = next(one for one in seen(media)["vantage_points"][0]["requirements"] if one["id"] == "vonage/rtp-media")
        assert (row["verdict"], "port 50001" in row["why"]) == ("untested", True)


def finding(severity: str = "harmful", name: str = "sip-helper", **more: Any) -> dict[str, Any]:
    return {"id": name, "severity": severity, "what": "it rewrites SIP", "where": "nft", "remedy": "Remove it.", "flows": [], **more}


def test_findings_are_told_once_the_worst_first() -> None:
    evidence = {
        "before": {"gateway": {"findings": [finding(), finding("note", "gone")]}},
        "after": {"gateway": {"findings": [finding("warning", "udp-timeout"), finding(remedy="Later.")]}},
    }
    shown = seen(gateways={"gw1": evidence})["gateways"][0]["findings"]
    assert [(one["id"], one["severity"]) for one in shown] == [("sip-helper", "harmful"), ("udp-timeout", "warning"), ("gone", "note")]
    assert shown[0]["remedy"] == "Later."


def test_a_flood_of_logged_packets_is_bounded_and_told() -> None:
    shown = seen(gateways={"gw1": gateway(dropped=[line()] * 5000)})["gateways"][0]
    assert len(shown["dropped"]) == 1000
    assert "4000 further lines" in shown["findings"][-1]["what"]


def nat(mapping: str, **more: Any) -> dict[str, Any]:
    return {**result("nat", kind="nat", mapping=mapping, local="10.1.2.3:4", mapped="198.51.100.7:31001"), **more}


@pytest.mark.parametrize(("mapping", "remedied"), [("none", False), ("endpoint-independent", False), ("symmetric", True)])
def test_nat(mapping: str, remedied: bool) -> None:
    shown = seen(nat(mapping))["vantage_points"][0]["nat"]
    assert shown["mapping"] == mapping
    assert ("Avoid symmetric NAT if possible" in shown["remedy"]) == remedied


@pytest.mark.parametrize(
    ("facts", "why", "remedied"),
    [
        ({"mapping_lost": True, "mapping_kept_seconds": None}, "a mapping was lost while nothing was sent", True),
        ({"mapping_lost": False, "mapping_kept_seconds": 60.0}, "a mapping outlived 60 seconds without packets", False),
        ({"mapping_lost": None, "mapping_kept_seconds": None}, "the way back", False),
    ],
)
def test_nat_that_forgets(facts: dict[str, Any], why: str, remedied: bool) -> None:
    seen_facts = nat("endpoint-independent")["facts"]
    shown = seen(nat("endpoint-independent", facts={**seen_facts, **facts}))["vantage_points"][0]["nat"]
    assert why in shown["why"]
    assert ("RFC 4787, REQ-5" in shown["remedy"]) == remedied


def test_nat_may_forget_after_minutes() -> None:
    lost = nat("none", seconds=301.0)
    lost["facts"]["mapping_lost"] = True
    shown = seen(lost)["vantage_points"][0]["nat"]
    assert ("was lost" in shown["why"], shown["remedy"]) == (True, "")


def test_nat_that_could_not_be_seen_or_was_not_asked_for() -> None:
    assert seen(BLOCKED)["vantage_points"][0]["nat"] is None
    assert seen({**nat(""), "verdict": "timed-out", "facts": {}})["vantage_points"][0]["nat"] is None


def test_the_worse_family_counts_and_the_gateway_is_named() -> None:
    guilty = {"after": {"gateway": {"findings": [finding("warning", "masquerade-random", where="nft ip nat postrouting")]}}}
    shown = seen(nat("none"), nat("symmetric"), gateways={"gw1": guilty})["vantage_points"][0]["nat"]
    assert shown["mapping"] == "symmetric"
    assert "Gateway gw1: it rewrites SIP (nft ip nat postrouting)" in shown["remedy"]


ALL_OPEN = [result(f"vonage/{name}") for name in ("rtp-media", "signaling", "sip-tcp", "sip-tls", "sip-udp", "turn-tcp", "turn-udp")]
# What else was seen beside all open: whether all is well.
WELL: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, True),
    "a blocked requirement": ({"points": {"office": {"results": [*ALL_OPEN, {**BLOCKED, "endpoint": "168.100.64.1:3478/udp"}]}}}, False),
    "something untested": ({"points": {"office": {"results": ALL_OPEN[1:]}}}, True),
    "nothing tested": ({"points": {"office": {"results": []}}}, False),
    "a machine that could not be asked": ({"points": {"office": {"results": ALL_OPEN}, "branch": {"error": "no route"}}}, False),
    "a gateway that could not be asked": ({"gateways": {"gw1": {"error": "no route"}}}, False),
    "a harmful setting": ({"gateways": {"gw1": {"after": {"gateway": {"findings": [finding()]}}}}}, False),
    "a warning": ({"gateways": {"gw1": {"after": {"gateway": {"findings": [finding("warning")]}}}}}, True),
}


@pytest.mark.parametrize("case", WELL)
def test_summary_is_ok_if_all_is_well(case: str) -> None:
    more, good = WELL[case]
    summary = seen(*ALL_OPEN, services=["vonage"], **more)["summary"]
    assert summary["ok"] == good
    assert summary["headline"].endswith(".")


def test_headlines() -> None:
    def headline(*results: dict[str, Any], **more: Any) -> str:
        return str(seen(*results, services=["vonage"], **more)["summary"]["headline"])

    assert headline(*ALL_OPEN) == "Calls of Vonage WebRTC voice work from office."
    assert headline() == "Nothing was tested, so nothing is known of calls."
    blocked = [{**one, "verdict": "reset"} if one["id"] == "vonage/signaling" else one for one in ALL_OPEN]
    assert headline(*blocked) == "Calls fail: Vonage WebRTC voice calls cannot be set up from office; 1 of 7 checks does not get through."
    assert headline(points={"a": {"error": "x"}}) == "Nothing was tested, so nothing is known of calls; no answer from a."


def test_verdicts_are_counted() -> None:
    assert seen(*ALL_OPEN[1:], BLOCKED | {"id": "liveavatar/turn-udp"})["summary"]["verdicts"] == {
        "open": 6,
        "blocked": 1,
        "intercepted": 0,
        "untested": 6,
    }


@pytest.mark.parametrize("evidence", [None, {}])
def test_change_request(evidence: Any) -> None:
    shown = assess(BOTH, {"sources": ["192.0.2.0/24"]}, evidence, title="Calls", time="2026-11-21T12:00:00Z")
    assert (shown["kind"], shown["title"], shown["time"]) == ("change_request", "Calls", "2026-11-21T12:00:00Z")
    assert (shown["vantage_points"], shown["gateways"], shown["summary"]["ok"]) == ([], [], False)
    assert shown["site"] == {
        "tier": "recommended",
        "placement": "gateway",
        "baseline": "existing",
        "wildcards": "hostnames",
        "families": ["ipv4", "ipv6"],
        "sources": ["192.0.2.0/24"],
    }
    rows = {row["id"]: row for service in shown["services"] for row in service["requirements"]}
    assert len(rows) == 13
    assert rows["vonage/turn-tcp"]["fallback_of"] == "vonage/turn-udp"
    assert rows["vonage/rtp-media"]["ports"] == ["10000-50000"]
    assert rows["vonage/turn-udp"]["rule"] == "udp 3478 to 168.100.64.0/18, 216.147.0.0/18"
    assert rows["vonage/turn-udp"]["destinations"] == ["216.147.0.0/18", "168.100.64.0/18"]


def test_what_the_policy_cannot_open_is_said() -> None:
    shown = seen({**BLOCKED, "id": "liveavatar/turn-udp"}, gateways={"gw1": gateway(None, None)})
    row = next(row for service in shown["services"] for row in service["requirements"] if row["id"] == "liveavatar/turn-udp")
    assert row["rule"] == ""
    assert "*.host.livekit.cloud" in row["unsatisfied"]
    said = next(one["remedy"] for one in shown["vantage_points"][0]["requirements"] if one["id"] == "liveavatar/turn-udp")
    assert "This site's own policy does not open all of it: " in said
    # The gateway cannot have a rule for it, whatever is run there.
    assert "has no rule for" not in said


def test_results_that_nobody_asked_for_are_named() -> None:
    shown = seen(result("liveavatar/turn-tcp"), result("other"), *ALL_OPEN)["vantage_points"][0]
    assert shown["ignored"] == ["liveavatar/turn-tcp", "other"]


def test_it_is_json() -> None:
    shown = seen(BLOCKED, nat("symmetric"), gateways={"gw1": gateway(dropped=[line()])})
    assert json.loads(json.dumps(shown)) == shown


def test_targets_and_their_secrets_are_not_in_it() -> None:
    targets = [{"requirement": "vonage/turn-udp", "host": "216.147.1.1", "username": "someuser", "password": "hunter2"}]
    shown = assess(["vonage"], {}, {"vantage_points": {"office": {"results": [BLOCKED]}}}, targets)
    assert "hunter2" not in json.dumps(shown)
    assert "someuser" not in json.dumps(shown)


# Evidence of a wrong shape, and the path that must be told.
WRONG = {
    "a list": ([1], "evidence: "),
    "a text": ("x", "evidence: "),
    "unknown key": ({"vantage": {}}, "evidence: got 'vantage'"),
    "points as a list": ({"vantage_points": [1]}, "evidence.vantage_points: "),
    "point": ({"vantage_points": {"a": 1}}, "evidence.vantage_points.a: "),
    "results": ({"vantage_points": {"a": {"results": "x"}}}, "evidence.vantage_points.a.results: "),
    "result": ({"vantage_points": {"a": {"results": ["x"]}}}, "evidence.vantage_points.a.results[0]: "),
    "no verdict": (
        {"vantage_points": {"a": {"results": [{"id": "x", "endpoint": "y"}]}}},
        "evidence.vantage_points.a.results[0].verdict: ",
    ),
    "verdict": (
        {"vantage_points": {"a": {"results": [result("x", "fine")]}}},
        "results[0].verdict: got 'fine', expected one of open, timed-out",
    ),
    "facts": ({"vantage_points": {"a": {"results": [{**result("x"), "facts": [1]}]}}}, "results[0].facts: "),
    "error": ({"vantage_points": {"a": {"error": 5}}}, "evidence.vantage_points.a.error: "),
    "gateway": ({"gateways": {"a": {"during": 1}}}, "evidence.gateways.a: got 'during'"),
    "info": ({"gateways": {"a": {"after": {"info": 1}}}}, "evidence.gateways.a.after.info: "),
    "flow": ({"gateways": {"a": {"after": {"info": {"flows": [{"id": 1, "packets": "x"}]}}}}}, "evidence.gateways.a.after.info.flows[0]: "),
    "finding": ({"gateways": {"a": {"after": {"gateway": {"findings": [{"id": "x"}]}}}}}, "after.gateway.findings[0].severity: "),
    "severity": ({"gateways": {"a": {"after": {"gateway": {"findings": [finding("bad")]}}}}}, "findings[0].severity: got 'bad'"),
    "dropped": ({"gateways": {"a": {"after": {"gateway": {"dropped": ["x"]}}}}}, "after.gateway.dropped[0]: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_evidence_of_a_wrong_shape(case: str) -> None:
    evidence, expected = WRONG[case]
    with pytest.raises(InvalidInput) as caught:
        assess(BOTH, {}, evidence)
    assert expected in str(caught.value)


def test_everything_that_is_wrong_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        assess(["vonage"], {}, {"vantage": {}}, [{"requirement": "x"}], time=5, title=[1], inspection_issuers="x")
    said = str(caught.value)
    assert all(path in said for path in ("evidence:", "webrtc_verify_targets[0].requirement", "time:", "title:", "inspection_issuers:"))
    with pytest.raises(InvalidInput) as caught:
        assess(["vonnage"], {"tier": "x"}, {"vantage": {}}, [{"requirement": "x"}])
    said = str(caught.value)
    assert all(path in said for path in ("webrtc_egress_services[0]", "webrtc_egress_tier", "evidence:"))


def test_ten_thousand_results() -> None:
    results = [result("vonage/rtp-media", "timed-out", f"216.147.{n >> 8}.{n & 255}:10000/udp", why="no answer") for n in range(10000)]
    begin = time.monotonic()
    shown = seen(*results, gateways={"gw1": gateway(dropped=[line("216.147.63.255", 9999)] * 2000)})
    assert time.monotonic() - begin < 10
    row = next(one for one in shown["vantage_points"][0]["requirements"] if one["id"] == "vonage/rtp-media")
    assert row["why"].startswith("10000 of 10000 endpoints: ")
    assert len(row["why"]) < 500
    assert len(row["remedy"]) < 2000


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(5000).map(lambda digits: 10**digits),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FACTS = [
    "certificate", "trusted", "trust_error", "why", "stopped_after", "loss_percent", "loss_percent_in", "icmp", "host", "code", "status",
    "relay", "relay_port", "mapping", "local", "mapped", "second_mapped",
]  # fmt: skip
RESULT = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["vonage/turn-udp", "vonage/signaling", "vonage/rtp-media", "nat", "x"]),
        "endpoint": st.sampled_from(["216.147.1.1:3478/udp", "api.nexmo.com:443/tls", "[::1]:1/tcp", "", "x:99999/udp"])
        | st.text(max_size=8),
        "verdict": st.sampled_from(["open", "timed-out", "prohibited", "one-way", "bad-answer", "name-not-found", "untested"]),
    },
    optional={
        "kind": st.sampled_from(["media", "nat", "stream"]) | JUNK,
        "family": JUNK,
        "facts": st.dictionaries(st.sampled_from(FACTS), JUNK | st.fixed_dictionaries({"issuer": JUNK, "sender": JUNK, "expired": JUNK})),
    },
)
DROPPED = st.dictionaries(
    st.sampled_from(["time", "line", "protocol", "destination", "port"]), JUNK | st.sampled_from(["udp", "216.147.1.1", 3478])
)
SEEN = st.dictionaries(st.sampled_from(["endpoint", "source", "replied"]), JUNK | st.sampled_from(["216.147.1.1:3478/udp"]))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RESULT, max_size=4), st.lists(DROPPED, max_size=2), st.lists(SEEN, max_size=2), JUNK)
def test_whatever_machines_answer_is_assessed_or_refused(results: Any, dropped: Any, flows_seen: Any, junk: Any) -> None:
    evidence = {
        "vantage_points": {"office": {"results": results}},
        "gateways": {"gw1": gateway(dropped=dropped, flows_seen=flows_seen), "gw2": {"after": {"gateway": {"findings": junk}}}},
    }
    for some in (evidence, {**evidence, "gateways": {}}, junk):
        try:
            assert json.dumps(assess(["vonage"], {}, some))
        except InvalidInput as error:
            assert "evidence" in str(error)
