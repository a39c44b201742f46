# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live connections that no requirement covers: they were there first, so no change may cut them.

live.py start: a stream of datagrams, and a TCP connection that says nothing until the end; it stays until `stop`.
live.py stop: ends it and prints what was lost as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

FAR, UDP_PORT, TCP_PORT = "203.0.113.9", 9999, 2222
PACE, LIMIT = 0.02, 300.0
STARTED, STOP, RESULT = Path("/run/live-started"), Path("/run/live-stop"), Path("/run/live-result")


def start() -> None:
    """Talk until told to stop, at the pace of speech; then speak once over the idle connection."""
    idle = socket.create_connection((FAR, TCP_PORT), timeout=5)
    stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stream.settimeout(1)
    stream.connect((FAR, UDP_PORT))
    sent = lost = 0
    end = time.monotonic() + LIMIT
    while not STOP.exists() and time.monotonic() < end:
        word = sent.to_bytes(8, "big")
        try:
            stream.send(word)
            while stream.recv(64) != word:
                pass
        except OSError:
            lost += 1
        sent += 1
        STARTED.touch()
        time.sleep(PACE)
    try:
        idle.sendall(b"still here")
        answer = idle.recv(64).decode()
    except OSError as error:
        answer = str(error)
    RESULT.write_text(json.dumps({"sent": sent, "lost": lost, "idle_connection": answer}))


def stop() -> None:
    """End it and print the result."""
    STOP.touch()
    for _attempt in range(100):
        if RESULT.exists():
            print(RESULT.read_text())
            return
        time.sleep(0.1)
    raise SystemExit("the live connections have not ended")


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
