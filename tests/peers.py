# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes, and peers on the loopback for them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input, _probe_run

# Longer than any machine takes for what must succeed, and short where silence is sure.
PATIENT, SHORT = 60, 0.5
HOST = "127.0.0.1"


def run(*probes, timeout=PATIENT, total=600):
    given = [{"id": f"probe-{number}", "host": HOST, **probe} for number, probe in enumerate(probes)]
    return _probe_run.run(_probe_input.read(given, timeout, total), timeout, total)


def one(timeout=PATIENT, **probe):
    (result,) = run(probe, timeout=timeout)
    return result


@contextlib.contextmanager
def stream_server(handle, host=HOST):
    """A TCP server, a thread for each peer; gives its port."""
    server = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def handled(peer):
        with contextlib.suppress(OSError), peer:
            handle(peer)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                peer, _address = server.accept()
                threading.Thread(target=handled, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        # Closing alone leaves a thread that accepts where it is.
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@contextlib.contextmanager
def datagram_server(reply, host=HOST, port=0):
    """A UDP server that sends what `reply(data, peer)` gives; gives its port, which is a free one if none is named."""
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, port))
    ended = threading.Event()

    def loop():
        while not ended.is_set():
            data, peer = server.recvfrom(65535)
            if ended.is_set():
                return
            for answer in reply(data, peer):
                if ended.is_set():
                    break
                with contextlib.suppress(OSError):
                    server.sendto(answer, peer)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        ended.set()
        with socket.socket(server.family, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", server.getsockname())
        thread.join()
        server.close()


def closed_port(kind):
    """A port that was free a moment ago, and is not handed out again soon."""
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


def bound(data, address):
    """A binding response that names an address of IPv4."""
    host, port = address[:2]
    mapped = struct.pack("!BBH", 0, 1, port ^ 0x2112) + bytes(a ^ b for a, b in zip(socket.inet_aton(host), b"\x21\x12\xa4\x42"))
    return struct.pack("!HHI", 0x0101, 12, 0x2112A442) + data[8:20] + struct.pack("!HH", 0x20, 8) + mapped
