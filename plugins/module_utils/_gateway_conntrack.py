# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What connection tracking saw of probes: the connections that went to their endpoints.

Reference: linux/netfilter/nfnetlink_conntrack.h, linux/netfilter/nf_conntrack_common.h, linux/netfilter/nf_conntrack_tcp.h.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import GENERIC, Connection, address, attributes

# IPCTNL_MSG_CT_GET; CTA_*, CTA_TUPLE_*, CTA_IP_*, CTA_PROTO_*, CTA_COUNTERS_*; IPS_SEEN_REPLY, IPS_ASSURED.
_GET_CONNECTIONS = 1 << 8 | 1
_ORIGINAL, _REPLY, _STATUS, _PROTOCOL, _TIMEOUT, _OUT, _BACK = 1, 2, 3, 4, 7, 9, 10
_ADDRESSES, _PORTS, _IPV4_FROM, _IPV4_TO, _IPV6_FROM, _IPV6_TO = 1, 2, 1, 2, 3, 4
_NUMBER, _PORT_FROM, _PORT_TO, _PACKETS, _BYTES, _TCP, _TCP_STATE = 1, 2, 3, 1, 2, 1, 1
_SEEN_REPLY, _ASSURED = 0x2, 0x4
_NUMBERS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")
MOST_SEEN, MOST_ENDPOINTS = 1000, 100000
# After so many connections the machine's other work comes first for a moment.
_IN_ONE_SLICE, _PAUSE = 2000, 0.002
_TEXT = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<other>[^:]+)):(?P<port>[0-9]{1,5})/(?P<protocol>udp|tcp|tls)")
_FORM = "address:port/protocol with the protocol udp, tcp or tls, such as 216.147.1.1:3478/udp"


@dataclass(frozen=True)
class Asked:
    """An endpoint as a connection knows it.

    Attributes:
        address: the packed address.
        port: the port.
        protocol: the protocol's number.
    """

    address: bytes
    port: int
    protocol: int


def read_endpoints(given: Sequence[Any]) -> dict[Asked, str]:
    """The endpoints that a user asks for, each with what it is called.

    Args:
        given: texts such as ``216.147.1.1:3478/udp``, as the module probe has them in its results, or mappings with address, port and
            protocol. A text with a host name is left out: there is no connection without an address.

    Raises:
        InvalidInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    found: dict[Asked, str] = {}
    for index, item in enumerate(given[:MOST_ENDPOINTS]):
        one = _endpoint(item)
        if isinstance(one, Problem):
            problems.append(Problem(f"endpoints[{index}]{one.path}", one.value, one.expected, one.remedy))
        elif one:
            found.setdefault(*one)
    if len(given) > MOST_ENDPOINTS:
        problems.append(Problem("endpoints", len(given), f"at most {MOST_ENDPOINTS} endpoints", "Name those alone that have no answer."))
    if problems:
        raise InvalidInput(problems[:100])
    return found


def _endpoint(item: Any) -> Any:
    """An endpoint and its name, None where it has no address, or what is wrong with it."""
    if isinstance(item, str):
        match = _TEXT.fullmatch(item)
        if not match:
            return Problem("", item, _FORM)
        named = {"address": match["ipv6"] or match["other"], "port": match["port"], "protocol": match["protocol"]}
        return _asked(named, item) if _packed(named["address"]) or match["ipv6"] else None
    if not isinstance(item, Mapping):
        return Problem("", item, f"{_FORM}, or a mapping with address, port and protocol")
    unknown = sorted(set(map(str, item)) - {"address", "port", "protocol"})
    if unknown:
        return Problem(f".{unknown[0]}", item.get(unknown[0]), "one of address, port and protocol")
    return _asked(item, "")


def _asked(item: Mapping[str, Any], name: str) -> Any:
    packed, text, protocol = _packed(item.get("address")), str(item.get("port")), str(item.get("protocol"))
    port = int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
    if packed is None:
        return Problem(".address" if not name else "", item.get("address"), "an IPv4 or IPv6 address")
    if not 1 <= port <= 65535:
        return Problem(".port" if not name else "", item.get("port"), "a port from 1 to 65535")
    if protocol not in (*_NUMBERS, "tls"):
        return Problem(".protocol", item.get("protocol"), "udp, tcp or tls")
    return Asked(packed, port, _NUMBERS["tcp" if protocol == "tls" else protocol]), name or _called(packed, port, protocol)


def _packed(value: Any) -> Optional[bytes]:
    try:
        return ip_address(value).packed if isinstance(value, str) and "%" not in value else None
    except ValueError:
        return None


def _called(packed: bytes, port: int, protocol: str) -> str:
    return f"{_shown(packed, port)}/{protocol}"


def _shown(packed: bytes, port: int) -> str:
    return f"[{address(packed)}]:{port}" if len(packed) == 16 else f"{address(packed)}:{port}"


def seen(asked: Mapping[Asked, str]) -> tuple[list[dict[str, Any]], int]:
    """The connections to some endpoints: one look through all connections, some at a time.

    Args:
        asked: the endpoints and what they are called.

    Returns:
        At most `MOST_SEEN` connections as plain data, and how many more there are.

    Raises:
        OSError: the kernel refuses, or cannot list connections.
    """
    found: list[dict[str, Any]] = []
    more = 0
    if not asked:
        return found, more
    with closing(Connection()) as kernel:
        for data, one in matching(_slowly(kernel.dump(_GET_CONNECTIONS, b"")), asked):
            if len(found) < MOST_SEEN:
                found.append(told(data, asked[one]))
            else:
                more += 1
    return found, more


def _slowly(bodies: Iterable[bytes]) -> Iterator[bytes]:
    for number, body in enumerate(bodies, start=1):
        yield body
        if number % _IN_ONE_SLICE == 0:
            time.sleep(_PAUSE)


def matching(bodies: Iterable[bytes], asked: Mapping[Asked, str]) -> Iterator[tuple[bytes, Asked]]:
    """Those of the kernel's messages about connections that go to one of the endpoints, and which one."""
    addresses = {one.address for one in asked}
    for body in bodies:
        # The first attribute, and of it all that most connections are read for.
        kind, original = next(attributes(body[GENERIC.size :]), (0, b""))
        ends = _ends(original) if kind == _ORIGINAL else None
        if ends is None or ends[1] not in addresses:
            continue
        ports = _ports(original)
        one = Asked(ends[1], ports[1], ports[2])
        if one in asked:
            yield body[GENERIC.size :], one


def _ends(direction: bytes) -> Optional[tuple[bytes, bytes]]:
    """Where one direction of a connection comes from and goes to."""
    for kind, data in attributes(direction):
        if kind == _ADDRESSES:
            found = dict(attributes(data))
            source, destination = found.get(_IPV4_FROM, found.get(_IPV6_FROM)), found.get(_IPV4_TO, found.get(_IPV6_TO))
            return (source, destination) if source and destination else None
    return None


def _ports(direction: bytes) -> tuple[int, int, int]:
    """The ports of one direction, and the protocol."""
    found = dict(attributes(dict(attributes(direction)).get(_PORTS, b"")))
    source, destination, number = (int.from_bytes(found.get(kind, b""), "big") for kind in (_PORT_FROM, _PORT_TO, _NUMBER))
    return source, destination, number


def told(data: bytes, name: str) -> dict[str, Any]:
    """A connection as plain data.

    Args:
        data: the attributes of the kernel's message.
        name: what its endpoint is called.
    """
    parts = dict(attributes(data))
    comes_from = _ends(parts[_ORIGINAL])
    status = int.from_bytes(parts.get(_STATUS, b""), "big")
    answers_to = _ends(parts.get(_REPLY, b""))
    state = dict(attributes(dict(attributes(parts.get(_PROTOCOL, b""))).get(_TCP, b""))).get(_TCP_STATE, b"")
    return {
        "endpoint": name,
        "source": _shown(comes_from[0], _ports(parts[_ORIGINAL])[0]) if comes_from else "",
        # Where the far side answers to: what NAT has made of the source.
        "translated": _shown(answers_to[1], _ports(parts[_REPLY])[1]) if answers_to else "",
        "replied": bool(status & _SEEN_REPLY),
        "assured": bool(status & _ASSURED),
        "state": _STATES[state[0]] if state and state[0] < len(_STATES) else "",
        "seconds_left": int.from_bytes(parts.get(_TIMEOUT, b""), "big"),
        **_counted("out", parts.get(_OUT)),
        **_counted("back", parts.get(_BACK)),
    }


def _counted(way: str, data: Optional[bytes]) -> dict[str, Optional[int]]:
    """Packets and bytes of one direction; None where the kernel does not count."""
    found = dict(attributes(data or b""))
    values = {f"packets_{way}": found.get(_PACKETS), f"bytes_{way}": found.get(_BYTES)}
    return {key: int.from_bytes(value, "big") if value else None for key, value in values.items()}
