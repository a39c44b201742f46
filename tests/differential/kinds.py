# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls to try: how each one starts, what somebody else's rules beside ours look like there, and what they drop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional

from cases import Case
from evaluator import BEGINNINGS, concerns, essential, expected
from packets import Packet

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame

# Somebody else's firewall where no manager runs: none, one that drops all, one that drops what is not known; see also cases.py. Its
# owner's own monitoring, our control packets, passes.
_HOOKS = ("forward", "output", "input")


@dataclass(frozen=True)
class Kind:
    """One firewall.

    Attributes:
        backend: the name of its backend.
        others: for each mode of somebody else's rules the shell command that makes it so.
        wanted: what a packet's verdict must be in a case; None where the firewall decides for itself, and says so.
        image: what the name of the lab's image has behind the suite.
        start: a shell command that runs first.
        fresh: whether our rules are taken away before each policy; otherwise each follows on the one before.
    """

    backend: str
    others: dict[str, str]
    wanted: Callable[[Case, Packet], Optional[str]]
    image: str = ""
    start: str = "true"
    fresh: bool = True

    def mode(self, asked: str) -> str:
        """The mode of somebody else's firewall here, where another kind's is asked for: one that drops what is not known."""
        return asked if asked in self.others else "known"


def _plain(case: Case, packet: Packet) -> Optional[str]:
    frame = case.policy.frame
    if (packet.sport, packet.dport) in ((68, 67), (546, 547)) and packet.enter and frame.placement == "both":
        # These backends do not tell the machine's own DHCP from one that they forward, where both are their business.
        return None
    if packet.kind == "ack" and packet.dport == 53 and packet.enter in frame.uplinks and frame.baseline == "deny_egress":
        # DNS from outside is dropped here before it is seen that this packet begins nothing.
        return None
    return expected(case.meaning, packet, case.known, case.others != "none")


def _nft_others(mode: str, priority: int = 0) -> str:
    """Others' table of nftables: `none`, or one that drops what it does not know, in the mode `drop` even that."""
    known = "ct state established,related accept\n" if mode == "known" else ""
    rules = f"{known}ip saddr 10.8.1.0/24 accept\nip6 saddr fd00:8:1::/64 accept\n"
    chains = "".join(f"chain {hook} {{\ntype filter hook {hook} priority {priority}; policy drop;\n{rules}}}\n" for hook in _HOOKS)
    text = "table inet others\ndelete table inet others\n" + (f"table inet others {{\n{chains}}}\n" if mode != "none" else "")
    return f"nft -f - <<'END'\n{text}END\n"


def _iptables_others(mode: str) -> str:
    """The same in the built-in chains of iptables."""
    policy, script = ("ACCEPT" if mode == "none" else "DROP"), []
    for tool, source in (("iptables", "10.8.1.0/24"), ("ip6tables", "fd00:8:1::/64")):
        lines = ["*filter", *(f":{hook.upper()} {policy} [0:0]" for hook in _HOOKS)]
        for hook in _HOOKS if mode != "none" else ():
            lines += [f"-A {hook.upper()} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"] if mode == "known" else []
            lines += [f"-A {hook.upper()} -s {source} -j ACCEPT"]
        script += [f"{tool}-restore -w <<'END'", *lines, "COMMIT", "END"]
    return "\n".join(script) + "\n"


_NFTABLES = {mode: _nft_others(mode) + _iptables_others("none") for mode in ("none", "drop", "known")}
_IPTABLES = {mode: _iptables_others(mode) + _nft_others("none") for mode in ("none", "drop", "known")}


def _variant(name: str) -> Kind:
    start = "; ".join(f"update-alternatives --set {tool} /usr/sbin/{tool}-{name}" for tool in ("iptables", "ip6tables"))
    # Behind iptables: what drops before it, no rule of iptables' can save.
    beside = {"beside": _iptables_others("none") + _nft_others("drop", 10)}
    return Kind("iptables", {**_IPTABLES, **beside}, _plain, start=start)


_FIREWALLD = """
mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile
sed -i s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/ /etc/firewalld/firewalld.conf
firewalld --nofork --nopid >/dev/null 2>&1 &
for try in $(seq 50); do firewall-cmd --state >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1
"""
# Interfaces in zones of their own, and in pairs; no zone lets anything through to another.
_ZONES = {
    "apart": {"internal": ("lan0",), "home": ("lan1",), "external": ("wan0",), "dmz": ("wan1",)},
    "pairs": {"internal": ("lan0", "lan1"), "external": ("wan0", "wan1")},
}


def _firewalld_others(mode: str) -> str:
    script = "rm -f /etc/firewalld/zones/*\n"
    for zone, interfaces in _ZONES[mode].items():
        there = "".join(f'<interface name="{name}"/>' for name in interfaces)
        script += f'echo \'<?xml version="1.0" encoding="utf-8"?><zone>{there}</zone>\' >/etc/firewalld/zones/{zone}.xml\n'
    return f"{script}firewall-cmd --reload >/dev/null\n"


def _beginning(packet: Packet) -> Packet:
    """A manager's rules see no difference between TCP in mid-stream and its beginning."""
    return replace(packet, kind="syn") if packet.kind == "ack" else packet


def _accepts(frame: Frame, packet: Packet) -> bool:
    """Whether a manager accepts itself what the deny baseline leaves to others."""
    return frame.baseline == "deny_egress" and concerns(frame, packet) and essential(frame, packet)


def _firewalld(case: Case, packet: Packet) -> Optional[str]:
    """Firewalld drops what conntrack cannot place, knows no TCP flags, and accepts itself what the deny baseline leaves open."""
    frame = case.policy.frame
    if packet.kind not in BEGINNINGS.get(packet.protocol, {packet.kind}):
        return None
    if packet.protocol == "udp" and packet.dport in (67, 547) and not packet.enter:
        # No rule of firewalld's has both ports, so DHCP's servers are open from any port.
        return None
    packet = _beginning(packet)
    if packet.protocol == "icmp" and not _accepts(frame, packet) and expected(case.meaning, packet, case.known, False) == "pass":
        # Zones of 0.9 let ICMP through to each other, later ones do not.
        return None
    return expected(case.meaning, packet, case.known, bool(packet.enter) and not _accepts(frame, packet))


# As ufw ships before.rules, it lets ICMP out for IPv6 alone, which the backend would refuse with a deny baseline.
_UFW = """
for kind in 3 8 11 12; do sed -i "/^COMMIT/i -A ufw-before-output -p icmp --icmp-type $kind -j ACCEPT" /etc/ufw/before.rules; done
ufw --force enable >/dev/null
"""


def _ufw(case: Case, packet: Packet) -> Optional[str]:
    """Ufw's before.rules accept echoes, and nothing else that is not known; it knows no TCP flags, and accepts as firewalld does."""
    if packet.kind not in BEGINNINGS.get(packet.protocol, {packet.kind}):
        return None
    frame, packet = case.policy.frame, _beginning(packet)
    if packet.protocol == "icmp" and packet.kind in ("8", "128"):
        return "pass"
    dropped = packet.leave != "lo" if case.others == "outgoing" else bool(packet.enter)
    return expected(case.meaning, packet, case.known, dropped and not _accepts(frame, packet))


KINDS = {
    "nftables": Kind("nftables", {**_NFTABLES, "beside": _nft_others("none") + _iptables_others("drop")}, _plain),
    "iptables-nft": _variant("nft"),
    "iptables-legacy": _variant("legacy"),
    "firewalld": Kind(
        "firewalld", {mode: _firewalld_others(mode) for mode in _ZONES}, _firewalld, image="-firewalld", start=_FIREWALLD, fresh=False
    ),
    "ufw": Kind(
        "ufw",
        {"incoming": "ufw default allow outgoing >/dev/null", "outgoing": "ufw default deny outgoing >/dev/null"},
        _ufw,
        image="-ufw",
        start=_UFW,
        fresh=False,
    ),
}
MANAGERS = [name for name, kind in KINDS.items() if not kind.fresh]
PLAIN = [name for name, kind in KINDS.items() if kind.fresh]
