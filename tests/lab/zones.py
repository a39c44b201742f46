# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The far side's authoritative name server: PowerDNS with the vendors' zones, look-alikes, and names that misbehave.

A test may edit /run/zones/*.zone in the far container and then call `pdns_control reload`; `pkill -STOP pdns_server` makes it silent
and `pkill -CONT pdns_server` brings it back.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator, Sequence

DIRECTORY = Path("/run/zones")
TTL = 5
# Zone to the addresses of it and of every name below it that has none of its own.
NAMES = {
    "vonage.com": ("198.18.1.1", "198.18.1.2", "2001:2:0:1::1"),
    "nexmo.com": ("198.18.1.3", "2001:2:0:1::3"),
    "livekit.cloud": ("198.18.2.1", "198.18.2.2", "2001:2:0:2::1"),
    "api.liveavatar.com": ("198.18.3.1", "198.18.3.2", "2001:2:0:3::1"),
    # Look-alikes: no requirement names them.
    "notlivekit.cloud": ("198.18.13.1",),
    "livekit.cloud.example.net": ("198.18.13.2",),
    "myvonage.com": ("198.18.13.3",),
}
# A label ip-A-B-C-D stands for that address, as the vendor names its nodes.
_NODE = (
    "LUA A \";local a,b,c,d=string.match(qname:toString(),'^ip%-(%d+)%-(%d+)%-(%d+)%-(%d+)%.') "
    "if a then return a..'.'..b..'.'..c..'.'..d end return '{otherwise}'\""
)
# Two of sixteen each time, as clouds answer.
_PARTIAL = 'LUA A "pickrandomsample(2,{' + ",".join(f"'198.18.11.{last}'" for last in range(1, 17)) + '})"'
# What is below a zone and not like the rest of it: name, time to live (0: the usual one), records.
RECORDS: dict[str, list[tuple[str, int, Sequence[str]]]] = {
    "vonage.com": [
        ("pool", 0, [f"A 198.18.10.{last}" for last in range(1, 9)]),
        ("loop", 0, ["A 127.0.0.1"]),
        ("long", 86400, ["A 198.18.14.2"]),
        ("short", 1, ["A 198.18.14.3"]),
    ],
    "livekit.cloud": [
        ("turn", 0, ["A 198.18.2.9", "AAAA 2001:2:0:2::1"]),
        ("*.turn", 0, ["A 198.18.2.9", "AAAA 2001:2:0:2::1"]),
        ("host", 0, ["A 198.18.4.1", "AAAA 2001:2:0:2::1"]),
        ("*.host", 0, [_NODE.format(otherwise="198.18.4.1"), "AAAA 2001:2:0:2::1"]),
        ("*.many", 300, [_NODE.format(otherwise="198.18.5.1")]),
        ("partial", 2, [_PARTIAL]),
        ("chain", 0, ["CNAME edge.cdn.example."]),
        ("rebind", 0, ["A 10.99.0.66"]),
        ("rebind6", 0, ["AAAA fd00:99::66"]),
        ("mapped", 0, ["AAAA ::ffff:10.99.0.66"]),
        ("mixed", 0, ["A 198.18.14.1", "A 192.168.1.1"]),
        ("broken", 0, ["LUA A \";error('broken on purpose')\""]),
        ("hint", 0, ["HTTPS 1 . alpn=h2 ipv4hint=198.18.15.1 ipv6hint=2001:2:0:15::1", "A 198.18.15.2"]),
        ("big", 0, [f"A 198.18.16.{last}" for last in range(1, 121)]),
        ("only6", 0, ["AAAA 2001:2:0:17::1"]),
    ],
    "cdn.example": [
        ("edge", 0, ["CNAME node.cdn.example."]),
        ("node", 0, ["A 198.18.12.1", "AAAA 2001:2:0:12::1"]),
    ],
    # Every other name does not exist.
    ".": [],
}


def zone(name: str) -> Iterator[str]:
    """The lines of a zone file (RFC 1035, section 5)."""
    origin = name if name == "." else f"{name}."
    yield f"$ORIGIN {origin}"
    yield f"@ {TTL} IN SOA ns.far.example. admin.far.example. 1 3600 600 86400 {TTL}"
    yield f"@ {TTL} IN NS ns.far.example."
    for owner in ("@", "*"):
        yield from (f"{owner} {TTL} IN {'AAAA' if ':' in address else 'A'} {address}" for address in NAMES.get(name, ()))
    for owner, ttl, records in RECORDS.get(name, ()):
        yield from (f"{owner} {ttl or TTL} IN {record}" for record in records)


def write() -> None:
    """Write all zones and the list of them."""
    DIRECTORY.mkdir(exist_ok=True)
    listed = []
    for name in (*NAMES, *(name for name in RECORDS if name not in NAMES)):
        path = DIRECTORY / f"{name if name != '.' else 'root'}.zone"
        path.write_text("\n".join(zone(name)) + "\n")
        listed.append(f'zone "{name}" {{ type master; file "{path}"; }};')
    (DIRECTORY / "named.conf").write_text("\n".join(listed) + "\n")


def start(addresses: Sequence[str]) -> None:
    """Start the server; it keeps no answer, so that changing answers do change."""
    write()
    settings = {
        "launch": "bind",
        "bind-config": DIRECTORY / "named.conf",
        "local-address": ",".join(addresses),
        "enable-lua-records": "shared",
        "cache-ttl": 0,
        "query-cache-ttl": 0,
        "negquery-cache-ttl": 0,
        "receiver-threads": 2,
        "socket-dir": "/run",
        "security-poll-suffix": "",
        "daemon": "no",
        "guardian": "no",
        "config-dir": DIRECTORY,
    }
    with open("/run/pdns.log", "w", encoding="utf-8") as log:
        subprocess.Popen(["pdns_server", *(f"--{key}={value}" for key, value in settings.items())], stdout=log, stderr=log)
