# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The resolver that teaches the packet filter: what a site says of it, and the configuration of dnsmasq that follows.

dnsmasq serves the clients, caches, and sends the required domains alone to the learner on the loopback. dnsmasq's own ``nftset``
is not used: each of its answers reads all interval sets of the machine, which takes dnsmasq and all of its clients a second with
100,000 such elements; it teaches nothing from its cache; and a set of another nft version ends it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import HEAD

if TYPE_CHECKING:
    # Whoever waits for a change to be settled needs no policy.
    from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

PREFIX = "webrtc_domains_"
MODES = ("dropin", "instance")
LOOPBACK = "127.0.0.1"
# dnsmasq goes into the background once it answers, so that a start that fails is noticed.
PID_FILE = "/run/webrtc-firewall-dnsmasq/pid"
# Names that clients ask for before they turn to a resolver of their own: Firefox, and Apple's Private Relay.
CANARIES = ("mask-h2.icloud.com", "mask.icloud.com", "use-application-dns.net")
_SERVER = re.compile(r"([0-9a-fA-F.:]+)(?:#(\d{1,5}))?")


@dataclass(frozen=True)
class Resolver:
    """What a site says of its resolver.

    Attributes:
        mode: ``dropin`` beside the machine's own dnsmasq, or ``instance``, one of our own.
        listen: addresses of this machine on which an instance answers; empty with ``dropin``.
        servers: the site's resolvers, as ``address`` or ``address#port``.
        port: the learner's port on the loopback.
        keep: seconds that an address stays in its sets after it was last told or used.
        max_ttl: seconds that a cache may hold a required name's answer at most; not more than half of keep.
        cache_size: how many names an instance caches.
        allowed: inner networks in which a vendor's name may nevertheless be.
        canaries: whether clients are told not to turn to resolvers of their own.
    """

    mode: str
    servers: tuple[str, ...]
    listen: tuple[str, ...] = ()
    port: int = 5453
    keep: int = 7200
    max_ttl: int = 3600
    cache_size: int = 10000
    allowed: tuple[str, ...] = ()
    canaries: bool = False

    @property
    def upstreams(self) -> list[tuple[str, int]]:
        """The site's resolvers as (address, port)."""
        parts = [server.partition("#") for server in self.servers]
        return [(address, int(port or 53)) for address, _sign, port in parts]


def to_dict(resolver: Resolver) -> dict[str, Any]:
    """The settings as plain JSON data; `from_dict` reads them back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(resolver).items()}


def from_dict(data: Mapping[str, Any]) -> Resolver:
    """Read settings.

    Args:
        data: the attributes of `Resolver` by name; what has a default may be missing.

    Raises:
        InvalidInput: something is wrong; all problems at once.
    """
    reader = _Reader(data)
    resolver = reader.resolver()
    if reader.problems:
        raise InvalidInput(reader.problems)
    return resolver


class _Reader:
    """Turns options into typed values and gathers what is wrong with them on the way."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.problems: list[Problem] = []

    def check(self, good: bool, name: str, expected: str, remedy: str = "") -> bool:
        """Note a problem, one for each option: what follows from it is no news."""
        if not good and f"{PREFIX}{name}" not in {problem.path for problem in self.problems}:
            self.problems.append(Problem(f"{PREFIX}{name}", self._data.get(name), expected, remedy))
        return good

    def resolver(self) -> Resolver:
        defaults = {"listen": [], "port": 5453, "keep": 7200, "max_ttl": 3600, "cache_size": 10000, "allowed": [], "canaries": False}
        unknown = sorted(set(self._data) - {"mode", "servers", *defaults}, key=str)
        for name in unknown:
            self.check(False, name, "no such option")
        self._data = {**defaults, **self._data}
        mode = self._data.get("mode")
        self.check(mode in MODES, "mode", f"one of {', '.join(MODES)}")
        listen = self.texts("listen", _is_address, "a list of addresses of this machine")
        if mode == "instance":
            self.check(bool(listen), "listen", "at least one address of this machine", "Name the address that clients ask.")
        elif mode == "dropin":
            self.check(not listen, "listen", "nothing, as the machine's own dnsmasq says where it listens")
        servers = self.texts("servers", _is_server, "a list of resolvers, each an address or address#port")
        remedy = "Name the resolvers to which names are forwarded."
        self.check(bool(servers), "servers", "at least one resolver of the site", remedy)
        port = self.number("port", 1024, 65535, 5453)
        own = {(address, 53) for address in listen} | {(LOOPBACK, port)}
        resolver = Resolver(str(mode), servers, listen, port)
        self.check(not own & set(resolver.upstreams), "servers", "no address of the resolver itself: names would go round in circles")
        keep = self.number("keep", 2, 604800, 604800)
        max_ttl = self.number("max_ttl", 1, 302400, 1)
        remedy = "A client and the resolver may cache an answer one after the other, and an address must outlive both."
        self.check(2 * max_ttl <= keep, "max_ttl", f"at most half of {PREFIX}keep ({keep})", remedy)
        allowed = self.texts("allowed", _is_network, "a list of networks")
        self.check(isinstance(self._data["canaries"], bool), "canaries", "true or false")
        cache_size = self.number("cache_size", 0, 1_000_000, 0)
        return Resolver(str(mode), servers, listen, port, keep, max_ttl, cache_size, allowed, bool(self._data["canaries"]))

    def texts(self, name: str, fits: Callable[[str], bool], expected: str) -> tuple[str, ...]:
        value = self._data.get(name)
        good = isinstance(value, (list, tuple)) and all(isinstance(item, str) and fits(item) for item in value)
        return tuple(map(str, value or ())) if self.check(good, name, expected) else ()

    def number(self, name: str, low: int, high: int, instead: int) -> int:
        """The option, or another number where it is wrong."""
        value = self._data[name]
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return int(value) if self.check(good, name, f"a whole number from {low} to {high}") else instead


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _is_server(text: str) -> bool:
    found = _SERVER.fullmatch(text)
    return bool(found) and _is_address(found.group(1)) and 0 < int(found.group(2) or 53) < 65536 if found else False


def _is_network(text: str) -> bool:
    try:
        return bool(ip_network(text))
    except ValueError:
        return False


def domains(policy: Optional[Policy]) -> list[str]:
    """The domains whose queries the learner must see; those below another one need no line of their own."""
    patterns = {pattern for flow in policy.flows for pattern in flow.destination.learned} if policy else set()
    names = {pattern[2:] if pattern.startswith("*.") else pattern for pattern in patterns}
    return sorted(name for name in names if not any(name.endswith(f".{other}") for other in names))


def dnsmasq_text(resolver: Resolver, policy: Optional[Policy]) -> str:
    """dnsmasq's configuration: the drop-in, or the whole one of an instance (dnsmasq(8))."""
    lines = [f"server=/{name}/{LOOPBACK}#{resolver.port}" for name in domains(policy)]
    # An empty address is NXDOMAIN.
    lines += [f"address=/{name}/" for name in CANARIES if resolver.canaries]
    if resolver.mode == "instance":
        lines = [
            "no-resolv", "no-hosts", "no-poll", "bind-dynamic",
            *(f"listen-address={address}" for address in resolver.listen),
            *(f"server={server}" for server in resolver.servers),
            f"cache-size={resolver.cache_size}", "dns-forward-max=1000", f"pid-file={PID_FILE}", *lines,
        ]  # fmt: skip
    return HEAD + "".join(f"{line}\n" for line in lines)
