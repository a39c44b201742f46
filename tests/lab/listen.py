# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners inside: what comes in unasked is echoed, if a firewall lets it."""

from __future__ import annotations

import contextlib
import socket
import threading

PORTS = (53, 123, 443, 3478, 5060, 7881, 20000, 40000, 50000, 55555)


def udp(port: int) -> None:
    """Echo datagrams."""
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    while True:
        data, peer = server.recvfrom(65535)
        with contextlib.suppress(OSError):
            server.sendto(data, peer)


def tcp(port: int) -> None:
    """Echo the first bytes of each connection."""
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        peer, _address = server.accept()
        with contextlib.suppress(OSError), peer:
            peer.settimeout(2)
            peer.sendall(peer.recv(65535))


for number in PORTS:
    threading.Thread(target=udp, args=(number,)).start()
    threading.Thread(target=tcp, args=(number,)).start()
