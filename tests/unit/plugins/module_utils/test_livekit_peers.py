# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole connection tests against a server that speaks the vendor's own messages, and against such as do harm."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from livekit.protocol import models, rtc
from livekit_peer import Peer, Settings, running

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _livekit_input,
    _livekit_media,
    _livekit_run,
    _livekit_websocket,
    _probe_http,
    _probe_wire,
)

# Longer than any machine takes for what must succeed, and short where silence is sure.
PATIENT, SHORT = 60, 0.5
HOST = "127.0.0.1"
USER, SECRET = "1700000000:user-of-the-relay", "the-secret-of-the-relay"


def token(**claims):
    """A token as LiveKit makes it, with a signature that nobody checks."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"iss": "APIkey", "sub": "client", "video": {"room": "room", "roomJoin": True}, **claims})
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, "c2lnbmF0dXJlLW9mLXRoZS10b2tlbi1vZi10aGlzLXRlc3Q"])


TOKEN = token(exp=4102444800)


@pytest.fixture(autouse=True)
def quiet():
    # The library tells of each connection that is closed before a request comes, as after the first handshake here.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Servers that answer no offer are not waited for; those that do have all the time that they need."""
    monkeypatch.setattr(_livekit_media, "ANSWER_SECONDS", 0.1)


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(_livekit_media, "ANSWER_SECONDS", PATIENT)
    monkeypatch.setattr(_livekit_run, "_BESIDE_SECONDS", PATIENT)


def certificate(folder):
    """A certificate of our own making; gives the context of a server that has it."""
    folder.mkdir(exist_ok=True)
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    name = ["-subj", "/CN=far", "-addext", f"subjectAltName=IP:{HOST},IP:::1"]
    subprocess.run(["openssl", "req", "-x509", *key, *name, *files, "-days", "2"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return context


@pytest.fixture
def context(tmp_path):
    return certificate(tmp_path)


@pytest.fixture
def trusted(tmp_path, context, monkeypatch):
    """Has the certificate taken for one that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "crt"))
    _probe_wire._context.cache_clear()
    yield context
    _probe_wire._context.cache_clear()


def ask(port, host=HOST, **given):
    """Run the test; nothing secret may be in what it tells, whoever is at the other end."""
    shown = f"[{host}]" if ":" in host else host
    given = {"url": f"wss://{shown}:{port}", "token": TOKEN, "timeout": PATIENT, "total_timeout": 600, **given}
    report = _livekit_run.run(_livekit_input.read(given))
    told = json.dumps(vars(report))
    for secret in (given["token"], USER, SECRET):
        assert not any(secret[at : at + 12] in told for at in range(len(secret) - 11))
    return report


def steps(report):
    return {step["name"]: step["verdict"] for step in report.steps}


def result(report, kind, path=None):
    found = [one for one in report.results if one["kind"] == kind and path in (None, one["facts"].get("path"))]
    assert len(found) == 1, report.results
    return found[0]


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_a_server_that_lets_us_in(trusted, patient, host):
    peer = Peer(Settings(TOKEN, regions=[["Far East", f"https://{HOST}:9"]], media=host))
    with running(peer, trusted, host) as port:
        report = ask(port, host)
    family = "ipv6" if ":" in host else "ipv4"
    assert [(step["name"], step["verdict"]) for step in report.steps] == [
        ("certificate", "open"),
        ("regions", "open"),
        ("validate", "open"),
        ("signalling", "open"),
        ("direct UDP", "open"),
        ("ICE over TCP", "open"),
        ("TURN over UDP", "untested"),
        ("TURN over TLS", "untested"),
        ("region Far East", "refused"),
    ]
    assert [(one["id"], one["kind"], one["family"]) for one in report.results[:6]] == [
        ("liveavatar/signaling", "tls", family),
        ("liveavatar/signaling", "https", family),
        ("liveavatar/signaling", "https", family),
        ("liveavatar/signaling", "websocket", family),
        ("liveavatar/media-udp", "stun", family),
        ("liveavatar/media-tcp", "stun", family),
    ]
    joined = result(report, "websocket")
    assert joined["endpoint"] == (f"[{host}]:{port}/tls" if ":" in host else f"{host}:{port}/tls")
    assert {name: joined["facts"][name] for name in ("status", "path", "region", "version", "ice_servers", "trusted")} == {
        "status": 101, "path": "/rtc/v1", "region": "Lab", "version": "1.9.12", "ice_servers": 0, "trusted": True,
    }  # fmt: skip
    assert peer.paths == ["/settings/regions", "/rtc/v1/validate", "/rtc/v1"]
    # What the vendor's definitions read in what we sent.
    assert {(join.client_info.protocol, join.connection_settings.auto_subscribe) for join in peer.joins} == {(16, False)}
    offer, leave = peer.requests
    assert (offer.WhichOneof("message"), offer.offer.type) == ("offer", "offer")
    assert (leave.leave.reason, leave.leave.action) == (models.CLIENT_INITIATED, rtc.LeaveRequest.DISCONNECT)
    assert peer.closed == [1001]


def test_a_join_in_parts_with_pings_between(trusted):
    peer = Peer(Settings(TOKEN, parts=True, participants=2, ice_servers=[[[f"turn:{HOST}:9"], USER, SECRET]]))
    with running(peer, trusted) as port:
        report = ask(port)
    assert (steps(report)["signalling"], result(report, "websocket")["facts"]["ice_servers"], peer.pongs) == ("open", 1, 1)


def test_a_long_join(trusted):
    peer = Peer(Settings(TOKEN, participants=1000, ice_servers=[[[f"turn:{HOST}:9"], USER, SECRET]]))
    assert len(peer.join()) > 200000
    with running(peer, trusted) as port:
        report = ask(port)
    assert (steps(report)["signalling"], result(report, "websocket")["facts"]["ice_servers"]) == ("open", 1)


def test_an_older_server(trusted):
    peer = Peer(Settings(TOKEN, v1=False))
    with running(peer, trusted) as port:
        report = ask(port)
    assert (steps(report)["validate"], steps(report)["signalling"]) == ("open", "open")
    assert result(report, "websocket")["facts"]["path"] == "/rtc"
    assert peer.paths == ["/settings/regions", "/rtc/v1/validate", "/rtc/validate", "/rtc/v1", "/rtc"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (token(exp=1700000000), "HTTP 401: the token is refused: it expired at 2023-11-14T22:13:20Z"),
        (
            token(exp=4102444800, nbf=4000000000),
            "HTTP 401: the token is refused: it is not valid before 2096-10-02T07:06:40Z, or the",
        ),
        (token(exp=4102444800, video={"room": "room"}), "HTTP 401: the token is refused: it does not grant to join a room"),
        ("something-that-is-no-token-at-all", "HTTP 401: the token is refused: it does not look like a JSON Web Token"),
        (token(exp=4102444800, sub="other"), "HTTP 401: the token is refused"),
    ],
)
def test_a_wrong_token(trusted, wrong, why):
    # The server's answer has the token in it, as that of LiveKit has.
    with running(Peer(Settings(TOKEN)), trusted) as port:
        report = ask(port, token=wrong)
    refused = [one for one in report.results if one["kind"] in ("https", "websocket")]
    assert [(one["verdict"], one["facts"]["token_refused"]) for one in refused] == [("bad-answer", True)] * 3
    assert all(one["facts"]["why"].startswith(why) for one in refused)
    assert [one["verdict"] for one in report.results if "turn" in one["id"] or "media" in one["id"]] == ["untested"] * 4


def test_a_certificate_that_is_not_trusted(context):
    peer = Peer(Settings(TOKEN))
    with running(peer, context) as port:
        report = ask(port)
    assert peer.paths == []
    (shaken,) = (one for one in report.results if one["verdict"] == "open")
    assert (shaken["kind"], shaken["facts"]["trusted"]) == ("tls", False)
    assert steps(report) == {
        "certificate": "open", "signalling": "untested", "direct UDP": "untested", "ICE over TCP": "untested",
        "TURN over UDP": "untested", "TURN over TLS": "untested",
    }  # fmt: skip
    with running(peer, context) as port:
        assert steps(ask(port, validate_certs=False))["signalling"] == "open"
    assert "/rtc/v1" in peer.paths


class Turncoat:
    """A server whose first connection has a certificate that is trusted, and whose others have another's."""

    def __init__(self, first, other):
        self.contexts = [first]
        self.other = other

    def wrap_socket(self, *arguments, **options):
        return (self.contexts.pop() if self.contexts else self.other).wrap_socket(*arguments, **options)


def test_a_certificate_that_is_trusted_once(trusted, tmp_path):
    seen = []
    other = certificate(tmp_path / "other")
    with raw_server(Turncoat(trusted, other), lambda peer, request: seen.append(request)) as port:
        report = ask(port)
    # A request has the token in it.
    assert seen == []
    assert [(one["kind"], one["verdict"]) for one in report.results[:4]] == [
        ("tls", "open"),
        ("https", "untested"),
        ("https", "untested"),
        ("websocket", "untested"),
    ]


def test_ice_servers_are_asked_with_what_was_handed_out(trusted):
    """The refusal of a server that knows no TURN, and the fate of each kind of URL."""
    closed = 9
    urls = [f"turn:{HOST}:{closed}?transport=udp", f"turns:{HOST}:{closed}?transport=tcp", f"turn:{HOST}:{closed}?transport=tcp"]
    servers = [
        [urls, USER, SECRET],
        [[f"stun:{HOST}:{closed}"], "", ""],
        [[f"turns:{HOST}:{closed}?transport=udp", "https://x"], USER, SECRET],
    ]
    with running(Peer(Settings(TOKEN, ice_servers=servers)), trusted) as port:
        report = ask(port)
    assert [(one["id"], one["kind"], one["endpoint"], one["verdict"]) for one in report.results[-4:]] == [
        ("liveavatar/turn-udp", "turn", f"{HOST}:9/udp", "refused"),
        ("liveavatar/turn-tls", "turn", f"{HOST}:9/tls", "refused"),
        ("liveavatar/turn-tcp", "turn", f"{HOST}:9/tcp", "refused"),
        ("liveavatar/stun", "stun", f"{HOST}:9/udp", "refused"),
    ]
    assert steps(report)[f"turns:{HOST}:9?transport=udp"] == "untested"
    assert "1 of the URLs handed out for ICE are no stun: or turn: URLs, and not tested" in report.warnings


def test_ten_thousand_ice_servers(trusted):
    servers = [[[f"turn:{HOST}:{1 + number % 60000}"], USER, SECRET] for number in range(10000)]
    with running(Peer(Settings(TOKEN, ice_servers=servers)), trusted) as port:
        report = ask(port)
    assert len([one for one in report.results if one["kind"] == "turn"]) == 16
    assert "10000 ICE servers were handed out; the first 16 URLs are tested" in report.warnings


def test_credentials_that_come_back_are_hidden(trusted):
    region = f"{TOKEN[:40]}-{SECRET}"
    peer = Peer(Settings(TOKEN, regions=[[region, f"https://{HOST}:9"]], ice_servers=[[[f"turn:{HOST}:9"], USER, SECRET]]))
    with running(peer, trusted) as port:
        report = ask(port)
    assert result(report, "https", "/settings/regions")["facts"]["regions"] == ["(hidden)-(hidden)"]


@pytest.mark.parametrize(
    ("settings", "udp", "tcp"),
    [
        ({"media": HOST, "trickle": False}, "open", "open"),
        ({"media": HOST, "password": "p" * 22}, "bad-answer", "timed-out"),
    ],
    ids=["in the answer", "another password"],
)
def test_media(trusted, patient, settings, udp, tcp):
    # With a wrong password the agent for UDP answers with an error, and that for TCP closes, or is silent.
    with running(Peer(Settings(TOKEN, **settings)), trusted) as port:
        report = ask(port, timeout=SHORT if "password" in settings else PATIENT)
    found = {one["id"]: one["verdict"] for one in report.results if "media" in one["id"]}
    assert found["liveavatar/media-udp"] == udp
    assert found["liveavatar/media-tcp"] in (tcp, "reset")


def answered(*candidates, last=True):
    """What a server may send once somebody has joined: an answer, and the ends of its candidates."""
    answer = rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=f"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\n"))
    texts = [json.dumps({"candidate": f"candidate:1 1 {candidate}"}) for candidate in candidates]
    trickled = [rtc.SignalResponse(trickle=rtc.TrickleRequest(candidateInit=text)) for text in texts]
    end = rtc.SignalResponse(trickle=rtc.TrickleRequest(candidateInit="{}", final=last))
    return [message.SerializeToString() for message in (answer, *trickled, end)]


def test_an_answer_to_a_check_that_is_not_signed(trusted, patient):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind((HOST, 0))

        def reply():
            data, peer = agent.recvfrom(65535)
            address = struct.pack("!BBH", 0, 1, peer[1] ^ 0x2112) + bytes(
                a ^ b for a, b in zip(socket.inet_aton(HOST), b"\x21\x12\xa4\x42")
            )
            agent.sendto(struct.pack("!HHI", 0x0101, 12, 0x2112A442) + data[8:20] + struct.pack("!HH", 0x20, 8) + address, peer)

        thread = threading.Thread(target=reply)
        thread.start()
        after = answered(f"udp 1 {HOST} {agent.getsockname()[1]} typ host")
        with running(Peer(Settings(TOKEN, after=after)), trusted) as port:
            report = ask(port)
        thread.join()
    udp, tcp = (one for one in report.results if "media" in one["id"])
    assert (udp["verdict"], udp["facts"]["why"]) == ("bad-answer", "STUN: the answer is not signed with the server's password")
    assert (tcp["verdict"], tcp["facts"]["why"]) == ("untested", "the server named no address for media over tcp")


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (answered(), "the server named no address for media over udp"),
        (answered("udp 1 ff.local 5 typ host"), "the server named no address for media over udp"),
        ([rtc.SignalResponse(leave=rtc.LeaveRequest()).SerializeToString()], "the server did not answer the offer of a data channel"),
        ([b"\xff"], "the server did not answer the offer of a data channel"),
    ],
    ids=["none", "name", "leave", "garbage"],
)
def test_media_that_cannot_be_asked(trusted, patient, after, why):
    with running(Peer(Settings(TOKEN, after=after)), trusted) as port:
        report = ask(port)
    assert steps(report)["signalling"] == "open"
    assert next(one["facts"]["why"] for one in report.results if one["id"] == "liveavatar/media-udp") == why


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (rtc.SignalResponse(leave=rtc.LeaveRequest(reason=models.ROOM_DELETED)), "the server sends us away: the room was deleted"),
        (rtc.SignalResponse(leave=rtc.LeaveRequest(reason=16)), "the server sends us away: reason 16"),
        (rtc.SignalResponse(pong=1), "LiveKit: the first message is no JoinResponse"),
    ],
)
def test_other_first_messages(trusted, message, why):
    with running(Peer(Settings(TOKEN, first=[message.SerializeToString()])), trusted) as port:
        report = ask(port)
    joined = result(report, "websocket")
    assert (joined["verdict"], joined["facts"]["why"]) == ("bad-answer", why)


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ([b"\xff" * 50], "protocol buffers: a number has no end"),
        ([b""], "LiveKit: an empty message"),
        (["{}"], "LiveKit: a message of text, where binary ones were agreed on"),
    ],
)
def test_first_messages_that_are_none(trusted, first, why):
    with running(Peer(Settings(TOKEN, first=first)), trusted) as port:
        report = ask(port)
    assert (steps(report)["signalling"], result(report, "websocket")["facts"]["why"]) == ("bad-answer", why)


def test_no_join_at_all(trusted):
    with running(Peer(Settings(TOKEN, first=[])), trusted) as port:
        report = ask(port, timeout=SHORT)
    joined = result(report, "websocket")
    assert (joined["verdict"], joined["facts"]["why"]) == ("timed-out", "the server agreed to the upgrade, and no JoinResponse came")


@contextlib.contextmanager
def raw_server(context, handle):
    """A TLS server that does as it likes with each request; gives its port."""
    server = socket.create_server((HOST, 0))

    def handled(peer):
        with contextlib.suppress(OSError), context.wrap_socket(peer, server_side=True) as inner:
            request = inner.recv(65535)
            if request:
                handle(inner, request)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=handled, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def upgraded(request):
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)[1].decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {_probe_http.accept(key)}\r\n\r\n".encode()


def then(*pieces, repeat=b"", pause=0.0):
    """Agrees to an upgrade, and sends; what else is asked for is not there."""

    def handle(peer, request):
        if b"Upgrade" not in request:
            peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        peer.sendall(upgraded(request))
        for piece in pieces:
            peer.sendall(piece)
        while repeat:
            peer.sendall(repeat)
            time.sleep(pause)
        # Until the other end closes.
        while peer.recv(65535):
            pass

    return handle


@pytest.mark.parametrize(
    ("handle", "verdict", "why"),
    [
        (then(b"\x82\x7f" + struct.pack("!Q", 1 << 63)), "bad-answer", "WebSocket: a message of more than 1048576 b"),
        (
            then(b"\x82\x7f" + struct.pack("!Q", 1 << 30), repeat=b"x" * 65536),
            "bad-answer",
            "WebSocket: a message of more than 1048576 bytes",
        ),
        (then(b"\x02\x7d" + b"x" * 125, repeat=b"\x00\x7d" + b"x" * 125), "bad-answer", "WebSocket: more than 4096 frames"),
        (then(repeat=b"\x89\x00" * 100), "bad-answer", "WebSocket: more than 4096 frames"),
        (then(b"\x82\x85abcdefghi"), "bad-answer", "WebSocket: a masked frame from a server"),
        (then(b"\xc2\x00"), "bad-answer", "WebSocket: a frame with reserved bits"),
        (then(b"\x88\x09\x03\xf0go away"), "bad-answer", "the server ended the WebSocket: code 1008, against its policy, go away"),
        (then(b"\x88\x00"), "bad-answer", "the server ended the WebSocket: without a code"),
        (then(repeat=b"\xff" * 65536), "bad-answer", "WebSocket: "),
        (then(b"\x82\x7e\xff\xff", repeat=b"x", pause=0.05), "timed-out", "the server agreed to the upgrade, and no JoinResponse came"),
        (lambda peer, request: peer.sendall(upgraded(request) if b"Upgrade" in request else b""), "reset", "the connection ended after"),
    ],
    ids=["2^63", "1GiB", "parts", "pings", "masked", "reserved", "close", "close-empty", "garbage", "drip", "end"],
)
def test_servers_that_do_harm_after_the_upgrade(trusted, handle, verdict, why):
    with raw_server(trusted, handle) as port:
        begin = time.monotonic()
        report = ask(port, timeout=2 if verdict == "timed-out" else PATIENT)
    joined = result(report, "websocket")
    assert (joined["verdict"], joined["facts"]["why"][: len(why)]) == (verdict, why)
    assert verdict != "timed-out" or time.monotonic() - begin < PATIENT


def endless(head, piece=b"x" * 65536):
    def handle(peer, _request):
        peer.sendall(head)
        while True:
            peer.sendall(piece)

    return handle


@pytest.mark.parametrize(
    ("handle", "why"),
    [
        (endless(b"\xff"), "no HTTP, but"),
        (endless(b"HTTP/1.1 200 OK\r\nX: "), "HTTP: a head of more than 16384 bytes"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000), "HTTP: a head of more than 16384 bytes"),
        (endless(b"HTTP/1.1 401 No\r\nContent-Length: 1073741824\r\n\r\n"), "HTTP 401: the token is refused"),
        (lambda peer, _request: peer.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n\r\n"), "HTTP 302: a redirect"),
        (lambda peer, _request: peer.sendall(b"HTTP/1.1 500 Oh\r\n\r\n"), "HTTP 500 Oh"),
    ],
    ids=["garbage", "header", "headers", "1GiB", "redirect", "500"],
)
def test_servers_that_do_harm_at_once(trusted, handle, why):
    with raw_server(trusted, handle) as port:
        report = ask(port)
    found = [one for one in report.results if one["kind"] in ("https", "websocket")]
    assert [(one["verdict"], one["facts"]["why"][: len(why)]) for one in found] == [("bad-answer", why)] * 3


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Log in to the hotel's network</html>", "no list of regions, and no JSON"),
        (b"[" * 30000, "no list of regions, and no JSON"),
        (b'{"regions": {}}', "JSON, but no list of regions"),
    ],
    ids=["page", "deep", "other"],
)
def test_pages_in_place_of_regions(trusted, body, why):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(trusted, lambda peer, _request: peer.sendall(head + body)) as port:
        report = ask(port)
    assert result(report, "https", "/settings/regions")["facts"]["why"] == why
    assert result(report, "https", "/rtc/v1/validate")["facts"]["why"] == "HTTP 200, but not LiveKit's answer to validate"
    assert result(report, "websocket")["facts"]["why"] == "HTTP 200 OK"


def test_nothing_at_the_other_end():
    report = ask(9)
    assert (report.steps[0]["verdict"], {step["verdict"] for step in report.steps[1:]}) == ("refused", {"untested"})
    assert len(report.steps) == 5


def test_a_name_that_is_not_there():
    report = _livekit_run.run(_livekit_input.read({"url": "wss://nowhere.invalid", "token": TOKEN, "timeout": 5}))
    assert report.results[0]["verdict"] in ("name-not-found", "timed-out")
    assert report.warnings == ["nowhere.invalid:443 is not in *.livekit.cloud: rules for LiveKit Cloud do not cover it"]


def test_silence_is_bounded_by_the_whole_time(trusted):
    with raw_server(trusted, lambda peer, _request: time.sleep(PATIENT)) as port:
        begin = time.monotonic()
        report = ask(port, timeout=PATIENT, total_timeout=2)
    assert time.monotonic() - begin < PATIENT
    late = "not reached, or not done, within the 2 seconds of the whole run"
    assert [(one["verdict"], one["facts"]["why"]) for one in report.results[1:4]] == [("untested", late)] * 3


def test_without_ssl(monkeypatch):
    monkeypatch.setattr(_probe_wire, "_ssl", None)
    report = ask(9)
    assert {one["verdict"] for one in report.results} == {"untested"}
    assert report.results[0]["facts"]["why"] == "this machine's Python has no ssl module"


def test_frames_of_ours_are_masked():
    sent = _livekit_websocket.frame(_livekit_websocket.BINARY, b"x" * 300)
    assert sent[:4] == b"\x82\xfe\x01\x2c"
    assert bytes(byte ^ sent[4 + at % 4] for at, byte in enumerate(sent[8:])) == b"x" * 300
