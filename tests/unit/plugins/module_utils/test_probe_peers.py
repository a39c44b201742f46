# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs against peers on the loopback: good ones, silent ones, and such as do harm."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _probe_http,
    _probe_input,
    _probe_model,
    _probe_stream,
    _probe_stun,
    _probe_wire,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from peers import HOST, PATIENT, SHORT, bound, closed_port, datagram_server, one, run, stream_server


def silent(peer):
    time.sleep(PATIENT)


def reset(peer):
    """Read what comes first, then end the connection with a reset."""
    peer.recv(65535)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(peer):
    peer.recv(65535)


def garbage(peer):
    peer.recv(65535)
    peer.sendall(b"\xff" * 100)
    peer.recv(65535)


def endless(start):
    def handle(peer):
        peer.recv(65535)
        peer.sendall(start)
        while True:
            peer.sendall(b"x" * 65536)

    return handle


def certificate(folder):
    """A certificate of our own making; gives the context of a server that has it."""
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    name = ["-subj", "/O=Inspection/CN=far.example", "-addext", "subjectAltName=DNS:far.example"]
    subprocess.run(["openssl", "req", "-x509", *key, *name, *files, "-days", "2"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return context


@pytest.fixture
def context(tmp_path):
    return certificate(tmp_path)


def secure(context, handle):
    """What handles a peer, within TLS."""

    def handled(peer):
        with context.wrap_socket(peer, server_side=True) as inner:
            handle(inner)

    return handled


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """Has the certificate in this test's folder taken for one that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "crt"))
    _probe_wire._context.cache_clear()
    yield
    _probe_wire._context.cache_clear()


@pytest.mark.parametrize(("host", "endpoint"), [(HOST, "127.0.0.1:{}/tcp"), ("::1", "[::1]:{}/tcp")])
def test_tcp_in_both_families(host, endpoint):
    with stream_server(silent, host) as port:
        result = one(kind="tcp", host=host, port=port)
    family = "ipv6" if ":" in host else "ipv4"
    assert {**result, "seconds": 0} == {
        "id": "probe-0", "kind": "tcp", "endpoint": endpoint.format(port), "family": family, "verdict": "open", "seconds": 0, "facts": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    "probe", [{"kind": "tcp"}, {"kind": "tls"}, {"kind": "sip", "transport": "tcp"}, {"kind": "stun", "transport": "tls"}]
)
def test_refused_over_tcp(probe):
    result = one(port=closed_port(socket.SOCK_STREAM), **probe)
    assert (result["verdict"], result["facts"]["why"]) == ("refused", "Connection refused while connecting")


@pytest.mark.parametrize(
    "probe", [{"kind": "udp"}, {"kind": "stun"}, {"kind": "turn"}, {"kind": "sip"}, {"kind": "stream", "seconds": 0.2}]
)
def test_refused_over_udp_is_told_by_icmp(probe):
    result = one(port=closed_port(socket.SOCK_DGRAM), **probe)
    assert result["verdict"] == "refused"
    assert result["facts"]["icmp"] == {"type": 3, "code": 3, "sender": HOST}


STREAMS = [
    {"kind": "tls"},
    {"kind": "https"},
    {"kind": "websocket"},
    {"kind": "stun", "transport": "tcp"},
    {"kind": "turn", "transport": "tcp"},
    {"kind": "turn", "transport": "tls"},
    {"kind": "sip", "transport": "tcp"},
]


@pytest.mark.parametrize(
    ("handle", "timeout", "verdict"),
    [
        (silent, SHORT, "timed-out"),
        (reset, PATIENT, "reset"),
        (close, PATIENT, "reset"),
        (garbage, PATIENT, "bad-answer"),
        (endless(b""), PATIENT, "bad-answer"),
    ],
    ids=["silent", "reset", "close", "garbage", "endless"],
)
def test_bad_peers_over_tcp(handle, timeout, verdict):
    with stream_server(handle) as port:
        results = run(*({**probe, "port": port} for probe in STREAMS), timeout=timeout)
    assert [(result["kind"], result["verdict"]) for result in results] == [(probe["kind"], verdict) for probe in STREAMS]
    assert all(result["facts"]["why"] for result in results)


@pytest.mark.parametrize(
    ("handle", "timeout", "verdict"),
    [
        (silent, SHORT, "timed-out"),
        (reset, PATIENT, "reset"),
        (close, PATIENT, "reset"),
        (garbage, PATIENT, "bad-answer"),
        (endless(b""), PATIENT, "bad-answer"),
        (endless(b"HTTP/1.1 200 OK\r\nX: "), PATIENT, "bad-answer"),
        (endless(b"SIP/2.0 200 OK\r\nX: "), PATIENT, "bad-answer"),
        (endless(b"\x01\x01\xff\xfc\x21\x12\xa4\x42"), PATIENT, "bad-answer"),
    ],
    ids=["silent", "reset", "close", "garbage", "endless", "endless-http", "endless-sip", "endless-stun"],
)
def test_bad_peers_within_tls(context, handle, timeout, verdict):
    kinds = ("https", "websocket", "stun", "turn", "sip")
    with stream_server(secure(context, handle)) as port:
        results = run(*({"kind": kind, "transport": "tls", "port": port} for kind in kinds), timeout=timeout)
    # A slow machine may not even have shaken hands before the time was over: the verdict is the same.
    assert [(result["kind"], result["verdict"]) for result in results] == [(kind, verdict) for kind in kinds]


@pytest.mark.parametrize("kind", ["udp", "stun", "turn", "sip"])
def test_silence_over_udp(kind):
    with datagram_server(lambda data, peer: []) as port:
        result = one(kind=kind, port=port, timeout=SHORT)
    assert (result["verdict"], result["facts"]["why"]) == ("timed-out", "no answer while waiting for an answer")


@pytest.mark.parametrize("kind", ["stun", "turn", "sip"])
@pytest.mark.parametrize("answers", [1, 1000000], ids=["once", "endless"])
def test_garbage_over_udp(kind, answers):
    with datagram_server(lambda data, peer: (b"\xff" * 50 for _answer in range(answers))) as port:
        result = one(kind=kind, port=port, timeout=SHORT if answers == 1 else PATIENT)
    assert result["verdict"] == "bad-answer"
    assert "but b'\\xff" in result["facts"]["why"]
    # A flood is not listened to until the time is over.
    assert answers == 1 or result["seconds"] < PATIENT


def test_an_answer_after_garbage_counts():
    with datagram_server(lambda data, peer: [b"\xff", b"", bound(bytes(20), peer), bound(data, ("192.0.2.1", 5))]) as port:
        result = one(kind="stun", port=port)
    assert (result["verdict"], result["facts"]["mapped"], result["facts"]["nat"]) == ("open", "192.0.2.1:5", True)


def test_a_lost_request_is_sent_again():
    asked = []

    def reply(data, peer):
        asked.append(data)
        return [bound(data, peer)] if len(asked) > 1 else []

    with datagram_server(reply) as port:
        result = one(kind="stun", port=port)
    assert (result["verdict"], result["facts"]["nat"]) == ("open", False)
    assert asked[0] == asked[1]


def test_stun_over_tcp_in_single_bytes():
    def handle(peer):
        answer = bound(peer.recv(65535), ("192.0.2.1", 5))
        for byte in answer:
            peer.sendall(bytes([byte]))

    with stream_server(handle) as port:
        result = one(kind="stun", transport="tcp", port=port)
    assert (result["verdict"], result["facts"]["mapped"]) == ("open", "192.0.2.1:5")


def test_udp_takes_any_answer():
    with datagram_server(lambda data, peer: [data]) as echo, datagram_server(lambda data, peer: [b"hello"]) as other:
        results = run({"kind": "udp", "port": echo}, {"kind": "udp", "port": other})
    assert [result["facts"] for result in results] == [{"bytes": 16, "echoed": True}, {"bytes": 5, "echoed": False}]


@pytest.mark.parametrize(
    ("second", "mapping"), [(lambda peer: peer, "none"), (lambda peer: ("192.0.2.1", 9), "symmetric")], ids=["none", "symmetric"]
)
def test_nat_by_two_servers(second, mapping):
    first, other = datagram_server(lambda data, peer: [bound(data, peer)]), datagram_server(lambda data, peer: [bound(data, second(peer))])
    with first as port, other as second_port:
        result = one(kind="nat", port=port, second_host=HOST, second_port=second_port)
    assert (result["verdict"], result["facts"]["mapping"]) == ("open", mapping)


def test_nat_that_maps_alike():
    servers = [datagram_server(lambda data, peer: [bound(data, ("192.0.2.1", 9))]) for _server in range(2)]
    with servers[0] as port, servers[1] as second_port:
        result = one(kind="nat", port=port, second_host=HOST, second_port=second_port)
        untested = one(kind="nat", port=port, second_host="::1", second_port=second_port)
    assert (result["verdict"], result["facts"]["mapping"], result["facts"]["second_mapped"]) == (
        "open",
        "endpoint-independent",
        "192.0.2.1:9",
    )
    assert untested["verdict"] == "untested"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda data: bound(data, (HOST, 9)), "without the mapped address"),
        (lambda data: struct.pack("!HHI", 0x0113, 8, 0x2112A442) + data[8:20] + b"\0\x09\0\4\0\0\4\x56", "TURN error 486"),
        (lambda data: struct.pack("!HHI", 0x0113, 8, 0x2112A442) + data[8:20] + b"\0\x09\0\4\0\0\4\1", "without realm or nonce"),
    ],
)
def test_turn_servers_that_do_not_give(answer, why):
    # The first answers an allocation with another address than the relay's alone, and unsigned.
    def reply(data, peer):
        found = answer(data)
        return [found if found[:2] != b"\x01\x01" else found[:2] + b"\0\0" + found[4:20]]

    with datagram_server(reply) as port:
        result = one(kind="turn", port=port, username="u", password="p")
    assert result["verdict"] == "bad-answer"
    assert why in result["facts"]["why"]


def test_turn_answer_that_is_not_signed():
    realm = b"\0\x14\0\4lab!" + b"\0\x15\0\4n0nc"

    def reply(data, peer):
        if b"n0nc" in data:
            return [bound(data, peer)]
        return [struct.pack("!HHI", 0x0113, 24, 0x2112A442) + data[8:20] + b"\0\x09\0\4\0\0\4\1" + realm]

    with datagram_server(reply) as port:
        result = one(kind="turn", port=port, username="u", password="p")
        challenged = one(kind="turn", port=port)
    assert (result["verdict"], result["facts"]["why"]) == ("bad-answer", "TURN: the answer is not signed with the password")
    assert (challenged["verdict"], challenged["facts"]) == ("open", {"authenticated": False, "realm": "lab!"})


def test_turn_with_a_stale_nonce():
    head, key = struct.Struct("!HHI"), []

    def reply(data, peer):
        request = _probe_stun.read(data)
        nonce = request.attributes.get(0x15)
        if nonce != b"new!":
            code = b"\0\0\4\1" if nonce is None else b"\0\0\4\x26"
            body = b"\0\x09\0\4" + code + b"\0\x14\0\4lab!" + b"\0\x15\0\4" + (b"old!" if nonce is None else b"new!")
            return [head.pack(0x0113, len(body), 0x2112A442) + data[8:20] + body]
        key.append(request)
        credentials = _probe_stun.Credentials("u", b"lab!", b"new!", _probe_stun.hashlib.md5(b"u:lab!:p").digest())
        assert request.signed_by(credentials.key)
        relay = _probe_stun.attribute(0x16, bound(data, ("192.0.2.1", 5))[24:]) + bound(data, peer)[20:]
        return [_probe_stun.build(request.type | 0x0100, data[8:20], relay, credentials)]

    with datagram_server(reply) as port:
        result = one(kind="turn", port=port, username="u", password="p")
    assert result["verdict"] == "open"
    assert (result["facts"]["relay"], result["facts"]["authenticated"], result["facts"]["given_back"]) == ("192.0.2.1:5", True, True)
    assert [request.type for request in key] == [3, 4]


def test_sip_over_udp():
    def reply(data, peer):
        head = data.decode().replace("rport", f"rport={peer[1]};received={peer[0]}").split("\r\n", 1)[1]
        return [f"SIP/2.0 200 OK\r\n{head}".encode()]

    with datagram_server(reply) as port:
        result = one(kind="sip", port=port)
    assert (result["verdict"], result["facts"]["status"]) == ("open", 200)
    assert result["facts"]["seen_as"] == result["facts"]["local"]


def test_stream_that_is_echoed(monkeypatch):
    monkeypatch.setattr(_probe_stream, "_TAIL_SECONDS", PATIENT)
    with datagram_server(lambda data, peer: [data]) as echo, datagram_server(lambda data, peer: [bound(data, peer)]) as stun:
        results = run(
            {"kind": "stream", "port": echo, "seconds": 0.5, "pace": 50},
            {"kind": "stream", "port": stun, "seconds": 0.5, "pace": 100, "payload": "stun"},
        )
    assert [(result["verdict"], result["facts"]["sent"], result["facts"]["received"]) for result in results] == [
        ("open", 25, 25),
        ("open", 50, 50),
    ]
    assert all(result["facts"]["round_trip_ms"]["least"] >= 0 for result in results)


def test_stream_that_is_blocked_after_its_first_packets(monkeypatch):
    passed = []

    def reply(data, peer):
        passed.append(data)
        return [data, data] if len(passed) <= 10 else []

    with datagram_server(reply) as port:
        result = one(kind="stream", port=port, seconds=1)
    assert (result["verdict"], result["facts"]["why"]) == ("timed-out", "no answer any more after packet 10")
    assert (result["facts"]["sent"], result["facts"]["received"], result["facts"]["loss_percent"]) == (50, 10, 80.0)
    assert len(set(passed)) == 50


def test_stream_before_a_flood_of_other_packets():
    with datagram_server(lambda data, peer: (b"\x80" * 100 for _answer in range(1000000))) as port:
        result = one(kind="stream", port=port, seconds=0.2)
    assert (result["verdict"], result["facts"]["received"]) == ("timed-out", 0)


def with_wire(kind, port, work, transport="udp"):
    """What a coroutine function gives for a wire to a port of ours."""
    (probe,) = _probe_input.read([{"id": "x", "kind": kind, "transport": transport, "host": HOST, "port": port}], PATIENT, 600)

    async def main():
        wire = _probe_wire.Wire(_probe_model.Endpoint(probe, HOST, port), PATIENT)
        try:
            await wire.open()
            return await work(wire)
        finally:
            wire.close()

    return asyncio.run(main())


def test_no_more_than_the_limit_is_read_whatever_the_parser_says():
    lengths = []

    def never(data):
        lengths.append(len(data))

    with stream_server(endless(b"")) as port, pytest.raises(_probe_model.ProbeError, match="more than 65536 bytes without an end"):
        with_wire("stun", port, lambda wire: wire.ask(b"?", never), "tcp")
    assert lengths[-1] <= 2 * 65536


def test_a_flood_leaves_time_for_the_clock():
    ticks = []

    async def work(wire):
        await wire.send(b"?")
        _data, peer = flood.recvfrom(10)
        for _datagram in range(50):
            flood.sendto(b"!", peer)
        asyncio.get_running_loop().call_soon(ticks.append, 1)
        for _datagram in range(50):
            assert await wire.receive() == b"!"
        return list(ticks)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind((HOST, 0))
        # What was due ran in between, and not after everything was read.
        assert with_wire("stun", flood.getsockname()[1], work) == [1]


def answer_http(response):
    def handle(peer):
        data = b""
        while b"\r\n\r\n" not in data:
            data += peer.recv(65535)
        key = next((line[19:] for line in data.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key: ")), "")
        peer.sendall(response.replace(b"ACCEPT", _probe_http.accept(key).encode()))

    return handle


def test_websocket_and_https(context):
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n"
    answers = (upgrade, upgrade[:40], b"HTTP/1.1 401 Nope\r\nContent-Length: 2\r\n\r\nno")
    good, bad, other = (stream_server(secure(context, answer_http(answer))) for answer in answers)
    with good as good_port, bad as bad_port, other as other_port:
        results = run(
            {"kind": "websocket", "port": good_port, "server_name": "far.example"},
            {"kind": "websocket", "port": bad_port},
            {"kind": "websocket", "port": other_port},
            {"kind": "https", "port": other_port, "path": "/settings/regions", "token": "t0ken"},
        )
    assert [result["verdict"] for result in results] == ["open", "bad-answer", "bad-answer", "open"]
    assert [result["facts"].get("status") for result in results] == [101, None, 401, 401]
    assert (results[3]["facts"]["body"], results[3]["facts"]["body_whole"]) == ("no", True)
    assert "t0ken" not in str(results)


def test_a_body_without_end_is_cut(context):
    with stream_server(secure(context, endless(b"HTTP/1.1 200 OK\r\n\r\n"))) as port:
        result = one(kind="https", port=port)
    assert (result["verdict"], result["facts"]["status"], result["facts"]["body_whole"]) == ("open", 200, False)
    assert len(result["facts"]["body"]) == 4096


def test_certificate_of_strangers(context):
    with stream_server(secure(context, silent)) as port:
        result = one(kind="tls", port=port, server_name="far.example")
    facts = result["facts"]
    assert (result["verdict"], facts["trusted"], facts["trust_error"]) == ("open", False, "self-signed certificate")
    assert facts["certificate"]["issuer"] == facts["certificate"]["subject"] == "O=Inspection, CN=far.example"
    assert (facts["certificate"]["names"], facts["certificate"]["expired"]) == (["far.example"], False)
    assert facts["tls"].startswith("TLSv1.")


def test_certificate_that_is_trusted(context, trusted):
    with stream_server(secure(context, silent)) as port:
        results = run(
            {"kind": "tls", "port": port, "server_name": "far.example"}, {"kind": "tls", "port": port, "server_name": "near.example"}
        )
    assert [(result["verdict"], result["facts"]["trusted"]) for result in results] == [("open", True), ("open", False)]
    assert results[0]["facts"]["certificate"]["names"] == ["far.example"]
    assert "near.example" in results[1]["facts"]["trust_error"]


def test_certificate_that_has_expired(tmp_path, trusted):
    certificate(tmp_path)
    # Only this command of openssl takes a lifetime that is already over.
    old = ["openssl", "x509", "-in", str(tmp_path / "crt"), "-signkey", str(tmp_path / "key"), "-days", "-1", "-out", str(tmp_path / "old")]
    subprocess.run(old, check=True, capture_output=True)
    (tmp_path / "old").replace(tmp_path / "crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with stream_server(secure(context, silent)) as port:
        result = one(kind="tls", port=port, server_name="far.example")
    assert (result["verdict"], result["facts"]["trust_error"]) == ("open", "certificate has expired")
    assert result["facts"]["certificate"]["expired"]


def test_python_without_ssl(monkeypatch):
    monkeypatch.setattr(_probe_wire, "_ssl", None)
    with datagram_server(lambda data, peer: [data]) as port:
        results = run({"kind": "https", "port": 1}, {"kind": "turn", "transport": "tls", "port": 1}, {"kind": "udp", "port": port})
    assert [result["verdict"] for result in results] == ["untested", "untested", "open"]
    assert results[0]["facts"] == {"why": "this machine's Python has no ssl module"}


def test_ten_thousand_endpoints_end_in_time():
    begin = time.monotonic()
    with datagram_server(lambda data, peer: []) as port:
        results = run({"kind": "udp", "port": port}, {"kind": "udp", "ports": ["10001-19999"], "host": "127.0.0.2"}, timeout=30, total=3)
    # The limit is 3 seconds; the bound is a fault's, not a slow machine's.
    assert time.monotonic() - begin < 60
    assert len(results) == 10000
    assert results[0]["verdict"] == "untested"
    assert results[0]["facts"]["why"] == "not reached, or not done, within the 3 seconds of the whole run"
    assert {result["verdict"] for result in results[1:]} <= {"refused", "untested", "open", "bad-answer"}


def test_no_descriptor_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    run({"kind": "tcp", "ports": ["20000-20100"]}, {"kind": "udp", "ports": ["20000-20100"]}, timeout=SHORT)
    assert len(os.listdir("/proc/self/fd")) <= before
