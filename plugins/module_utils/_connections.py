# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The live connections, as conntrack knows them.

Reference: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import GENERIC, Connection, address, attributes, pack

# IPCTNL_MSG_CT_GET, CTA_*, CTA_TUPLE_*, CTA_IP_*, CTA_PROTOINFO_TCP_STATE.
_GET_CONNECTIONS = 1 << 8 | 1
_ORIGINAL, _PROTOCOL, _MARK, _MARK_MASK, _ADDRESSES, _IPV4_TO, _IPV6_TO, _TCP, _TCP_STATE, _ESTABLISHED = 1, 4, 8, 21, 1, 2, 4, 1, 1, 3
_IN_ONE_SLICE = 200


def destinations(mark: int) -> Iterator[list[str]]:
    """Where the live connections go that carry a bit of the conntrack mark, some at a time; 0 means all connections.

    Raises:
        OSError: the kernel refuses, or cannot list connections.
    """
    bit = mark.to_bytes(4, "big")
    with closing(Connection()) as kernel:
        bodies = kernel.dump(_GET_CONNECTIONS, pack(_MARK, bit) + pack(_MARK_MASK, bit) if mark else b"")
        while piece := list(islice(bodies, _IN_ONE_SLICE)):
            yield [there for body in piece for there in _destination(body[GENERIC.size :])]


def _destination(connection: bytes) -> Iterator[str]:
    """Where a connection goes; nowhere where its ends have said good-bye."""
    parts = dict(attributes(connection))
    protocol = dict(attributes(parts.get(_PROTOCOL, b"")))
    state = dict(attributes(protocol.get(_TCP, b""))).get(_TCP_STATE, b"\0")
    original = dict(attributes(parts.get(_ORIGINAL, b"")))
    if state[0] > _ESTABLISHED:
        return
    for kind, data in attributes(original.get(_ADDRESSES, b"")):
        if kind in (_IPV4_TO, _IPV6_TO):
            yield address(data)
