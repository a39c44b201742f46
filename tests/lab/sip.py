# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of SIP as OPTIONS takes (RFC 3261, section 11)."""

from __future__ import annotations

import secrets

_ECHOED = ("via", "from", "call-id", "cseq")


def options(address: str, transport: str) -> bytes:
    """An OPTIONS request for a server."""
    host = f"[{address}]" if ":" in address else address
    lines = [
        f"OPTIONS sip:{host} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} lab.invalid;branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 70",
        f"From: <sip:probe@lab.invalid>;tag={secrets.token_hex(4)}",
        f"To: <sip:{host}>",
        f"Call-ID: {secrets.token_hex(8)}@lab.invalid",
        "CSeq: 1 OPTIONS",
        "Contact: <sip:probe@lab.invalid>",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(request: bytes) -> bytes:
    """The response of a user agent server to a request: 200 to OPTIONS, 501 to all else.

    Raises:
        ValueError: the request is no SIP.
    """
    first, *lines = request.split(b"\r\n\r\n")[0].decode().split("\r\n")
    method, _uri, version = first.split(" ")
    if version != "SIP/2.0":
        raise ValueError("not SIP")
    status = "200 OK" if method == "OPTIONS" else "501 Not Implemented"
    headers = [line for line in lines if line.split(":")[0].strip().lower() in _ECHOED]
    to = next(line for line in lines if line.lower().startswith("to:"))
    response = [f"SIP/2.0 {status}", *headers, f"{to};tag={secrets.token_hex(4)}", "Allow: OPTIONS", "Content-Length: 0", "", ""]
    return "\r\n".join(response).encode()


def status(response: bytes) -> int:
    """The status code of a response; 0 if it is none."""
    words = response.split(b"\r\n")[0].split(b" ")
    return int(words[1]) if len(words) > 2 and words[0] == b"SIP/2.0" and words[1].isdigit() else 0
