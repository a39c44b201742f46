# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call that lasts: a paced stream of datagrams and a TCP stream, both numbered and sent back, so that whatever is lost is known.

paced.py echo: the far side's end.
paced.py talk: the client's end; it talks until `stop`. What is lost since /run/paced-mark came is counted apart.
paced.py stop: ends it and prints what was lost as JSON.
paced.py new: whether one more flow of the same kind gets an answer: prints open or blocked.
paced.py fresh: begins such a flow every few milliseconds until its standard input ends, and prints as JSON which of them were lost.
paced.py repeat: the same with flows that begin as clients' do: requests are repeated as STUN does, and every second flow is of TCP.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

FAR, UDP_PORT, TCP_PORT = "216.147.0.1", 20000, 443
PACE, TCP_PACE, LIMIT = 0.001, 0.01, 1800.0
# For a machine that lets a process wait for a second: nothing may be lost for want of room. socket(7), SO_RCVBUFFORCE.
ROOM, RCVBUFFORCE = 16 << 20, 33
# What comes when all is over.
LAST = 10.0
NUMBER, ANSWER = struct.Struct("!Q"), struct.Struct("!QQ")
# tcp(7): tcpi_total_retrans of struct tcp_info.
RETRANSMITTED = slice(100, 104)
# A port of its own for each new flow, below those that the kernel gives others, and none twice within two minutes, whoever asks: conntrack
# knows none of them.
FRESH_PACE, FRESH_PATIENCE, FRESH_PORTS = 0.005, 2.0, range(1024, 32768)
# When a request is sent once more, in seconds since its flow began (RFC 8489, 6.2.1), and when it is given up: before a SYN would be
# sent for the fourth time.
REPEATS, REPEAT_PATIENCE = (0.5, 1.5, 3.5, 7.5), 7.0
STARTED, MARK, STOP, RESULT = (Path(f"/run/paced-{name}") for name in ("started", "mark", "stop", "result"))


def roomy(kind: socket.SocketKind) -> socket.socket:
    """A socket whose buffer takes whatever comes while its process waits for its turn."""
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, ROOM)
    return made


def echo() -> None:
    """Send back what comes; datagrams with how many of their flow have come so far."""
    server = socket.create_server((FAR, TCP_PORT))

    def stream() -> None:
        while True:
            peer, _address = server.accept()
            threading.Thread(target=pass_back, args=(peer,), daemon=True).start()

    threading.Thread(target=stream, daemon=True).start()
    datagrams = roomy(socket.SOCK_DGRAM)
    datagrams.bind((FAR, UDP_PORT))
    Path("/run/echo-ready").touch()
    counts: dict[tuple[str, int], int] = {}
    while True:
        data, address = datagrams.recvfrom(64)
        counts[address] = counts.get(address, 0) + 1
        datagrams.sendto(data[: NUMBER.size] + NUMBER.pack(counts[address]), address)


def pass_back(peer: socket.socket) -> None:
    """One TCP connection."""
    with contextlib.suppress(OSError), peer:
        while data := peer.recv(65535):
            peer.sendall(data)


class Datagrams:
    """A thousand datagrams a second, and what came back."""

    def __init__(self) -> None:
        self.socket = roomy(socket.SOCK_DGRAM)
        self.socket.settimeout(0.5)
        self.socket.connect((FAR, UDP_PORT))
        self.sent = self.arrived = self.gap = self.mark = 0
        self.back: set[int] = set()
        self.refused: list[str] = []

    def send(self) -> None:
        """Until told to stop; whoever comes late makes up for it."""
        start = time.monotonic()
        while not STOP.exists() and time.monotonic() < start + LIMIT:
            time.sleep(PACE)
            self.mark = self.mark or (self.sent if MARK.exists() else 0)
            while self.sent * PACE < time.monotonic() - start:
                try:
                    self.socket.send(NUMBER.pack(self.sent))
                except OSError as error:
                    self.refused.append(str(error))
                self.sent += 1

    def receive(self, over: threading.Event) -> None:
        """Until all is back, or nothing comes any more."""
        last = time.monotonic()
        while not (over.is_set() and (len(self.back) == self.sent or time.monotonic() > last + LAST)):
            try:
                number, arrived = ANSWER.unpack(self.socket.recv(64))
            except OSError as error:
                if not isinstance(error, TimeoutError):
                    self.refused.append(str(error))
                continue
            self.back.add(number)
            self.arrived = max(self.arrived, arrived)
            self.gap = max(self.gap, round(1000 * (time.monotonic() - last)))
            last = time.monotonic()
            STARTED.touch()

    def told(self) -> dict[str, object]:
        """What became of them, each direction for itself."""
        there, back = self.sent - self.arrived, self.arrived - len(self.back)
        late = self.sent - self.mark - sum(number >= self.mark for number in self.back)
        told = {"sent": self.sent, "lost_there": there, "lost_back": back, "lost_since_mark": late}
        return {**told, "gap_ms": self.gap, "refused": sorted(set(self.refused))}


class Stream:
    """Numbers over TCP, and whether they come back in their order."""

    def __init__(self) -> None:
        self.socket = socket.create_connection((FAR, TCP_PORT), timeout=5)
        self.socket.settimeout(LAST)
        self.sent = self.back = self.gap = 0
        self.error = ""

    def send(self) -> None:
        """Until told to stop."""
        try:
            while not STOP.exists():
                self.socket.sendall(NUMBER.pack(self.sent))
                self.sent += 1
                time.sleep(TCP_PACE)
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.error = self.error or str(error)

    def receive(self) -> None:
        """Until the other end has said good-bye."""
        last, data = time.monotonic(), b""
        try:
            while more := self.socket.recv(65535):
                self.gap = max(self.gap, round(1000 * (time.monotonic() - last)))
                last, data = time.monotonic(), data + more
                while len(data) >= NUMBER.size:
                    if NUMBER.unpack_from(data)[0] != self.back:
                        raise OSError(f"{NUMBER.unpack_from(data)[0]} came in the place of {self.back}")
                    self.back, data = self.back + 1, data[NUMBER.size :]
        except OSError as error:
            self.error = self.error or str(error)

    def told(self) -> dict[str, object]:
        """What became of it."""
        information = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        again = int.from_bytes(information[RETRANSMITTED], sys.byteorder)
        return {"sent": self.sent, "lost": self.sent - self.back, "gap_ms": self.gap, "sent_again": again, "error": self.error}


def talk() -> None:
    """Both at once."""
    datagrams, stream, over = Datagrams(), Stream(), threading.Event()
    talking = [threading.Thread(target=target) for target in (datagrams.send, stream.send)]
    hearing = [threading.Thread(target=datagrams.receive, args=(over,)), threading.Thread(target=stream.receive)]
    for thread in (*hearing, *talking):
        thread.start()
    for thread in talking:
        thread.join()
    over.set()
    for thread in hearing:
        thread.join()
    part = RESULT.with_suffix(".part")
    part.write_text(json.dumps({"udp": datagrams.told(), "tcp": stream.told()}))
    part.rename(RESULT)


def stop() -> None:
    """End it and print the result."""
    STOP.touch()
    for _attempt in range(600):
        if RESULT.exists():
            print(RESULT.read_text())
            return
        time.sleep(0.1)
    raise SystemExit("the call has not ended")


def new() -> None:
    """One flow that was not there before."""
    stream = roomy(socket.SOCK_DGRAM)
    stream.settimeout(1)
    stream.connect((FAR, UDP_PORT))
    answer = "blocked"
    for _attempt in range(3):
        with contextlib.suppress(OSError):
            stream.send(NUMBER.pack(0))
            stream.recv(64)
            answer = "open"
            break
    print(answer)


@dataclass
class Begun:
    """A flow that waits for its answer.

    Attributes:
        socket: its end of it.
        number: which of all it is.
        start: seconds on the monotonic clock.
        repeated: how often its datagram was sent again; None for TCP, which sees to that by itself.
    """

    socket: socket.socket
    number: int
    start: float
    repeated: int | None


class Fresh:
    """Flows of one datagram each, and on request as clients begin them: those that wait, and the numbers of those that never got an answer.

    Args:
        repeat: whether datagrams are repeated, and every second flow is a TCP connection.
    """

    def __init__(self, repeat: bool) -> None:
        self.poll = select.poll()
        self.waiting: dict[int, Begun] = {}
        self.repeat, self.patience = repeat, REPEAT_PATIENCE if repeat else FRESH_PATIENCE
        self.lost: list[int] = []
        self.slowest = 0.0
        self.sent, self.first = 0, int(time.monotonic() / FRESH_PACE)

    def begin(self) -> None:
        """One more, from the next port."""
        stream = self.repeat and self.sent % 2 == 1
        flow = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        flow.setblocking(False)
        flow.bind(("", FRESH_PORTS[(self.first + self.sent) % len(FRESH_PORTS)]))
        with contextlib.suppress(BlockingIOError):
            flow.connect((FAR, TCP_PORT if stream else UDP_PORT))
        begun = Begun(flow, self.sent, time.monotonic(), None if stream else 0)
        self.waiting[flow.fileno()] = begun
        self.poll.register(flow, select.POLLOUT if stream else select.POLLIN)
        self._send(begun)
        self.sent += 1

    def hear(self) -> None:
        """Take what has come, for one pace at most; who has waited for too long is lost."""
        for number, _event in self.poll.poll(1000 * FRESH_PACE):
            self._end(number, self._answered(self.waiting[number]))
        for number, begun in list(self.waiting.items()):
            waited = time.monotonic() - begun.start
            if waited > self.patience:
                self._end(number, False)
            elif self.repeat and begun.repeated is not None and waited > REPEATS[begun.repeated]:
                begun.repeated += 1
                self._send(begun)

    def told(self) -> dict[str, object]:
        """What became of them."""
        return {"sent": self.sent, "lost": sorted(self.lost), "slowest": round(self.slowest, 2)}

    def _send(self, begun: Begun) -> None:
        if begun.repeated is not None:
            with contextlib.suppress(OSError):
                begun.socket.send(NUMBER.pack(begun.number))

    def _answered(self, begun: Begun) -> bool:
        try:
            if begun.repeated is None:
                return begun.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            return bool(begun.socket.recv(64))
        except OSError:
            # A firewall has refused it.
            return False

    def _end(self, number: int, answered: bool) -> None:
        begun = self.waiting.pop(number)
        self.poll.unregister(number)
        begun.socket.close()
        self.slowest = max(self.slowest, time.monotonic() - begun.start)
        self.lost += [] if answered else [begun.number]


def fresh(repeat: bool = False) -> None:
    """New flows until nobody holds the other end of standard input any more."""
    flows, start = Fresh(repeat), time.monotonic()
    print("begun", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        while flows.sent * FRESH_PACE < time.monotonic() - start:
            flows.begin()
        flows.hear()
    while flows.waiting:
        flows.hear()
    print(json.dumps(flows.told()))


if __name__ == "__main__":
    roles: dict[str, Callable[[], None]] = {
        "echo": echo,
        "talk": talk,
        "stop": stop,
        "new": new,
        "fresh": fresh,
        "repeat": partial(fresh, True),
    }
    roles[sys.argv[1]]()
