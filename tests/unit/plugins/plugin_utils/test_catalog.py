# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog against the two vendor documents. The expected values are copied from the documents by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._loader import catalog_names, catalog_path, load
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Service, to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._services import read_service

SUBNETS = ["216.147.0.0/18", "168.100.64.0/18"]

# service/id: tier, group, destinations, protocol, ports, fallback of
ROWS: dict[str, tuple[str, str, list[str], str, list[Any], str | None]] = {
    "vonage/signaling": ("minimum", "signaling", ["*.vonage.com", "*.nexmo.com"], "tcp", [443], None),
    "vonage/turn-udp": ("minimum", "turn", SUBNETS, "udp", [3478], None),
    "vonage/turn-tcp": ("recommended", "turn", SUBNETS, "tcp", [443], "turn-udp"),
    "vonage/rtp-media": ("recommended", "media", SUBNETS, "udp", ["10000-50000"], None),
    "vonage/sip-udp": ("recommended", "sip", SUBNETS, "udp", [5060], None),
    "vonage/sip-tcp": ("recommended", "sip", SUBNETS, "tcp", [5060], None),
    "vonage/sip-tls": ("recommended", "sip", SUBNETS, "tcp", [5061], None),
    "liveavatar/signaling": ("minimum", "signaling", ["*.livekit.cloud"], "tcp", [443], None),
    "liveavatar/turn-tls": ("minimum", "turn", ["*.turn.livekit.cloud"], "tcp", [443], "turn-udp"),
    "liveavatar/turn-udp": ("minimum", "turn", ["*.host.livekit.cloud"], "udp", [3478], None),
    "liveavatar/api": ("minimum", "api", ["api.liveavatar.com"], "tcp", [443], None),
    "liveavatar/media-udp": ("recommended", "media", ["any"], "udp", ["50000-60000"], None),
    "liveavatar/media-tcp": ("recommended", "media", ["any"], "tcp", [7881], "media-udp"),
}
SIP_ADDRESSES = [
    "216.147.0.1",
    "216.147.0.2",
    "216.147.1.1",
    "216.147.1.2",
    "216.147.2.1",
    "216.147.2.2",
    "216.147.3.1",
    "216.147.3.2",
    "216.147.4.1",
    "216.147.4.2",
    "216.147.5.1",
    "216.147.5.2",
]
STATIC_RANGES = ["143.223.88.0/21", "161.115.160.0/19", "153.57.128.0/18"]
ALTERNATIVES = {
    "vonage/sip-udp": {"addresses": SIP_ADDRESSES},
    "vonage/sip-tcp": {"addresses": SIP_ADDRESSES},
    "vonage/sip-tls": {"addresses": SIP_ADDRESSES},
    "liveavatar/media-udp": {"static-ranges": STATIC_RANGES},
    "liveavatar/media-tcp": {"static-ranges": STATIC_RANGES},
}
LIVEKIT_REGIONS = [
    "osaopaulo1a",
    "osaopaulo1b",
    "oashburn1a",
    "oashburn1b",
    "omarseille1a",
    "omarseille1b",
    "otokyo1a",
    "otokyo1b",
    "ophoenix1a",
    "ophoenix1b",
    "olondon1a",
    "olondon1b",
    "ochicago1a",
    "ochicago1b",
    "osingapore1a",
    "osingapore1b",
    "odubai1a",
    "odubai1b",
    "ohyderabad1a",
    "ohyderabad1b",
    "ojohannesburg1a",
    "ojohannesburg1b",
    "omumbai1a",
    "omumbai1b",
    "ofrankfurt1a",
    "ofrankfurt1b",
    "ojerusalem1a",
    "ojerusalem1b",
    "osydney1a",
    "osydney1b",
    "ozurich1a",
    "ozurich1b",
    "osanjose1a",
    "osanjose1b",
    "ojeddah1a",
    "ojeddah1b",
    "oosaka1a",
    "oosaka1b",
    "omontreal1a",
    "omontreal1b",
    "otoronto1a",
    "otoronto1b",
    "oqueretaro1a",
    "oqueretaro1b",
]


def read(name: str) -> Service:
    check = Input()
    service = read_service(load(name), catalog_path(name), check, complete=True)
    check.raise_if_any()
    return service


@pytest.mark.parametrize("name", catalog_names())
def test_every_file_is_valid_and_named_like_its_service(name: str) -> None:
    assert read(name).name == name


def test_the_catalog_has_the_rows_of_the_documents_and_no_others() -> None:
    services = [read(name) for name in ("vonage", "liveavatar")]
    assert sorted(f"{row.service}/{row.id}" for service in services for row in service.requirements) == sorted(ROWS)


@pytest.mark.parametrize("flow", ROWS)
def test_row_is_what_the_document_says(flow: str) -> None:
    service, name = flow.split("/")
    row = next(to_dict(row) for row in read(service).requirements if row.id == name)
    seen = (row["tier"], row["group"], row["destinations"], row["protocol"], row["ports"], row.get("fallback_of"))
    assert seen == ROWS[flow]


@pytest.mark.parametrize("flow", ROWS)
def test_alternatives_are_those_of_the_sources(flow: str) -> None:
    service, name = flow.split("/")
    row = next(to_dict(row) for row in read(service).requirements if row.id == name)
    seen = {other: told["destinations"] for other, told in row.get("alternatives", {}).items()}
    assert seen == ALTERNATIVES.get(flow, {})


def test_liveavatar_names_are_the_list_of_2026_07_21() -> None:
    expected = ["heygen-feapbkvq.livekit.cloud", "heygen-feapbkvq.turn.livekit.cloud"]
    expected += [f"heygen-feapbkvq.{region}.production.livekit.cloud" for region in LIVEKIT_REGIONS]
    listed = read("liveavatar").hostnames
    assert listed is not None
    assert len(expected) == 46
    assert list(listed.names) == expected
    assert (listed.protocol, listed.port, listed.date) == ("tcp", 443, "2026-07-21")


def test_vonage_names_are_those_of_the_sdk_guide() -> None:
    expected = {"api.nexmo.com", "ws.nexmo.com"}
    expected |= {f"{kind}-{region}.vonage.com" for kind in ("api", "ws") for region in ("us-3", "us-4", "eu-3", "eu-4", "ap-3", "ap-4")}
    expected |= {f"{kind}-{region}.nexmo.com" for kind in ("api", "ws") for region in ("us-1", "us-2", "sg-1", "eu-1", "eu-2")}
    listed = read("vonage").hostnames
    assert listed is not None
    assert set(listed.names) == expected
    assert (listed.protocol, listed.port) == ("tcp", 443)
