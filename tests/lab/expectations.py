# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must pass and what must not, written by hand from the vendors' documents.

A row is (id, kind, transport, address, port, opened by). "Opened by" names what makes it pass: a requirement; a requirement
with `+any` where it needs wildcards opened to every address; several with a space between; nothing at all (a neighbour that
must stay blocked); or `always` for what the deny baseline itself leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

# The requirements of each service: what is enough for it to work, and what is asked for beside that.
MINIMUM = {
    "vonage": ("vonage/signaling", "vonage/turn-udp"),
    "liveavatar": ("liveavatar/signaling", "liveavatar/turn-tls", "liveavatar/turn-udp", "liveavatar/api"),
}
RECOMMENDED = {
    "vonage": ("vonage/turn-tcp", "vonage/rtp-media", "vonage/sip-udp", "vonage/sip-tcp", "vonage/sip-tls"),
    "liveavatar": ("liveavatar/media-udp", "liveavatar/media-tcp"),
}
# With wildcards opened to every address, these open TCP 443 and UDP 3478 to everything.
WIDE_443 = "vonage/signaling+any liveavatar/signaling+any liveavatar/turn-tls+any"
WIDE_3478 = "liveavatar/turn-udp+any"
# The first and last address of both subnets: 216.147.0.0/18 and 168.100.64.0/18.
SUBNETS = ("216.147.0.0", "216.147.63.255", "168.100.64.0", "168.100.127.255")
# One step outside each end.
OUTSIDE = ("216.146.255.255", "216.147.64.0", "216.147.64.1", "168.100.63.255", "168.100.128.0")
ELSEWHERE, ELSEWHERE_IPV6 = "203.0.113.9", "2001:db8:77::7"
# What the lab's DNS answers for the vendors' names.
VONAGE, NEXMO, LIVEKIT, TURN, API = "198.18.1.1", "198.18.1.3", "198.18.2.1", "198.18.2.9", "198.18.3.2"
VONAGE_IPV6, NEXMO_IPV6, LIVEKIT_IPV6, API_IPV6 = "2001:2:0:1::1", "2001:2:0:1::3", "2001:2:0:2::1", "2001:2:0:3::1"
LIVEKIT_HOST = "198.18.4.1"
RESOLVER, RESOLVER_IPV6 = "198.51.100.2", "2001:db8:51::2"


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

    def expected(self, active: Iterable[str], wildcards: str, baseline: str) -> str:
        """``open`` or ``blocked`` where these requirements are active."""
        active = set(active)
        reasons = {"always", *active, *(f"{requirement}+any" for requirement in active if wildcards == "any")}
        return "open" if baseline == "open" or reasons & set(self.opened_by.split()) else "blocked"


def requirements(services: Iterable[str], tier: str) -> set[str]:
    """The ids that a tier of some services asks for.

    Raises:
        KeyError: no document speaks of such a service.
    """
    return {row for service in services for row in MINIMUM[service] + (RECOMMENDED[service] if tier == "recommended" else ())}


def outbound() -> list[Row]:
    """Traffic from inside."""
    rows = [*_names(), *_neighbours(), *_essentials()]
    for address in SUBNETS:
        rows += _subnet(address)
    for address in OUTSIDE:
        rows += _outside(address)
    media = [(ELSEWHERE, 50000), (ELSEWHERE, 55555), (ELSEWHERE, 60000), (ELSEWHERE_IPV6, 50000), (ELSEWHERE_IPV6, 60000)]
    rows += [Row("liveavatar/media-udp", "rtp", "udp", address, port, "liveavatar/media-udp") for address, port in media]
    rows += [Row("liveavatar/media-tcp", "tcp", "tcp", address, 7881, "liveavatar/media-tcp") for address in (ELSEWHERE, ELSEWHERE_IPV6)]
    return rows


def _names() -> list[Row]:
    """What the documents write as names: TCP 443, and UDP 3478 of the LiveKit nodes, whose names no list holds."""
    vonage, livekit, api = (f"{requirement} {WIDE_443}" for requirement in ("vonage/signaling", "liveavatar/signaling", "liveavatar/api"))
    # *.livekit.cloud holds *.turn.livekit.cloud; and the lab's DNS gives all of these names the same IPv6 address.
    turn = f"liveavatar/turn-tls liveavatar/signaling {WIDE_443}"
    return [
        Row("vonage/signaling", "https", "tls", VONAGE, 443, vonage),
        Row("vonage/signaling", "websocket", "tls", VONAGE, 443, vonage),
        Row("vonage/signaling", "websocket", "tls", NEXMO, 443, vonage),
        Row("vonage/signaling", "websocket", "tls", VONAGE_IPV6, 443, vonage),
        Row("vonage/signaling", "websocket", "tls", NEXMO_IPV6, 443, vonage),
        Row("liveavatar/signaling", "websocket", "tls", LIVEKIT, 443, livekit),
        Row("liveavatar/signaling", "websocket", "tls", LIVEKIT_IPV6, 443, turn),
        Row("liveavatar/turn-tls", "turn", "tls", TURN, 443, turn),
        Row("liveavatar/turn-tls", "turn", "tls", LIVEKIT_IPV6, 443, turn),
        Row("liveavatar/turn-udp", "stun", "udp", LIVEKIT_HOST, 3478, WIDE_3478),
        Row("liveavatar/turn-udp", "turn", "udp", LIVEKIT_HOST, 3478, WIDE_3478),
        Row("liveavatar/api", "https", "tls", API, 443, api),
        Row("liveavatar/api", "websocket", "tls", API, 443, api),
        Row("liveavatar/api", "https", "tls", API_IPV6, 443, api),
    ]


def _subnet(address: str) -> list[Row]:
    """What the Vonage document asks for towards its subnets."""
    return [
        Row("vonage/turn-udp", "stun", "udp", address, 3478, f"vonage/turn-udp {WIDE_3478}"),
        Row("vonage/turn-udp", "turn", "udp", address, 3478, f"vonage/turn-udp {WIDE_3478}"),
        Row("vonage/turn-tcp", "stun", "tcp", address, 443, f"vonage/turn-tcp {WIDE_443}"),
        Row("vonage/turn-tcp", "stun", "tls", address, 443, f"vonage/turn-tcp {WIDE_443}"),
        Row("vonage/turn-tcp", "turn", "tcp", address, 443, f"vonage/turn-tcp {WIDE_443}"),
        Row("vonage/turn-tcp", "turn", "tls", address, 443, f"vonage/turn-tcp {WIDE_443}"),
        Row("vonage/rtp-media", "rtp", "udp", address, 10000, "vonage/rtp-media"),
        Row("vonage/rtp-media", "rtp", "udp", address, 30000, "vonage/rtp-media"),
        Row("vonage/rtp-media", "rtp", "udp", address, 50000, "vonage/rtp-media liveavatar/media-udp"),
        Row("vonage/sip-udp", "sip", "udp", address, 5060, "vonage/sip-udp"),
        Row("vonage/sip-tcp", "sip", "tcp", address, 5060, "vonage/sip-tcp"),
        Row("vonage/sip-tls", "sip", "tls", address, 5061, "vonage/sip-tls"),
        Row("neighbour", "udp", "udp", address, 9999, ""),
        Row("neighbour", "udp", "udp", address, 50001, "liveavatar/media-udp"),
    ]


def _outside(address: str) -> list[Row]:
    """The same traffic one address beside the subnets."""
    return [
        Row("neighbour", "stun", "udp", address, 3478, WIDE_3478),
        Row("neighbour", "tls", "tls", address, 443, WIDE_443),
        Row("neighbour", "udp", "udp", address, 20000, ""),
        Row("neighbour", "sip", "udp", address, 5060, ""),
        Row("neighbour", "sip", "tcp", address, 5060, ""),
        Row("neighbour", "sip", "tls", address, 5061, ""),
    ]


def _neighbours() -> list[Row]:
    """One step beside the documents' ports and protocols."""
    udp = [("216.147.0.1", 60001, ""), ("216.147.0.1", 5061, ""), (API, 443, "")]
    udp += [(ELSEWHERE, port, "") for port in (7881, 20000, 49999, 60001)] + [(ELSEWHERE_IPV6, port, "") for port in (49999, 60001)]
    tcp = [("216.147.0.1", port, "") for port in (80, 3478, 5062, 30000)]
    tcp += [(ELSEWHERE, port, "") for port in (22, 7880, 7882, 55555)] + [(ELSEWHERE_IPV6, port, "") for port in (7880, 7882)]
    tcp += [(API, 80, ""), (API_IPV6, 80, ""), (LIVEKIT_HOST, 443, WIDE_443)]
    return [
        *(Row("neighbour", "udp", "udp", *row) for row in udp),
        *(Row("neighbour", "connect", "tcp", *row) for row in tcp),
        Row("neighbour", "stun", "udp", ELSEWHERE, 3478, WIDE_3478),
        Row("neighbour", "tls", "tls", ELSEWHERE, 443, WIDE_443),
        Row("neighbour", "tls", "tls", ELSEWHERE_IPV6, 443, WIDE_443),
    ]


def _essentials() -> list[Row]:
    """What a network needs beside its services; the deny baseline leaves it open."""
    return [
        Row("essential", "dns", "udp", RESOLVER, 53, "always"),
        Row("essential", "dns", "tcp", RESOLVER, 53, "always"),
        Row("essential", "dns", "udp", RESOLVER_IPV6, 53, "always"),
        Row("essential", "udp", "udp", ELSEWHERE, 123, "always"),
        Row("essential", "udp", "udp", ELSEWHERE_IPV6, 123, "always"),
        Row("essential", "ping", "icmp", RESOLVER, 0, "always"),
        Row("essential", "ping", "icmp", RESOLVER_IPV6, 0, "always"),
    ]


def other_resolvers() -> list[Row]:
    """DNS, and DNS over TLS and QUIC, for name servers that the site did not choose."""
    return [
        Row("other resolver", kind, transport, address, port, "")
        for address in (ELSEWHERE, ELSEWHERE_IPV6)
        for kind, transport, port in (("dns", "udp", 53), ("dns", "tcp", 53), ("udp", "udp", 853), ("connect", "tcp", 853))
    ]


def refusal(row: Row, own: bool) -> str:
    """How a refused row is seen; a machine tells its own programs that a datagram may not go out before any ICMP could."""
    return "blocked" if own and row.transport == "udp" else "refused"


def inbound(ipv4: str, ipv6: str) -> list[Row]:
    """Traffic that nobody inside has asked for, from the vendors' addresses and elsewhere, aimed at these addresses."""
    return [
        Row("unsolicited", kind, kind, address, port, "", True)
        for kind in ("udp", "tcp")
        for address in (ipv4, ipv6)
        # Among them the ports that a flow to every address opens: it must not be taken for a way in; and the essentials.
        for port in (53, 123, 443, 3478, 5060, 7881, 20000, 40000, 50000, 55555)
    ]
