# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The ICE servers that a LiveKit server hands to its clients, as probes (RFC 7064 and RFC 7065 for their URLs)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_input import is_host
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_messages import IceServer, Join
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Probe

# LiveKit Cloud hands out fewer than ten.
MOST_TESTED = 16
_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9A-Fa-f:.]*\]|[^\[\]:/?#@\\\s]*)(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?",
    re.I,
)
_PORTS = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}


@dataclass(frozen=True)
class IceUrl:
    """Where a STUN or TURN server is.

    Attributes:
        scheme: stun, stuns, turn or turns.
        host: an address or a name.
        port: its port.
        transport: udp or tcp, what is below TLS where the scheme ends with s.
    """

    scheme: str
    host: str
    port: int
    transport: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}:{host}:{self.port}?transport={self.transport}"

    @property
    def over(self) -> str:
        """What the module probe calls the transport; empty for DTLS, which it has not."""
        if not self.scheme.endswith("s"):
            return self.transport
        return "tls" if self.transport == "tcp" else ""

    @property
    def kind(self) -> str:
        """The kind of probe: stun or turn."""
        return self.scheme[:4]


def parse(url: str) -> Optional[IceUrl]:
    """Read a URL of a STUN or TURN server; None where it is none, or its host or port is none.

    Args:
        url: what the server handed out.
    """
    found = _URL.fullmatch(url)
    if not found:
        return None
    scheme, host = found["scheme"].lower(), found["host"].strip("[]")
    port = int(found["port"] or _PORTS[scheme])
    if not is_host(host, port) or (":" in host) != ("[" in found["host"]):
        return None
    default = "tcp" if scheme.endswith("s") else "udp"
    return IceUrl(scheme, host, port, (found["transport"] or default).lower())


@dataclass(frozen=True)
class Plan:
    """What of the handed servers is tested.

    Attributes:
        probes: with the credentials handed, each URL once, by its text.
        untested: texts of URLs, and why they are not tested.
        notes: what users should know.
    """

    probes: dict[str, Probe]
    untested: dict[str, str]
    notes: tuple[str, ...]


def plan(join: Join, service: str) -> Plan:
    """Make probes of the servers that were handed out.

    Args:
        join: what the server said.
        service: what the ids of the probes begin with.
    """
    probes: dict[str, Probe] = {}
    untested: dict[str, str] = {}
    unreadable = left = 0
    for server in join.ice_servers:
        for text in server.urls:
            url = parse(text)
            if url is None:
                unreadable += 1
            elif str(url) in probes or str(url) in untested:
                continue
            elif len(probes) >= MOST_TESTED:
                left += 1
            elif not url.over:
                untested[str(url)] = "TURN over DTLS is not tested"
            else:
                probes[str(url)] = _probe(url, server, service)
    notes = []
    if unreadable:
        notes.append(f"{unreadable} of the URLs handed out for ICE are no stun: or turn: URLs, and not tested")
    if left or join.handed > len(join.ice_servers):
        notes.append(f"{join.handed} ICE servers were handed out; the first {MOST_TESTED} URLs are tested")
    return Plan(probes, untested, (*notes, *_gaps(list(map(parse, probes)))))


def _probe(url: IceUrl, server: IceServer, service: str) -> Probe:
    name = f"turn-{url.over}" if url.kind == "turn" else "stun"
    # Without a user the server's challenge is all that can be asked for.
    user, password = (server.username, server.credential) if url.kind == "turn" and server.credential else ("", "")
    return Probe(
        id=f"{service}/{name}",
        kind=url.kind,
        host=url.host,
        ports=((url.port, url.port),),
        transport=url.over,
        username=user,
        password=password,
    )


def _gaps(urls: Sequence[Optional[IceUrl]]) -> list[str]:
    """What the vendor's connection test warns of."""
    turn = [url for url in urls if url and url.kind == "turn"]
    if not turn:
        return ["the server hands out no TURN server: where UDP is blocked, calls fail"]
    return [] if any(url.over == "tls" for url in turn) else ["the server hands out no TURN over TLS: where UDP is blocked, calls may fail"]
