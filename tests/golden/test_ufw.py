# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ufw backend with a real ufw."""

from __future__ import annotations

from contract import POLICY, Contract, spoiled
from others import CHAINS, UFW_FAIL2BAN

# Rules as people have them: plain ones, a limit, a log, route rules, application profiles, comments.
FOREIGN = """
ufw --force enable
ufw limit 22/tcp comment 'ssh from everywhere'
ufw allow from 192.0.2.0/24 to any app DNS
ufw deny log 23/tcp
ufw reject out 25/tcp
ufw route allow in on lan0 out on wan9 proto tcp from 10.0.0.0/8 to any port 443,8443 comment 'web'
ufw route deny log out on wan9 proto udp to any port 1900 || ufw route deny out on wan9 log proto udp to any port 1900
ufw route allow proto tcp from any to any port 443
ufw allow out 53
ufw allow from 2001:db8::/32
"""
# What the kernel has, without what it has counted, and ufw's files.
FILES = "cd /etc/ufw; stat -c '%a %U %n' user*.rules; cat user.rules user6.rules"
LIVE = f"(iptables-save; ip6tables-save) | sed 's/ \\[.*//' | grep -v '^#'; {FILES}"
# As the error of a run that lacks them asks for.
ICMP = "sed -i '/^COMMIT/i %s' /etc/ufw/before.rules" % "\\n".join(
    f"-A ufw-before-output -p icmp --icmp-type {kind} -j ACCEPT" for kind in (3, 8, 11, 12)
)
# Takes away what everybody has put there, without the second or two that ufw takes for it.
RESET = """
/lib/ufw/ufw-init force-stop >/dev/null 2>&1; rm -rf /etc/ufw /usr/local/sbin/*
cp -a /root/etc-ufw /etc/ufw; cp /root/default-ufw /etc/default/ufw
for tool in iptables ip6tables; do for table in filter mangle nat; do $tool -t $table -F; $tool -t $table -X; done; done
"""
START = "/lib/ufw/ufw-init start >/dev/null"
# Keeps the files of ufw, with rules of others, for RESET.
KEEP = f"({FOREIGN}{UFW_FAIL2BAN}{ICMP}; ufw reload) >/dev/null; cp -a /etc/ufw /root/etc-ufw; cp /etc/default/ufw /root/default-ufw;"
USER = "ufw-user-forward"
RULES = "/etc/ufw/user.rules"
RTP = "out on lo proto udp from 0.0.0.0/0 to 216.147.0.0/18 port 10000:50000"
DENY = "deny proto udp to any port 10000:50000"
LIVE_RTP = "-d 216.147.0.0/18 -o lo -p udp -m multiport --dports 10000:50000"
# Puts our first block behind all others.
MOVE = f"""python3 - <<'END'
text = open("{RULES}").read()
head, tail = text.split("### RULES ###\\n"), "\\n### END RULES ###"
first, rest = head[1][1:].split("\\n\\n", 1)
body, end = rest.split(tail)
open("{RULES}", "w").write(head[0] + "### RULES ###\\n\\n" + body + "\\n" + first + "\\n" + tail + end)
END"""

BEFORE = "/etc/ufw/before.rules"
SPOIL = f"sed -i '/^COMMIT/i -A ufw-before-forward -p udp --dport 3478 -j DROP' {BEFORE}"
MEND = f"sed -i '/dport 3478 -j DROP/d' {BEFORE}"
TURN = ("vonage/turn-udp",)
UDP = ("vonage/rtp-media", "vonage/sip-udp", "vonage/turn-udp")


class TestUfw(Contract):
    backend = "ufw"
    image = "-ufw"
    # ufw knows no sets.
    deaf = ("bullseye", "bookworm", "trixie")
    live = LIVE
    foreign = f"{START}; iptables-restore --noflush <<'END'\n{CHAINS}END\n"
    # In its files ours have their sign, and in the kernel the way out, which is nobody else's.
    ours = (
        r"^\n### tuple ### .* comment=7765627274632e6669726577616c6c.*\n(?:-A .*\n)*"
        r"|^-A ufw6?-user-(?:logging-)?(?:forward|output) .*-o (?:lo|wan0) .*\n"
    )
    tampering = (
        ("ufw --force delete 1", "vonage/", ""),
        (f"ufw route delete allow {RTP}", "vonage/rtp-media", ""),
        (f"ufw route insert 1 {DENY}", "frame/order", f"ufw route delete {DENY}"),
        (f"ufw route allow {RTP} comment mine", "vonage/rtp-media", f"ufw route delete allow {RTP} comment mine"),
        (f"ufw route deny {RTP} comment mine", "vonage/rtp-media", f"ufw route delete deny {RTP} comment mine"),
        ("ufw route allow 1/tcp comment 'webrtc.firewall other/thing'", "other/thing", ""),
        (f"iptables -I {USER} 1 -j DROP", "frame/order", f"iptables -D {USER} -j DROP"),
        (f"iptables -D {USER} 2", "vonage/", ""),
        (f"iptables -D {USER} {LIVE_RTP} -j ACCEPT; iptables -A {USER} {LIVE_RTP} -j ACCEPT", "frame/order", ""),
        (f"iptables -A {USER} {LIVE_RTP} -j ACCEPT", "frame/order", ""),
        (f"iptables -R {USER} 1 -j DROP", "vonage/", f"iptables -D {USER} -j DROP"),
        (f"iptables -F {USER}", "vonage/", "ufw reload"),
        ("ip6tables -F ufw6-user-forward", "vonage/", "ufw reload"),
        (f"sed -i 's/10000:50000/10000:50001/' {RULES}", "vonage/rtp-media", ""),
        (f"sed -i 's/10000:50000/10000:50001/' {RULES}; ufw reload", "vonage/rtp-media", ""),
        (f"sed -i '/^-A/s/10000:50000/10000:50001/' {RULES}", "vonage/rtp-media", ""),
        (f"sed -i '/^-A.*10000:50000/d' {RULES}", "vonage/rtp-media", ""),
        (MOVE, "frame/order", ""),
        (f"iptables -D {USER} {LIVE_RTP} -j ACCEPT", "vonage/rtp-media", ""),
        (f"iptables -D {USER} {LIVE_RTP} -j ACCEPT; iptables -I {USER} {LIVE_RTP} -j DROP", "", f"iptables -D {USER} {LIVE_RTP} -j DROP"),
        (f"iptables -I {USER} 1 {LIVE_RTP} -j REJECT", "frame/order", f"iptables -D {USER} {LIVE_RTP} -j REJECT"),
        ("ip6tables -D ufw6-user-forward 1", "vonage/signaling", ""),
        # What it leaves is nobody's rule any more; ufw drops it when it writes its file again.
        (f"sed -i '/comment=7765627274/d' {RULES}", "", "ufw route allow 1/tcp; ufw route delete allow 1/tcp"),
        (f"sed -i '/^-A.*-o lo/d' {RULES}", "vonage/", ""),
        ("sed -i '/out_lo/,+2d' /etc/ufw/user6.rules", "vonage/signaling", ""),
        ("sed -i '/out_lo/,+2d' /etc/ufw/user6.rules; ufw reload", "vonage/signaling", ""),
        (f"sed -i 's/out_lo/out_wan9/; s/-o lo/-o wan9/' {RULES}", "vonage/", ""),
        (f"sed -i '/route:allow udp 10000.*216/s/allow/deny/' {RULES}", "vonage/rtp-media", ""),
        ("for number in 1 2 3; do ufw --force delete 1; done", "vonage/", ""),
        *spoiled(POLICY),
    )  # fmt: skip

    blocking = (
        ("iptables -I ufw-before-forward 1 -p udp --dport 3478 -j DROP", "iptables-nft ip filter ufw-before-forward", True, TURN,
         "iptables -D ufw-before-forward 1"),
        # On the disk alone, and then loaded too; ufw's own harmless drops and rules of others behind ours are none.
        (f"{SPOIL}", f"iptables-restore ip {BEFORE} ufw-before-forward", True, TURN, f"{MEND}"),
        (f"{SPOIL}; ufw reload", "iptables-nft ip filter ufw-before-forward", True, TURN, f"{MEND}; ufw reload"),
        ("iptables -t raw -A PREROUTING -p udp -j DROP", "iptables-nft ip raw PREROUTING", True, UDP, "iptables -t raw -F"),
        ("iptables -I FORWARD 1 -p udp -j REJECT", "iptables-nft ip filter FORWARD", True, UDP, "iptables -D FORWARD 1"),
        (
            "nft add table inet office; nft 'add chain inet office forward { type filter hook forward priority -5; policy drop; }'",
            "nft inet office forward",
            True,
            (),
            "nft delete table inet office",
        ),
        ("/lib/ufw/ufw-init force-stop; sed -i s/ENABLED=yes/ENABLED=no/ /etc/ufw/ufw.conf", "ufw", False, (),
         "sed -i s/ENABLED=no/ENABLED=yes/ /etc/ufw/ufw.conf; /lib/ufw/ufw-init start"),
    )  # fmt: skip

    def start(self, machine):
        machine.sh(KEEP)

    def stop(self, machine):
        machine.absent()
        machine.sh(RESET)
