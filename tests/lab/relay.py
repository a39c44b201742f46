# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bastion, and the way to it.

relay.py HOST PORT              joins a TCP connection to standard input and output, as a ProxyCommand of ssh does
relay.py --listen P HOST PORT   joins each connection that comes to a port to one of its own
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from typing import Callable


def pump(read: Callable[[int], bytes], write: Callable[[bytes], object], end: Callable[[], object]) -> None:
    """All of one direction."""
    try:
        while chunk := read(65536):
            write(chunk)
        end()
    except OSError:
        # The other side has gone; the other direction sees it too.
        pass


def join(one: socket.socket, other: socket.socket) -> None:
    """Both directions of two connections."""
    back = threading.Thread(target=pump, args=(other.recv, one.sendall, lambda: one.shutdown(socket.SHUT_WR)), daemon=True)
    back.start()
    pump(one.recv, other.sendall, lambda: other.shutdown(socket.SHUT_WR))
    back.join()
    one.close()
    other.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--listen", type=int)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    if options.listen:
        server = socket.create_server(("", options.listen))
        while True:
            came, _address = server.accept()
            gone = socket.create_connection((options.host, options.port))
            threading.Thread(target=join, args=(came, gone), daemon=True).start()
    there = socket.create_connection((options.host, options.port))
    inward = threading.Thread(
        target=pump, args=(lambda size: os.read(0, size), there.sendall, lambda: there.shutdown(socket.SHUT_WR)), daemon=True
    )
    inward.start()
    pump(there.recv, lambda chunk: os.write(1, chunk), lambda: None)
    sys.exit(0)


if __name__ == "__main__":
    main()
