# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The far side's servers, on every address and every port there is: silence can then only mean a firewall.

443/tcp: TLS with HTTP, WebSocket or STUN/TURN inside, or STUN/TURN without TLS; TURN goes on to coturn.
3478: coturn. 5060 and 5061: SIP. 53: PowerDNS with the vendors' zones. 2022: what a scenario starts there. All other ports echo.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Union

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import ca  # noqa: E402
import sip  # noqa: E402
import zones  # noqa: E402

ADDRESSES = ("198.51.100.2", "2001:db8:51::2")
ECHO_PORT = 7
# Longer than any scenario leaves a connection idle.
SECONDS = 900
Stream = Union[socket.socket, ssl.SSLSocket]
# Conntrack turns the answers back, so they come from the address and port that were asked.
REDIRECT = f"""
table inet far {{
    chain prerouting {{
        type nat hook prerouting priority -100; policy accept;
        tcp dport 2022 return
        meta l4proto {{ tcp, udp }} th dport 53 redirect to :53
        meta l4proto {{ tcp, udp }} th dport 3478 redirect to :3478
        tcp dport {{ 443, 5060, 5061 }} redirect to tcp dport map {{ 443 : 443, 5060 : 5060, 5061 : 5061 }}
        udp dport 5060 redirect to :5060
        meta l4proto {{ tcp, udp }} redirect to :{ECHO_PORT}
    }}
}}
"""
_WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def command(*argv: str, text: str = "") -> None:
    """Run a command that ends by itself."""
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)


def answer_everywhere() -> None:
    """Take packets for any address as our own; only those that come in, so that answers still find their way."""
    for family, everything in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        command("ip", family, "rule", "add", "iif", "eth0", "lookup", "100")
        command("ip", family, "route", "add", "local", everything, "dev", "lo", "table", "100")
    command("nft", "-f", "-", text=REDIRECT)


def start_coturn() -> None:
    """Real TURN, with one user."""
    listening = [f"--listening-ip={address}" for address in ADDRESSES]
    # Relays at ports that Vonage's document names for media.
    options = [
        "--min-port=40000",
        "--max-port=49999",
        "--lt-cred-mech",
        "--user=lab:lab",
        "--realm=lab",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--log-file=stdout",
        "--simple-log",
    ]
    with open("/run/coturn.log", "w", encoding="utf-8") as log:
        subprocess.Popen(["turnserver", *listening, "--listening-port=3478", *options], stdout=log, stderr=log)


def serve_tcp(port: int, handle: Callable[[socket.socket], None]) -> None:
    """Accept connections for good, each in a thread of its own."""
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)

    def handled(peer: socket.socket) -> None:
        peer.settimeout(SECONDS)
        with contextlib.suppress(OSError), peer:
            handle(peer)

    def accept() -> None:
        while True:
            peer, _address = server.accept()
            threading.Thread(target=handled, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def serve_udp(port: int, reply: Callable[[bytes], bytes]) -> None:
    """Answer each datagram."""
    for family, address in ((socket.AF_INET, ADDRESSES[0]), (socket.AF_INET6, ADDRESSES[1])):
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.bind((address, port))

        def loop(server: socket.socket = server) -> None:
            while True:
                data, peer = server.recvfrom(65535)
                with contextlib.suppress(OSError, ValueError):
                    server.sendto(reply(data), peer)

        threading.Thread(target=loop, daemon=True).start()


def echo(peer: Stream) -> None:
    """Send back what comes."""
    while data := peer.recv(65535):
        peer.sendall(data)


def on_443(peer: socket.socket) -> None:
    """A TLS record begins with 22; STUN begins with two zero bits (RFC 7983)."""
    first = peer.recv(1, socket.MSG_PEEK)
    if first == b"\x16":
        with ca.context(peer).wrap_socket(peer, server_side=True) as secure:
            speak(secure, secure.recv(65535))
    elif first:
        speak(peer, peer.recv(65535))


def speak(peer: Stream, data: bytes) -> None:
    """Go on in the protocol that the first bytes are of."""
    if data[:1] in (b"\x00", b"\x01"):
        pass_on(peer, data)
    elif data.startswith(b"GET "):
        while b"\r\n\r\n" not in data:
            data += peer.recv(65535)
        http(peer, data)
    else:
        peer.sendall(data)
        echo(peer)


def http(peer: Stream, request: bytes) -> None:
    """Answer a request, or become a WebSocket that echoes frames (RFC 6455)."""
    headers = dict(line.split(b": ", 1) for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:] if b": " in line)
    headers = {name.lower(): value for name, value in headers.items()}
    if headers.get(b"upgrade", b"").lower() != b"websocket":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
        return
    accept = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + _WEBSOCKET_KEY).digest())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    while frame := peer.recv(2):
        mask = peer.recv(4)
        body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(peer.recv(frame[1] & 0x7F)))
        peer.sendall(bytes([frame[0], len(body)]) + body)


def pass_on(peer: Stream, data: bytes) -> None:
    """TURN over TCP or TLS: coturn speaks behind us. In one thread, since two must not use one TLS connection at once."""
    with socket.create_connection((ADDRESSES[0], 3478), timeout=SECONDS) as turn:
        turn.sendall(data)
        while True:
            for ready in select.select([peer, turn], [], [], SECONDS)[0]:
                data = ready.recv(65535)
                # TLS may hold more than select sees.
                while isinstance(ready, ssl.SSLSocket) and ready.pending():
                    data += ready.recv(65535)
                if not data:
                    return
                (turn if ready is peer else peer).sendall(data)


def sip_stream(peer: Stream) -> None:
    """SIP over TCP or TLS."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65535)
        if not more:
            return
        data += more
    peer.sendall(sip.answer(data))


def secure_sip(peer: socket.socket) -> None:
    """SIP within TLS."""
    if peer.recv(1, socket.MSG_PEEK):
        with ca.context(peer).wrap_socket(peer, server_side=True) as secure:
            sip_stream(secure)


def takes_connections(port: int) -> bool:
    """Whether a server that was started beside this one is ready."""
    with contextlib.suppress(OSError), socket.create_connection((ADDRESSES[0], port), timeout=1):
        return True
    return False


def main() -> None:
    """Start everything, say that it is ready, and stay."""
    sys.stdout = sys.stderr = open("/run/far.log", "w", buffering=1, encoding="utf-8")  # noqa: SIM115
    answer_everywhere()
    start_coturn()
    zones.start(ADDRESSES)
    ca.make()
    serve_tcp(443, on_443)
    serve_tcp(5060, sip_stream)
    serve_tcp(5061, secure_sip)
    serve_tcp(ECHO_PORT, echo)
    serve_udp(5060, sip.answer)
    serve_udp(ECHO_PORT, lambda data: data)
    while not (takes_connections(3478) and takes_connections(53)):
        time.sleep(0.1)
    Path("/run/far-ready").touch()
    threading.Event().wait()


if __name__ == "__main__":
    main()
