# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a ufw rule of ours is: its tuple and its lines in ufw's own files, its lines in the kernel as iptables-save prints them.

ufw keeps its rules in /etc/ufw/user.rules (user6.rules): a comment line that it reads, the tuple, and below it the lines that
iptables-restore loads. Both are written here exactly as ufw's `backend_iptables.py` writes them, since it writes the whole file anew
whenever somebody uses it.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import NamedTuple, Optional

# At the head of each comment of ours; the rest is the flow's id, or frame/...
SIGN = "webrtc.firewall "
PREFIXES = {"ipv4": "ufw", "ipv6": "ufw6"}
# Where ufw decides what users have told it; answers to known connections it accepts before all else.
USER = tuple(f"{prefix}-user-{hook}" for prefix in PREFIXES.values() for hook in ("forward", "output"))
ANYWHERE = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_LENGTHS = {"ipv4": "/32", "ipv6": "/128"}
# Rate and text of a rule's log are ufw's own.
_LOG = '-m conntrack --ctstate NEW -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "'
_TUPLE = re.compile(r"### tuple ### (route:)?(allow|deny|deny_log|reject) (any|tcp|udp) (\S+) (\S+) (\S+) (\S+) (\S+) comment=([0-9a-f]+)")
_WAY = re.compile(r"in_([^!]+)!out_(.+)|in_(.+)|out_(.+)|in|out")
_COMMENT = re.compile(r" comment=((?:[0-9a-f]{2})+)\s*$")


class Line(NamedTuple):
    """One line of a rule: its chain, what stands behind the chain in ufw's file, and what iptables-save prints there."""

    chain: str
    file: str
    live: str


@dataclass(frozen=True)
class Rule:
    """A rule of ours.

    Attributes:
        id: the id of its flow, or ``frame/...``.
        family: ipv4 or ipv6.
        action: allow, deny, deny_log or reject.
        forward: whether it is a route rule; otherwise it is one for the host's own outgoing traffic.
        protocol: tcp, udp or any.
        ports: destination ports as ufw writes them, or any.
        to: the destination; empty for every address.
        origin: the source port, or any.
        source: where from; empty for every address.
        inward: the interface that it comes in by; empty for any.
        outward: the interface that it goes out by; empty for any.
    """

    id: str
    family: str
    action: str
    forward: bool
    protocol: str = "any"
    ports: str = "any"
    to: str = ""
    origin: str = "any"
    source: str = ""
    inward: str = ""
    outward: str = ""

    @property
    def head(self) -> str:
        """The line that ufw reads."""
        anywhere = ANYWHERE[self.family]
        action = f"route:{self.action}" if self.forward else self.action
        comment = f"{SIGN}{self.id}".encode().hex()
        fields = [action, self.protocol, self.ports, self.to or anywhere, self.origin, self.source or anywhere, self._way()]
        return f"### tuple ### {' '.join(fields)} comment={comment}"

    def _way(self) -> str:
        if self.inward and self.outward:
            return f"in_{self.inward}!out_{self.outward}"
        if self.inward or self.outward:
            return f"in_{self.inward}" if self.inward else f"out_{self.outward}"
        return "in" if self.forward else "out"

    @property
    def lines(self) -> tuple[Line, ...]:
        """What the kernel gets of it, in order."""
        prefix, hook = PREFIXES[self.family], "forward" if self.forward else "output"
        chain, logging = f"{prefix}-user-{hook}", f"{prefix}-user-logging-{hook}"
        found = []
        if self.action == "deny_log":
            found = [self._line(logging, _LOG), self._line(logging, "-j RETURN"), self._line(chain, f"-j {logging}")]
        if self.action == "allow":
            return (self._line(chain, "-j ACCEPT"),)
        if self.action != "reject":
            return (*found, self._line(chain, "-j DROP"))
        if self.protocol == "tcp":
            return (self._line(chain, "-j REJECT --reject-with tcp-reset"),)
        unreachable = "icmp-port-unreachable" if self.family == "ipv4" else "icmp6-port-unreachable"
        return (Line(chain, self._line(chain, "-j REJECT").file, self._line(chain, f"-j REJECT --reject-with {unreachable}").live),)

    def _line(self, chain: str, target: str) -> Line:
        several = "," in self.ports or ":" in self.ports
        ways = [*(["-i", self.inward] if self.inward else []), *(["-o", self.outward] if self.outward else [])]
        protocol = ["-p", self.protocol] if self.protocol != "any" else []
        file, live = [*ways, *protocol], [*ways, *protocol]
        if several:
            file += ["-m", "multiport", "--dports", self.ports]
            live += ["-m", "multiport", "--dports", self.ports]
        elif protocol and (self.ports, self.origin) != ("any", "any"):
            live += ["-m", self.protocol]
            live += ["--sport", self.origin] if self.origin != "any" else []
            live += ["--dport", self.ports] if self.ports != "any" else []
        file += ["-d", self.to] if self.to else []
        file += ["--dport", self.ports] if self.ports != "any" and not several else []
        file += ["-s", self.source] if self.source else []
        file += ["--sport", self.origin] if self.origin != "any" else []
        where = [*(["-s", self._full(self.source)] if self.source else []), *(["-d", self._full(self.to)] if self.to else [])]
        return Line(chain, " ".join([*file, target]), " ".join([*where, *live, target]))

    def _full(self, network: str) -> str:
        return network if "/" in network else network + _LENGTHS[self.family]

    @property
    def text(self) -> str:
        """Its block in ufw's file."""
        return "\n".join(["", self.head, *(f"-A {line.chain} {line.file}" for line in self.lines), ""])

    @property
    def command(self) -> str:
        """The ufw command that adds it at the end."""
        ways = [*(["in on", self.inward] if self.inward else []), *(["out on", self.outward] if self.outward else [])]
        words = ["ufw", *(["route"] if self.forward else []), self.action.partition("_")[0]]
        words += ways or ([] if self.forward else ["out"])
        words += ["log"] if self.action.endswith("_log") else []
        words += ["proto", self.protocol] if self.protocol != "any" else []
        words += ["from", self.source or ANYWHERE[self.family]] + (["port", self.origin] if self.origin != "any" else [])
        words += ["to", self.to or ANYWHERE[self.family]] + (["port", self.ports] if self.ports != "any" else [])
        return " ".join([*words, f"comment '{SIGN}{self.id}'"])


def parse(line: str, family: str) -> Optional[Rule]:
    """A rule of ours from its tuple; None where it is none that we would write."""
    found = _TUPLE.fullmatch(line.rstrip("\n"))
    way = _WAY.fullmatch(found.group(8)) if found else None
    name = id_of(line)
    if not found or not way or not name:
        return None
    action, protocol, ports, to, origin, source = found.groups()[1:7]
    anywhere = ANYWHERE[family]
    to, source = ("" if address == anywhere else address for address in (to, source))
    inward, outward = way.group(1) or way.group(3) or "", way.group(2) or way.group(4) or ""
    rule = Rule(name, family, action, bool(found.group(1)), protocol, ports, to, origin, source, inward, outward)
    return rule if rule.head == line.rstrip("\n") else None


def id_of(line: str) -> str:
    """The id in a tuple's comment; empty where the rule is somebody else's."""
    found = _COMMENT.search(line)
    comment = bytes.fromhex(found.group(1)).decode("utf-8", "replace") if found else ""
    return comment[len(SIGN) :] if comment.startswith(SIGN) else ""


def canonical(network: str) -> str:
    """A network as ufw and iptables-save write it: hosts without a length, addresses as inet_ntop(3) gives them, every address empty."""
    address, slash, length = network.partition("/")
    if slash and length == "0":
        return ""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    text = socket.inet_ntop(family, socket.inet_pton(family, address))
    return text if length in ("", _LENGTHS["ipv6" if ":" in address else "ipv4"][1:]) else f"{text}/{length}"
