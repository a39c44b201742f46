# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nftables backend keeps the contract of all backends; what is its own is in test_machine.py."""

from __future__ import annotations

from contract import POLICY, STARTED, Contract, spoiled
from test_machine import DOCKER, FOREIGN

TABLE = "inet webrtc_firewall"
RULES = "/etc/webrtc-firewall/ruleset.nft"
RESTORE = "/etc/webrtc-firewall/restore"
FORWARD, DOCKER_USER = "permit/nft inet filter forward", "permit/iptables-nft ip filter DOCKER-USER"
MARK = "ct mark and 0x10000 == 0x10000 accept comment webrtc.firewall"


def first(chain, option=""):
    """The handle of the first rule that has the option."""
    return f"$(nft -a list chain {chain} | grep handle | tail -n +2 | grep -m1 -e '{option}' | sed 's/.* //')"


class TestNftables(Contract):
    backend = "nftables"
    marked = "nft add rule inet filter forward ct mark 0x1 accept"
    live = "nft -s list ruleset 2>/dev/null"
    # A table of its own that drops, rules like Docker's, and chains like libvirt's and fail2ban's.
    foreign = (
        f"nft -f - <<'END'\n{FOREIGN}END\niptables-nft-restore --noflush <<'END'\n{DOCKER}END\n"
        "iptables-nft -N LIBVIRT_FWI; iptables-nft -A FORWARD -j LIBVIRT_FWI; iptables-nft -A LIBVIRT_FWI -o virbr0 -j REJECT\n"
        "nft add table inet f2b-table; nft 'add set inet f2b-table banned { type ipv4_addr; elements = { 192.0.2.7 }; }'\n"
        "nft 'add chain inet f2b-table f2b-chain { type filter hook input priority -1; }'\n"
        "nft add rule inet f2b-table f2b-chain tcp dport 22 ip saddr @banned reject\n"
    )
    # Our table, and permits as the versions of nft print them.
    ours = r'^table inet webrtc_firewall \{\n(?:.*\n)*?\}\n|^.*(?:comment "webrtc\.firewall"|0x0*10000 == 0x0*10000).*\n'
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
    )
    tampering = (
        (f"nft delete table {TABLE}", "vonage/rtp-media", ""),
        (f"nft flush table {TABLE}", "vonage/rtp-media", ""),
        (f"nft flush chain {TABLE} wf_flows", "vonage/rtp-media", ""),
        (f"nft flush chain {TABLE} wf_forward", "frame/", ""),
        (f"nft flush chain {TABLE} wf_forward; nft delete chain {TABLE} wf_forward", "frame/", ""),
        (f"nft delete rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')}", "vonage/rtp-media", ""),
        (f"nft delete rule {TABLE} wf_forward handle {first(f'{TABLE} wf_forward', 'scope')}", "frame/scope", ""),
        # Changed: another port, another verdict, another set, another mark, no comment.
        (f"nft replace rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')} udp dport 10000-50001 "
         "ip daddr @vonage.rtp-media.ipv4 counter name vonage.rtp-media ct mark set ct mark or 0x10000 accept comment vonage/rtp-media",
         "vonage/rtp-media", ""),
        (f"nft replace rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')} udp dport 10000-50000 "
         "ip daddr @vonage.rtp-media.ipv4 counter name vonage.rtp-media ct mark set ct mark or 0x10000 drop comment vonage/rtp-media",
         "vonage/rtp-media", ""),
        (f"nft replace rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')} udp dport 10000-50000 "
         "ip daddr @vonage.sip-udp.ipv4 counter name vonage.rtp-media ct mark set ct mark or 0x10000 accept comment vonage/rtp-media",
         "vonage/rtp-media", ""),
        (f"nft replace rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')} udp dport 10000-50000 "
         "ip daddr @vonage.rtp-media.ipv4 counter name vonage.rtp-media ct mark set ct mark or 0x20000 accept comment vonage/rtp-media",
         "vonage/rtp-media", ""),
        (f"nft replace rule {TABLE} wf_flows handle {first(f'{TABLE} wf_flows')} udp dport 10000-50000 "
         "ip daddr @vonage.rtp-media.ipv4 counter name vonage.rtp-media ct mark set ct mark or 0x10000 accept",
         "", ""),
        (f"nft replace rule {TABLE} wf_forward handle {first(f'{TABLE} wf_forward', 'scope')} oifname != wan9 accept comment frame/scope",
         "frame/scope", ""),
        # Twice, in another order, and what is not ours.
        (f"nft insert rule {TABLE} wf_flows drop comment vonage/rtp-media", "vonage/rtp-media", ""),
        (f"nft add rule {TABLE} wf_forward goto wf_flows comment frame/decide", "frame/decide", ""),
        (f"nft delete rule {TABLE} wf_forward handle {first(f'{TABLE} wf_forward', 'known')};"
         f" nft add rule {TABLE} wf_forward ct state != new accept comment frame/known", "frame/", ""),
        (f"nft add rule {TABLE} wf_flows accept", "unknown rule", ""),
        (f"nft insert rule {TABLE} wf_forward drop", "unknown rule", ""),
        # Sets.
        (f"nft flush set {TABLE} vonage.rtp-media.ipv4", "vonage/rtp-media", ""),
        (f"nft delete element {TABLE} vonage.sip-tcp.ipv4 '{{ 216.147.0.0/18 }}'", "vonage/sip-tcp", ""),
        (f"nft add element {TABLE} vonage.sip-tcp.ipv4 '{{ 192.0.2.1 }}'", "vonage/sip-tcp", ""),
        (f"nft flush set {TABLE} vonage.turn-udp.ipv4; nft add element {TABLE} vonage.turn-udp.ipv4 '{{ 0.0.0.0/1 }}'",
         "vonage/turn-udp", ""),
        (f"nft add set {TABLE} other '{{ type ipv4_addr; }}'", "set/other", ""),
        (f"nft add map {TABLE} other '{{ type ipv4_addr : verdict; }}'", "unknown object", ""),
        (f"nft add counter {TABLE} other", "counter/other", ""),
        # Chains and the table itself.
        (f"nft 'add chain {TABLE} wf_forward {{ policy drop; }}'", "chain/wf_forward", ""),
        (f"nft add chain {TABLE} other", "chain/other", ""),
        (f"nft 'add chain {TABLE} other {{ type filter hook forward priority 5; policy drop; }}'", "chain/other", ""),
        (f"nft flush chain {TABLE} wf_forward; nft delete chain {TABLE} wf_forward;"
         f" nft 'add chain {TABLE} wf_forward {{ type filter hook forward priority 10; }}'; nft add rule {TABLE} wf_forward goto wf_flows",
         "chain/wf_forward", ""),
        (f"nft add table {TABLE} '{{ flags dormant; }}'", "unknown object", ""),
        # Permits in chains of others.
        (f"nft delete rule inet filter forward handle {first('inet filter forward', 'webrtc.firewall')}", FORWARD, ""),
        ("nft insert rule inet filter forward tcp dport 7 drop", FORWARD,
         f"nft delete rule inet filter forward handle {first('inet filter forward', 'dport 7 drop')}"),
        (f"nft delete rule inet filter forward handle {first('inet filter forward', 'webrtc.firewall')};"
         f" nft add rule inet filter forward tcp dport 7 drop; nft add rule inet filter forward {MARK}", FORWARD,
         f"nft delete rule inet filter forward handle {first('inet filter forward', 'dport 7 drop')}"),
        (f"nft add rule inet filter forward {MARK}", FORWARD, ""),
        (f"nft replace rule inet filter forward handle {first('inet filter forward', 'webrtc.firewall')} accept comment webrtc.firewall",
         FORWARD, ""),
        (f"nft insert rule inet f2b-table f2b-chain {MARK}", "permit/nft inet f2b-table f2b-chain", ""),
        ("iptables-nft -D DOCKER-USER 1", DOCKER_USER, ""),
        ("iptables-nft -I DOCKER-USER 1 -p tcp --dport 7 -j DROP", DOCKER_USER, "iptables-nft -D DOCKER-USER -p tcp --dport 7 -j DROP"),
        *spoiled(POLICY),
        *spoiled(RULES),
        (f"sed -i 's/50000/50001/' {RULES}", f"file/{RULES}", ""),
        (f"truncate -s 0 {RESTORE}", f"file/{RESTORE}", ""),
        (f"chmod -x {RESTORE}", f"file/{RESTORE}", ""),
        *STARTED,
    )  # fmt: skip
