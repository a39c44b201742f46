# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _uplinks
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame, Policy

IPV4 = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wan0\t00000000\t026433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0
wan1\t00000000\t00000000\t0001\t0\t0\t100\t00000000\t0\t0\t0
down0\t00000000\t00000000\t0000\t0\t0\t100\t00000000\t0\t0\t0
*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
lan0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
NOWHERE = "0" * 32
IPV6 = f"""fd000099000000000000000000000000 40 {NOWHERE} 00 {NOWHERE} 00000100 00000001 00000000 00000001     lan0
{NOWHERE} 00 {NOWHERE} 00 20010db8005100000000000000000002 00000400 00000001 00000000 00000003     wan6
{NOWHERE} 00 {NOWHERE} 00 {NOWHERE} ffffffff 00000001 00000000 00200200       lo
"""


def test_default_routes_are_read_as_the_kernel_prints_them():
    assert _uplinks.default_ipv4(IPV4) == {"wan0", "wan1"}
    assert _uplinks.default_ipv6(IPV6) == {"wan6"}
    assert _uplinks.default_ipv4("") == _uplinks.default_ipv6("") == set()


@pytest.mark.parametrize(
    "frame",
    [Frame(placement="host"), Frame(in_interfaces=("lan0",)), Frame(out_interfaces=("wan0",)), Frame(sources_ipv6=("2001:db8::/32",))],
)
def test_what_the_site_names_stands(frame):
    assert _uplinks.outbound(Policy(frame, {})).frame == frame
