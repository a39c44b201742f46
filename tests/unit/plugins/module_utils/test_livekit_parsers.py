# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads the answers of LiveKit servers: the vendor's own messages, the examples of the RFCs, and anything at all."""

from __future__ import annotations

import base64
import json
import struct
from datetime import datetime, timezone

import pytest
from aioice import stun
from hypothesis import example, given
from hypothesis import strategies as some
from livekit.protocol import models, rtc

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _livekit_http,
    _livekit_input,
    _livekit_media,
    _livekit_messages,
    _livekit_protobuf,
    _livekit_reach,
    _livekit_report,
    _livekit_sdp,
    _livekit_servers,
    _livekit_token,
    _livekit_websocket,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_input import Server
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_messages import Description, IceServer, Join, Leave, Trickle
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_sdp import Candidate, Credentials
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_servers import IceUrl
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_websocket import BINARY, CLOSE, PING, TEXT, Message
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
GOOD = {"url": "wss://heygen-feapbkvq.livekit.cloud", "token": "header.payload.signature"}


# What the user gives


@pytest.mark.parametrize(
    ("url", "server", "shown"),
    [
        ("wss://a.livekit.cloud", Server("a.livekit.cloud"), "wss://a.livekit.cloud"),
        ("https://a.livekit.cloud/", Server("a.livekit.cloud"), "wss://a.livekit.cloud"),
        ("WSS://A.livekit.cloud:8443/lk", Server("A.livekit.cloud", 8443, "/lk"), "wss://A.livekit.cloud:8443/lk"),
        ("wss://[2001:db8::1]:7880", Server("2001:db8::1", 7880), "wss://[2001:db8::1]:7880"),
        ("wss://192.0.2.1", Server("192.0.2.1"), "wss://192.0.2.1"),
    ],
)
def test_urls(url, server, shown):
    assert (_livekit_input.parse_url(url), str(server)) == (server, shown)
    assert _livekit_input.read({**GOOD, "url": f" {url}\n"}).server == server


@pytest.mark.parametrize(
    ("url", "value", "remedy"),
    [
        (None, None, ""),
        ("", None, ""),
        ("a.livekit.cloud", "a.livekit.cloud", ""),
        ("ws://a.livekit.cloud", "ws://a.livekit.cloud", "Without TLS"),
        ("http://127.0.0.1:7880", "http://127.0.0.1:7880", "Without TLS"),
        ("wss://a.livekit.cloud?access_token=secret-token", "wss://a.livekit.cloud", "Leave out"),
        ("wss://a.livekit.cloud/rtc#secret-token", "wss://a.livekit.cloud/rtc", "Leave out"),
        ("wss://user:secret-token@a.livekit.cloud", "wss://a.livekit.cloud", "Leave out"),
        ("wss://*.livekit.cloud", "wss://*.livekit.cloud", ""),
        ("wss://a.livekit.cloud:0", "wss://a.livekit.cloud:0", ""),
        ("wss://a.livekit.cloud:65536", "wss://a.livekit.cloud:65536", ""),
        ("wss://2001:db8::1", "wss://2001:db8::1", ""),
        ("wss://[a.livekit.cloud]", "wss://[a.livekit.cloud]", ""),
        ("wss://a b", "wss://a b", ""),
        ("wss://a/../../x y", "wss://a/../../x y", ""),
        ("wss://1", "wss://1", ""),
        ("user:secret-token@a.livekit.cloud", "a.livekit.cloud", "Leave out"),
        ("wss://user:x/secret-token@a.livekit.cloud", "wss://a.livekit.cloud", "Leave out"),
        ("eyJhbGciOiJIUzI1NiJ9.secret-token.x", "(hidden)", "This looks like the token"),
        pytest.param("wss://" + "a" * 600, "wss://" + "a" * 506, "", id="long"),
    ],
)
def test_urls_that_are_none(url, value, remedy):
    with pytest.raises(InvalidInput) as caught:
        _livekit_input.read({**GOOD, "url": url})
    (problem,) = caught.value.problems
    assert (problem.path, problem.value, problem.remedy[: len(remedy)]) == ("url", value, remedy)
    assert bool(problem.remedy) == bool(remedy)
    assert "secret-token" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once_and_nothing_of_the_token():
    wrong = {"url": "x", "token": "Bearer very-secret-token", "service": "Live Avatar", "timeout": 0, "total_timeout": "soon"}
    with pytest.raises(InvalidInput) as caught:
        _livekit_input.read(wrong)
    found = {problem.path: problem.value for problem in caught.value.problems}
    assert found == {"url": "x", "token": "(hidden)", "service": "Live Avatar", "timeout": 0, "total_timeout": "soon"}
    assert "very-secret" not in str(caught.value)


def test_defaults():
    options = _livekit_input.read(GOOD)
    assert (options.service, options.timeout, options.total_timeout, options.trusted_only) == ("liveavatar", 5.0, 60.0, True)
    assert "payload" not in repr(options)
    assert _livekit_input.read({**GOOD, "timeout": "2.5", "total_timeout": 9, "validate_certs": False, "service": "a_b"}).timeout == 2.5


@pytest.mark.parametrize("token", ["", None, "a b", "a\nb", "x" * 8193, "ü"])
def test_tokens_that_cannot_be_sent(token):
    with pytest.raises(InvalidInput) as caught:
        _livekit_input.read({**GOOD, "token": token})
    assert [problem.path for problem in caught.value.problems] == ["token"]


@given(some.text() | some.from_regex(r"wss://[^ ]*(:[0-9]*)?/?[^ ]*", fullmatch=True))
def test_any_url(text):
    server = _livekit_input.parse_url(text)
    assert server is None or _livekit_input.parse_url(str(server)) == server


# The token


def jwt(payload):
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("token", "trouble"),
    [
        (jwt(b'{"exp": 1795262400}'), "it expired at 2026-11-21T12:00:00Z"),
        (jwt(b'{"exp": 1795262401}'), ""),
        (jwt(b'{"exp": 1795262401.5, "nbf": 1795262400}'), ""),
        (jwt(b'{"nbf": 1795262460}'), "it is not valid before 2026-11-21T12:01:00Z, or the clock of this machine is wrong"),
        (jwt(b'{"video": {"roomJoin": true}}'), ""),
        (jwt(b'{"video": {"room": "x"}}'), "it does not grant to join a room"),
        (jwt(b'{"exp": 1e300}'), ""),
        (jwt(b'{"exp": NaN}'), ""),
        (jwt(b'{"exp": true, "nbf": "soon", "video": 3}'), ""),
        (jwt(b"[]"), "it does not look like a JSON Web Token"),
        (jwt(b"[" * 6000), "it does not look like a JSON Web Token"),
        (jwt(b"\xff"), "it does not look like a JSON Web Token"),
        ("a.b", "it does not look like a JSON Web Token"),
    ],
)
def test_what_a_token_says_of_itself(token, trouble):
    assert _livekit_token.trouble(token, NOW) == trouble


@given(some.text() | some.binary().map(jwt) | some.recursive(some.none() | some.floats() | some.integers(), some.lists).map(
    lambda value: jwt(json.dumps({"exp": value, "nbf": value, "video": value}).encode())
))  # fmt: skip
def test_any_token(token):
    assert isinstance(_livekit_token.trouble(token, NOW), str)


# Protocol buffers


def test_the_vendors_own_join():
    response = rtc.SignalResponse()
    response.join.room.name = "room"
    response.join.other_participants.add(identity="x")
    response.join.ice_servers.add(urls=["turn:a", "turns:b"], username="u", credential="c")
    response.join.ice_servers.add(urls=["stun:c"])
    response.join.subscriber_primary = True
    response.join.alternative_url = "wss://other"
    response.join.server_version = "1"
    response.join.server_info.version = "2"
    response.join.server_info.region = "Far East"
    response.join.server_info.protocol = 16
    assert _livekit_messages.read(response.SerializeToString()) == Join(
        (IceServer(("turn:a", "turns:b"), "u", "c"), IceServer(("stun:c",))), 2, "wss://other", "2", "Far East", True
    )


def test_an_older_join():
    join = rtc.SignalResponse(join=rtc.JoinResponse(server_version="1.0", server_region="x"))
    assert _livekit_messages.read(join.SerializeToString()) == Join(version="1.0", region="x")
    assert _livekit_messages.read(rtc.SignalResponse(join=rtc.JoinResponse()).SerializeToString()) == Join()


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (
            rtc.SignalResponse(leave=rtc.LeaveRequest(reason=models.DUPLICATE_IDENTITY)),
            Leave("another client joined with the same identity"),
        ),
        (rtc.SignalResponse(leave=rtc.LeaveRequest()), Leave("without a reason")),
        (rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp="v=0")), Description("answer", "v=0")),
        (rtc.SignalResponse(offer=rtc.SessionDescription(type="offer", sdp="v=0")), Description("offer", "v=0")),
        (rtc.SignalResponse(trickle=rtc.TrickleRequest(candidateInit="{}", final=True)), Trickle("{}", True)),
        (rtc.SignalResponse(trickle=rtc.TrickleRequest(candidateInit="{}", target=rtc.SUBSCRIBER)), Trickle("{}")),
        (rtc.SignalResponse(pong=5), None),
        (rtc.SignalResponse(refresh_token="x"), None),
    ],
)
def test_other_messages(message, found):
    assert _livekit_messages.read(message.SerializeToString()) == found


def test_more_servers_than_are_kept():
    response = rtc.SignalResponse()
    for number in range(10000):
        response.join.ice_servers.add(urls=[f"turn:{number}"] * 50)
    join = _livekit_messages.read(response.SerializeToString())
    assert (len(join.ice_servers), join.handed, len(join.ice_servers[0].urls)) == (32, 10000, 32)


def test_what_we_say():
    wrapped = rtc.WrappedJoinRequest.FromString(base64.urlsafe_b64decode(_livekit_messages.join_request()))
    assert rtc.JoinRequest.FromString(wrapped.join_request) == rtc.JoinRequest(
        client_info=models.ClientInfo(protocol=16), connection_settings=rtc.ConnectionSettings(auto_subscribe=False)
    )
    assert rtc.SignalRequest.FromString(_livekit_messages.leave()).leave.reason == models.CLIENT_INITIATED
    for kind in ("offer", "answer"):
        sent = rtc.SignalRequest.FromString(_livekit_messages.describe(kind, "v=0" * 100))
        assert getattr(sent, kind) == rtc.SessionDescription(type=kind, sdp="v=0" * 100)


TEXT_VALUES = some.text(max_size=40)


@given(some.lists(some.tuples(some.lists(TEXT_VALUES, max_size=3), TEXT_VALUES, TEXT_VALUES), max_size=5), some.booleans(), TEXT_VALUES)
def test_any_join_of_the_vendors(servers, primary, region):
    response = rtc.SignalResponse(
        join=rtc.JoinResponse(subscriber_primary=primary, server_info=models.ServerInfo(region=region, protocol=-1))
    )
    for urls, username, credential in servers:
        response.join.ice_servers.add(urls=urls, username=username, credential=credential)
    expected = tuple(IceServer(tuple(urls), username, credential) for urls, username, credential in servers)
    assert _livekit_messages.read(response.SerializeToString()) == Join(expected, len(servers), region=region, subscriber_primary=primary)


@given(some.binary(max_size=200))
@example(b"")
@example(b"\x0a" * 100)
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x0b\x0c")
@example(b"\x02\x00")
@example(b"\x80")
def test_any_bytes_as_a_message(data):
    try:
        found = _livekit_messages.read(data)
    except ProbeError:
        return
    assert found is None or isinstance(found, (Join, Leave, Description, Trickle))


@given(some.data())
def test_a_join_with_bytes_changed(data):
    response = rtc.SignalResponse(join=rtc.JoinResponse(ice_servers=[rtc.ICEServer(urls=["turn:a"], username="u")] * 3, server_region="x"))
    message = bytearray(response.SerializeToString())
    for _change in range(data.draw(some.integers(1, 4))):
        message[data.draw(some.integers(0, len(message) - 1))] = data.draw(some.integers(0, 255))
    try:
        _livekit_messages.read(bytes(message))
    except ProbeError:
        pass


@given(some.integers(1, 1 << 28), some.integers(0, (1 << 63) - 1) | some.binary() | some.text())
def test_fields_come_back(number, value):
    expected = value if isinstance(value, int) else value.encode() if isinstance(value, str) else value
    assert list(_livekit_protobuf.fields(_livekit_protobuf.field(number, value))) == [(number, expected)]


# WebSocket


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        # The examples of RFC 6455, section 5.7.
        (b"\x81\x05Hello", [Message(TEXT, b"Hello")]),
        (b"\x01\x03Hel\x80\x02lo", [Message(TEXT, b"Hello")]),
        (b"\x89\x05Hello", [Message(PING, b"Hello")]),
        (b"\x82\x7e\x01\x00" + bytes(256), [Message(BINARY, bytes(256))]),
        (b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + bytes(65536), [Message(BINARY, bytes(65536))]),
        # A ping between the parts of a message.
        (b"\x02\x01a\x89\x01p\x00\x01b\x80\x00", [Message(PING, b"p"), Message(BINARY, b"ab")]),
        (b"\x82\x00", [Message(BINARY, b"")]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 70000])
def test_frames(data, messages, size):
    frames = _livekit_websocket.Frames()
    assert [one for at in range(0, len(data), size) for one in frames.feed(data[at : at + size])] == messages


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80\x00", "out of order"),
        (b"\x02\x00\x82\x00", "out of order"),
        (b"\x83\x00", "an unknown opcode 3"),
        (b"\x8b\x00", "an unknown opcode 11"),
        (b"\x09\x00", "too long, or in parts"),
        (b"\x89\x7e\x00\x7e", "too long, or in parts"),
        (b"\x91\x00", "reserved bits"),
        (b"\x82\x80abcd", "a masked frame"),
        (b"\x82\x7f" + struct.pack("!Q", (1 << 63) + 1), "more than 1048576 bytes"),
        (b"\x02\x7f" + struct.pack("!Q", 1 << 20) + bytes(1 << 20) + b"\x00\x01x", "more than 1048576 bytes"),
    ],
)
def test_frames_that_are_none(data, why):
    with pytest.raises(ProbeError) as caught:
        _livekit_websocket.Frames().feed(data)
    assert why in caught.value.why


def test_the_longest_message():
    data = b"\x82\x7f" + struct.pack("!Q", 1 << 20) + bytes(1 << 20)
    assert len(_livekit_websocket.Frames().feed(data)[0].data) == 1 << 20


@given(some.lists(some.binary(max_size=50), max_size=20))
def test_any_frames(pieces):
    frames = _livekit_websocket.Frames(1000)
    try:
        for piece in pieces:
            for message in frames.feed(piece):
                assert isinstance(message.closing(), str)
    except ProbeError:
        pass
    assert len(frames._buffer) + len(frames._parts) <= sum(map(len, pieces))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "without a code"),
        (b"\x03", "without a code"),
        (b"\x03\xe8", "code 1000, normal"),
        (b"\x0f\xa0a\nb\xff", "code 4000, ab\ufffd"),
    ],
)
def test_what_a_close_frame_says(data, text):
    assert Message(CLOSE, data).closing() == text


# HTTP


def test_regions():
    regions = [{"region": f"r{number}", "url": f"https://r{number}.livekit.cloud", "distance": "1"} for number in range(12)]
    wrong = [None, {}, {"region": 1, "url": "https://a"}, {"region": "a", "url": "ws://a"}, {"region": "a\n", "url": "https://a"}]
    found = _livekit_http.parse_regions(json.dumps({"regions": wrong + regions}))
    assert found == {"a": Server("a"), **{f"r{number}": Server(f"r{number}.livekit.cloud") for number in range(7)}}


JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(), lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner)
)


@given(some.text() | JSON.map(json.dumps) | some.lists(JSON).map(lambda found: json.dumps({"regions": found})))
def test_any_regions(text):
    try:
        assert len(_livekit_http.parse_regions(text)) <= 8
    except ProbeError:
        pass


# ICE


@pytest.mark.parametrize(
    ("text", "url", "over"),
    [
        # The examples of RFC 7064 and RFC 7065.
        ("stun:example.org", IceUrl("stun", "example.org", 3478, "udp"), "udp"),
        ("stuns:example.org", IceUrl("stuns", "example.org", 5349, "tcp"), "tls"),
        ("stun:example.org:8000", IceUrl("stun", "example.org", 8000, "udp"), "udp"),
        ("turn:example.org", IceUrl("turn", "example.org", 3478, "udp"), "udp"),
        ("turns:example.org", IceUrl("turns", "example.org", 5349, "tcp"), "tls"),
        ("turn:example.org:8000", IceUrl("turn", "example.org", 8000, "udp"), "udp"),
        ("turn:example.org?transport=udp", IceUrl("turn", "example.org", 3478, "udp"), "udp"),
        ("turn:example.org?transport=tcp", IceUrl("turn", "example.org", 3478, "tcp"), "tcp"),
        ("turns:example.org?transport=tcp", IceUrl("turns", "example.org", 5349, "tcp"), "tls"),
        # What LiveKit Cloud hands out.
        ("turn:ip-192-0-2-1.host.livekit.cloud:3478?transport=udp", IceUrl("turn", "ip-192-0-2-1.host.livekit.cloud", 3478, "udp"), "udp"),
        ("turns:x.turn.livekit.cloud:443?transport=tcp", IceUrl("turns", "x.turn.livekit.cloud", 443, "tcp"), "tls"),
        ("turns:x.turn.livekit.cloud:443?transport=udp", IceUrl("turns", "x.turn.livekit.cloud", 443, "udp"), ""),
        ("TURN:[2001:db8::1]:3478", IceUrl("turn", "2001:db8::1", 3478, "udp"), "udp"),
    ],
)
def test_urls_of_ice_servers(text, url, over):
    assert (_livekit_servers.parse(text), url.over, _livekit_servers.parse(str(url))) == (url, over, url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn:",
        "turn://a",
        "http:a",
        "turn:a:0",
        "turn:a:65536",
        "turn:a?transport=sctp",
        "turn:a?x",
        "turn:a b",
        "turn:2001:db8::1",
        "turn:[a]",
    ],
)
def test_urls_of_no_ice_servers(text):
    assert _livekit_servers.parse(text) is None


@given(some.text() | some.from_regex(r"(stun|turn)s?:[^ ]*(:[0-9]*)?(\?transport=.*)?", fullmatch=True))
def test_any_url_of_an_ice_server(text):
    url = _livekit_servers.parse(text)
    assert url is None or _livekit_servers.parse(str(url)) == url


def test_a_plan():
    urls = ("turn:a.example:3478?transport=udp", "turns:b.example:443?transport=tcp", "turn:a.example", "stun:c.example:19302")
    servers = (IceServer((*urls, "turns:d.example?transport=udp"), "user", "secret"), IceServer(("x",)))
    plan = _livekit_servers.plan(Join(servers, 2), "liveavatar")
    assert [(one.id, one.kind, one.host, one.ports, one.transport, one.username, one.password) for one in plan.probes.values()] == [
        ("liveavatar/turn-udp", "turn", "a.example", ((3478, 3478),), "udp", "user", "secret"),
        ("liveavatar/turn-tls", "turn", "b.example", ((443, 443),), "tls", "user", "secret"),
        ("liveavatar/stun", "stun", "c.example", ((19302, 19302),), "udp", "", ""),
    ]
    assert plan.untested == {"turns:d.example:5349?transport=udp": "TURN over DTLS is not tested"}
    assert plan.notes == ("1 of the URLs handed out for ICE are no stun: or turn: URLs, and not tested",)


@pytest.mark.parametrize(
    ("urls", "note"),
    [
        (("stun:a",), "the server hands out no TURN server: where UDP is blocked, calls fail"),
        (("turn:a",), "the server hands out no TURN over TLS: where UDP is blocked, calls may fail"),
    ],
)
def test_what_is_not_handed_out(urls, note):
    assert _livekit_servers.plan(Join((IceServer(urls, "u", "p"),), 1), "x").notes == (note,)


@pytest.mark.parametrize(
    ("requirement", "host", "port", "why"),
    [
        ("signaling", "a.b.production.livekit.cloud", 443, ""),
        ("signaling", "livekit.cloud", 443, ""),
        ("signaling", "A.LiveKit.Cloud.", 443, ""),
        ("signaling", "notlivekit.cloud", 443, "notlivekit.cloud:443 is not in *.livekit.cloud"),
        ("signaling", "a.livekit.cloud", 8443, "a.livekit.cloud:8443 is not at port 443"),
        ("turn-udp", "ip-1.host.livekit.cloud", 3478, ""),
        ("turn-udp", "x.turn.livekit.cloud", 3478, "x.turn.livekit.cloud:3478 is not in *.host.livekit.cloud"),
        ("turn-tls", "x.turn.livekit.cloud", 443, ""),
        ("turn-tls", "2001:db8::1", 443, "[2001:db8::1]:443 is not in *.turn.livekit.cloud"),
        ("media-udp", "192.0.2.1", 50000, ""),
        ("media-udp", "192.0.2.1", 60000, ""),
        ("media-udp", "192.0.2.1", 49999, "192.0.2.1:49999 is not at a port from 50000 to 60000"),
        ("media-tcp", "192.0.2.1", 7881, ""),
        ("media-tcp", "192.0.2.1", 7880, "192.0.2.1:7880 is not at port 7881"),
        ("stun", "stun.example", 19302, ""),
    ],
)
def test_what_a_firewall_lets_through(requirement, host, port, why):
    assert _livekit_reach.outside(requirement, host, port) == (why and f"{why}: rules for LiveKit Cloud do not cover it")


ANSWER = """v=0\r
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r
a=ice-ufrag:8hhY\r
a=ice-pwd:asd88fgpdd777uzjYhagZg\r
a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\r
a=candidate:1 2 UDP 2130706430 203.0.113.141 8998 typ host\r
a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998\r
a=candidate:3 1 tcp 1671430143 192.0.2.3 7881 typ host tcptype passive generation 0\r
"""


def test_an_answer():
    # The candidates of RFC 8839, section 5.1, and one of RFC 6544.
    assert _livekit_sdp.credentials(ANSWER) == Credentials("8hhY", "asd88fgpdd777uzjYhagZg")
    assert _livekit_sdp.candidates(ANSWER) == [
        Candidate("udp", "203.0.113.141", 8998),
        Candidate("udp", "192.0.2.3", 45664),
        Candidate("tcp", "192.0.2.3", 7881),
    ]
    assert _livekit_sdp.credentials("a=ice-ufrag:8hhY\r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 0.0.0.0 5 typ host",
        "candidate:1 1 udp 1 x.local 5 typ host",
        "candidate:1 1 udp 1 1.2.3 5 typ host",
        "candidate:1 1 udp 1 192.0.2.1 5 typ relay raddr 192.0.2.2 rport 5",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 tcp 1 192.0.2.1 7881 typ host",
        "candidate:1 2 udp 1 192.0.2.1 5 typ host",
        "",
    ],
)
def test_candidates_that_cannot_be_asked(line):
    assert _livekit_sdp.candidate(line) is None
    assert _livekit_sdp.trickled(json.dumps({"candidate": line})) is None


def test_a_candidate_that_comes_by_itself():
    text = json.dumps({"candidate": "candidate:1 1 udp 1 2001:DB8::1 50000 typ host", "sdpMid": "0"})
    assert _livekit_sdp.trickled(text) == Candidate("udp", "2001:db8::1", 50000)


def test_which_candidates_are_worth_asking():
    public, private = Candidate("udp", "192.0.2.1", 1), Candidate("udp", "10.0.0.1", 1)
    other, six = Candidate("tcp", "192.168.0.1", 7881), Candidate("udp", "fd00::1", 1)
    assert _livekit_sdp.worth_asking([private, public, other, six, public]) == [public, other, six]
    assert len(_livekit_sdp.worth_asking([Candidate("udp", "192.0.2.1", port) for port in range(1, 100)])) == 8


@given(some.text() | some.lists(some.sampled_from(ANSWER.splitlines()) | some.text()).map("\n".join))
def test_any_description(text):
    for found in _livekit_sdp.candidates(text):
        assert 0 < found.port < 65536
    assert _livekit_sdp.credentials(text) is None or "a=ice-pwd:" in text


@given(some.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"candidate": value})))
@example("[" * 100000)
def test_any_candidate_that_comes_by_itself(text):
    assert _livekit_sdp.trickled(text) is None or isinstance(_livekit_sdp.trickled(text), Candidate)


def test_a_check_is_what_another_library_reads():
    number = bytes(range(12))
    sent = _livekit_media.check(number, "evtj:h6vY", "VOkJxbRl1RmTxUk/WvJxBt")
    message = stun.parse_message(sent, integrity_key=b"VOkJxbRl1RmTxUk/WvJxBt")
    assert (message.message_method, message.message_class, message.transaction_id) == (stun.Method.BINDING, stun.Class.REQUEST, number)
    assert (message.attributes["USERNAME"], message.attributes["PRIORITY"]) == ("evtj:h6vY", 0x6EFFFFFF)
    assert "ICE-CONTROLLING" in message.attributes
    with pytest.raises(ValueError, match="integrity"):
        stun.parse_message(sent, integrity_key=b"another")


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


def test_checks_over_tcp():
    number = bytes(12)
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, number, {"XOR-MAPPED-ADDRESS": ("192.0.2.1", 5)})
    data = framed(_livekit_media.check(bytes(range(12)), "a:b", "c"), bytes(answer))
    assert _livekit_media.unframed(data, number).mapped() == "192.0.2.1:5"
    assert [_livekit_media.unframed(data[:size], number) for size in range(len(data))] == [None] * len(data)


@given(some.binary())
@example(b"\x00\x00")
@example(b"\x00\x04\x01\x01\x00\x00")
def test_any_bytes_over_tcp(data):
    try:
        assert _livekit_media.unframed(data, bytes(12)) is None
    except ProbeError:
        pass


# The report


def test_secrets_are_hidden_in_whole_and_in_part():
    secret = "abcdefghijklmnopqrstuvwxyz"
    report = _livekit_report.Report()
    report.untested("step", "x/y", "turn", f"<{secret}>", f"{secret[3:15]}! {secret[3:14]} {secret}{secret}")
    report.warnings.append(secret[-12:])
    told = report.without({secret, "short", ""})
    assert told.results[0]["endpoint"] == "<(hidden)>"
    assert told.steps[0]["why"] == "(hidden)! defghijklmn (hidden)(hidden)"
    assert told.warnings == ["(hidden)"]


@given(some.text(min_size=12), some.text(), some.text())
def test_no_secret_is_left(secret, before, after):
    report = _livekit_report.Report(warnings=[before + secret + after])
    (told,) = report.without([secret]).warnings
    assert secret not in told.replace("(hidden)", "\0")
