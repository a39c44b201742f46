# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The iptables backend on real kernels, both variants."""

from __future__ import annotations

from contract import BARE, POLICY, STARTED, Contract, spoiled

# As Docker, libvirt and fail2ban leave it, beside rules by hand.
FOREIGN = """*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
:f2b-sshd - [0:0]
:LIBVIRT_FWI - [0:0]
:LIBVIRT_FWO - [0:0]
:LIBVIRT_FWX - [0:0]
:LIBVIRT_INP - [0:0]
:LIBVIRT_OUT - [0:0]
-A INPUT -j LIBVIRT_INP
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -i lo -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -j LIBVIRT_FWX
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -j LIBVIRT_FWO
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER -j DROP
-A DOCKER-USER -j RETURN
-A OUTPUT -j LIBVIRT_OUT
-A OUTPUT -d 192.0.2.1/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A LIBVIRT_FWI -o virbr0 -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
-A LIBVIRT_FWO -i virbr0 -j REJECT --reject-with icmp-port-unreachable
-A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT
-A LIBVIRT_OUT -o virbr0 -p udp -m udp --dport 68 -j ACCEPT
COMMIT
*nat
:LIBVIRT_PRT - [0:0]
-A POSTROUTING -j LIBVIRT_PRT
-A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
-A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
"""


UDP = ("vonage/rtp-media", "vonage/sip-udp", "vonage/turn-udp")
JUMP = "-m comment --comment webrtc.firewall -j webrtc-forward"


class Iptables(Contract):
    variant = ""
    backend = "iptables"
    ours = r"^(?::webrtc-|-A webrtc-|-A \S+ -m comment --comment \"?webrtc\.firewall\b|(?:create|add) wf[46]l?\.).*\n"

    @property
    def live(self):
        saves = "; ".join(f"{tool}-{self.variant}-save" for tool in ("iptables", "ip6tables"))
        return f"({saves}) | {BARE} || true; ipset save | sed 's/ hashsize.*maxelem/ maxelem/; s/ bucketsize.*//'"

    @property
    def foreign(self):
        return f"ipset create others hash:ip; ipset add others 192.0.2.9; iptables-{self.variant}-restore <<'END'\n{FOREIGN}END\n"

    def stop(self, machine):
        super().stop(machine)
        for tool in (f"iptables-{self.variant}", f"ip6tables-{self.variant}"):
            machine.sh(f"for table in filter nat; do {tool} -t $table -F; {tool} -t $table -X; done; {tool} -P FORWARD ACCEPT")
        machine.sh("nft flush ruleset; ipset destroy")

    @property
    def marked(self):
        return f"iptables-{self.variant} -A FORWARD -m connmark --mark 0x1 -j ACCEPT"

    @property
    def tampering(self):
        tool = f"iptables-{self.variant}"
        drop = "-p tcp --dport 7 -j DROP"
        rtp = "$(ipset -n list | grep rtp-media)"
        return (
            (f"{tool} -F webrtc-flows", "vonage/rtp-media", ""),
            (f"{tool} -D DOCKER-USER -m comment --comment webrtc.firewall -j webrtc-forward", f"jump/{tool} DOCKER-USER", ""),
            (f"{tool} -I DOCKER-USER 1 {drop}", f"jump/{tool} DOCKER-USER", f"{tool} -D DOCKER-USER {drop}"),
            (f"{tool} -F DOCKER-USER; {tool} -A DOCKER-USER -j RETURN", f"jump/{tool} DOCKER-USER", ""),
            (f"{tool} -I webrtc-forward -j DROP", "unknown rule", ""),
            (f"{tool} -A webrtc-flows -j ACCEPT", "unknown rule", ""),
            (f"{tool} -I webrtc-flows -p udp -m comment --comment vonage/turn-udp -j webrtc-permit", "vonage/turn-udp", ""),
            (f"{tool} -D webrtc-flows 2", "vonage/", ""),
            (f"{tool} -N webrtc-drop", "chain/webrtc-drop", ""),
            (f"ip6{tool[2:]} -F webrtc-forward; ip6{tool[2:]} -D FORWARD 1", "frame/", ""),
            (f"ipset flush {rtp}", "vonage/rtp-media", ""),
            (f"ipset del {rtp} 216.147.0.0/18", "vonage/rtp-media", ""),
            (f"ipset add {rtp} 192.0.2.1", "vonage/rtp-media", ""),
            ("ipset create wf4.other.12345678 hash:net", "set/wf4.other", ""),
            (f"{tool} -A DOCKER-USER -m comment --comment webrtc.firewall -j webrtc-forward", f"jump/{tool} DOCKER-USER", ""),
            (f"{tool} -R webrtc-flows 1 -p udp --dport 1 -m comment --comment vonage/rtp-media -j webrtc-permit", "vonage/rtp-media", ""),
            (f"{tool} -D webrtc-forward 1", "frame/permit", ""),
            (f"{tool} -R webrtc-forward 3 -m comment --comment frame/decide -j webrtc-flows", "frame/decide", ""),
            (f"{tool} -D webrtc-forward 2;"
             f" {tool} -A webrtc-forward -m conntrack ! --ctstate NEW -m comment --comment frame/known -j RETURN", "frame/", ""),
            (f"{tool} -F webrtc-permit", "frame/permit", ""),
            (f"{tool} -R webrtc-permit 2 -m comment --comment frame/permit -j DROP", "frame/permit", ""),
            (f"{tool} -I webrtc-permit -j RETURN", "unknown rule", ""),
            (f"for chain in forward flows permit; do {tool} -F webrtc-$chain; done; {tool} -D DOCKER-USER 1;"
             f" for chain in forward flows permit; do {tool} -X webrtc-$chain; done", "vonage/rtp-media", ""),
            (f"{tool} -I FORWARD -m comment --comment webrtc.firewall -j webrtc-forward", f"jump/{tool} FORWARD", ""),
            (f"{tool} -I INPUT -m comment --comment webrtc.firewall -j webrtc-forward", f"jump/{tool} INPUT", ""),
            (f"{tool} -R DOCKER-USER 1 -m comment --comment webrtc.firewall -j webrtc-flows", f"jump/{tool} DOCKER-USER", ""),
            (f"ip6{tool[2:]} -D FORWARD -m comment --comment webrtc.firewall -j webrtc-forward", f"jump/ip6{tool[2:]} FORWARD", ""),
            (f"ip6{tool[2:]} -D webrtc-flows 1", "vonage/signaling", ""),
            (f"ipset flush {rtp}; ipset add {rtp} 0.0.0.0/1; ipset add {rtp} 128.0.0.0/1", "vonage/rtp-media", ""),
            (f"ipset swap {rtp} $(ipset -n list | grep sip-udp); ipset flush {rtp}", "vonage/rtp-media", ""),
            *spoiled(POLICY),
            *spoiled("/etc/webrtc-firewall/rules.v4"),
            ("rm /etc/webrtc-firewall/rules.v6", "file//etc/webrtc-firewall/rules.v6", ""),
            ("echo >> /etc/webrtc-firewall/sets.ipset", "file//etc/webrtc-firewall/sets.ipset", ""),
            ("truncate -s 0 /etc/webrtc-firewall/sets.ipset", "file//etc/webrtc-firewall/sets.ipset", ""),
            ("rm /etc/webrtc-firewall/restore", "file//etc/webrtc-firewall/restore", ""),
            ("chmod -x /etc/webrtc-firewall/restore", "file//etc/webrtc-firewall/restore", ""),
            (f"mkdir -p /etc/iptables; {tool}-save >/etc/iptables/rules.v4", "file//etc/iptables/rules.v4", ""),
            ("rm /etc/rcS.d/S*webrtc-firewall-sets", "unit/webrtc-firewall-sets", ""),
            *STARTED,
        )  # fmt: skip

    @property
    def blocking(self):
        tool = f"iptables-{self.variant}"
        filters = f"{tool} ip filter FORWARD"
        # With a permit as ours, which helps nobody before iptables knows the flows.
        office = (
            "nft add table inet office; nft 'add chain inet office forward { type filter hook forward priority -1; policy drop; }'\n"
            "nft add rule inet office forward ct mark and 0x10000 == 0x10000 accept comment webrtc.firewall"
        )
        return (
            (f"{tool} -I FORWARD 1 -p udp --dport 3478 -j DROP", filters, True, ("vonage/turn-udp",), f"{tool} -D FORWARD 1"),
            # What is behind our jump blocks nothing, nor does what is about other packets.
            (
                f"{tool} -I FORWARD 1 -p tcp --dport 25 -j REJECT; {tool} -I FORWARD 1 -d 192.0.2.0/24 -j DROP; {tool} -A FORWARD -j DROP\n"
                f"{tool} -N mine; {tool} -A mine -p tcp --syn --dport 5060:5061 -m limit --limit 1/s -j REJECT\n"
                f"{tool} -I FORWARD 2 -j mine",
                f"{tool} ip filter mine",
                False,
                ("vonage/sip-tcp", "vonage/sip-tls"),
                f"for i in 1 2 3; do {tool} -D FORWARD 1; done; {tool} -D FORWARD -j DROP; {tool} -F mine; {tool} -X mine",
            ),
            (f"{tool} -t mangle -A PREROUTING -p udp -j DROP", f"{tool} ip mangle PREROUTING", True, UDP, f"{tool} -t mangle -F"),
            (f"{tool} -t mangle -P FORWARD DROP", f"{tool} ip mangle FORWARD", True, (), f"{tool} -t mangle -P FORWARD ACCEPT"),
            (
                f"ip6{tool[2:]} -t raw -A PREROUTING -m rpfilter --invert -j DROP; ip6{tool[2:]} -t raw -P PREROUTING DROP",
                f"ip6{tool[2:]} ip6 raw PREROUTING",
                True,
                ("vonage/signaling",),
                f"ip6{tool[2:]} -t raw -P PREROUTING ACCEPT; ip6{tool[2:]} -t raw -F",
            ),
            (office, "nft inet office forward", True, (), "nft delete table inet office"),
            # Our jump is not in the variant that rules here. That libvirt accepts what its own guests send helps no client of ours.
            (f"{tool} -D DOCKER-USER 1", filters, True, (), f"{tool} -I DOCKER-USER 1 {JUMP}"),
        )  # fmt: skip


class TestNft(Iptables):
    variant = "nft"


class TestLegacy(Iptables):
    variant = "legacy"
