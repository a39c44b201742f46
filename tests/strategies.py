# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies for hypothesis: what may stand in one, of few neighbouring addresses, so that much of it touches, nests and overlaps."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import merge_networks, merge_ports
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import (
    BASELINES,
    OTHER_RESOLVERS,
    PLACEMENTS,
    Destination,
    Flow,
    Frame,
    Log,
)

BITS = 12
BASES = {32: int(IPv4Network("198.18.0.0/15").network_address), 128: int(IPv6Network("2001:2::/48").network_address)}


def networks(kind, bits, shortest=None, most=6, merge=merge_networks):
    """Networks of one family; `shortest` is the length of the prefix of the widest, `most` their number, `merge` what becomes of them."""
    lengths = st.integers(bits - BITS if shortest is None else shortest, bits)
    offsets = st.integers(0, (1 << BITS) - 1)
    one = st.builds(lambda offset, length: kind((BASES[bits] + (offset >> (bits - length) << (bits - length)), length)), offsets, lengths)
    return st.lists(one, max_size=most).map(merge)


def as_written(networks):
    """Networks as a site may write them: unsorted, nested, twice."""
    return tuple(map(str, networks))


RANGES = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(lambda pair: tuple(sorted(pair)))
PORTS = st.lists(RANGES, min_size=1, max_size=4).map(merge_ports)
PROTOCOL = st.sampled_from(["tcp", "udp"])
IPV4, IPV6 = networks(IPv4Network, 32), networks(IPv6Network, 128)
ADDRESSES = networks(IPv4Network, 32, 32), networks(IPv6Network, 128, 128)
NAMED = st.builds(Destination, ipv4=IPV4, ipv6=IPV6)
THERE = st.one_of(st.just(Destination(any=True)), NAMED)
FAMILIES = st.sampled_from([("ipv4",), ("ipv6",), ("ipv4", "ipv6")])


def interfaces(*names):
    """A few of some interfaces."""
    return st.lists(st.sampled_from(names), max_size=2, unique=True).map(sorted).map(tuple)


def flows(there=THERE, ports=PORTS, most=5):
    """The flows of one service."""
    rows = st.lists(st.tuples(PROTOCOL, ports, there), max_size=most)
    return rows.map(lambda found: tuple(Flow(f"site/row-{number}", *row) for number, row in enumerate(found)))


def frames(names, **fields):
    """Frames.

    Args:
        names: a strategy of tuples of interfaces.
        fields: strategies in place of those here.
    """
    log = st.builds(Log, enabled=st.booleans(), rate=st.integers(1, 1000), burst=st.integers(1, 10000), prefix=st.just("drop: "))
    ours = {
        "placement": st.sampled_from(PLACEMENTS),
        "baseline": st.sampled_from(BASELINES),
        "families": FAMILIES,
        "sources_ipv4": IPV4,
        "sources_ipv6": IPV6,
        "in_interfaces": names,
        "out_interfaces": names,
        "uplinks": names,
        "mark": st.integers(0, 31).map(lambda bit: 1 << bit),
        "resolvers_ipv4": IPV4,
        "resolvers_ipv6": IPV6,
        "other_resolvers": st.sampled_from(OTHER_RESOLVERS),
        "log": log,
    }
    return st.builds(Frame, **{**ours, **fields})
