# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a probe is, what it can find, and the one error by which it ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

OPEN, TIMED_OUT, REFUSED, PROHIBITED, RESET = "open", "timed-out", "refused", "prohibited", "reset"
UNREACHABLE, NAME_NOT_FOUND, BAD_ANSWER, UNTESTED = "unreachable", "name-not-found", "bad-answer", "untested"
ONE_WAY = "one-way"

# What is known about an endpoint beside the verdict; plain JSON.
Facts = dict[str, Any]

# The transports that a kind of probe can take; the first is the default.
TRANSPORTS: dict[str, tuple[str, ...]] = {
    "tcp": ("tcp",),
    "tls": ("tls",),
    "https": ("tls",),
    "websocket": ("tls",),
    "stun": ("udp", "tcp", "tls"),
    "turn": ("udp", "tcp", "tls"),
    "sip": ("udp", "tcp", "tls"),
    "udp": ("udp",),
    "stream": ("udp",),
    "nat": ("udp",),
    "media": ("udp", "tcp", "tls"),
}
FAMILIES = ("ipv4", "ipv6")
PAYLOADS = ("echo", "stun")
# Media is waited for at its end, and its relay given back.
MEDIA_TAIL_SECONDS, MEDIA_END_SECONDS = 1.0, 2.0
# What a NAT keeps back is waited for so long, and three times at most.
NAT_SILENCE_SECONDS = 1.5


class ProbeError(Exception):
    """A probe ends without the answer that it asked for.

    Args:
        why: what was seen, for people.
        verdict: one of the verdicts; what came was no answer of the protocol, if nothing else is said.
        facts: what is known beside that.
    """

    def __init__(self, why: str, verdict: str = BAD_ANSWER, facts: Optional[Facts] = None) -> None:
        self.why, self.verdict, self.facts = why, verdict, facts or {}
        super().__init__(why)


@dataclass(frozen=True)
class Probe:
    """One probe as a user asks for it; the ports, and the addresses behind a name, each make an endpoint of it.

    Attributes:
        id: what the results are called.
        kind: a key of `TRANSPORTS`.
        host: an address or a host name.
        ports: ranges of ports, both ends inclusive.
        transport: udp, tcp or tls.
        families: which of `FAMILIES` of a name's addresses are probed.
        server_name: what TLS, HTTP and SIP call the server; the host, if empty.
        path: the path of an HTTP request.
        username: the user of TURN's long-term credentials; without one, in the kind turn, the server's challenge is all that is asked for.
        password: of this user.
        token: goes along as a bearer token with HTTP; none, if empty.
        seconds: how long a stream, or media, takes; how long a NAT is left without packets.
        pace: packets a second of these.
        payload: what a stream is made of: one of `PAYLOADS`.
        second_host: the other server, by address or name, that a NAT is looked at from; that which the first one names, if empty.
        second_port: its port.
    """

    id: str
    kind: str
    host: str
    ports: tuple[tuple[int, int], ...]
    transport: str
    families: tuple[str, ...] = FAMILIES
    server_name: str = ""
    path: str = "/"
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    seconds: float = 5.0
    pace: int = 50
    payload: str = "echo"
    second_host: str = ""
    second_port: int = 0

    @property
    def name(self) -> str:
        """What the server is called within the protocol."""
        return self.server_name or self.host

    @property
    def lasts(self) -> float:
        """The seconds that it takes by its nature, beside those in which an answer must come."""
        if self.kind == "media":
            return self.seconds + MEDIA_TAIL_SECONDS + MEDIA_END_SECONDS
        if self.kind == "nat" and (self.seconds or not self.second_host):
            return self.seconds + 3 * NAT_SILENCE_SECONDS
        return self.seconds if self.kind == "stream" else 0.0


@dataclass(frozen=True)
class Endpoint:
    """One address and port of a probe.

    Attributes:
        probe: what it is part of.
        address: the address; empty where the name has none.
        port: the port.
        second_address: that of the probe's second host, of the same family; empty if there is none.
        why: why there is no address.
    """

    probe: Probe
    address: str
    port: int
    second_address: str = ""
    why: str = ""

    @property
    def family(self) -> Optional[str]:
        """ipv4 or ipv6; None without an address."""
        return family_of(self.address) if self.address else None

    def result(self, verdict: str, seconds: float, facts: Facts) -> dict[str, Any]:
        """The result as the module returns it.

        Args:
            verdict: one of the verdicts.
            seconds: how long it took.
            facts: what is known beside that.
        """
        probe, there = self.probe, self.address or self.probe.host
        shown = f"[{there}]" if ":" in there else there
        named = {"host": probe.host} if self.address and probe.host != self.address else {}
        return {
            "id": probe.id,
            "kind": probe.kind,
            "endpoint": f"{shown}:{self.port}/{probe.transport}",
            "family": self.family,
            "verdict": verdict,
            "seconds": round(seconds, 3),
            "facts": {**named, **facts},
        }


def family_of(address: str) -> str:
    """The family of an address: ipv4 or ipv6."""
    return "ipv6" if ":" in address else "ipv4"
