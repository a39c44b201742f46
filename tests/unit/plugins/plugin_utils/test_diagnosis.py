# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verdicts come to. The tables are written by hand from the documents and from docs/assessment.md, not from what the code says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess import assess
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_tls import PRODUCTS, inspector

OPEN, BLOCKED, INTERCEPTED, UNTESTED = "open", "blocked", "intercepted", "untested"
VENDOR = "C=US, O=DigiCert Inc, CN=DigiCert Global G2 TLS RSA SHA256 2020 CA1"


def result(name: str, verdict: str = "open", endpoint: str = "216.147.1.1:3478/udp", kind: str = "turn", **facts: Any) -> dict[str, Any]:
    family = "ipv6" if endpoint.startswith("[") else "ipv4"
    return {"id": name, "kind": kind, "endpoint": endpoint, "family": family, "verdict": verdict, "seconds": 0.1, "facts": facts}


def tls(
    name: str, issuer: str = VENDOR, verdict: str = "open", trusted: bool = True, expired: bool = False, **facts: Any
) -> dict[str, Any]:
    certificate = {"issuer": issuer, "subject": "CN=x", "expired": expired, "not_after": "2025-06-01T00:00:00Z", "names": []}
    return result(name, verdict, "203.0.113.1:443/tls", "https", certificate=certificate, trusted=trusted, **facts)


def seen(results: list[dict[str, Any]], services: Any = ("vonage", "liveavatar"), **more: Any) -> dict[str, Any]:
    site = {key: more.pop(key) for key in list(more) if key not in ("targets", "inspection_issuers", "gateways")}
    evidence = {"vantage_points": {"office": {"results": results}}, "gateways": more.pop("gateways", {})}
    return assess(list(services), site, evidence, **more)


def row(results: list[dict[str, Any]], name: str, **more: Any) -> dict[str, Any]:
    point = seen(results, **more)["vantage_points"][0]
    return next(one for one in point["requirements"] if one["id"] == name)


def service(results: list[dict[str, Any]], name: str, **more: Any) -> dict[str, Any]:
    point = seen(results, **more)["vantage_points"][0]
    return next(one for one in point["services"] if one["name"] == name)


# What a probe saw: the verdict and the cause that it comes to.
SEEN = {
    "open": (result("vonage/turn-udp"), OPEN, "open"),
    "timed out": (result("vonage/turn-udp", "timed-out", why="no answer"), BLOCKED, "timed-out"),
    "refused": (result("vonage/turn-udp", "refused", why="x"), BLOCKED, "refused"),
    "prohibited": (result("vonage/turn-udp", "prohibited", why="x"), BLOCKED, "prohibited"),
    "reset": (result("vonage/turn-udp", "reset", why="x"), BLOCKED, "reset"),
    "unreachable": (result("vonage/turn-udp", "unreachable", why="x"), BLOCKED, "unreachable"),
    "name not found": (result("vonage/turn-udp", "name-not-found", why="x"), BLOCKED, "name-not-found"),
    "one way": (result("vonage/turn-udp", "one-way", why="x"), BLOCKED, "one-way"),
    "garbage": (result("vonage/turn-udp", "bad-answer", why="no STUN, but b'HTTP'"), BLOCKED, "bad-answer"),
    "the server's own refusal": (result("vonage/turn-udp", "bad-answer", code=401, why="x"), UNTESTED, "bad-answer"),
    "untested": (result("vonage/turn-udp", "untested", why="x"), UNTESTED, "untested"),
    "cut off": (result("vonage/turn-udp", "timed-out", stopped_after=50, why="x"), BLOCKED, "first-packets-then-block"),
    "cut off with ICMP": (result("vonage/turn-udp", "prohibited", stopped_after=50, why="x"), BLOCKED, "first-packets-then-block"),
    "loss": (result("vonage/turn-udp", loss_percent=5.6, stopped_after=None), OPEN, "loss"),
    "loss one way": (result("vonage/turn-udp", loss_percent_out=0.0, loss_percent_in=3.1), OPEN, "loss"),
    "a little loss": (result("vonage/turn-udp", loss_percent=3.0), OPEN, "open"),
    "vendor's certificate": (tls("vonage/signaling"), OPEN, "open"),
    "untrusted": (tls("vonage/signaling", "CN=far", trusted=False, trust_error="self-signed certificate"), INTERCEPTED, "inspection"),
    "untrusted, upgrade refused": (tls("vonage/signaling", "CN=x", "bad-answer", False, status=403), INTERCEPTED, "inspection"),
    "trusted product": (tls("vonage/signaling", "O=Zscaler Inc., CN=Zscaler Intermediate Root CA"), INTERCEPTED, "inspection"),
    "the site's own authority": (tls("vonage/signaling", "CN=ACME Corp Proxy CA"), INTERCEPTED, "inspection"),
    "expired": (tls("vonage/signaling", trusted=False, expired=True), BLOCKED, "certificate-expired"),
    "product, expired": (tls("vonage/signaling", "O=Fortinet", trusted=False, expired=True), INTERCEPTED, "inspection"),
    "clock": (tls("vonage/signaling", trusted=False, trust_error="certificate is not yet valid"), BLOCKED, "certificate-expired"),
}


@pytest.mark.parametrize("case", SEEN)
def test_one_result(case: str) -> None:
    given_result, verdict, cause = SEEN[case]
    found = row([given_result], given_result["id"], inspection_issuers=["Acme CORP Proxy"])
    assert (found["verdict"], found["cause"]) == (verdict, cause)
    assert found["endpoints"] == [given_result]
    assert bool(found["why"]) == (cause != "open")


def test_authorities_that_browsers_trust_are_no_products() -> None:
    names = [
        "C=US, O=DigiCert Inc, CN=DigiCert Global Root G2",
        "C=US, O=Let's Encrypt, CN=R11",
        "C=US, O=Google Trust Services, CN=WE1",
        "C=US, O=Amazon, CN=Amazon RSA 2048 M02",
        "C=GB, O=Sectigo Limited, CN=Sectigo Public Server Authentication CA DV R36",
        "C=BE, O=GlobalSign nv-sa, CN=GlobalSign Atlas R3 DV TLS CA 2025 Q1",
        "C=US, O=Microsoft Corporation, CN=Microsoft Azure RSA TLS Issuing CA 07",
        "C=US, ST=Arizona, O=GoDaddy.com, Inc., CN=Go Daddy Secure Certificate Authority - G2",
        "C=US, O=Cloudflare, Inc., CN=Cloudflare Inc ECC CA-3",
        "C=US, O=SSL Corporation, CN=Cloudflare TLS Issuing ECC CA 1",
        "C=US, O=Entrust, Inc., CN=Entrust Certification Authority - L1K",
        "C=CN, O=TrustAsia Technologies, Inc., CN=TrustAsia RSA DV TLS CA G3",
        "C=US, O=VeriSign, Inc., CN=Symantec Class 3 Secure Server CA - G4",
    ]
    assert [name for name in names if inspector(name, ())] == []
    assert all(text == text.casefold() for text in PRODUCTS)


# States of the servers of one requirement: its verdict and cause.
SEVERAL: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "all open": ([result("vonage/turn-udp", endpoint=f"216.147.1.{n}:3478/udp") for n in range(3)], OPEN, "open"),
    "one of two blocked": (
        [result("vonage/turn-udp"), result("vonage/turn-udp", "timed-out", "168.100.64.1:3478/udp")],
        BLOCKED,
        "timed-out",
    ),
    "one of two not reached in time": (
        [result("vonage/turn-udp"), result("vonage/turn-udp", "untested", "168.100.64.1:3478/udp")],
        OPEN,
        "open",
    ),
    "the cause that tells most": (
        [result("vonage/turn-udp", "timed-out"), result("vonage/turn-udp", "prohibited", "168.100.64.1:3478/udp")],
        BLOCKED,
        "prohibited",
    ),
    "IPv6 has no route": (
        [
            result("vonage/signaling", endpoint="203.0.113.1:443/tls", host="api.nexmo.com"),
            result("vonage/signaling", "unreachable", "[2001:db8::1]:443/tls", host="api.nexmo.com"),
        ],
        OPEN,
        "open",
    ),
    "a stale name": (
        [
            result("vonage/signaling", endpoint="203.0.113.1:443/tls", host="api.nexmo.com"),
            {**result("vonage/signaling", "name-not-found", "ws-sg-1.nexmo.com:443/tls"), "family": None},
        ],
        OPEN,
        "open",
    ),
    "a stale name beside one that is blocked": (
        [
            result("vonage/signaling", "reset", endpoint="203.0.113.1:443/tls", host="api.nexmo.com"),
            {**result("vonage/signaling", "name-not-found", "ws-sg-1.nexmo.com:443/tls"), "family": None},
        ],
        BLOCKED,
        "reset",
    ),
    "no name at all": (
        [{**result("vonage/signaling", "name-not-found", f"{name}.nexmo.com:443/tls"), "family": None} for name in ("ws", "api")],
        BLOCKED,
        "name-not-found",
    ),
    "one name of a service without a list of hosts to try": (
        [{**result("liveavatar/api", "name-not-found", "api.liveavatar.com:443/tls"), "family": None}],
        BLOCKED,
        "name-not-found",
    ),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_results(case: str) -> None:
    results, verdict, cause = SEVERAL[case]
    found = row(results, results[0]["id"])
    assert (found["verdict"], found["cause"]) == (verdict, cause)


def test_a_stale_name_is_told() -> None:
    assert "ws-sg-1.nexmo.com" in row(SEVERAL["a stale name"][0], "vonage/signaling")["why"]


def test_a_target_that_dns_does_not_know_is_not_stale() -> None:
    targets = [{"requirement": "vonage/signaling", "host": name} for name in ("api.nexmo.com", "ws-sg-1.nexmo.com")]
    assert row(SEVERAL["a stale name"][0], "vonage/signaling", targets=targets)["verdict"] == BLOCKED


def test_the_other_family_that_is_blocked_is_told() -> None:
    results = [
        result("vonage/signaling", endpoint="203.0.113.1:443/tls", host="api.nexmo.com"),
        result("vonage/signaling", "timed-out", "[2001:db8::1]:443/tls", host="api.nexmo.com", why="no answer while connecting"),
    ]
    found = row(results, "vonage/signaling")
    assert found["verdict"] == OPEN
    assert "IPv6 does not get through (no answer while connecting)" in found["why"]


def test_untested_says_why() -> None:
    found = row([], "vonage/turn-udp")
    assert (found["verdict"], found["cause"]) == (UNTESTED, "untested")
    assert "names no server" in found["why"]
    assert "webrtc_verify_targets" in found["remedy"]
    unasked = assess(["vonage"], {}, {"vantage_points": {"office": {"error": "no route to host"}}})["vantage_points"][0]
    assert {one["why"] for one in unasked["requirements"]} == {"no route to host"}
    assert {one["verdict"] for one in unasked["requirements"]} == {UNTESTED}


# Each way of a service, best first, with the one requirement that it needs; by hand from the documents.
WAYS = {
    "vonage": {"direct UDP": "rtp-media", "TURN over UDP": "turn-udp", "TURN over TCP": "turn-tcp"},
    "liveavatar": {"direct UDP": "media-udp", "TURN over UDP": "turn-udp", "ICE over TCP": "media-tcp", "TURN over TLS": "turn-tls"},
}
PREREQUISITES = {"vonage": ["signaling"], "liveavatar": ["api", "signaling"]}
# The states of the ways, best first: the outcome and the way. o is open, b blocked, d cut off after some packets, u untested.
TABLE_3 = """
ooo works 0   oob works 0   oou works 0   obo works 0   obb works 0   obu works 0   ouo works 0   oub works 0   ouu works 0
boo degraded 1   bob degraded 1   bou degraded 1   uoo works 1   uob works 1   uou works 1
bbo degraded 2   buo degraded 2   ubo degraded 2   uuo works 2
bbb no-media -   bbu unknown -   bub unknown -   buu unknown -   ubb unknown -   ubu unknown -   uub unknown -   uuu unknown -
dbb drops -   bdb drops -   bbd drops -   ddd drops -   dbu unknown -   duu unknown -   dob degraded 1   dbo degraded 2   duo degraded 2
odd works 0   udb unknown -   uod works 1
"""
TABLE_4 = """
oooo works 0   obbb works 0   ouuu works 0   boob degraded 1   bobb degraded 1   uobb works 1   uoub works 1   bbob degraded 2
ubob degraded 2   buob degraded 2   uuob works 2   bbbo degraded 3   bbuo degraded 3   uuuo works 3   uubo degraded 3   buuo degraded 3
bbbb no-media -   bbbu unknown -   ubbb unknown -   uuuu unknown -   dbbb drops -   bbbd drops -   bdbb drops -   dbbo degraded 3
dobb degraded 1   bbdb drops -   dbbu unknown -
"""
LETTERS = {"o": "open", "b": "timed-out", "d": "timed-out", "u": "untested"}


def cases() -> list[tuple[str, str, str, str]]:
    found = []
    for name, table in (("vonage", TABLE_3), ("liveavatar", TABLE_4)):
        words = table.split()
        found += [(name, *words[at : at + 3]) for at in range(0, len(words), 3)]
    return found


def evidence_of(name: str, states: str) -> list[dict[str, Any]]:
    results = [result(f"{name}/{one}", endpoint="203.0.113.1:443/tls", kind="https") for one in PREREQUISITES[name]]
    for state, need in zip(states, WAYS[name].values()):
        results.append(result(f"{name}/{need}", LETTERS[state], stopped_after=50 if state == "d" else None, why="x"))
    return results


@pytest.mark.parametrize(("name", "states", "outcome", "way"), cases())
def test_outcome_of_the_ladder(name: str, states: str, outcome: str, way: str) -> None:
    found = service(evidence_of(name, states), name)
    ways = list(WAYS[name])
    assert (found["outcome"], found["way"]) == (outcome, "" if way == "-" else ways[int(way)])
    assert [one["way"] for one in found["ways"]] == ways
    assert [one["state"] for one in found["ways"]] == [{"o": OPEN, "u": UNTESTED}.get(state, BLOCKED) for state in states]
    needs = list(WAYS[name].values())
    upto = len(states) if way == "-" else int(way)
    assert found["blame"] == [f"{name}/{needs[at]}" for at in range(upto) if states[at] in "bd"]


@given(st.sampled_from(sorted(WAYS)), st.text("obdu", min_size=4, max_size=4), st.lists(st.sampled_from("obu"), min_size=2, max_size=2))
def test_every_combination_follows_the_rules(name: str, states: str, before: list[str]) -> None:
    states = states[: len(WAYS[name])]
    results = evidence_of(name, states)
    for at, state in zip(range(len(PREREQUISITES[name])), before):
        results[at]["verdict"] = LETTERS[state]
    found = service(results, name)
    first = states.find("o")
    if "b" in before[: len(PREREQUISITES[name])]:
        assert (found["outcome"], found["way"]) == ("no-call", "")
    elif first >= 0:
        assert found["way"] == list(WAYS[name])[first]
        assert found["outcome"] == ("degraded" if set(states[:first]) & set("bd") else "works")
    elif "u" in states:
        assert found["outcome"] == "unknown"
    else:
        assert found["outcome"] == ("drops" if "d" in states else "no-media")
    assert found["users_notice"].endswith(".")


# The documents' own words.
SAID = {
    ("vonage", "bbb"): "Calls that connect but no audio in either direction.",
    ("vonage", "dbb"): "Calls that immediately drop.",
    ("liveavatar", "bbbo"): "If UDP is blocked, TURN over TCP (443) will be used as a fallback but may degrade quality.",
}


@pytest.mark.parametrize(("name", "states"), SAID)
def test_users_notice_what_the_document_says(name: str, states: str) -> None:
    assert SAID[name, states] in service(evidence_of(name, states), name)["users_notice"]


def test_no_call_without_signalling() -> None:
    results = [*evidence_of("vonage", "ooo")[1:], tls("vonage/signaling", "O=Zscaler Inc.", trusted=True)]
    found = service(results, "vonage")
    assert (found["outcome"], found["blame"]) == ("no-call", ["vonage/signaling"])
    assert found["users_notice"] == "Calls that never fully connect."


def test_works_by_a_later_way_says_what_was_not_tested() -> None:
    assert "direct UDP" in service(evidence_of("vonage", "uoo"), "vonage")["users_notice"]


def test_works_with_signalling_untested_says_so() -> None:
    found = service(evidence_of("vonage", "ooo")[1:], "vonage")
    assert found["outcome"] == "works"
    assert "Not tested, though every call needs it: vonage/signaling" in found["users_notice"]


def test_partly_blocked_signalling_says_for_whom() -> None:
    results = [*evidence_of("vonage", "ooo"), result("vonage/signaling", "reset", "203.0.113.2:443/tls", "https", host="ws.nexmo.com")]
    found = service(results, "vonage")
    assert (found["outcome"], found["way"]) == ("degraded", "direct UDP")
    assert "(1 of 2 for vonage/signaling): Calls that never fully connect." in found["users_notice"]
    assert found["blame"] == ["vonage/signaling"]


def test_signalling_that_is_blocked_to_all_servers_is_no_call() -> None:
    results = [
        *[one for one in evidence_of("vonage", "ooo") if one["id"] != "vonage/signaling"],
        *(result("vonage/signaling", "reset", f"203.0.113.{host}:443/tls", "https", host="ws.nexmo.com") for host in (1, 2)),
    ]
    assert service(results, "vonage")["outcome"] == "no-call"


def test_a_way_that_loses_packets_is_no_good_one() -> None:
    results = [one for one in evidence_of("vonage", "ooo") if one["id"] != "vonage/rtp-media"]
    results.append(result("vonage/rtp-media", loss_percent=20.0, stopped_after=None))
    found = service(results, "vonage")
    assert (found["outcome"], found["way"], found["blame"]) == ("degraded", "direct UDP", ["vonage/rtp-media"])
    assert "20 % of the packets are lost" in found["users_notice"]
    summary = seen(results, ["vonage"])["summary"]
    assert not summary["ok"]
    assert "lower quality" in summary["headline"]


def test_ways_of_which_the_site_left_something_out_are_none() -> None:
    found = service(evidence_of("vonage", "uou"), "vonage", tier="minimum")
    assert [one["way"] for one in found["ways"]] == ["TURN over UDP"]
    assert found["outcome"] == "works"


OWN = {
    "service": "own",
    "requirements": [
        {"id": "web", "destinations": ["192.0.2.0/24"], "protocol": "tcp", "ports": [443], "symptom": "The page stays white."},
        {"id": "call", "destinations": ["192.0.2.0/24"], "protocol": "udp", "ports": [5000]},
    ],
}


@pytest.mark.parametrize(
    ("web", "call", "outcome", "notice"),
    [
        ("open", "open", "works", "All that the service needs gets through."),
        ("reset", "open", "unknown", "The page stays white."),
        ("open", "untested", "unknown", "Not known, since it was not tested: own/call."),
    ],
)
def test_a_service_without_a_ladder(web: str, call: str, outcome: str, notice: str) -> None:
    results = [result("own/web", web, "192.0.2.1:443/tcp", "tcp"), result("own/call", call, "192.0.2.1:5000/udp", "udp")]
    found = service(results, "own", services=["own"], custom_services=[OWN])
    assert (found["outcome"], found["users_notice"], found["ways"]) == (outcome, notice, [])
