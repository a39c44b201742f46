# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends traffic and tells what came back. Runs inside a container; a list of probes as JSON in, a list of verdicts out.

A probe is {"id", "kind", "transport", "address", "port"} and may have "timeout" in seconds, and "source", an (address, port)
to send from. A verdict adds "sent" and "received", in messages, "detail", and "seen":
open (the protocol's own answer came), blocked (silence), refused (TCP reset or ICMP port unreachable), prohibited (ICMP
says that a filter did it), or error.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import sip  # noqa: E402
import stun  # noqa: E402
import websocket  # noqa: E402
from wire import Unexpected, Wire, expect  # noqa: E402

PROBES = 500
PACKETS = 10
PACE = 0.02
HEAD_END = b"\r\n\r\n"
Probe = dict[str, Any]


def probe_udp(wire: Wire, _probe: Probe) -> str:
    """One datagram, echoed."""
    wire.open("udp")
    echo(wire)
    return "echoed"


def probe_tcp(wire: Wire, _probe: Probe) -> str:
    """A connection that echoes."""
    wire.open("tcp")
    echo(wire)
    return "connected, echoed"


def echo(wire: Wire) -> None:
    """A random word must come back."""
    word = os.urandom(16)
    wire.send(word)
    expect(wire.receive(lambda data: len(data) >= len(word)) == word, "not what was sent")


def probe_connect(wire: Wire, _probe: Probe) -> str:
    """A connection and no more."""
    wire.open("tcp")
    return "connected"


def probe_rtp(wire: Wire, _probe: Probe) -> str:
    """Audio packets (RFC 3550) at the pace of speech; all must come back, as some filters pass only the first."""
    wire.open("udp")
    packets = [struct.pack("!BBHII", 0x80, 111, number, number * 960, 0x5EED) + bytes(80) for number in range(PACKETS)]
    for packet in packets:
        wire.send(packet)
        time.sleep(PACE)
    back: set[bytes] = set()
    try:
        while len(back) < PACKETS and wire.received < 2 * PACKETS:
            back.add(wire.receive())
    except socket.timeout:
        if not back:
            raise
    expect(back == set(packets), f"{PACKETS} out, only {len(back & set(packets))} back")
    return f"{PACKETS} out, {len(back)} back"


def probe_tls(wire: Wire, _probe: Probe) -> str:
    """A handshake."""
    wire.open("tls")
    return str(wire.socket.version()) if isinstance(wire.socket, ssl.SSLSocket) else "no TLS"


def probe_https(wire: Wire, probe: Probe) -> str:
    """A handshake, and an answer to a request in it."""
    version = probe_tls(wire, probe)
    wire.send(b"GET / HTTP/1.1\r\nHost: far\r\n\r\n")
    expect(wire.receive(lambda data: HEAD_END in data).startswith(b"HTTP/1.1 200"), "not 200")
    return f"{version}, HTTP 200"


def probe_websocket(wire: Wire, _probe: Probe) -> str:
    """An upgrade within TLS, and a masked frame that comes back."""
    wire.open("tls")
    key, body = base64.b64encode(os.urandom(16)), b"offer"
    wire.send(websocket.upgrade(key, "far"))
    expect(websocket.accepted(wire.receive(lambda data: HEAD_END in data), key), "the upgrade was not accepted")
    wire.send(websocket.frame(body, os.urandom(4)))
    wanted = websocket.frame(body)
    expect(wire.receive(lambda data: len(data) >= len(wanted)) == wanted, "another frame came back")
    return "101, frame echoed"


def ask(wire: Wire, request: bytes) -> stun.Message:
    """The answer to a STUN request, which bears the request's transaction."""
    wire.send(request)
    answer = stun.parse(wire.receive(stun.complete))
    expect(answer.transaction == request[8:20], "an answer to another request")
    return answer


def probe_stun(wire: Wire, probe: Probe) -> str:
    """A binding; the answer names the address that we are seen as."""
    wire.open(probe["transport"])
    answer = ask(wire, stun.message(stun.BINDING))
    expect(answer.type == stun.BINDING | stun.SUCCESS, f"error {answer.error}")
    mapped = answer.address(stun.XOR_MAPPED_ADDRESS)
    expect(bool(mapped), "no mapped address")
    return f"mapped {mapped}"


def probe_turn(wire: Wire, probe: Probe) -> str:
    """An allocation with long-term credentials; the answer names the relay."""
    wire.open(probe["transport"])
    challenge = ask(wire, stun.allocate())
    expect(challenge.error == 401, f"expected 401, got {challenge.error}")
    answer = ask(wire, stun.allocate(challenge.attributes[stun.NONCE], challenge.attributes[stun.REALM], "lab", "lab"))
    expect(answer.type == stun.ALLOCATE | stun.SUCCESS, f"error {answer.error}")
    return f"relay {answer.address(stun.XOR_RELAYED_ADDRESS)}"


def probe_sip(wire: Wire, probe: Probe) -> str:
    """OPTIONS, answered 200."""
    wire.open(probe["transport"])
    wire.send(sip.options(probe["address"], probe["transport"]))
    status = sip.status(wire.receive(lambda data: HEAD_END in data))
    expect(status == 200, f"SIP {status}")
    return f"SIP {status}"


def probe_dns(wire: Wire, probe: Probe) -> str:
    """A query for a name of the lab (RFC 1035), over UDP or TCP."""
    wire.open(probe["transport"])
    query = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0) + b"\3api\x0aliveavatar\3com\0" + struct.pack("!2H", 1, 1)
    # Over TCP each message has its length before it.
    prefix = 2 if probe["transport"] == "tcp" else 0
    wire.send(len(query).to_bytes(2, "big")[:prefix] + query)
    answer = wire.receive(lambda data: len(data) >= 12 + prefix)[prefix:]
    count = int(struct.unpack("!H", answer[6:8])[0])
    expect(count > 0, "no address")
    return f"{count} addresses"


def probe_ping(wire: Wire, probe: Probe) -> str:
    """An ICMP echo by the system's own tool."""
    wire.sent = 1
    done = subprocess.run(["ping", "-n", "-c", "1", "-W", "1", probe["address"]], capture_output=True, check=False)
    if done.returncode == 1:
        raise socket.timeout
    expect(done.returncode == 0, done.stderr.decode().strip())
    wire.received = 1
    return "echo reply"


KINDS: dict[str, Callable[[Wire, Probe], str]] = {
    name[len("probe_") :]: function for name, function in list(globals().items()) if name.startswith("probe_")
}


def told(error: OSError) -> tuple[str, str]:
    """What the system's error says about the way: seen and detail."""
    if isinstance(error, socket.timeout):
        return "blocked", "silence"
    if isinstance(error, PermissionError) and error.errno == errno.EPERM:
        # How the kernel tells the sender on the same host that its output chain has dropped a datagram.
        return "blocked", "dropped on this host"
    if isinstance(error, ConnectionRefusedError):
        return "refused", "refused"
    # An error of TLS has numbers of its own, which must not be taken for the system's.
    if not isinstance(error, ssl.SSLError) and error.errno in (errno.EACCES, errno.EHOSTUNREACH):
        return "prohibited", str(error.strerror)
    return "error", f"{type(error).__name__} {error}"


def verdict(probe: Probe) -> Probe:
    """Run one probe."""
    wire = Wire(probe)
    try:
        seen, detail = "open", KINDS[probe["kind"]](wire, probe)
    except OSError as error:
        seen, detail = told(error)
    except (Unexpected, ValueError, KeyError) as error:
        seen, detail = "error", f"{type(error).__name__} {error}"
    finally:
        wire.close()
    return {**probe, "seen": seen, "detail": detail, "sent": wire.sent, "received": wire.received}


def main() -> None:
    """All probes at once."""
    probes = json.load(sys.stdin)
    if len(probes) > PROBES:
        raise SystemExit(f"{len(probes)} probes; at most {PROBES} at once")
    with ThreadPoolExecutor(max(1, len(probes))) as workers:
        json.dump(list(workers.map(verdict, probes)), sys.stdout)


if __name__ == "__main__":
    main()
