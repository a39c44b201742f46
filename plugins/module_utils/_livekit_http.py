# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The requests that a LiveKit client makes over HTTPS before it joins: regions and validate.

Source: RegionUrlProvider.ts and SignalClient.ts of github.com/livekit/client-sdk-js, rtcservice.go of github.com/livekit/livekit.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_http
from ansible_collections.webrtc.firewall.plugins.module_utils._livekit_input import URL_LENGTH, Server, parse_url
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import UNTESTED, Endpoint, ProbeError
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import LIMIT, Wire

REGIONS, VALIDATE = "/settings/regions", "/validate"
REGIONS_KEPT = 8
_BODY_SECONDS = 2.0
_OK, _NOT_FOUND, _REFUSED = 200, 404, (401, 403)
_NAME_LENGTH = 64


class NotThere(ProbeError):
    """The server has no such path: HTTP 404."""


async def open_trusted(wire: Wire, trusted_only: bool) -> None:
    """Connect for a request that carries the token.

    Args:
        wire: the connection.
        trusted_only: whether the certificate must be one that this machine trusts.

    Raises:
        ProbeError: it is not trusted, or what `Wire.open` raises.
    """
    await wire.open()
    if trusted_only and not wire.facts.get("trusted"):
        raise ProbeError(f"the certificate is not trusted ({wire.facts.get('trust_error')}), and the token not sent", UNTESTED)


async def get(wire: Wire, endpoint: Endpoint, token: str) -> str:
    """A request, and the content of its response if its status is 200.

    Args:
        wire: the connection, open.
        endpoint: where to, with the path in its probe.
        token: goes along as a bearer token.

    Raises:
        ProbeError: the server refused, or has no such path (`NotThere`).
    """
    path = endpoint.probe.path
    response = await wire.ask(_probe_http.request(endpoint.probe.name, endpoint.port, path, token), _probe_http.parse_head)
    check_status(wire, response, path)
    body = _probe_http.Body(response)
    with suppress(asyncio.TimeoutError, ProbeError, OSError):
        await asyncio.wait_for(_read(wire, body), _BODY_SECONDS)
    return body.text()


def check_status(wire: Wire, response: _probe_http.Response, path: str, wanted: int = _OK) -> None:
    """Whether a response has the status that was asked for.

    Args:
        wire: where facts are noted.
        response: the response.
        path: the path of the request; its query is not noted.
        wanted: the status.

    Raises:
        ProbeError: it has another, and what that means.
    """
    status = response.status
    wire.facts.update({"path": path.partition("?")[0], "status": status, "reason": response.reason})
    if status == wanted:
        return
    if status in _REFUSED:
        wire.facts["token_refused"] = True
        raise ProbeError(f"HTTP {status}: the token is refused")
    if status == _NOT_FOUND:
        raise NotThere("HTTP 404: the server has no such path, or no such room")
    if status // 100 == 3:
        raise ProbeError(f"HTTP {status}: a redirect, which is not followed")
    raise ProbeError(f"HTTP {status} {response.reason}".rstrip())


def parse_regions(text: str) -> dict[str, Server]:
    """The regions of a LiveKit Cloud project: their names, and the servers of the first `REGIONS_KEPT` of them.

    Args:
        text: the content of the response, the nearest region first.

    Raises:
        ProbeError: it is no list of regions.
    """
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ProbeError("no list of regions, and no JSON") from None
    regions = found.get("regions") if isinstance(found, dict) else None
    if not isinstance(regions, list):
        raise ProbeError("JSON, but no list of regions")
    servers: dict[str, Server] = {}
    for region in regions:
        if len(servers) >= REGIONS_KEPT:
            break
        name, url = (region.get("region"), region.get("url")) if isinstance(region, dict) else (None, None)
        server = parse_url(url) if isinstance(url, str) and len(url) <= URL_LENGTH else None
        if isinstance(name, str) and server:
            servers["".join(character for character in name[:_NAME_LENGTH] if character.isprintable())] = server
    return servers


async def _read(wire: Wire, body: _probe_http.Body) -> None:
    while not body.whole() and len(body.data) < LIMIT:
        piece = await wire.receive()
        if not piece:
            body.ended = True
            return
        body.data += piece
