# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalld backend with a real firewalld."""

from __future__ import annotations

from contract import Contract

START = """
mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile
for pair in lan0,lan0x wan0,wan0x; do ip link add ${pair%,*} type veth peer name ${pair#*,}; done
firewalld --nofork --nopid >/dev/null 2>&1 &
for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1
"""
# Zones, services, rich rules, an ipset, a policy and masquerading as people have them.
FOREIGN = """
cd /etc/firewalld
cat >zones/internal.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>Internal</short><interface name="lan0"/><interface name="lan0x"/><service name="ssh"/></zone>
END
cat >zones/external.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>External</short><interface name="wan0"/><interface name="wan0x"/><service name="ssh"/><masquerade/></zone>
END
cat >zones/public.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>Public</short><service name="https"/>
<port port="8080-8090" protocol="tcp"/>
<rule family="ipv4"><source address="192.0.2.0/24"/>
<service name="ssh"/><log prefix="ssh "><limit value="3/m"/></log><accept/></rule></zone>
END
cat >ipsets/others.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<ipset type="hash:ip"><entry>192.0.2.9</entry></ipset>
END
cat >policies/mine.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy target="CONTINUE"><ingress-zone name="internal"/><egress-zone name="external"/><service name="http"/></policy>
END
firewall-cmd --reload >/dev/null
"""
FORWARD = "firewall-cmd --policy=webrtc-forward"
CLEAN = """
rm -rf /etc/firewalld/zones/* /etc/firewalld/ipsets/* /etc/firewalld/policies/*
firewall-cmd --reload >/dev/null
"""


class TestFirewalld(Contract):
    backend = "firewalld"
    image = "-firewalld"
    # The table of firewalld itself, without the handles and counters that each reload makes anew, and its files.
    live = "nft -s list ruleset; cd /etc/firewalld && find . -type f | sort | xargs -r grep -H ''; firewall-cmd --list-all-policies"
    foreign = FOREIGN
    tampering = (
        ("firewall-cmd --permanent --delete-policy=webrtc-forward; firewall-cmd --reload", "vonage/rtp-media", ""),
        ("firewall-cmd --permanent --delete-policy=webrtc-forward", "vonage/rtp-media", ""),
        (f"{FORWARD} --add-rich-rule='rule protocol value=gre accept'", "unknown rule", ""),
        (f"{FORWARD} --permanent --add-rich-rule='rule protocol value=gre accept'", "unknown rule", ""),
        (f"{FORWARD} --remove-rich-rule=\"$({FORWARD} --list-rich-rules | grep -m1 10000-)\"", "vonage/rtp-media", ""),
        (f"{FORWARD} --add-service=http", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --add-service=http", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-target=ACCEPT", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-target=ACCEPT; firewall-cmd --reload", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-priority=-5", "policy/webrtc-forward", ""),
        (f"{FORWARD} --remove-ingress-zone=ANY && {FORWARD} --add-ingress-zone=public", "policy/webrtc-forward", ""),
        (f"{FORWARD} --permanent --set-description=x", "", ""),
        ("firewall-cmd --permanent --new-policy=webrtc-other", "policy/webrtc-other", ""),
        ("echo >> /etc/webrtc-firewall/policy.json", "file//etc/webrtc-firewall/policy.json", ""),
    )  # fmt: skip

    def start(self, machine):
        machine.sh(START)

    def stop(self, machine):
        machine.absent()
        machine.sh(CLEAN)
