# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Probes as a user writes them; all that is wrong with them is told at once."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, Mapping, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import merge_ports
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import FAMILIES, PAYLOADS, TRANSPORTS, Probe

# Twice the widest range of a vendor's document; the results have to fit a message.
MOST_ENDPOINTS = 100000
_LISTED = 100
# Least, most and default; a permission at a relay lasts for 300 seconds (RFC 8656, section 9), and a NAT may be left alone.
SECONDS = {"media": (0.1, 240, 5.0), "nat": (0.0, 600, 0.0)}
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(?:\.{_LABEL})*\.?")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PATH = re.compile(r"/[!-~]{0,2047}")
_TOKEN = re.compile(r"[!-~]{0,8192}")
# What a message may show nothing of.
_HIDDEN = "(hidden)"


def read(probes: Sequence[Mapping[str, Any]], timeout: Any, total_timeout: Any) -> tuple[Probe, ...]:
    """Read and check the probes and the limits of a run.

    Args:
        probes: what the user wrote, a mapping for each probe; None, or nothing, is as good as left out.
        timeout: seconds for each endpoint.
        total_timeout: seconds for the whole run.

    Raises:
        InvalidInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    limits = _Reader({"timeout": timeout, "total_timeout": total_timeout}, "", problems)
    limits.number("timeout", 0.1, 60, 5.0)
    limits.number("total_timeout", 1, 3600, 60.0)
    found = [_Reader(one, f"probes[{index}]", problems).probe() for index, one in enumerate(probes)]
    count = sum((last - first + 1) * len(probe.families) for probe in found for first, last in probe.ports)
    if count > MOST_ENDPOINTS:
        expected = f"at most {MOST_ENDPOINTS} endpoints (ports times families) in one run"
        problems.append(Problem("probes", count, expected, "Name fewer ports of a range."))
    if len(problems) > _LISTED:
        rest = len(problems) - _LISTED
        problems[_LISTED:] = [Problem("probes (further problems)", rest, "none", "Mend those above first, then run again.")]
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


class _Reader:
    """Reads one mapping; each check notes a problem and goes on with something harmless."""

    def __init__(self, given: Mapping[str, Any], path: str, problems: list[Problem]) -> None:
        self._given, self._path, self._problems = given, path, problems

    def probe(self) -> Probe:
        kind = self.choice("kind", tuple(TRANSPORTS), "tcp")
        transports = TRANSPORTS[kind]
        second = kind == "nat"
        for key, other in (("second_host", "second_port"), ("second_port", "second_host")):
            if self._has(key) and not second:
                self.add(key, self._given[key], "no value, save with the kind nat")
            elif second and self._has(other) and not self._has(key):
                self.add(key, None, f"a value, as {other} has one")
        if self._has("password") != self._has("username"):
            self.add("password", _HIDDEN if self._has("password") else None, "a value with username, and none without")
        return Probe(
            id=self.text("id", re.compile(r"\S(?:.{0,198}\S)?"), "a text of at most 200 characters on one line"),
            kind=kind,
            host=self.host("host"),
            ports=self.ports(),
            transport=self.choice("transport", transports, transports[0], f" (kind {kind})") if self._has("transport") else transports[0],
            families=self.families(),
            server_name=self.host("server_name") if self._has("server_name") else "",
            path=self.text("path", _PATH, "a path that begins with a slash, without spaces") if self._has("path") else "/",
            username=str(self._given.get("username") or ""),
            password=str(self._given.get("password") or ""),
            token=self.token(),
            seconds=self.number("seconds", *SECONDS.get(kind, (0.1, 600, 5.0))),
            pace=int(self.number("pace", 1, 1000, 50)),
            payload=self.choice("payload", PAYLOADS, "echo") if self._has("payload") else "echo",
            second_host=self.host("second_host") if second and self._has("second_host") else "",
            second_port=self.port(self._given["second_port"], "second_port") if second and self._has("second_port") else 0,
        )

    def _has(self, key: str) -> bool:
        return self._given.get(key) not in (None, "")

    def add(self, key: str, value: Any, expected: str, remedy: str = "") -> None:
        shown = value if value is None or isinstance(value, (str, int, float)) else str(value)
        self._problems.append(Problem(f"{self._path}.{key}" if self._path else key, shown, expected, remedy))

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._given.get(key)
        if isinstance(value, str) and pattern.fullmatch(value):
            return str(value)
        self.add(key, value, expected)
        return ""

    def choice(self, key: str, choices: tuple[str, ...], otherwise: str, where: str = "") -> str:
        value = self._given.get(key)
        if isinstance(value, str) and value in choices:
            return str(value)
        self.add(key, value, f"one of {', '.join(choices)}{where}")
        return otherwise

    def host(self, key: str) -> str:
        value = self._given.get(key)
        if isinstance(value, str) and (_address(value) or (_HOST.fullmatch(value) and not _looks_like_address(value))):
            return _address(value) or str(value)
        self.add(key, value, "an address or a host name", "A wildcard cannot be probed: name a host." if "*" in str(value) else "")
        return ""

    def token(self) -> str:
        value = str(self._given.get("token") or "")
        if not _TOKEN.fullmatch(value):
            self.add("token", _HIDDEN, "a token of printable characters without spaces, at most 8192")
        return value

    def number(self, key: str, low: float, high: float, otherwise: float) -> float:
        value = self._given.get(key)
        if value is None:
            return otherwise
        try:
            found = float(value) if not isinstance(value, bool) else float("nan")
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if low <= found <= high:
            return found
        self.add(key, value, f"a number from {low:g} to {high:g}")
        return otherwise

    def port(self, value: Any, key: str) -> int:
        ranges = _range(value)
        if ranges and ranges[0] == ranges[1]:
            return ranges[0]
        self.add(key, value, "a port from 1 to 65535")
        return 0

    def ports(self) -> tuple[tuple[int, int], ...]:
        one, several = self._given.get("port"), self._given.get("ports")
        if (one is None) == (several is None):
            self.add("port", one, "either port or ports")
            return ()
        if one is not None:
            port = self.port(one, "port")
            return ((port, port),) if port else ()
        found = []
        for index, value in enumerate(several if isinstance(several, (list, tuple)) else [several]):
            pair = _range(value)
            if pair:
                found.append(pair)
            else:
                self.add(f"ports[{index}]", value, "a port from 1 to 65535, or a range such as 10000-10010")
        if several in ([], ()):
            self.add("ports", "an empty list", "at least one port")
        return merge_ports(found)

    def families(self) -> tuple[str, ...]:
        value = self._given.get("families")
        if value is None:
            return FAMILIES
        if isinstance(value, (list, tuple)) and value and set(map(str, value)) <= set(FAMILIES):
            return tuple(family for family in FAMILIES if family in value)
        self.add("families", value, f"a list of {' and '.join(FAMILIES)}, or one of them")
        return FAMILIES


def _range(value: Any) -> Optional[tuple[int, int]]:
    found = _RANGE.fullmatch(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if not found:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return (first, last) if 1 <= first <= last <= 65535 else None


def _address(text: str) -> str:
    """An address in its usual form; empty where it is none, or one that only this machine understands."""
    try:
        return "" if "%" in text else str(ip_address(text))
    except ValueError:
        return ""


def _looks_like_address(text: str) -> bool:
    """Whether some resolvers would read a number as an address (inet_aton), such as 1 or 10.1."""
    return text.rstrip(".").rpartition(".")[2].isdigit()
