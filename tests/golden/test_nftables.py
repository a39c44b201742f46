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
    blocking = (
        # A new chain that drops all it is not told to accept: without a permit of ours nothing passes.
        (
            "nft add table inet office; nft 'add chain inet office forward { type filter hook forward priority 5; policy drop; }'",
            "nft inet office forward",
            True,
            (),
            "nft delete table inet office",
        ),
        # The policy of a chain that was harmless.
        (
            "nft 'add chain inet f2b-table late { type filter hook forward priority 7; policy drop; }'\n"
            "nft add rule inet f2b-table late ct state vmap '{ established : accept, related : accept, invalid : drop }'\n"
            "nft add rule inet f2b-table late oifname lo udp dport 3478 accept",
            "nft inet f2b-table late",
            True,
            ("vonage/rtp-media", "vonage/signaling", "vonage/sip-tcp", "vonage/sip-tls", "vonage/sip-udp", "vonage/turn-tcp"),
            "nft flush chain inet f2b-table late; nft delete chain inet f2b-table late",
        ),
        # A rule before our permit; the flow that it is about is told alone.
        (
            "nft insert rule inet filter forward udp dport 3478 drop",
            "nft inet filter forward",
            True,
            ("vonage/turn-udp",),
            "nft delete rule inet filter forward handle $(nft -a list table inet filter | sed -n 's/.*3478 drop # handle //p')",
        ),
        # Before flows are known, no permit helps; and an address that cannot be told apart makes it a guess.
        (
            "nft add table ip early; nft add set ip early bad '{ type ipv4_addr; }'\n"
            "nft 'add chain ip early pre { type filter hook prerouting priority -300; }'\n"
            "nft add rule ip early pre ip daddr 216.147.0.0/16 udp dport 40000-60000 counter drop\n"
            "nft add rule ip early pre udp dport 5060 ip daddr 192.0.2.0/24 drop; nft add rule ip early pre ct state invalid drop\n"
            "nft add rule ip early pre fib saddr . iif oif missing drop; nft add rule ip early pre tcp dport 22 ip saddr @bad drop",
            "nft ip early pre",
            True,
            ("vonage/rtp-media",),
            "nft delete table ip early",
        ),
        (
            "nft add table ip early; nft add set ip early bad '{ type ipv4_addr; }'\n"
            "nft 'add chain ip early pre { type filter hook prerouting priority -300; }'\n"
            "nft add rule ip early pre tcp dport 5061 ip daddr @bad drop",
            "nft ip early pre",
            False,
            ("vonage/sip-tls",),
            "nft delete table ip early",
        ),
        (
            "iptables-nft -t raw -A PREROUTING -p udp -m multiport --dports 5060,3478 -j DROP",
            "iptables-nft ip raw PREROUTING",
            True,
            ("vonage/turn-udp", "vonage/sip-udp"),
            "iptables-nft -t raw -F",
        ),
        (
            "iptables-nft -I DOCKER-USER 1 -p tcp --dport 5061 -m string --string x --algo bm -j DROP",
            "iptables-nft ip filter DOCKER-USER",
            False,
            ("vonage/sip-tls",),
            "iptables-nft -D DOCKER-USER 1",
        ),
    )  # fmt: skip
