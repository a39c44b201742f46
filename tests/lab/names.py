# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client that looks names up and connects to what it was told, to see whether the one opens the other. Prints JSON.

names.py ask NAME...                      each name's addresses, or why there are none
names.py connect [--port P] ADDRESS...    TCP connections to addresses, without asking anybody
names.py first NAME...                    look each up and connect at once to the address that the answer brings
names.py steady --seconds S --pace P NAME...   look-ups at a pace, connections at another, as a client with a cache does
names.py flow --seconds S ADDRESS         a stream of STUN requests to UDP 3478 at the pace of speech, over one connection
names.py rate --seconds S --per-second N --waiting W --name 'ip-198-19-{high}-{low}.many.livekit.cloud'   how long answers take under load
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# How long one question waits for its answer, and how often it is asked, as a stub resolver does (resolv.conf(5)).
SECONDS, ATTEMPTS = 2.0, 2
A, AAAA = 1, 28


def query(name: str, kind: int) -> bytes:
    """A query with recursion desired (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", random.getrandbits(16), 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def answer(message: bytes) -> tuple[int, list[tuple[str, int]]]:
    """The response code, and each address of the answer with its time to live."""
    _id, flags, questions, answers = struct.unpack_from("!HHHH", message)
    offset = 12
    for _index in range(questions):
        offset = after_name(message, offset) + 4
    found = []
    for _index in range(answers):
        offset = after_name(message, offset)
        kind, _class, ttl, length = struct.unpack_from("!HHIH", message, offset)
        data = message[offset + 10 : offset + 10 + length]
        if kind in (A, AAAA):
            found.append((socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data), ttl))
        offset += 10 + length
    return flags & 0xF, found


def after_name(message: bytes, offset: int) -> int:
    """Where a name ends."""
    while message[offset]:
        if message[offset] >= 0xC0:
            return offset + 2
        offset += 1 + message[offset]
    return offset + 1


def ask(server: str, name: str, kind: int = A) -> dict[str, Any]:
    """A question to one server, and once more where nobody answers."""
    for _attempt in range(ATTEMPTS):
        told = ask_once(server, name, kind)
        if "error" not in told:
            break
    return told


def ask_once(server: str, name: str, kind: int) -> dict[str, Any]:
    """One question to one server, over UDP and over TCP where that is not enough."""
    message = query(name, kind)
    start = time.perf_counter()
    try:
        with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(SECONDS)
            asker.connect((server, 53))
            asker.send(message)
            reply = asker.recv(65535)
        if reply[2] & 2:
            with socket.create_connection((server, 53), timeout=SECONDS) as stream:
                stream.sendall(len(message).to_bytes(2, "big") + message)
                reply = b""
                while len(reply) < 2 or len(reply) < 2 + int.from_bytes(reply[:2], "big"):
                    more = stream.recv(65535)
                    if not more:
                        break
                    reply += more
                reply = reply[2:]
    except OSError as error:
        return {"name": name, "error": str(error), "addresses": []}
    code, found = answer(reply)
    took = (time.perf_counter() - start) * 1000
    addresses = [address for address, _ttl in found]
    return {"name": name, "code": code, "addresses": addresses, "ttl": min((ttl for _a, ttl in found), default=0), "ms": round(took, 2)}


def connect(address: str, port: int, seconds: float = 0.9) -> str:
    """``open``, ``blocked`` or what else the network says. Shorter than the second after which the kernel would send again."""
    try:
        socket.create_connection((address, port), timeout=seconds).close()
        return "open"
    except socket.timeout:
        return "blocked"
    except OSError as error:
        return str(error)


def first(server: str, names: list[str], port: int, patience: float) -> dict[str, Any]:
    """Each name looked up, for so many seconds again where there is no answer, and its first address connected to at once."""
    results = []
    for name in names:
        end = time.monotonic() + patience
        addresses = ask(server, name)["addresses"]
        while not addresses and time.monotonic() < end:
            time.sleep(0.05)
            addresses = ask(server, name)["addresses"]
        results.append((name, addresses[:1], connect(addresses[0], port) if addresses else "no address"))
    wrong = [result for result in results if result[2] != "open"]
    return {"connections": len(results), "open": len(results) - len(wrong), "wrong": wrong[:5]}


def steady(options: argparse.Namespace) -> dict[str, Any]:
    """Look-ups now and then, connections all the time, to what the cache of a client holds."""
    cache: dict[str, tuple[list[str], float]] = {}
    blocked, connections, lookups = [], 0, 0
    end = time.monotonic() + options.seconds
    with ThreadPoolExecutor(16) as pool:
        pending = []
        while time.monotonic() < end:
            name = random.choice(options.names)
            addresses, until = cache.get(name, ([], 0.0))
            if time.monotonic() >= until:
                told = ask(options.server, name)
                addresses = told["addresses"]
                cache[name] = (addresses, time.monotonic() + told.get("ttl", 0))
                lookups += 1
            if addresses:
                connections += 1
                address = random.choice(addresses)
                pending.append((name, address, pool.submit(connect, address, options.port)))
            time.sleep(options.pace)
        blocked = [(name, address, done.result()) for name, address, done in pending if done.result() != "open"]
    return {"lookups": lookups, "connections": connections, "blocked": len(blocked), "wrong": blocked[:5]}


def flow(options: argparse.Namespace) -> dict[str, Any]:
    """STUN binding requests (RFC 8489) from one port; what came back."""
    sent = lost = 0
    end = time.monotonic() + options.seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        # What is lost never comes; what is late on a busy machine does.
        stream.settimeout(3)
        stream.connect((options.names[0], 3478))
        while time.monotonic() < end:
            transaction = struct.pack("!IIQ", 0x2112A442, sent, random.getrandbits(64))
            try:
                stream.send(struct.pack("!HH", 1, 0) + transaction)
                while stream.recv(2048)[4:20] != transaction:
                    pass
            except OSError:
                lost += 1
            sent += 1
            time.sleep(options.pace)
    return {"sent": sent, "lost": lost}


def rate(options: argparse.Namespace) -> dict[str, Any]:
    """Ask at a rate, or slower where too many answers are awaited; how long they take, and which never come."""
    total = int(options.per_second * options.seconds)
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    asker.connect((options.server, 53))
    asker.setblocking(False)
    sent: dict[int, float] = {}
    took: list[float] = []
    failed = 0
    start = time.perf_counter()
    index = 0
    last = start
    while index < total or (sent and time.perf_counter() - last < 3):
        now = time.perf_counter()
        # A query that has waited for too long is lost, and makes room for another.
        room = len(sent) < options.waiting or now - last > 3
        if index < total and room and now >= start + index / options.per_second:
            name = options.name.format(high=index // 250 + options.offset, low=index % 250 + 1)
            message = bytearray(query(name, A))
            struct.pack_into("!H", message, 0, index % 65536)
            asker.send(message)
            sent[index % 65536] = last = now
            index += 1
        try:
            reply = asker.recv(4096)
        except BlockingIOError:
            if index >= total or not room or time.perf_counter() < start + index / options.per_second - 0.0003:
                time.sleep(0.0001)
            continue
        began = sent.pop(int.from_bytes(reply[:2], "big"), None)
        if began is not None:
            took.append((time.perf_counter() - began) * 1000)
            failed += not answer(reply)[1]
    took.sort()
    parts = (0.5, 0.9, 0.99, 0.999, 1.0) if took else ()
    quantiles = {str(part): round(took[min(len(took) - 1, int(len(took) * part))], 2) for part in parts}
    return {"asked": total, "answered": len(took), "without_address": failed, "mean_ms": round(statistics.mean(took), 2), "ms": quantiles}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("action", choices=["ask", "connect", "first", "steady", "flow", "rate"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--server", default="10.99.0.1")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--patience", type=float, default=0.0)
    parser.add_argument("--pace", type=float, default=0.02)
    parser.add_argument("--per-second", type=float, default=1000.0)
    parser.add_argument("--waiting", type=int, default=1 << 16)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--name", default="ip-198-19-{high}-{low}.many.livekit.cloud")
    options = parser.parse_intermixed_args()
    if options.action == "ask":
        result: Any = [ask(options.server, name, kind) for name in options.names for kind in (A, AAAA)]
    elif options.action == "connect":
        result = {address: connect(address, options.port) for address in options.names}
    elif options.action == "first":
        result = first(options.server, options.names, options.port, options.patience)
    else:
        result = {"steady": steady, "flow": flow, "rate": rate}[options.action](options)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
