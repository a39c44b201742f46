# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIP, HTTP, WebSocket, certificates and the error queue: examples of the RFCs, and nonsense."""

from __future__ import annotations

import socket
import struct
import subprocess
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_http, _probe_icmp, _probe_sip, _probe_x509
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

CALL = "a84b4c76e66710"
NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
# After RFC 3261, section 11.2.
OPTIONS_RESPONSE = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKhjhs8ass877 ;received=192.0.2.4;rport=5999\r\n"
    b"To: <sip:carol@chicago.com>;tag=93810874\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\nCSeq: 63104 OPTIONS\r\nServer: Example/1\r\nContent-Length: 0\r\n\r\n"
)


def test_sip_response():
    found = _probe_sip.parse(OPTIONS_RESPONSE, CALL)
    assert found == _probe_sip.Response(200, "OK", "192.0.2.4:5999", "Example/1")


def test_sip_compact_headers_and_an_address_of_ipv6():
    raw = b"SIP/2.0 404\r\nv: SIP/2.0/TLS x;received=[2001:db8::9]\r\ni: a84b4c76e66710\r\n\r\n"
    assert _probe_sip.parse(raw, CALL) == _probe_sip.Response(404, "", "[2001:db8::9]", "")


def test_sip_provisional_responses_are_waited_out():
    trying = b"SIP/2.0 100 Trying\r\nCall-ID: a84b4c76e66710\r\n\r\n"
    assert _probe_sip.parse(trying, CALL) is None
    assert _probe_sip.parse(trying + OPTIONS_RESPONSE, CALL).status == 200
    # A hundred thousand of them are no reason to run out of stack.
    assert _probe_sip.parse(trying * 1200, CALL) is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"HTTP/1.1 400 Bad\r\n\r\n", "no SIP"),
        (b"SIP/2.0 nonsense\r\n\r\n", "no SIP"),
        (OPTIONS_RESPONSE.replace(b"a84b", b"b84b"), "no response to this"),
        (b"SIP/2.0 200 OK\r\nX: " + b"x" * 20000, "more than"),
    ],
)
def test_what_is_no_sip_response(raw, why):
    with pytest.raises(ProbeError, match=why):
        _probe_sip.parse(raw, CALL)


def test_sip_request():
    request = _probe_sip.options(CALL, "2001:db8::1", "tls", "[2001:db8::2]:40000").decode().split("\r\n")
    assert request[0] == "OPTIONS sips:[2001:db8::1] SIP/2.0"
    assert request[1] == "Via: SIP/2.0/TLS [2001:db8::2]:40000;branch=z9hG4bKa84b4c76e66710;rport"
    assert request[-2:] == ["", ""]
    assert {"Call-ID: a84b4c76e66710", "CSeq: 1 OPTIONS", "Max-Forwards: 70"} <= set(request)


def test_websocket_key_of_rfc_6455():
    assert _probe_http.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


UPGRADE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def test_websocket_upgrade():
    _probe_http.check_upgrade(_probe_http.parse_head(UPGRADE), "dGhlIHNhbXBsZSBub25jZQ==")
    with pytest.raises(ProbeError, match="does not belong"):
        _probe_http.check_upgrade(_probe_http.parse_head(UPGRADE), "another")
    with pytest.raises(ProbeError, match="HTTP 403") as caught:
        _probe_http.check_upgrade(_probe_http.parse_head(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "another")
    assert caught.value.facts == {"status": 403, "reason": "Forbidden"}


def test_http_request():
    assert _probe_http.request("a.example", 443, "/x?y=1", token="t0ken") == (
        b"GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: webrtc.firewall\r\nAuthorization: Bearer t0ken\r\n"
        b"Accept: */*\r\nConnection: close\r\n\r\n"
    )
    assert b"\r\nHost: [2001:db8::1]:8443\r\n" in _probe_http.request("2001:db8::1", 8443, "/")


@pytest.mark.parametrize(
    ("raw", "why"),
    [(b"SSH-2.0-OpenSSH", "no HTTP"), (b"HTTP/1.1 abc\r\n\r\n", "no HTTP"), (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000, "more than")],
)
def test_what_is_no_http_response(raw, why):
    with pytest.raises(ProbeError, match=why):
        _probe_http.parse_head(raw)


@pytest.mark.parametrize(
    ("head", "body", "text", "whole"),
    [
        (b"Content-Length: 2\r\n", b"ok more", "ok", True),
        (b"Content-Length: 9\r\n", b"ok", "ok", False),
        (b"Content-Length: " + b"9" * 30 + b"\r\n", b"ok", "ok", False),
        (b"", b"ok", "ok", False),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nok\r\n3;x=y\r\nay!\r\n0\r\n\r\n", "okay!", True),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nok\r\n5\r\nay", "okay", False),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\nok", "", False),
    ],
)
def test_http_bodies(head, body, text, whole):
    found = _probe_http.Body(_probe_http.parse_head(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body))
    assert (found.text(), found.whole()) == (text, whole)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"SIP/2.0 ", b"SIP/2.0 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n"])
)
def test_random_answers(raw, start):
    for parse in (lambda data: _probe_sip.parse(data, CALL), _probe_http.parse_head):
        try:
            found = parse(start + raw + b"\r\n\r\n")
        except ProbeError:
            continue
        assert found is None or found.reason.isprintable()


@given(st.binary(max_size=300))
def test_random_chunks(raw):
    body = _probe_http.Body(_probe_http.parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + raw))
    assert body.whole() in (True, False)
    assert len(body.text()) <= len(raw)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    name = ["-subj", "/C=DE/O=Caf\u00e9 Inspection/CN=far.example", "-utf8", "-addext", "subjectAltName=DNS:far.example,IP:192.0.2.7"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / "key"), "-outform", "DER"]
    subprocess.run(["openssl", "req", "-x509", *key, *name, "-days", "2", "-out", str(folder / "der")], check=True, capture_output=True)
    return (folder / "der").read_bytes()


def test_certificate(certificate):
    found = _probe_x509.facts(certificate, NOW)
    assert found["subject"] == found["issuer"] == "C=DE, O=Caf\u00e9 Inspection, CN=far.example"
    assert found["names"] == ["far.example", "192.0.2.7"]
    assert found["self_signed"]
    told = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-enddate"], input=certificate, capture_output=True, check=True)
    end = datetime.strptime(told.stdout.decode().strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)
    assert found["not_after"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert not _probe_x509.facts(certificate, end)["expired"]
    assert _probe_x509.facts(certificate, datetime(2200, 1, 1, tzinfo=timezone.utc))["expired"]


@given(data=st.data())
def test_damaged_certificates(certificate, data):
    raw = bytearray(certificate)
    for _change in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        _probe_x509.facts(bytes(raw[: data.draw(st.integers(0, len(raw)))]), NOW)
    except ProbeError:
        pass


@given(st.binary(max_size=120))
def test_random_certificates(raw):
    with pytest.raises(ProbeError):
        _probe_x509.facts(raw, NOW)


def queued(origin, kind, code, offender):
    return struct.pack("=IBBBxII", 113, origin, kind, code, 0, 0) + offender


def from_ipv4(address):
    return struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(address) + bytes(8)


@pytest.mark.parametrize(
    ("origin", "kind", "code", "verdict"),
    [
        (2, 3, 0, "unreachable"),
        (2, 3, 1, "unreachable"),
        (2, 3, 3, "refused"),
        (2, 3, 9, "prohibited"),
        (2, 3, 10, "prohibited"),
        (2, 3, 13, "prohibited"),
        (2, 11, 0, "unreachable"),
        (3, 1, 0, "unreachable"),
        (3, 1, 1, "prohibited"),
        (3, 1, 4, "refused"),
        (3, 1, 5, "prohibited"),
        (3, 1, 6, "prohibited"),
    ],
)
def test_icmp_codes(origin, kind, code, verdict):
    found = _probe_icmp.parse(queued(origin, kind, code, from_ipv4("192.0.2.254")))
    error = _probe_icmp.explain(OSError(113, "No route to host"), found, "connecting")
    assert (error.verdict, error.facts) == (verdict, {"icmp": {"type": kind, "code": code, "sender": "192.0.2.254"}})


def test_errors_of_this_machine_are_no_icmp():
    assert _probe_icmp.parse(queued(1, 3, 13, from_ipv4("192.0.2.254"))) is None


@given(st.binary(max_size=80))
def test_random_messages_of_the_error_queue(raw):
    _probe_icmp.parse(raw)
