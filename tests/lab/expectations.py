# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must pass and what must not, written by hand from the vendors' documents.

A row is (id, kind, transport, address, port, opened by). "Opened by" names what makes it pass: a service; a service with
`+any` where it needs wildcards opened to every address; several with a space between; nothing at all (a neighbour that
must stay blocked); or `always` for what the deny baseline itself leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass

ANY = "vonage+any liveavatar+any"
# The first and last address of both subnets: 216.147.0.0/18 and 168.100.64.0/18.
SUBNETS = ("216.147.0.0", "216.147.63.255", "168.100.64.0", "168.100.127.255")
# One step outside each end.
OUTSIDE = ("216.146.255.255", "216.147.64.0", "216.147.64.1", "168.100.63.255", "168.100.128.0")
ELSEWHERE, ELSEWHERE_IPV6 = "203.0.113.9", "2001:db8:77::7"
# What the lab's DNS answers for the vendors' names.
VONAGE, NEXMO, LIVEKIT, TURN, API = "198.18.1.1", "198.18.1.3", "198.18.2.1", "198.18.2.9", "198.18.3.2"
VONAGE_IPV6, LIVEKIT_IPV6, API_IPV6 = "2001:2:0:1::1", "2001:2:0:2::1", "2001:2:0:3::1"
LIVEKIT_HOST = "198.18.4.1"


@dataclass(frozen=True)
class Row:
    """One thing to send, and what lets it pass."""

    id: str
    kind: str
    transport: str
    address: str
    port: int
    opened_by: str
    inbound: bool = False

    def expected(self, services: list[str], wildcards: str, baseline: str) -> str:
        """``open`` or ``blocked`` under these circumstances."""
        reasons = {"always", *services, *(f"{service}+any" for service in services if wildcards == "any")}
        return "open" if baseline == "open" or reasons & set(self.opened_by.split()) else "blocked"


def outbound() -> list[Row]:
    """Traffic from inside."""
    rows = [
        ("vonage/signaling", "tls", "tcp", VONAGE, 443, "vonage liveavatar+any"),
        ("vonage/signaling", "websocket", "tcp", VONAGE, 443, "vonage liveavatar+any"),
        ("vonage/signaling", "websocket", "tcp", NEXMO, 443, "vonage liveavatar+any"),
        ("vonage/signaling", "websocket", "tcp", VONAGE_IPV6, 443, "vonage liveavatar+any"),
        ("liveavatar/signaling", "websocket", "tcp", LIVEKIT, 443, "liveavatar vonage+any"),
        ("liveavatar/signaling", "websocket", "tcp", LIVEKIT_IPV6, 443, "liveavatar vonage+any"),
        ("liveavatar/turn-tls", "turn", "tls", TURN, 443, "liveavatar vonage+any"),
        ("liveavatar/turn-udp", "stun", "udp", LIVEKIT_HOST, 3478, "liveavatar+any"),
        ("liveavatar/turn-udp", "turn", "udp", LIVEKIT_HOST, 3478, "liveavatar+any"),
        ("liveavatar/api", "tls", "tcp", API, 443, "liveavatar vonage+any"),
        ("liveavatar/api", "websocket", "tcp", API, 443, "liveavatar vonage+any"),
        ("liveavatar/api", "tls", "tcp", API_IPV6, 443, "liveavatar vonage+any"),
        ("liveavatar/media-udp", "rtp", "udp", ELSEWHERE, 50000, "liveavatar"),
        ("liveavatar/media-udp", "rtp", "udp", ELSEWHERE, 55555, "liveavatar"),
        ("liveavatar/media-udp", "rtp", "udp", ELSEWHERE, 60000, "liveavatar"),
        ("liveavatar/media-udp", "rtp", "udp", ELSEWHERE_IPV6, 60000, "liveavatar"),
        ("liveavatar/media-tcp", "tcp", "tcp", ELSEWHERE, 7881, "liveavatar"),
        ("liveavatar/media-tcp", "tcp", "tcp", ELSEWHERE_IPV6, 7881, "liveavatar"),
        ("neighbour", "udp", "udp", "216.147.0.1", 9999, ""),
        ("neighbour", "udp", "udp", "216.147.0.1", 50001, "liveavatar"),
        ("neighbour", "udp", "udp", "216.147.0.1", 60001, ""),
        ("neighbour", "udp", "udp", ELSEWHERE, 49999, ""),
        ("neighbour", "udp", "udp", ELSEWHERE, 60001, ""),
        ("neighbour", "udp", "udp", ELSEWHERE, 20000, ""),
        ("neighbour", "stun", "udp", ELSEWHERE, 3478, "liveavatar+any"),
        ("neighbour", "udp", "udp", ELSEWHERE_IPV6, 49999, ""),
        ("neighbour", "connect", "tcp", "216.147.0.1", 3478, ""),
        ("neighbour", "connect", "tcp", "216.147.0.1", 80, ""),
        ("neighbour", "udp", "udp", "216.147.0.1", 5061, ""),
        ("neighbour", "connect", "tcp", "216.147.0.1", 5062, ""),
        ("neighbour", "connect", "tcp", ELSEWHERE, 7880, ""),
        ("neighbour", "connect", "tcp", ELSEWHERE, 7882, ""),
        ("neighbour", "connect", "tcp", API, 80, ""),
        ("neighbour", "tls", "tcp", ELSEWHERE, 443, ANY),
        ("neighbour", "tls", "tcp", ELSEWHERE_IPV6, 443, ANY),
        ("neighbour", "connect", "tcp", ELSEWHERE, 22, ""),
        ("essential", "dns", "udp", "198.51.100.2", 53, "always"),
        ("essential", "dns", "tcp", "198.51.100.2", 53, "always"),
        ("essential", "udp", "udp", ELSEWHERE, 123, "always"),
        ("essential", "ping", "icmp", "198.51.100.2", 0, "always"),
        ("essential", "ping", "icmp", "2001:db8:51::2", 0, "always"),
    ]
    for address in SUBNETS:
        rows += [
            ("vonage/turn-udp", "stun", "udp", address, 3478, "vonage liveavatar+any"),
            ("vonage/turn-udp", "turn", "udp", address, 3478, "vonage liveavatar+any"),
            ("vonage/turn-tcp", "turn", "tcp", address, 443, f"vonage {ANY}"),
            ("vonage/turn-tcp", "turn", "tls", address, 443, f"vonage {ANY}"),
            ("vonage/rtp-media", "rtp", "udp", address, 10000, "vonage"),
            ("vonage/rtp-media", "rtp", "udp", address, 30000, "vonage"),
            ("vonage/rtp-media", "rtp", "udp", address, 50000, "vonage liveavatar"),
            ("vonage/sip-udp", "sip", "udp", address, 5060, "vonage"),
            ("vonage/sip-tcp", "sip", "tcp", address, 5060, "vonage"),
            ("vonage/sip-tls", "sip", "tls", address, 5061, "vonage"),
        ]
    for address in OUTSIDE:
        rows += [
            ("neighbour", "stun", "udp", address, 3478, "liveavatar+any"),
            ("neighbour", "tls", "tcp", address, 443, ANY),
            ("neighbour", "udp", "udp", address, 20000, ""),
            ("neighbour", "sip", "udp", address, 5060, ""),
            ("neighbour", "sip", "tls", address, 5061, ""),
        ]
    return [Row(*row) for row in rows]


def inbound(ipv4: str, ipv6: str) -> list[Row]:
    """Traffic that nobody inside has asked for, from the vendors' addresses and elsewhere, aimed at these addresses."""
    return [
        Row("unsolicited", kind, kind, address, port, "", True)
        for kind in ("udp", "tcp")
        for address in (ipv4, ipv6)
        for port in (5060, 20000, 40000)
    ]
