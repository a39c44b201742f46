# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of media from the packets that arrived and those that came back, and TURN servers that do harm."""

from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_media, _probe_stream
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import Endpoint, Probe, ProbeError

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from peers import bound, closed_port, datagram_server, one, run, stream_server

ALLOCATE, REFRESH, PERMISSION = 0x0003, 0x0004, 0x0008
ALL = range(100)
STOPPED_IN = "packets arrive at the relay, and none comes back any more after packet"
KNOWN = {"permitted": ["192.0.2.1"], "seen_over_udp": "192.0.2.1"}


def told(arrived, returned, sent=100, pace=50):
    """Facts, where each packet needs 5 ms to the relay and 20 ms back."""
    at = {number: number / pace for number in range(sent)}
    flow = _probe_media.Flow(_probe_stream.Packets("echo", pace), at)
    flow.arrived = {number: at[number] + 0.005 for number in arrived}
    flow.returned = {number: at[number] + 0.025 for number in returned}
    flow.mapped = "192.0.2.1:4000" if flow.arrived else ""
    return _probe_media.tell(flow, pace)


def test_facts_of_media():
    assert told(ALL, [number for number in ALL if number % 4]) == {
        "sent": 100, "arrived": 100, "returned": 75, "loss_percent_out": 0.0, "loss_percent_in": 25.0, "jitter_ms": 0.0,
        "round_trip_ms": {"least": 25.0, "mean": 25.0, "most": 25.0}, "stopped_after": None, "stopped_way": None,
        "mapped": "192.0.2.1:4000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arrived", "returned", "out", "back", "stopped", "verdict", "why"),
    [
        (ALL, ALL, 0, 0, (None, None), None, None),
        ([], [], 100, None, (None, None), "timed-out", "no packet arrived at the relay"),
        (range(30), range(30), 70, 0, (30, "out"), "timed-out", "no packet arrived at the relay any more after packet 30"),
        (ALL, [], 0, 100, (None, None), "one-way", "packets arrive at the relay, and none comes back"),
        (range(30), [], 70, 100, (30, "out"), "timed-out", "no packet arrived at the relay any more after packet 30"),
        (ALL, range(3), 0, 97, (3, "in"), "timed-out", f"{STOPPED_IN} 3"),
        (
            range(40),
            range(20),
            60,
            50,
            (20, "in"),
            "timed-out",
            f"{STOPPED_IN} 20",
        ),
        # As good as nothing, though to the end.
        (ALL, [0, 30, 60, 90, 99], 0, 95, (None, None), "one-way", "packets arrive at the relay, and only 5 of 100 come back"),
        ([0, 30, 60, 90, 99], [99], 95, 80, (None, None), "timed-out", "only 5 of 100 packets arrived at the relay"),
        (ALL, range(0, 100, 16), 0, 93, (None, None), None, None),
        (range(0, 100, 16), range(0, 100, 16), 93, 0, (None, None), None, None),
    ],
)
def test_verdicts(arrived, returned, out, back, stopped, verdict, why):
    facts = told(arrived, returned)
    assert (facts["loss_percent_out"], facts["loss_percent_in"]) == (out, back)
    assert (facts["stopped_after"], facts["stopped_way"]) == stopped
    found = _probe_media.verdict({**facts, **KNOWN}, [])
    assert (found and found.verdict, found and found.why) == (verdict, why)


def test_what_the_kernel_says_is_of_the_way_out():
    error = ProbeError("ICMP says no", "prohibited", {"icmp": 1})
    assert vars(_probe_media.verdict({**told([], []), **KNOWN}, [error])) == vars(error)
    stopped = _probe_media.verdict({**told(range(30), range(30)), **KNOWN}, [error])
    assert (stopped.verdict, stopped.why, stopped.facts) == ("prohibited", "ICMP says no, after 30 packets had arrived", {"icmp": 1})
    assert _probe_media.verdict({**told(ALL, []), **KNOWN}, [error]).verdict == "one-way"
    assert _probe_media.verdict({**told(ALL, ALL), **KNOWN}, [error]) is None


def answer(kind, data, *attributes):
    """A TURN server's answer to a request."""
    body = b"".join(attributes)
    return struct.pack("!HHI", kind, len(body), 0x2112A442) + data[8:20] + body


def refusal(code):
    return struct.pack("!HHHBB", 0x09, 4, 0, code // 100, code % 100)


@pytest.fixture
def relay(monkeypatch):
    """A port for a relay, where nobody reads; and no longer to wait than that takes."""
    monkeypatch.setattr(_probe_media, "MEDIA_TAIL_SECONDS", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        yield unread.getsockname()


class Server:
    """A TURN server that asks for no password.

    Args:
        relay: the address of what it lends.
        answers: what it says in place of success, by the request's kind: bytes beside the head, or None for nothing at all.
        lifetime: for how many seconds it lends.
        flood: what it sends before it answers the last request.
    """

    def __init__(self, relay, answers=(), lifetime=600, flood=()):
        self.relay, self.answers, self.lifetime, self.flood, self.asked = relay, dict(answers), lifetime, flood, []

    def reply(self, data, peer):
        kind = int.from_bytes(data[:2], "big")
        self.asked.append(kind)
        if kind in self.answers:
            body = self.answers[kind]
            return [] if body is None else [answer(kind | (0x0110 if body[:2] == b"\0\x09" else 0x0100), data, body)]
        if kind == ALLOCATE:
            lent = b"\0\x16\0\x08" + bound(data, self.relay)[24:]
            return [answer(0x0103, data, lent, bound(data, peer)[20:], struct.pack("!HHI", 0x0D, 4, self.lifetime))]
        return [*(self.flood if kind == REFRESH else ()), answer(kind | 0x0100, data)]

    def stream(self, then=None):
        """Serves a peer over TCP; after the permission something else may follow."""

        def handle(peer):
            while data := peer.recv(65535):
                peer.sendall(b"".join(self.reply(data, peer.getpeername())))
                if int.from_bytes(data[:2], "big") == PERMISSION and then is not None:
                    # What follows at once goes with the answer.
                    time.sleep(0.1)
                    peer.sendall(then)
                    if not then:
                        return

        return handle


def media(port, **more):
    return one(kind="media", port=port, **{"seconds": 0.3, **more})


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_relay_that_nothing_comes_to(relay, transport):
    server = Server(relay)
    serving = datagram_server(server.reply) if transport == "udp" else stream_server(server.stream())
    with serving as port:
        result = media(port, transport=transport)
    assert (result["verdict"], result["facts"]["sent"], result["facts"]["arrived"]) == ("timed-out", 15, 0)
    assert (result["facts"]["given_back"], result["facts"]["permitted"]) == (True, ["127.0.0.1"])
    assert server.asked == [ALLOCATE, PERMISSION, REFRESH]


def test_a_relay_that_is_closed(relay):
    with datagram_server(Server(("127.0.0.1", closed_port(socket.SOCK_DGRAM))).reply) as port:
        result = media(port)
    assert (result["verdict"], result["facts"]["given_back"]) == ("refused", True)


@pytest.mark.parametrize(
    ("options", "why", "asked"),
    [
        ({"answers": {PERMISSION: refusal(403)}}, "the server does not let us send to its relay: TURN error 403", [3, 8, 4]),
        ({"answers": {ALLOCATE: refusal(486)}}, "no relay to test media with: TURN error 486", [3]),
        ({"answers": {ALLOCATE: b""}}, "no relay to test media with: TURN: an answer without the relay's address or ours", [3]),
        ({"answers": {ALLOCATE: b"\0\x16\0\4abcd"}}, "no relay to test media with: STUN: an address with a wrong family or length", [3]),
        ({"lifetime": 3}, "the server lends its relay for 3 seconds alone", [3, 4]),
        ({"relay": ("127.0.0.1", 0)}, "no relay to test media with: TURN: an answer without the relay's address or ours", [3]),
    ],
)
def test_a_server_that_does_not_lend(relay, options, why, asked):
    server = Server(**{"relay": relay, **options})
    with datagram_server(server.reply) as port:
        result = media(port)
    assert (result["verdict"], result["facts"]["why"]) == ("untested", why)
    assert server.asked == asked


def test_a_relay_of_the_other_family(relay):
    lent = b"\0\x16\0\x14\0\2\0\1" + bytes(16) + b"\0\x20\0\x08\0\1\0\1\0\0\0\0"
    with datagram_server(Server(relay, {ALLOCATE: lent}).reply) as port:
        result = media(port)
    assert (result["verdict"], result["facts"]["why"]) == ("untested", "the server has no relay of the family ipv4")


@pytest.mark.parametrize("flood", [[b"\xff" * 100] * 40, [b""] * 40, [b"\0\x17\0\4\x21\x12\xa4\x42" + bytes(12) + b"\0\x12\0\x20"] * 40])
def test_a_server_that_sends_garbage_over_udp(relay, flood):
    with datagram_server(Server(relay, flood=flood).reply) as port:
        result = media(port)
    assert (result["verdict"], result["facts"]["given_back"]) == ("timed-out", True)


@pytest.mark.parametrize(
    ("then", "why"),
    [(b"\xff" * 100, "no STUN, but b'\\xff"), (b"", "the server closed the connection"), (b"\0\x17\xff\xfc\x21\x12\xa4\x42", "")],
)
def test_a_server_that_breaks_off_over_tcp(relay, then, why):
    with stream_server(Server(relay).stream(then)) as port:
        result = media(port, transport="tcp")
    assert (result["verdict"], result["facts"]["given_back"]) == ("untested", False)
    assert result["facts"]["why"].startswith(f"the TURN server itself does not answer any more{': ' if why else ''}{why}")
    assert result["facts"]["why"].endswith("; before that, no packet arrived at the relay, which lets in 127.0.0.1 alone")
    assert result["seconds"] < 30


def test_a_server_that_falls_silent(relay):
    with datagram_server(Server(relay, {REFRESH: None}).reply) as port:
        result = media(port)
    assert (result["verdict"], result["facts"]["given_back"]) == ("untested", False)
    assert result["facts"]["why"] == "the TURN server itself does not answer any more; before that, no packet arrived at the relay"


def test_an_allocation_that_takes_all_the_time_leaves_media_untested(relay):
    with datagram_server(lambda data, peer: []) as port:
        result = media(port, seconds=20, timeout=0.5)
    assert (result["verdict"], result["facts"]["allocation"]) == ("untested", "timed-out")
    assert result["facts"]["why"] == "no relay to test media with: no answer while waiting for an answer"
    assert result["seconds"] < 15


def test_a_relay_is_given_back_even_if_the_whole_run_ends_before(relay):
    server = Server(relay)
    with datagram_server(server.reply) as port:
        (result,) = run({"kind": "media", "port": port, "seconds": 200}, total=1)
    assert (result["verdict"], result["facts"]["why"][:12]) == ("untested", "not reached,")
    assert server.asked == [ALLOCATE, PERMISSION, REFRESH]


def test_an_inner_relay_of_a_public_server():
    probe = Probe("a", "media", "192.0.2.1", ((3478, 3478),), "udp")
    lent = _probe_media.Relay(("192.168.1.2", 50000), "192.0.2.9", None, 600, "")
    with pytest.raises(ProbeError, match=r"the inner address 192\.168\.1\.2 as a relay") as caught:
        _probe_media._check(lent, Endpoint(probe, "192.0.2.1", 3478))
    assert caught.value.verdict == "bad-answer"
    # A server within may have such a relay.
    _probe_media._check(lent, Endpoint(probe, "192.168.1.1", 3478))
