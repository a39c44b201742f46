# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""HTTP/1.1 as far as one request goes (RFC 9112), and the upgrade to a WebSocket (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: (.*))?")
_NUMBER = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}")
_BREAK = b"\r\n\r\n"
HEAD_LIMIT = 16384
# No more than this of a body is waited for.
BODY_LIMIT = 16384


@dataclass(frozen=True)
class Response:
    """The head of a response, and as much of its body as has come.

    Attributes:
        status: the code.
        reason: the text beside it.
        headers: each name's first value, the names in lower case.
        body: what came after the head.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Body:
    """The body of a response, as it comes (RFC 9112, section 6.3).

    Args:
        response: the head.

    Attributes:
        data: what has come so far.
        ended: whether the server has closed the connection.
    """

    def __init__(self, response: Response) -> None:
        self.data, self.ended = response.body, False
        self._chunked = response.headers.get("transfer-encoding", "").lower() == "chunked"
        length = response.headers.get("content-length", "")
        self._length = int(length) if _NUMBER.fullmatch(length) and not self._chunked else None

    def whole(self) -> bool:
        """Whether all of it has come."""
        if self._chunked:
            return _chunks(self.data)[1]
        return self.ended if self._length is None else len(self.data) >= self._length

    def text(self) -> str:
        """What has come of the content."""
        content = _chunks(self.data)[0] if self._chunked else self.data[: self._length]
        return content.decode("utf-8", "replace")


def request(name: str, port: int, path: str, token: str = "", key: str = "") -> bytes:
    """A GET request; with a key it asks for a WebSocket (RFC 6455, section 4.1).

    Args:
        name: the server's name or address.
        port: the server's port.
        path: the path, with its query.
        token: a bearer token (RFC 6750); none, if empty.
        key: from `new_key`.
    """
    host = f"[{name}]" if ":" in name else name
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}" if port == 443 else f"Host: {host}:{port}", "User-Agent: webrtc.firewall"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    else:
        lines += ["Accept: */*", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode()


def new_key() -> str:
    """A Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept(key: str) -> str:
    """What a server must answer to a key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def parse_head(data: bytes) -> Optional[Response]:
    """Read the head of a response.

    Args:
        data: what has come of the stream so far.

    Returns:
        The response with what there is of its body; None where more of the head must come.

    Raises:
        ProbeError: it is no HTTP, or its head has no end.
    """
    if not (data.startswith(b"HTTP/1.") or b"HTTP/1.".startswith(data[:7])):
        raise ProbeError(f"no HTTP, but {data[:16]!r}")
    head, found, body = data.partition(_BREAK)
    if len(head) > HEAD_LIMIT:
        raise ProbeError(f"HTTP: a head of more than {HEAD_LIMIT} bytes")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    status = _STATUS.fullmatch(first)
    if not status:
        raise ProbeError(f"no HTTP, but {data[:16]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return Response(int(status[1]), _line(status[2] or ""), headers, body)


def check_upgrade(response: Response, key: str) -> None:
    """Whether a response agrees to the upgrade, and answers this key (RFC 6455, section 4.1).

    Raises:
        ProbeError: it does not.
    """
    facts = {"status": response.status, "reason": response.reason}
    if response.status != 101:
        raise ProbeError(f"HTTP {response.status} instead of an upgrade to a WebSocket", facts=facts)
    if response.headers.get("upgrade", "").lower() != "websocket" or response.headers.get("sec-websocket-accept") != accept(key):
        raise ProbeError("WebSocket: the answer does not belong to this request", facts=facts)


def _chunks(data: bytes) -> tuple[bytes, bool]:
    """The content of what has come of a chunked body, and whether that is all (section 7.1)."""
    content, at = b"", 0
    while True:
        line = data.find(b"\r\n", at)
        size = _CHUNK.match(data, at)
        if line < 0 or not size:
            return content, False
        length = int(size[0], 16)
        if not length:
            return content, True
        content += data[line + 2 : line + 2 + length]
        at = line + 2 + length + 2


def _line(text: str) -> str:
    return "".join(character for character in text[:128] if character.isprintable())
