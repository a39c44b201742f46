# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service says for its diagnosis: the catalog's against the documents by hand, and what is wrong with a site's own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Service


def service(name: str) -> Service:
    (choice,) = compile_site([name], {}).choices
    return choice.service


# From the documents: TrueEngage sections 1 to 3; LiveAvatar "Minimum Required", "Recommended" and "IT Notes".
@pytest.mark.parametrize(
    ("name", "prerequisites", "ladder"),
    [
        ("vonage", ("signaling",), [("direct UDP", "rtp-media"), ("TURN over UDP", "turn-udp"), ("TURN over TCP", "turn-tcp")]),
        (
            "liveavatar",
            ("api", "signaling"),
            [("direct UDP", "media-udp"), ("TURN over UDP", "turn-udp"), ("ICE over TCP", "media-tcp"), ("TURN over TLS", "turn-tls")],
        ),
    ],
)
def test_ladders_of_the_catalog(name: str, prerequisites: tuple[str, ...], ladder: list[tuple[str, str]]) -> None:
    found = service(name)
    assert found.prerequisites == prerequisites
    assert [(way.way, *way.needs) for way in found.ladder] == ladder
    assert [bool(way.quality) for way in found.ladder] == [False] + [True] * (len(ladder) - 1)


def test_words_of_the_documents() -> None:
    assert service("vonage").outcomes == {
        "no-media": "Calls that connect but no audio in either direction",
        "no-call": "Calls that never fully connect",
        "drops": "Calls that immediately drop",
    }
    quality = {way.way: way.quality for way in service("liveavatar").ladder}
    assert quality["TURN over TLS"] == "If UDP is blocked, TURN over TCP (443) will be used as a fallback but may degrade quality"


ROW = {"id": "web", "destinations": ["192.0.2.0/24"], "protocol": "tcp", "ports": [443]}


def own(row: Any = None, **more: Any) -> dict[str, Any]:
    return {"service": "own", "requirements": [{**ROW, **(row or {})}], **more}


def test_a_site_may_say_the_same() -> None:
    told = own(
        {
            "checks": [
                {"kind": "https", "hosts": ["192.0.2.7", "{tenant}.example.com"], "path": "/up"},
                {"kind": "turn", "transport": "tls"},
            ]
        },
        title="Own",
        variables={"tenant": "acme"},
        prerequisites=["web"],
        ladder=[{"way": "by web", "needs": ["web"], "quality": ""}],
        outcomes={"drops": "It drops"},
    )
    (choice,) = compile_site(["own"], {"custom_services": [told]}).choices
    (row,) = choice.requirements()
    assert [(one.kind, one.transport, one.hosts, one.path) for one in row.checks] == [
        ("https", "tls", ("192.0.2.7", "acme.example.com"), "/up"),
        ("turn", "tls", (), "/"),
    ]
    assert (choice.service.title, choice.service.outcomes) == ("Own", {"drops": "It drops"})


# What is wrong, where that is told, and what was expected.
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "checks": (own({"checks": {}}), ".requirements[0].checks", "a list"),
    "no checks": (own({"checks": []}), ".requirements[0].checks", "at least one item"),
    "check": (own({"checks": ["tcp"]}), ".requirements[0].checks[0]", "a mapping"),
    "no kind": (own({"checks": [{}]}), ".requirements[0].checks[0].kind", "a value"),
    "kind": (own({"checks": [{"kind": "ping"}]}), ".requirements[0].checks[0].kind", "one of tcp, tls, https"),
    "nat": (own({"checks": [{"kind": "nat"}]}), ".requirements[0].checks[0].kind", "one of tcp, tls, https"),
    "protocol": (own({"checks": [{"kind": "udp"}]}), ".requirements[0].checks[0].kind", "a kind that goes over tcp"),
    "transport": (own({"checks": [{"kind": "sip", "transport": "udp"}]}), ".requirements[0].checks[0].transport", "one of tcp, tls"),
    "hosts": (own({"checks": [{"kind": "tcp", "hosts": "x.example.com"}]}), ".requirements[0].checks[0].hosts", "a list"),
    "no hosts": (own({"checks": [{"kind": "tcp", "hosts": []}]}), ".requirements[0].checks[0].hosts", "at least one item"),
    "host": (own({"checks": [{"kind": "tcp", "hosts": ["*.example.com"]}]}), ".requirements[0].checks[0].hosts[0]", "a host name"),
    "variable": (own({"checks": [{"kind": "tcp", "hosts": ["{x}.example.com"]}]}), ".requirements[0].checks[0].hosts[0]", "only variables"),
    "listed": (own({"checks": [{"kind": "tcp", "hosts": "listed"}]}), ".requirements (id web).checks", "no list of host names"),
    "path": (own({"checks": [{"kind": "https", "path": "x"}]}), ".requirements[0].checks[0].path", "begins with a slash"),
    "key": (own({"checks": [{"kind": "tcp", "port": 443}]}), ".requirements[0].checks[0]", "only the keys hosts, kind, path, transport"),
    "prerequisites": (own(prerequisites="web"), ".prerequisites", "a list"),
    "prerequisite": (own(prerequisites=["wed"]), ".prerequisites[0]", "one of the ids of requirements: web"),
    "ladder": (own(ladder=[]), ".ladder", "at least one item"),
    "way": (own(ladder=[{"needs": ["web"]}]), ".ladder[0].way", "a value"),
    "needs": (own(ladder=[{"way": "x", "needs": []}]), ".ladder[0].needs", "at least one id"),
    "need": (own(ladder=[{"way": "x", "needs": ["wed"]}]), ".ladder[0].needs[0]", "one of the ids of requirements: web"),
    "way twice": (own(ladder=[{"way": "x", "needs": ["web"]}] * 2), ".ladder[1].way", "does not have yet"),
    "quality": (own(ladder=[{"way": "x", "needs": ["web"], "quality": 5}]), ".ladder[0].quality", "a text"),
    "outcome": (own(outcomes={"works": "x"}), ".outcomes", "only the keys drops, no-call, no-media"),
    "words": (own(outcomes={"drops": ""}), ".outcomes.drops", "a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_path(case: str) -> None:
    given, path, expected = WRONG[case]
    with pytest.raises(InvalidInput) as caught:
        compile_site(["own"], {"custom_services": [given]})
    (problem,) = caught.value.problems
    assert problem.path == f"webrtc_egress_custom_services[0]{path}"
    assert expected in problem.expected
