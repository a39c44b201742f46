# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the user of the connection test gives: the server's URL, a token, and limits; all that is wrong with them is told at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem

TIMEOUT, TOTAL_TIMEOUT, SERVICE = 5.0, 60.0, "liveavatar"
_HTTPS = 443
URL_LENGTH = 512
_URL = re.compile(
    r"(?i:(?:wss|https))://(?P<host>\[[0-9A-Fa-f:.]*\]|[^\[\]:/?#@\\\s]*)(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?"
)
_PLAIN = re.compile(r"(?i:ws|http)://.*", re.DOTALL)
# How the JSON of a token's head begins in base64.
_LIKE_A_TOKEN = re.compile(r"\s*eyJ")
_HIDDEN = "(hidden)"
_A_URL = "the livekit_url of a session, such as wss://example.livekit.cloud"
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TOKEN = re.compile(r"[!-~]{1,8192}")


@dataclass(frozen=True)
class Server:
    """A server by its URL.

    Attributes:
        host: an address or a name.
        port: its port.
        path: what comes before the paths of the protocol; empty, or with a slash at its beginning and none at its end.
    """

    host: str
    port: int = _HTTPS
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"wss://{host}{'' if self.port == _HTTPS else f':{self.port}'}{self.path}"


@dataclass(frozen=True)
class Options:
    """What to test.

    Attributes:
        server: where.
        token: the room token.
        service: what the ids of the results begin with.
        timeout: seconds for each endpoint.
        total_timeout: seconds for the whole run.
        trusted_only: whether the token is kept from servers whose certificate this machine does not trust.
    """

    server: Server
    token: str = field(repr=False)
    service: str = SERVICE
    timeout: float = TIMEOUT
    total_timeout: float = TOTAL_TIMEOUT
    trusted_only: bool = True


def read(given: Mapping[str, Any]) -> Options:
    """Read and check what the user gave.

    Args:
        given: url and token; service, timeout, total_timeout and validate_certs, where None is as good as left out.

    Raises:
        InvalidInput: with everything that is wrong; nothing of the token, or of a query in the URL, is in it.
    """
    problems: list[Problem] = []
    url = str(given.get("url") or "").strip()
    server = parse_url(url)
    if server is None:
        problems.append(Problem("url", without_query(url) or None, _A_URL, _url_remedy(url)))
    token = str(given.get("token") or "").strip()
    if not _TOKEN.fullmatch(token):
        expected = "the livekit_client_token of a session: at most 8192 printable characters without spaces"
        remedy = "Give the token alone, without a word such as Bearer before it." if token else ""
        problems.append(Problem("token", _HIDDEN if token else None, expected, remedy))
    service = given.get("service") or SERVICE
    if not (isinstance(service, str) and _SERVICE.fullmatch(service)):
        problems.append(Problem("service", service, "a service name: a-z, 0-9 and _, beginning with a letter, at most 32 characters"))
    limits = {"timeout": given.get("timeout"), "total_timeout": given.get("total_timeout")}
    try:
        _probe_input.read((), **limits)
    except InvalidInput as error:
        problems += error.problems
    if problems or server is None:
        raise InvalidInput(problems)
    timeout, total = (default if value is None else float(value) for value, default in zip(limits.values(), (TIMEOUT, TOTAL_TIMEOUT)))
    return Options(server, token, service, timeout, total, given.get("validate_certs") is not False)


def parse_url(url: str) -> Optional[Server]:
    """A wss:// or https:// URL without user, query and fragment; None for all else.

    Args:
        url: what the user, or the server, gave.
    """
    found = _URL.fullmatch(url) if len(url) <= URL_LENGTH else None
    if not found:
        return None
    host, port = found["host"].strip("[]"), int(found["port"] or _HTTPS)
    return Server(host, port, found["path"]) if is_host(host, port) and (":" in host) == ("[" in found["host"]) else None


def is_host(host: str, port: int) -> bool:
    """Whether these are a host and a port that can be probed.

    Args:
        host: an address or a name.
        port: a port.
    """
    try:
        _probe_input.read([{"id": "-", "kind": "tls", "host": host, "port": port}], None, None)
    except InvalidInput:
        return False
    return True


def without_query(url: str) -> str:
    """A URL as it may be shown: queries, fragments and users are where secrets are.

    Args:
        url: any text.
    """
    return _without(url)[:URL_LENGTH]


def _without(url: str) -> str:
    if _LIKE_A_TOKEN.match(url):
        return _HIDDEN
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1", re.split(r"[?#]", url, maxsplit=1)[0], flags=re.DOTALL)


def _url_remedy(url: str) -> str:
    if _LIKE_A_TOKEN.match(url):
        return "This looks like the token, which has an option of its own."
    if _PLAIN.fullmatch(url):
        return "Without TLS the token could be read by anyone on the way: use wss:// or https://."
    if _without(url) != url:
        return "Leave out what is before an @ and what follows a ? or #; the token has an option of its own."
    return ""
