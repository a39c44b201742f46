# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Session descriptions as far as ICE goes: an offer of a data channel, and the candidates of its answer (RFC 8839, RFC 8841)."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Optional

# A server with more addresses than this is not believed.
CANDIDATES_KEPT = 8
_LINES = 2000
_CREDENTIAL = re.compile(r"[A-Za-z0-9+/]{4,256}")
_CANDIDATE = re.compile(
    r"candidate:(?P<foundation>\S{1,32}) (?P<component>[0-9]{1,5}) (?P<transport>udp|tcp) [0-9]{1,10} (?P<address>[0-9A-Fa-f:.]{2,45}) "
    r"(?P<port>[0-9]{1,5}) typ (?P<type>host|srflx)(?P<rest>( .*)?)",
    re.IGNORECASE,
)
# Addresses that mean something else elsewhere (RFC 1918, 3927, 4193, 4291 and 6598): a server behind a NAT names its public one as well.
_IPV4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_PRIVATE = tuple(map(ip_network, (*_IPV4, "fc00::/7", "fe80::/10")))


@dataclass(frozen=True)
class Credentials:
    """What one side of ICE is known by (RFC 8445, section 5.3).

    Attributes:
        ufrag: the user name fragment.
        password: what checks for this side are signed with.
    """

    ufrag: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Candidate:
    """Where the server takes media.

    Attributes:
        transport: udp or tcp.
        address: the address.
        port: the port.
    """

    transport: str
    address: str
    port: int


def new_credentials() -> Credentials:
    """Credentials of our own, with 24 and 132 random bits."""
    text = base64.b64encode(os.urandom(21), b"ab").decode()
    return Credentials(text[:4], text[4:])


def offer(ours: Credentials) -> str:
    """An offer of a data channel, which the server answers with its candidates; no channel is ever opened.

    Args:
        ours: our credentials.
    """
    # Of a certificate that nobody has: DTLS is not spoken.
    fingerprint = ":".join(f"{byte:02X}" for byte in os.urandom(32))
    lines = [
        "v=0",
        f"o=- {int.from_bytes(os.urandom(7), 'big')} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:actpass",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
    ]
    return "\r\n".join([*lines, ""])


def credentials(sdp: str) -> Optional[Credentials]:
    """The first credentials in a description, whose media are all one bundle; None where there are none.

    Args:
        sdp: the server's answer.
    """
    found: dict[str, str] = {}
    for line in sdp.splitlines()[:_LINES]:
        name, _colon, value = line.partition(":")
        if name in ("a=ice-ufrag", "a=ice-pwd") and _CREDENTIAL.fullmatch(value.strip()):
            found.setdefault(name, value.strip())
    return Credentials(found["a=ice-ufrag"], found["a=ice-pwd"]) if len(found) == 2 else None


def candidates(sdp: str) -> list[Candidate]:
    """The candidates in a description.

    Args:
        sdp: the server's answer.
    """
    lines = (line[len("a=") :] for line in sdp.splitlines()[:_LINES] if line.startswith("a=candidate:"))
    return [found for found in map(candidate, lines) if found]


def trickled(text: str) -> Optional[Candidate]:
    """A candidate that comes by itself (RTCIceCandidateInit); None where it is none that can be asked.

    Args:
        text: JSON.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    line = found.get("candidate") if isinstance(found, dict) else None
    return candidate(line) if isinstance(line, str) else None


def candidate(line: str) -> Optional[Candidate]:
    """Read a candidate attribute (RFC 8839, section 5.1); None where it is none, or none that can be asked.

    Args:
        line: from the word candidate on.
    """
    found = _CANDIDATE.fullmatch(line.strip())
    if not found or found["component"] != "1":
        return None
    transport, port = found["transport"].lower(), int(found["port"])
    try:
        address = ip_address(found["address"])
    except ValueError:
        return None
    # Who is active connects to us, and has no port (RFC 6544, section 4.5).
    passive = transport == "udp" or "tcptype passive" in found["rest"].lower()
    return Candidate(transport, str(address), port) if passive and 0 < port < 65536 and not address.is_unspecified else None


def worth_asking(found: list[Candidate]) -> list[Candidate]:
    """Each candidate once, the first `CANDIDATES_KEPT`; private ones only where the server has no other of that transport and family.

    Args:
        found: the server's candidates.
    """
    once = list(dict.fromkeys(found))
    public = {(one.transport, ":" in one.address) for one in once if not _is_private(one.address)}
    return [one for one in once if not _is_private(one.address) or (one.transport, ":" in one.address) not in public][:CANDIDATES_KEPT]


def _is_private(address: str) -> bool:
    return any(ip_address(address) in network for network in _PRIVATE)
