# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies, rendered, loaded by the real nft and read back: what is listed must equal what was wanted."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from hypothesis import HealthCheck, example, given, settings
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
    Policy,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict


def networks(kind, bits):
    """Networks of few neighbouring addresses, so that many touch, nest and overlap."""
    base = int(kind("198.18.0.0/15" if bits == 32 else "2001:2::/48").network_address)
    lengths = st.integers(bits - 12, bits)
    one = st.builds(
        lambda offset, length: kind((base + (offset >> (bits - length) << (bits - length)), length)), st.integers(0, 4095), lengths
    )
    return st.lists(one, max_size=6).map(merge_networks)


PORTS = st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(lambda pair: tuple(sorted(pair))), min_size=1, max_size=4)
NAMES = st.lists(st.sampled_from(["lan0", "wan0", "eth0.100", "ppp0", "br-lan"]), max_size=2, unique=True).map(sorted).map(tuple)
IPV4, IPV6 = networks(IPv4Network, 32), networks(IPv6Network, 128)
THERE = st.one_of(st.just(Destination(any=True)), st.builds(Destination, any=st.just(False), ipv4=IPV4, ipv6=IPV6, hostnames=st.just(())))
FLOWS = st.lists(st.tuples(st.sampled_from(["tcp", "udp"]), PORTS.map(merge_ports), THERE), max_size=5)
FRAMES = st.builds(
    Frame,
    placement=st.sampled_from(PLACEMENTS),
    baseline=st.sampled_from(BASELINES),
    families=st.sampled_from([("ipv4",), ("ipv6",), ("ipv4", "ipv6")]),
    sources_ipv4=IPV4,
    sources_ipv6=IPV6,
    in_interfaces=NAMES,
    out_interfaces=NAMES,
    uplinks=NAMES,
    mark=st.integers(0, 31).map(lambda bit: 1 << bit),
    resolvers_ipv4=IPV4,
    resolvers_ipv6=IPV6,
    other_resolvers=st.sampled_from(OTHER_RESOLVERS),
    log=st.builds(Log, enabled=st.booleans(), rate=st.integers(1, 1000), burst=st.integers(1, 10000), prefix=st.just("drop: ")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=FRAMES, flows=FLOWS)
@example(frame=Frame(baseline="deny_egress", mark=1 << 31), flows=[])
@example(frame=Frame(baseline="deny_egress", placement="both", uplinks=("wan0",), other_resolvers="reject"), flows=[])
def test_what_is_listed_is_what_was_wanted(shared, frame, flows):
    rows = tuple(Flow(f"site/row-{number}", *flow) for number, flow in enumerate(flows))
    assert shared.ask("load", policy=to_dict(Policy(frame, {"site": rows}))) == {"same": True, "err": ""}
