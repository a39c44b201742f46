# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a LiveKit server and its client say to each other, as far as the connection test goes.

The numbers of the fields are those of livekit_rtc.proto and livekit_models.proto of github.com/livekit/protocol; how a client joins is read
in SignalClient.ts of github.com/livekit/client-sdk-js and in rtcservice.go of github.com/livekit/livekit.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Union

from ansible_collections.webrtc.firewall.plugins.module_utils import _livekit_protobuf as _protobuf
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import ProbeError

# The version of the signalling protocol that we speak: from 3 on the server may offer first, from 16 on nothing changes for us.
PROTOCOL = 16
# More servers are counted, and not kept; LiveKit Cloud hands out fewer than ten URLs.
SERVERS_KEPT, URLS_KEPT, URL_LENGTH = 32, 32, 512
_TEXT_LENGTH = 256
# SignalResponse; its other messages are of no interest here.
_JOIN, _ANSWER, _OFFER, _TRICKLE, _LEAVE = 1, 2, 3, 4, 8
# JoinResponse, ServerInfo, ICEServer, LeaveRequest, SessionDescription, TrickleRequest.
_SERVER_VERSION, _ICE_SERVERS, _SUBSCRIBER_PRIMARY, _ALTERNATIVE_URL, _SERVER_REGION, _SERVER_INFO = 4, 5, 6, 7, 9, 12
_INFO_VERSION, _INFO_REGION = 2, 4
_URLS, _USERNAME, _CREDENTIAL = 1, 2, 3
_REASON, _FINAL = 2, 3
# DisconnectReason
_REASONS = {
    1: "the client left",
    2: "another client joined with the same identity",
    3: "the server shuts down",
    4: "the participant was removed",
    5: "the room was deleted",
    6: "the state of the session does not match",
    7: "joining failed",
    8: "the room moves to another server",
    10: "the room was closed",
}
_CLIENT_INITIATED = 1
# SignalRequest
_REQUEST_OFFER, _REQUEST_ANSWER, _REQUEST_LEAVE = 1, 2, 8


@dataclass(frozen=True)
class IceServer:
    """A server that the client is to use for ICE.

    Attributes:
        urls: stun:, turn: and turns: URLs.
        username: the user of TURN.
        credential: of this user.
    """

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


@dataclass(frozen=True)
class Join:
    """The server has let us in.

    Attributes:
        ice_servers: the first `SERVERS_KEPT` of those handed out.
        handed: how many there were.
        alternative_url: where to try again, if this server is not available.
        version: the server's version.
        region: the server's region.
        subscriber_primary: whether the server offers first.
    """

    ice_servers: tuple[IceServer, ...] = ()
    handed: int = 0
    alternative_url: str = ""
    version: str = ""
    region: str = ""
    subscriber_primary: bool = False


@dataclass(frozen=True)
class Leave:
    """The server sends us away.

    Attributes:
        reason: why, in words.
    """

    reason: str


@dataclass(frozen=True)
class Description:
    """A session description.

    Attributes:
        type: offer or answer.
        sdp: its text.
    """

    type: str
    sdp: str


@dataclass(frozen=True)
class Trickle:
    """An ICE candidate of the server.

    Attributes:
        candidate: a JSON text, RTCIceCandidateInit.
        last: whether no other follows.
    """

    candidate: str
    last: bool = False


Response = Union[Join, Leave, Description, Trickle, None]


def read(data: bytes) -> Response:
    """Read one message of the server (SignalResponse).

    Args:
        data: the content of a binary message.

    Returns:
        The message; None for one that is of no interest here.

    Raises:
        ProbeError: it is no such message.
    """
    found: Response = None
    seen = False
    for number, value in _protobuf.fields(data):
        seen = True
        if isinstance(value, int):
            continue
        if number == _JOIN:
            found = _join(value)
        elif number == _LEAVE:
            found = _leave(value)
        elif number in (_OFFER, _ANSWER):
            texts = _texts(value)
            found = Description("offer" if number == _OFFER else "answer", texts.get(2, ""))
        elif number == _TRICKLE:
            found = Trickle(_texts(value).get(1, ""), (_FINAL, 1) in _protobuf.fields(value))
    if not seen:
        raise ProbeError("LiveKit: an empty message")
    return found


def join_request(auto_subscribe: bool = False) -> str:
    """The query parameter join_request of the path /rtc/v1: a WrappedJoinRequest in base64url, not compressed.

    Args:
        auto_subscribe: whether the server is to send media of others in the room.
    """
    client = _protobuf.field(3, PROTOCOL)
    settings = _protobuf.field(1, int(auto_subscribe))
    request = _protobuf.field(1, client) + _protobuf.field(2, settings)
    return base64.urlsafe_b64encode(_protobuf.field(2, request)).decode()


def query() -> str:
    """The query of the older path /rtc, which says the same in parameters."""
    return f"auto_subscribe=0&protocol={PROTOCOL}"


def leave() -> bytes:
    """A SignalRequest that ends the session, so that the server does not wait for us to come back."""
    return _protobuf.field(_REQUEST_LEAVE, _protobuf.field(_REASON, _CLIENT_INITIATED))


def describe(kind: str, sdp: str) -> bytes:
    """A SignalRequest with a session description.

    Args:
        kind: offer or answer.
        sdp: its text.
    """
    number = _REQUEST_OFFER if kind == "offer" else _REQUEST_ANSWER
    return _protobuf.field(number, _protobuf.field(1, kind) + _protobuf.field(2, sdp))


def _join(data: bytes) -> Join:
    servers: list[IceServer] = []
    handed = 0
    texts: dict[int, str] = {}
    primary = False
    info: dict[int, str] = {}
    for number, value in _protobuf.fields(data):
        if isinstance(value, int):
            primary = bool(value) if number == _SUBSCRIBER_PRIMARY else primary
        elif number == _ICE_SERVERS:
            handed += 1
            if len(servers) < SERVERS_KEPT:
                servers.append(_ice_server(value))
        elif number == _SERVER_INFO:
            info = _texts(value, _TEXT_LENGTH)
        elif number in (_SERVER_VERSION, _ALTERNATIVE_URL, _SERVER_REGION):
            texts[number] = _text(value, URL_LENGTH)
    return Join(
        ice_servers=tuple(servers),
        handed=handed,
        alternative_url=texts.get(_ALTERNATIVE_URL, ""),
        version=info.get(_INFO_VERSION) or texts.get(_SERVER_VERSION, ""),
        region=info.get(_INFO_REGION) or texts.get(_SERVER_REGION, ""),
        subscriber_primary=primary,
    )


def _ice_server(data: bytes) -> IceServer:
    urls: list[str] = []
    texts: dict[int, str] = {}
    for number, value in _protobuf.fields(data):
        if isinstance(value, int):
            continue
        if number == _URLS and len(urls) < URLS_KEPT:
            urls.append(_text(value, URL_LENGTH))
        elif number in (_USERNAME, _CREDENTIAL):
            # Cut short it is wrong, and refused by the server: STUN allows 508 bytes of a user's name (RFC 8489, section 14.3).
            texts[number] = _text(value, 4096)
    return IceServer(tuple(urls), texts.get(_USERNAME, ""), texts.get(_CREDENTIAL, ""))


def _leave(data: bytes) -> Leave:
    reason = 0
    for number, value in _protobuf.fields(data):
        if number == _REASON and isinstance(value, int):
            reason = value
    return Leave(_REASONS.get(reason, "without a reason" if not reason else f"reason {reason}"))


def _texts(data: bytes, length: int = 65536) -> dict[int, str]:
    """The texts of a message, by their numbers."""
    return {number: _text(value, length) for number, value in _protobuf.fields(data) if not isinstance(value, int)}


def _text(value: bytes, length: int) -> str:
    return value[:length].decode("utf-8", "replace")
