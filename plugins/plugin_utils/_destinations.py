# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Destinations and ports as people write them, read once into typed values.

The one place that tells IPv4 from IPv6 is `split_families`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import Network, merge_networks, merge_ports, text
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, HOSTNAME
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._shared_domains import is_shared

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(rf"({LABEL.pattern}\.)*{LABEL.pattern}")
VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LIKE_ADDRESS = re.compile(r"[0-9./]+|(?=[^:]*:)[0-9a-fA-F:./]+|[^%]*%.*")
_A_NETWORK = "an IPv4 or IPv6 network or address such as 192.0.2.0/24 or 2001:db8::1"
_A_NAME = "a host name such as api.example.com: at least two labels of a-z, 0-9 and -"
_A_DESTINATION = "'any', a network, an address, a host name of two labels or more, or '*.' before such a name"
_ONLY_A_NAME = "Write the name alone, without scheme, port or path; '*' stands only at its beginning, before a dot."
_IN_ASCII = "Write it in ASCII, as DNS has it, such as xn--mnchen-3ya.example."
_A_VENDORS_DOMAIN = "a domain of one owner behind '*.', such as *.example.com; below this one anybody can have a name"
_NAME_THE_VENDORS = "Name the vendor's own domain (*.vendor.example), or its host names."
_LONGEST = 253


@dataclass(frozen=True)
class Destinations:
    """Where a requirement goes, in the order in which it was written.

    Attributes:
        any: every address; the rest counts for nothing then.
        networks: networks and addresses of both families.
        hostnames: host names in lower case.
        suffixes: domains in lower case whose sub-names are all meant, without the leading ``*.``.
        written_at: where the site wrote them; empty for the catalog's.
    """

    any: bool = False
    networks: tuple[Network, ...] = ()
    hostnames: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    written_at: str = ""

    def texts(self) -> list[str]:
        """The destinations as one writes them in a requirement."""
        if self.any:
            return ["any"]
        return [*map(text, self.networks), *self.hostnames, *(f"*.{suffix}" for suffix in self.suffixes)]


def read_destinations(value: Any, path: str, variables: Mapping[str, str], check: Input) -> Destinations:
    """Read a list of destinations.

    Args:
        value: what the user gave.
        path: where it is.
        variables: what ``{name}`` in a text stands for.
        check: takes the problems.
    """
    anywhere = False
    networks: list[Network] = []
    names: dict[str, None] = {}
    for where, item in check.items(value, path, empty=False):
        network = _network(item)
        if network is not None:
            networks.append(network)
        elif item == "any":
            anywhere = True
        elif isinstance(item, str) and not _LIKE_ADDRESS.fullmatch(item):
            names[read_hostname(item, where, variables, check, wildcard=True)] = None
        else:
            _explain_network(item, where, check, _A_DESTINATION)
    names.pop("", None)
    return Destinations(
        any=anywhere,
        networks=tuple(networks),
        hostnames=tuple(name for name in names if not name.startswith("*.")),
        suffixes=tuple(name[2:] for name in names if name.startswith("*.")),
        written_at=path,
    )


def read_hostname(value: Any, path: str, variables: Mapping[str, str], check: Input, wildcard: bool = False) -> str:
    """Read one host name, or with `wildcard` also ``*.`` and a domain; the empty text where the input was wrong."""
    if not isinstance(value, str):
        check.add(path, value, _A_NAME)
        return ""
    for name in _PLACEHOLDER.findall(value):
        if name not in variables:
            check.add(path, value, f"only variables of this service: {', '.join(sorted(variables)) or 'it has none'}")
            return ""
    name = _PLACEHOLDER.sub(lambda match: variables[match[1]], value).lower()
    # A trailing dot says "absolute" in DNS and nothing here, where every name is.
    name = name[:-1] if name.endswith(".") else name
    suffix = name[2:] if wildcard and name.startswith("*.") else ""
    # Not `name`: lower() turns some foreign letters into ASCII ones.
    ascii_only = value.isascii()
    if ascii_only and suffix and is_shared(suffix) and _DOMAIN.fullmatch(suffix):
        check.add(path, value, _A_VENDORS_DOMAIN, _NAME_THE_VENDORS)
    elif ascii_only and HOSTNAME.fullmatch(suffix or name) and len(name) <= _LONGEST:
        return name
    else:
        check.add(path, value, _A_DESTINATION if wildcard else _A_NAME, _ONLY_A_NAME if ascii_only else _IN_ASCII)
    return ""


def read_networks(value: Any, path: str, check: Input) -> tuple[Network, ...]:
    """Read a list of networks and addresses of both families; it may be empty."""
    networks = []
    for where, item in check.items(value, path):
        network = _network(item)
        if network is None:
            _explain_network(item, where, check, _A_NETWORK)
        else:
            networks.append(network)
    return tuple(networks)


def read_addresses(value: Any, path: str, check: Input) -> tuple[Network, ...]:
    """Read a list of addresses of both families, not networks; it may be empty."""
    addresses = []
    for where, item in check.items(value, path):
        network = _network(item)
        if network is None or network.prefixlen != network.max_prefixlen or "/" in item:
            check.add(where, item, "an IPv4 or IPv6 address such as 192.0.2.53")
        else:
            addresses.append(network)
    return tuple(addresses)


def read_ports(value: Any, path: str, check: Input) -> tuple[tuple[int, int], ...]:
    """Read a list of ports and ``first-last`` ranges into merged inclusive ranges."""
    ranges = []
    for where, item in check.items(value, path, empty=False):
        number = isinstance(item, int) and 0 <= item <= 65535
        match = _PORTS.fullmatch(str(item)) if number or isinstance(item, str) else None
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if 1 <= first <= last <= 65535:
            ranges.append((first, last))
        elif first > last:
            check.add(where, item, "a range whose first port is not above its last", f"Write {last}-{first}.")
        else:
            check.add(where, item, "a port from 1 to 65535, or a range such as 10000-50000")
    return merge_ports(ranges)


def split_families(networks: Iterable[Network], families: Iterable[str], path: str, check: Input) -> dict[str, tuple[str, ...]]:
    """Networks by family, merged, those of the site's families only.

    Args:
        networks: networks of both families.
        families: the families that the site opens.
        path: where the site wrote the networks, for it must not write what it does not open;
            empty for the catalog's, whose other family is left out.
        check: takes the problems.
    """
    sorted_out: dict[str, list[Network]] = {family: [] for family in FAMILIES}
    for network in networks:
        sorted_out[f"ipv{network.version}"].append(network)
    for family in set(FAMILIES) - set(families):
        for network in sorted_out[family] if path else ():
            check.add(
                path,
                text(network),
                f"networks of the families {', '.join(families)}",
                f"Remove it, or add {family} to webrtc_egress_families.",
            )
        sorted_out[family] = []
    return {family: merge_networks(found) for family, found in sorted_out.items()}


def _network(value: Any) -> Network | None:
    """The network that a text means, if any; with a zone (``%eth0``) it means one only on its own machine."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ip_network(value)
    except ValueError:
        return None


def _explain_network(value: Any, path: str, check: Input, expected: str) -> None:
    """Note what is wrong with a text that should have been a network."""
    remedy = "Leave out the zone: it names an interface of one machine." if isinstance(value, str) and "%" in value else ""
    try:
        # Host bits are the commonest slip, and the wanted network can then be told.
        network = ip_network(value, strict=False) if isinstance(value, str) and not remedy else None
    except ValueError:
        network = None
    if network is not None:
        address = ip_address(str(value).partition("/")[0])
        check.add(path, value, "a network without host bits", f"Write {network}, or {address} alone for one address.")
    else:
        check.add(path, value, expected, remedy)
