# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ufw backend with a real ufw."""

from __future__ import annotations

from contract import Contract

# Rules as people have them: plain ones, a limit, a log, route rules, application profiles, comments.
FOREIGN = """
ufw --force enable
ufw limit 22/tcp comment 'ssh from everywhere'
ufw allow from 192.0.2.0/24 to any app DNS
ufw deny log 23/tcp
ufw reject out 25/tcp
ufw route allow in on lan0 out on wan0 proto tcp from 10.0.0.0/8 to any port 443,8443 comment 'web'
ufw route deny log out on wan0 proto udp to any port 1900 || ufw route deny out on wan0 log proto udp to any port 1900
ufw route allow proto tcp from any to any port 443
ufw allow out 53
ufw allow from 2001:db8::/32
"""
# What the kernel has, without what it has counted, and ufw's files.
LIVE = "(iptables-save; ip6tables-save) | sed 's/ \\[.*//' | grep -v '^#'; cd /etc/ufw; stat -c '%a %U %n' user*.rules; cat user.rules user6.rules"
# As the error of a run that lacks them asks for.
ICMP = "sed -i '/^COMMIT/i %s' /etc/ufw/before.rules" % "\\n".join(
    f"-A ufw-before-output -p icmp --icmp-type {kind} -j ACCEPT" for kind in (3, 8, 11, 12)
)
USER = "ufw-user-forward"


class TestUfw(Contract):
    backend = "ufw"
    image = "-ufw"
    live = LIVE
    foreign = f"({ICMP}; {FOREIGN}) >/dev/null"
    tampering = (
        ("ufw --force delete 1", "vonage/", ""),
    )  # fmt: skip

    def stop(self, machine):
        machine.absent()
        machine.sh("ufw --force reset >/dev/null; rm -f /etc/ufw/*.rules.*; iptables -F; iptables -X; ip6tables -F; ip6tables -X")
