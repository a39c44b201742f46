# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""SIP as far as OPTIONS goes (RFC 3261, section 11), with the port that answers come back to (RFC 3581)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?")
_BREAK = b"\r\n\r\n"
_COMPACT = {"v": "via", "i": "call-id", "l": "content-length"}
# RFC 3261 names no limit; answers to OPTIONS have some hundred bytes.
HEAD_LIMIT = 16384


@dataclass(frozen=True)
class Response:
    """An answer to OPTIONS.

    Attributes:
        status: the code.
        reason: the text beside it.
        seen_as: the address and port that the server saw, where it says so (``received`` and ``rport`` of Via).
        server: what it calls itself.
    """

    status: int
    reason: str
    seen_as: str
    server: str


def call_id() -> str:
    """A new Call-ID."""
    return secrets.token_hex(12)


def options(call: str, name: str, transport: str, local: str) -> bytes:
    """An OPTIONS request.

    Args:
        call: the Call-ID.
        name: the server's name or address.
        transport: udp, tcp or tls.
        local: our own address and port, ``192.0.2.1:40000``.
    """
    target = f"[{name}]" if ":" in name else name
    scheme = "sips" if transport == "tls" else "sip"
    lines = [
        f"OPTIONS {scheme}:{target} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {local};branch=z9hG4bK{call};rport",
        "Max-Forwards: 70",
        f"From: <{scheme}:probe@{local}>;tag={call[:8]}",
        f"To: <{scheme}:{target}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <{scheme}:probe@{local}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def parse(data: bytes, call: str) -> Optional[Response]:
    """Read the response to a request.

    Args:
        data: a datagram, or what has come of a stream so far.
        call: the Call-ID of the request.

    Returns:
        The response, its body left unread; None where more must come, and for provisional responses.

    Raises:
        ProbeError: it is no SIP, or no response to this request.
    """
    rest = data
    while True:
        start = rest.lstrip(b"\r\n")
        if not (start.startswith(b"SIP/2.0 ") or b"SIP/2.0 ".startswith(start[:8])):
            raise ProbeError(f"no SIP, but {start[:16]!r}")
        head, found, rest = start.partition(_BREAK)
        if len(head) > HEAD_LIMIT:
            raise ProbeError(f"SIP: a head of more than {HEAD_LIMIT} bytes")
        if not found:
            return None
        response = _response(head, call)
        if response.status >= 200:
            return response


def _response(head: bytes, call: str) -> Response:
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    status = _STATUS.fullmatch(first)
    if not status:
        raise ProbeError(f"no SIP, but {head[:16]!r}")
    headers = _headers(lines)
    if headers.get("call-id") != call:
        raise ProbeError("SIP: no response to this request")
    return Response(int(status[1]), _line(status[2] or ""), _seen_as(headers.get("via", "")), _line(headers.get("server", "")))


def _headers(lines: list[str]) -> dict[str, str]:
    """The first header of each name, in lower case."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            short = name.strip().lower()
            headers.setdefault(_COMPACT.get(short, short), value.strip())
    return headers


def _seen_as(via: str) -> str:
    received = re.search(r";\s*received\s*=\s*\[?([0-9A-Fa-f:.]{2,45})\]?", via)
    port = re.search(r";\s*rport\s*=\s*([0-9]{1,5})", via)
    if not received:
        return ""
    host = f"[{received[1]}]" if ":" in received[1] else received[1]
    return f"{host}:{port[1]}" if port else host


def _line(text: str) -> str:
    return "".join(character for character in text[:128] if character.isprintable())
