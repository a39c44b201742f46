# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that no vendor's server can have (RFC 6890)."""

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import is_inner


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
        ),
        *("172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "224.0.0.1", "239.255.255.255", "255.255.255.255"),
        *("::", "::1", "::10.0.0.1", "::ffff:10.0.0.1", "::ffff:198.18.0.1", "fc00::1", "fd00:99::1", "fe80::1", "fec0::1", "ff02::1"),
        # NAT64 and 6to4 carry an IPv4 address: 10.0.0.1, 127.0.0.1 and 192.168.1.1.
        *("64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:c0a8:101::1"),
    ],
)
def test_an_inner_address_is_known(address):
    assert is_inner(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
        ),
        *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.18.1.1", "223.255.255.255"),
        # A server of 198.51.100.7 behind NAT64 and 6to4.
        *("2000::1", "2001:2::1", "2a00::1", "64:ff9b::c633:6407", "2002:c633:6407::1", "fbff::1"),
    ],
)
def test_one_step_outside_is_not(address):
    assert not is_inner(address)
