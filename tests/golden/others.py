# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other programs put into a firewall, in their own form: Docker, libvirt and fail2ban, beside each manager."""

from __future__ import annotations

# Docker's zone and policy (dockerd makes them over D-Bus, and puts its bridges into the zone in the runtime alone), and libvirt's, which
# come with its package; their bridges are put into the zone when a network starts. Podman's networks are sources of a stock zone.
FIREWALLD_ZONES = """
cd /usr/lib/firewalld
cat >zones/libvirt.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone target="ACCEPT"><short>libvirt</short>
<rule priority='32767'><reject/></rule>
<protocol value='icmp'/><protocol value='ipv6-icmp'/>
<service name='dhcp'/><service name='dhcpv6'/><service name='dns'/><service name='ssh'/><service name='tftp'/></zone>
END
cat >zones/libvirt-routed.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>libvirt-routed</short></zone>
END
cat >policies/libvirt-routed-in.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy target="ACCEPT"><ingress-zone name="ANY"/><egress-zone name="libvirt-routed"/></policy>
END
cat >policies/libvirt-routed-out.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy target="ACCEPT"><ingress-zone name="libvirt-routed"/><egress-zone name="ANY"/></policy>
END
cat >policies/libvirt-to-host.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy target="REJECT"><ingress-zone name="libvirt-routed"/><egress-zone name="HOST"/>
<protocol value='icmp'/><service name='dhcp'/><service name='dns'/><service name='ssh'/></policy>
END
cat >/etc/firewalld/zones/docker.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<zone version="1.0" target="ACCEPT"><short>docker</short><description>zone for docker bridge network interfaces</description></zone>
END
cat >/etc/firewalld/policies/docker-forwarding.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy version="1.0" target="ACCEPT"><short>docker-forwarding</short>
<ingress-zone name="ANY"/><egress-zone name="docker"/></policy>
END
firewall-cmd --reload >/dev/null
firewall-cmd --zone=docker --change-interface=docker0 >/dev/null
firewall-cmd --zone=libvirt --change-interface=virbr0 >/dev/null
firewall-cmd --zone=libvirt-routed --change-interface=virbr1 >/dev/null
firewall-cmd --zone=trusted --change-source=10.88.0.0/16 >/dev/null
firewall-cmd --zone=trusted --change-source=fd00:88::/64 >/dev/null
"""
# Their chains, as iptables-restore takes them: fail2ban's before INPUT, Docker's and libvirt's in FORWARD, masquerading in nat.
CHAINS = """*filter
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
:f2b-sshd - [0:0]
:LIBVIRT_FWO - [0:0]
-I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A f2b-sshd -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
-I FORWARD -j LIBVIRT_FWO
-I FORWARD -o docker0 -j DOCKER
-I FORWARD -j DOCKER-USER
-A DOCKER -j DROP
-A DOCKER-USER -j RETURN
-A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
-A LIBVIRT_FWO -i virbr0 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""
# A jail of fail2ban whose action is `ufw`.
UFW_FAIL2BAN = "ufw insert 1 deny from 192.0.2.8 to any comment 'by Fail2Ban after 5 attempts against sshd'\n"
# What people add to after.rules so that ufw's route rules count for containers too.
UFW_DOCKER = """
cat >>/etc/ufw/after.rules <<'END'
# BEGIN UFW AND DOCKER
*filter
:ufw-user-forward - [0:0]
:ufw-docker-logging-deny - [0:0]
:DOCKER-USER - [0:0]
-A DOCKER-USER -j ufw-user-forward
-A DOCKER-USER -j RETURN -s 10.0.0.0/8
-A DOCKER-USER -j RETURN -s 192.168.0.0/16
-A DOCKER-USER -p udp -m udp --sport 53 --dport 1024:65535 -j RETURN
-A DOCKER-USER -j ufw-docker-logging-deny -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -d 192.168.0.0/16
-A DOCKER-USER -j ufw-docker-logging-deny -p udp -m udp --dport 0:32767 -d 192.168.0.0/16
-A DOCKER-USER -j RETURN
-A ufw-docker-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW DOCKER BLOCK] "
-A ufw-docker-logging-deny -j DROP
COMMIT
# END UFW AND DOCKER
END
"""
