# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wires of a machine: tun devices whose far ends are this process's, so that the kernel forwards within the very write."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import time
from dataclasses import replace

from known import forget
from packets import Packet, build, error_about, family_of, seen_in

from ansible_collections.webrtc.firewall.plugins.module_utils._netlink import Connection

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
DEVICES = ("lan0", "lan1", "wan0", "wan1")
# Within the range that policies speak of (4096 addresses of each family), which part lies behind which device; all else is behind wan0.
ROUTES = (
    "198.18.0.0/21 wan0", "198.18.8.0/22 wan1", "198.18.12.0/23 lan0", "198.18.14.0/23 lan1", "10.1.0.0/24 lan0", "10.1.1.0/24 lan1",
    "2001:2::/117 wan0", "2001:2::800/118 wan1", "2001:2::c00/119 lan0", "2001:2::e00/119 lan1", "fd00:1::/64 lan0", "fd00:1:0:1::/64 lan1",
    "default wan0",
)  # fmt: skip
# Addresses of the machine's own.
OWN = {4: "10.9.0.{}", 6: "fd00:9::{}"}
# Connections that were there before any rule: what they send passes always, and so proves that what came before was dealt with.
CONTROL = {4: ("10.8.1.{}", "10.8.0.{}"), 6: ("fd00:8:1::{}", "fd00:8::{}")}
_PATIENCE = 2.0


def _sh(script: str) -> None:
    subprocess.run(["sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)


class Wires:
    """The devices, routes, and connections that everything is measured by."""

    def __init__(self) -> None:
        self.descriptors = {name: self._open(name) for name in DEVICES}
        for number, name in enumerate(DEVICES, 1):
            _sh(f"ip address add {OWN[4].format(number)}/32 dev {name}; ip address add {OWN[6].format(number)}/128 dev {name} nodad")
            _sh(f"ip link set {name} up txqueuelen 1000")
            for _source, target in CONTROL.values():
                _sh(f"ip route add {target.format(number)} dev {name}")
        for route in ROUTES:
            network, device = route.split()
            family = "-6" if ":" in network else "-4"
            _sh(f"ip {family} route add {network} dev {device}")
        _sh("ip -6 route add default dev wan0; ip route add local 10.9.0.0/24 dev lo; ip -6 route add local fd00:9::/64 dev lo")
        self.raw = {version: socket.socket(family_of(version), socket.SOCK_RAW, socket.IPPROTO_RAW) for version in (4, 6)}
        self.loopback = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.loopback.bind(("lo", 3))
        numbers = [(version, number) for version in (4, 6) for number in (6, 17, {4: 1, 6: 58}[version])]
        self.arrived = [socket.socket(family_of(version), socket.SOCK_RAW, number) for version, number in numbers]
        for listener in (self.loopback, *self.arrived):
            listener.setblocking(False)
        self.counter = 0
        self.used: set[tuple[str, ...]] = set()
        # One long connection for each way through the machine.
        self.control = {
            (version, enter, leave): Packet(enter, leave, source.format(place), target.format(number), "udp", "", 9, 9)
            for version, (source, target) in CONTROL.items()
            for number, leave in enumerate(DEVICES, 1)
            for place, enter in enumerate(DEVICES, 1)
        }
        self.kernel = Connection()
        self.forget()

    @staticmethod
    def _open(name: str) -> int:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        return descriptor

    def forget(self) -> None:
        """Let every packet be the first of its connection, but for the control packets."""
        self.used.clear()
        forget(self.kernel, self.control.values())

    def send(self, packet: Packet, known: bool = False) -> str:
        """What became of a packet: `pass DEVICE` (and `, no answer`), `reject HOW`, `drop`; or why that cannot be told.

        `known` ones may belong to a connection that was there before. Every silence is followed by a packet that passes always: what is
        missing then was dropped, and is not merely late.
        """
        told = packet if known else self._fresh(packet)
        if told is None:
            return "used"
        token = self._token()
        sent = self._put(told, build(told, token))
        seen = self._seen(told, token)
        if not seen and sent and not packet.enter:
            return "lost"
        if not seen and packet.enter:
            proof, late = self._prove(told, token)
            seen = late or ("" if proof else "lost")
        if not seen.startswith("pass") or packet.leave == "lo":
            return seen or "drop"
        return seen + self._missing(told, build(told, token))

    def _missing(self, packet: Packet, data: bytes) -> str:
        """What of the answers to a packet that has passed does not come back: an answer in kind, or an error about it."""
        answer, found = packet.answered(), ""
        if answer and not self._arrives(answer, build(answer, token := self._token()), token):
            found += ", no answer"
        if packet.protocol == "udp" and not self._arrives(packet.reversed(), error_about(packet, data), data[-8:]):
            found += ", no error"
        return found

    def _fresh(self, packet: Packet) -> Packet | None:
        """The packet with a source port by which conntrack cannot take it for part of anything earlier; None if there is no such port."""
        for _attempt in range(3):
            self.counter += 1
            told = packet if packet.sport else replace(packet, sport=1024 + self.counter % 60000)
            here, there = (told.source, str(told.sport)), (told.target, str(told.dport))
            named = {(told.protocol, *here, *there), (told.protocol, *there, *here)}
            if told.protocol.isdigit():
                named = {(told.protocol, *sorted((told.source, told.target)))}
            if not named & self.used:
                self.used |= named
                return told
        return None

    def _token(self) -> bytes:
        self.counter += 1
        return b"wf" + self.counter.to_bytes(6, "big")

    def _put(self, packet: Packet, data: bytes) -> bool:
        """Send it; whether the kernel took it."""
        if packet.enter:
            os.write(self.descriptors[packet.enter], data)
            return True
        target = (packet.target, 0) if packet.version == 4 else (packet.target, 0, 0, 0)
        try:
            self.raw[packet.version].sendto(data, target)
        except PermissionError:
            return False
        return True

    def _drain(self) -> list[tuple[str, bytes]]:
        """All that has come out since the last look."""
        found = []
        for name, descriptor in self.descriptors.items():
            try:
                while True:
                    found.append((name, os.read(descriptor, 4096)))
            except BlockingIOError:
                pass
        return found + [("lo", data) for data in _received(self.loopback)]

    def _seen(self, packet: Packet, token: bytes) -> str:
        verdicts = [(seen_in(data, packet, token), name) for name, data in self._drain()]
        passed = [name for verdict, name in verdicts if verdict == "pass"]
        return f"pass {passed[0]}" if passed else next((verdict for verdict, _name in verdicts if verdict), "")

    def _prove(self, packet: Packet, token: bytes) -> tuple[bool, str]:
        """Whether a control packet went the same way after it, and what was seen of the packet until then."""
        control, mark = self.control[packet.version, packet.enter, packet.leave], self._token()
        os.write(self.descriptors[packet.enter], build(control, mark))
        end, late = time.monotonic() + _PATIENCE, ""
        while time.monotonic() < end:
            frames = self._drain()
            late = next((f"late {verdict}" for _name, data in frames if (verdict := seen_in(data, packet, token))), late)
            if any(mark in data for _name, data in frames):
                return True, late
            select.select(list(self.descriptors.values()), [], [], 0.01)
        return False, late

    def _arrives(self, answer: Packet, data: bytes, token: bytes) -> bool:
        """Whether an answer comes back, by whichever route leads to where the question came from, or to the machine itself."""
        for listener in self.arrived:
            _received(listener)
        self._drain()
        os.write(self.descriptors[answer.enter], data)
        if answer.leave:
            return any(token in frame for _name, frame in self._drain())
        return any(token in frame for listener in self.arrived for frame in _received(listener))


def _received(listener: socket.socket) -> list[bytes]:
    found = []
    try:
        while True:
            found.append(listener.recv(4096))
    except BlockingIOError:
        return found
