# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A NAT seen from one server: mappings that no lab's NAT has, and servers that name what cannot be."""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_nat, _probe_stun
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Endpoint, Probe, ProbeError

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from peers import HOST, bound, datagram_server, one

OTHER = "127.0.0.2"


def naming(data, mapped, host, port):
    """A binding response that names a second address."""
    body = bound(data, mapped)[20:] + struct.pack("!HHBBH", 0x802C, 8, 0, 1, port) + socket.inet_aton(host)
    return struct.pack("!HHI", 0x0101, len(body), 0x2112A442) + data[8:20] + body


@pytest.mark.parametrize(("ports", "depends_on"), [((1, 2, 2), "address"), ((1, 2, 3), "address-and-port")])
def test_what_a_symmetric_mapping_depends_on(ports, depends_on):
    mapped = [("192.0.2.1", port) for port in ports]
    with datagram_server(lambda data, peer: [bound(data, mapped[2])], OTHER) as second:

        def reply(data, _peer):
            # It says nothing to what it is asked beside the binding.
            return [] if len(data) > 28 else [naming(data, mapped[0], OTHER, second)]

        with datagram_server(reply) as port, datagram_server(lambda data, peer: [bound(data, mapped[1])], OTHER, port):
            result = one(kind="nat", port=port)
    facts = result["facts"]
    assert (result["verdict"], facts["mapping"], facts["mapping_depends_on"], facts["second_mapped"]) == (
        "open", "symmetric", depends_on, "192.0.2.1:2",
    )  # fmt: skip
    assert facts["filtering"] == "address-and-port-dependent"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda data, peer: [bound(data, peer)], "names no second address"),
        (lambda data, peer: [naming(data, peer, OTHER, 0)], "names no second address"),
        (lambda data, peer: [naming(data, peer, HOST, 5)], "names 127.0.0.1 as its second address, which cannot be"),
    ],
)
def test_servers_without_a_second_address(reply, why):
    with datagram_server(reply) as port:
        result = one(kind="nat", port=port)
    assert result["verdict"] == "untested"
    assert why in result["facts"]["why"]


def test_a_public_server_does_not_send_us_to_an_inner_address():
    endpoint = Endpoint(Probe("a", "nat", "192.0.2.1", ((3478, 3478),), "udp"), "192.0.2.1", 3478)
    number = bytes(12)
    request = _probe_stun.binding(number)
    for host, good in (("192.0.2.2", True), ("10.0.0.1", False), ("127.0.0.1", False)):
        answer = _probe_stun.parse(naming(request, ("192.0.2.9", 1), host, 3479), number)
        if good:
            assert _probe_nat._other(endpoint, answer) == (host, 3479)
        else:
            with pytest.raises(ProbeError, match="which cannot be"):
                _probe_nat._other(endpoint, answer)
