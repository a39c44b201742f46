# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables backend keeps the contract of all backends; what is its own is in test_machine.py."""

from __future__ import annotations

from contract import Contract
from test_machine import DOCKER, FOREIGN, TAMPERING


class TestNftables(Contract):
    backend = "nftables"
    live = "nft -s list ruleset 2>/dev/null"
    # A table of its own that drops, rules like Docker's, and chains like libvirt's and fail2ban's.
    foreign = (
        f"nft -f - <<'END'\n{FOREIGN}END\niptables-nft-restore --noflush <<'END'\n{DOCKER}END\n"
        "iptables-nft -N LIBVIRT_FWI; iptables-nft -A FORWARD -j LIBVIRT_FWI; iptables-nft -A LIBVIRT_FWI -o virbr0 -j REJECT\n"
        "nft add table inet f2b-table; nft 'add set inet f2b-table banned { type ipv4_addr; elements = { 192.0.2.7 }; }'\n"
        "nft 'add chain inet f2b-table f2b-chain { type filter hook input priority -1; }'\n"
        "nft add rule inet f2b-table f2b-chain tcp dport 22 ip saddr @banned reject\n"
    )
    # The others are in test_machine.py, one test each.
    tampering = tuple((damage, told, "") for damage, told in TAMPERING[2:6])
