# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends traffic and tells what came back. Runs inside a container; a list of probes as JSON in, a list of verdicts out.

A probe is {"id", "kind", "transport", "address", "port"} and may have "source", an (address, port) to send from.
A verdict adds "seen": open (the protocol's own answer came), blocked (silence), refused, or error; and "detail".
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Union

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import sip  # noqa: E402
import stun  # noqa: E402

SECONDS = 1.5
PACKETS = 10
Stream = Union[socket.socket, ssl.SSLSocket]
Probe = dict[str, Any]


def family(probe: Probe) -> socket.AddressFamily:
    """IPv4 or IPv6, by the address."""
    return socket.AF_INET6 if ":" in probe["address"] else socket.AF_INET


def datagrams(probe: Probe) -> socket.socket:
    """A UDP socket to the probe's address and port."""
    sender = socket.socket(family(probe), socket.SOCK_DGRAM)
    sender.settimeout(SECONDS)
    if probe.get("source"):
        sender.bind(tuple(probe["source"]))
    sender.connect((probe["address"], probe["port"]))
    return sender


def stream(probe: Probe) -> Stream:
    """A TCP connection, with TLS where the transport says so."""
    source = tuple(probe["source"]) if probe.get("source") else None
    plain = socket.create_connection((probe["address"], probe["port"]), timeout=SECONDS, source_address=source)
    if probe.get("transport") != "tls":
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=probe.get("name", "far"))


def exchange(probe: Probe) -> Callable[[bytes], bytes]:
    """A function that sends one message and gives the answer, over the probe's transport."""
    sender: Stream = datagrams(probe) if probe.get("transport", "udp") == "udp" else stream(probe)

    def ask(data: bytes) -> bytes:
        sender.sendall(data)
        return sender.recv(65535)

    return ask


def probe_udp(probe: Probe) -> str:
    """One datagram, echoed."""
    word = os.urandom(16)
    assert exchange(probe)(word) == word
    return "echoed"


def probe_rtp(probe: Probe) -> str:
    """Audio packets (RFC 3550), at the pace of speech; all must come back."""
    sender = datagrams(probe)
    sent = [struct.pack("!BBHII", 0x80, 111, number, number * 960, 0x5EED) + bytes(80) for number in range(PACKETS)]
    for packet in sent:
        sender.send(packet)
        time.sleep(0.02)
    back = {sender.recv(65535) for _packet in sent}
    assert back == set(sent)
    return f"{PACKETS} out, {len(back)} back"


def probe_tcp(probe: Probe) -> str:
    """A connection that echoes."""
    word = os.urandom(16)
    assert exchange({**probe, "transport": "tcp"})(word) == word
    return "connected, echoed"


def probe_connect(probe: Probe) -> str:
    """A connection and no more."""
    with stream({**probe, "transport": "tcp"}):
        return "connected"


def probe_tls(probe: Probe) -> str:
    """A handshake, and an answer to an HTTP request in it."""
    with stream({**probe, "transport": "tls"}) as secure:
        secure.sendall(b"GET / HTTP/1.1\r\nHost: far\r\n\r\n")
        answer = secure.recv(65535)
        assert answer.startswith(b"HTTP/1.1 200")
        return f"{secure.version() if isinstance(secure, ssl.SSLSocket) else 'no TLS'}, HTTP 200"


def probe_websocket(probe: Probe) -> str:
    """An upgrade within TLS (RFC 6455), and a masked frame that comes back."""
    with stream({**probe, "transport": "tls"}) as secure:
        key = base64.b64encode(os.urandom(16))
        head = [b"GET /rtc HTTP/1.1", b"Host: far", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
        secure.sendall(b"\r\n".join([*head, b"Sec-WebSocket-Key: " + key, b"", b""]))
        assert secure.recv(65535).startswith(b"HTTP/1.1 101")
        mask, body = os.urandom(4), b"offer"
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))
        secure.sendall(bytes([0x81, 0x80 | len(body)]) + mask + masked)
        frame = secure.recv(65535)
        assert frame == bytes([0x81, len(body)]) + body
        return "101, frame echoed"


def probe_stun(probe: Probe) -> str:
    """A binding; the answer names the address that we are seen as."""
    answer = stun.parse(exchange(probe)(stun.message(stun.BINDING)))
    assert answer.type == stun.BINDING | stun.SUCCESS
    return f"mapped {answer.address(stun.XOR_MAPPED_ADDRESS)}"


def probe_turn(probe: Probe) -> str:
    """An allocation with long-term credentials; the answer names the relay."""
    ask = exchange(probe)
    challenge = stun.parse(ask(stun.allocate()))
    assert challenge.error == 401, f"expected 401, got {challenge.error}"
    answer = stun.parse(ask(stun.allocate(challenge.attributes[stun.NONCE], challenge.attributes[stun.REALM], "lab", "lab")))
    assert answer.type == stun.ALLOCATE | stun.SUCCESS, f"error {answer.error}"
    return f"relay {answer.address(stun.XOR_RELAYED_ADDRESS)}"


def probe_sip(probe: Probe) -> str:
    """OPTIONS, answered 200."""
    status = sip.status(exchange(probe)(sip.options(probe["address"], probe.get("transport", "udp"))))
    assert status == 200
    return f"SIP {status}"


def probe_dns(probe: Probe) -> str:
    """A query for a name of the lab (RFC 1035), over UDP or TCP."""
    query = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0) + b"\3api\x0aliveavatar\3com\0" + struct.pack("!2H", 1, 1)
    over_tcp = probe.get("transport") == "tcp"
    answer = exchange(probe)(struct.pack("!H", len(query)) + query if over_tcp else query)
    count = struct.unpack("!H", answer[8:10] if over_tcp else answer[6:8])[0]
    assert count > 0
    return f"{count} addresses"


def probe_ping(probe: Probe) -> str:
    """An ICMP echo by the system's own tool."""
    status = os.spawnvp(os.P_WAIT, "sh", ["sh", "-c", f"ping -n -c 1 -W 1 {probe['address']} >/dev/null 2>&1"])
    if status:
        raise TimeoutError
    return "echo reply"


KINDS: dict[str, Callable[[Probe], str]] = {
    name[len("probe_") :]: function for name, function in list(globals().items()) if name.startswith("probe_")
}


def verdict(probe: Probe) -> Probe:
    """Run one probe."""
    try:
        return {**probe, "seen": "open", "detail": KINDS[probe["kind"]](probe)}
    except (TimeoutError, socket.timeout):
        return {**probe, "seen": "blocked", "detail": "silence"}
    except PermissionError:
        # How the kernel tells the sender on the same host that its output chain has dropped a datagram.
        return {**probe, "seen": "blocked", "detail": "dropped on this host"}
    except ConnectionRefusedError:
        return {**probe, "seen": "refused", "detail": "refused"}
    except (OSError, ValueError, AssertionError) as error:
        return {**probe, "seen": "error", "detail": f"{type(error).__name__} {error}"}


def main() -> None:
    """All probes at once."""
    probes = json.load(sys.stdin)
    with ThreadPoolExecutor(max(1, len(probes))) as workers:
        json.dump(list(workers.map(verdict, probes)), sys.stdout)


if __name__ == "__main__":
    main()
