# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The texts of what runs ours: units of systemd (systemd.unit(5)), a table of cron (crontab(5)); see _init_scripts for those of LSB.

One unit loads the rules early in the boot, and again whenever nftables.service or netfilter-persistent.service has flushed them; with
ipsets another makes these even earlier; one more mends what stands in others' chains after Docker has made its own; a timer asks for
the addresses of host names again; the learner and a dnsmasq of our own serve DNS.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.webrtc.firewall.plugins.module_utils._paths import FIREWALLD, HEAD, INSTANCE, PROGRAM, RESTORE
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import LOOPBACK, PID_FILE, Resolver

REFRESH_MINUTES = 10


@dataclass(frozen=True)
class Unit:
    """A unit of systemd.

    Attributes:
        text: its file.
        wanted_by: the units whose start brings it; one with none runs when another calls it.
    """

    text: str
    wanted_by: tuple[str, ...] = ()


_HARDENED = """NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
"""
# What loads rules needs less; CAP_SYS_MODULE is for iptables' legacy variant, which loads modules by itself.
_LOADS = """ProtectSystem=full
ProtectHome=yes
NoNewPrivileges=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
"""
_EARLY = """[Unit]
Description=WebRTC flows in the packet filter
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service netfilter-persistent.service iptables.service ip6tables.service
Conflicts=shutdown.target
PartOf={partners}
ReloadPropagatedFrom={partners}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={restore}
ExecReload={restore}
{loads}
[Install]
WantedBy={targets}
"""
# A saved ruleset that names a set which is not there is refused as a whole, and the machine comes up without any rules.
SETS = Unit(
    f"""{HEAD}[Unit]
Description=Sets of WebRTC flows, before any rule can name them
Documentation=man:ipset(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target netfilter-persistent.service iptables.service ip6tables.service webrtc-firewall.service
After=local-fs.target systemd-modules-load.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={RESTORE} sets
{_LOADS}
[Install]
WantedBy=sysinit.target
""",
    ("sysinit.target",),
)
LATE = Unit(
    f"""{HEAD}[Unit]
Description=WebRTC flows in the packet filter, once other services have made their chains
Documentation=man:nft(8)
After=webrtc-firewall.service docker.service libvirtd.service
PartOf=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={RESTORE}
{_LOADS}
[Install]
WantedBy=multi-user.target docker.service
""",
    ("multi-user.target", "docker.service"),
)
TIMER = Unit(
    f"""{HEAD}[Unit]
Description=Look up the host names of WebRTC flows every {REFRESH_MINUTES} minutes

[Timer]
OnBootSec=1min
OnUnitInactiveSec={REFRESH_MINUTES}min
RandomizedDelaySec=30s

[Install]
WantedBy=timers.target
""",
    ("timers.target",),
)
# firewalld starts with its stock configuration alone where one file of ours is missing or damaged. It starts anyway if this fails.
BEFORE_FIREWALLD = f"""{HEAD}[Service]
ExecStartPre=-{FIREWALLD}
"""
# Debian's dnsmasq.service stays down when dnsmasq has been killed.
RESTARTS = f"""{HEAD}[Unit]
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=200ms
"""


def early(persistent: bool) -> Unit:
    """Loads the rules early in the boot, and again with what has flushed them.

    Args:
        persistent: whether the machine has netfilter-persistent; it forbids other services that load iptables' rules, and ours would
            be stopped with them.
    """
    own = ("netfilter-persistent.service",) if persistent else ("iptables.service", "ip6tables.service")
    partners = ("nftables.service", *own)
    targets = ("sysinit.target", *partners)
    words = {"partners": " ".join(partners), "targets": " ".join(targets), "restore": RESTORE, "loads": _LOADS}
    return Unit(HEAD + _EARLY.format_map(words), targets)


def refresh(python: str) -> Unit:
    """Looks the host names up once; the timer starts it."""
    return Unit(f"""{HEAD}[Unit]
Description=Look up the host names of WebRTC flows
After=network-online.target nss-lookup.target webrtc-firewall.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart={python} {PROGRAM} refresh
TimeoutStartSec=5min
PrivateTmp=yes
ProtectHome=yes
NoNewPrivileges=yes
ProtectKernelLogs=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
""")


def cron(python: str) -> str:
    """The same for a machine without systemd."""
    return f"{HEAD}*/{REFRESH_MINUTES} * * * * root {python} {PROGRAM} refresh >/dev/null\n"


# systemd holds the learner's sockets: while it is started anew, queries wait and none is refused.
_LEARN_SOCKET = """[Unit]
Description=Where dnsmasq sends the queries for names of WebRTC services

[Socket]
ListenDatagram={address}:{port}
ListenStream={address}:{port}
ReceiveBuffer=1M

[Install]
WantedBy=sockets.target
"""
_LEARN_SERVICE = """[Unit]
Description=Teach the packet filter the addresses of WebRTC services
After=network.target webrtc-firewall.service webrtc-firewall-learn.socket
Before=dnsmasq.service webrtc-firewall-dnsmasq.service
Requires=webrtc-firewall-learn.socket
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={python} {program} learn
Restart=always
RestartSec=500ms
OOMScoreAdjust=-500
LimitNOFILE=4096
StateDirectory=webrtc-firewall
StateDirectoryMode=0700
CapabilityBoundingSet=CAP_NET_ADMIN
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
MemoryDenyWriteExecute=yes
{hardened}
[Install]
WantedBy=multi-user.target
"""
_DNSMASQ_SERVICE = """[Unit]
Description=Resolver that teaches the packet filter
Documentation=man:dnsmasq(8)
After=network.target webrtc-firewall-learn.socket
Wants=webrtc-firewall-learn.service nss-lookup.target
Before=nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=forking
PIDFile={pid_file}
RuntimeDirectory=webrtc-firewall-dnsmasq
ExecStartPre={dnsmasq} --test --conf-file={instance}
ExecStart={dnsmasq} --conf-file={instance}
Restart=always
RestartSec=100ms
{hardened}
[Install]
WantedBy=multi-user.target
"""


def resolver_units(resolver: Resolver, python: str, dnsmasq: str) -> dict[str, Unit]:
    """What learns, and with an instance the dnsmasq of our own."""
    words = {
        "address": LOOPBACK,
        "port": resolver.port,
        "python": python,
        "program": PROGRAM,
        "dnsmasq": dnsmasq,
        "instance": INSTANCE,
        "pid_file": PID_FILE,
        "hardened": _HARDENED,
    }
    units = {
        "webrtc-firewall-learn.socket": Unit(HEAD + _LEARN_SOCKET.format_map(words), ("sockets.target",)),
        "webrtc-firewall-learn.service": Unit(HEAD + _LEARN_SERVICE.format_map(words), ("multi-user.target",)),
    }
    if resolver.mode == "instance":
        units["webrtc-firewall-dnsmasq.service"] = Unit(HEAD + _DNSMASQ_SERVICE.format_map(words), ("multi-user.target",))
    return units
