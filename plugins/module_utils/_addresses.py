# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Networks and port ranges in their shortest equal form, by way of the standard library's ipaddress."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Iterable, Union

Network = Union[IPv4Network, IPv6Network]


def text(network: Network) -> str:
    """A network as nftables lists it: a host without its prefix length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def merge_networks(networks: Iterable[str | Network]) -> tuple[str, ...]:
    """Networks of one family sorted by address, without duplicates and overlaps.

    The sweep gives what `ipaddress.collapse_addresses` gives, in a tenth of the time: it works on numbers.

    Args:
        networks: valid networks or addresses, parsed or as CIDR text, all IPv4 or all IPv6.

    Returns:
        The fewest networks that cover the same addresses, hosts without a prefix length.

    Raises:
        ValueError: a text is no network, or has host bits set.
        TypeError: the families are mixed.
    """
    parsed = [ip_network(item) if isinstance(item, str) else item for item in networks]
    if len({network.version for network in parsed}) > 1:
        raise TypeError("IPv4 and IPv6 networks cannot be merged with each other")
    if not parsed:
        return ()
    bits = parsed[0].max_prefixlen
    kind = IPv4Address if bits == 32 else IPv6Address
    blocks = _merge_blocks((int(network.network_address), 1 << (bits - network.prefixlen)) for network in parsed)
    return tuple(str(kind(first)) if size == 1 else f"{kind(first)}/{bits + 1 - size.bit_length()}" for first, size in blocks)


def complement(networks: Iterable[str], family: str) -> tuple[str, ...]:
    """All addresses of a family but for some networks, as the fewest networks.

    Args:
        networks: networks or addresses of that family, as CIDR text, without overlaps.
        family: ipv4 or ipv6.
    """
    rest: list[Network] = [ip_network("0.0.0.0/0" if family == "ipv4" else "::/0")]
    for item in map(ip_network, networks):
        rest = [part for network in rest for part in _without(network, item)]
    return merge_networks(rest)


def _without(network: Network, item: Network) -> Iterable[Network]:
    if isinstance(network, IPv4Network) and isinstance(item, IPv4Network) and item.subnet_of(network):
        return network.address_exclude(item)
    if isinstance(network, IPv6Network) and isinstance(item, IPv6Network) and item.subnet_of(network):
        return network.address_exclude(item)
    return [network]


def _merge_blocks(blocks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Aligned blocks (first address, a power of two as size) without nesting, and halves joined to wholes."""
    merged: list[tuple[int, int]] = []
    for first, size in sorted(blocks, key=lambda block: (block[0], -block[1])):
        if merged and first < sum(merged[-1]):
            continue
        merged.append((first, size))
        while len(merged) > 1 and _are_halves(*merged[-2:]):
            merged[-2:] = [(merged[-2][0], 2 * merged[-2][1])]
    return merged


def _are_halves(low: tuple[int, int], high: tuple[int, int]) -> bool:
    """Whether two blocks side by side are an aligned block of twice the size."""
    return low[1] == high[1] and low[0] + low[1] == high[0] and low[0] % (2 * low[1]) == 0


def merge_ports(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Port ranges sorted, with overlapping and touching ones joined (both ends inclusive)."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def ports_text(ranges: Iterable[tuple[int, int]]) -> str:
    """Port ranges as people write them: ``443,10000-50000``."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


# What no server of a vendor's can have (RFC 6890), and where an IPv6 address carries one of IPv4 (RFC 6052, RFC 3056).
_INNER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
        "::/96", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NAT64, _6TO4 = ip_network("64:ff9b::/96"), ip_network("2002::/16")


def is_inner(text: str) -> bool:
    """Whether an address belongs to an inner network, a link or the machine itself, so that an answer with it aims at something within.

    Args:
        text: an address of either family.
    """
    address = ip_address(text)
    if address in _NAT64:
        address = ip_address(int(address) & 0xFFFFFFFF)
    elif address in _6TO4:
        address = ip_address(int(address) >> 80 & 0xFFFFFFFF)
    return any(address in network for network in _INNER)


def is_inner_network(network: Network) -> bool:
    """Whether all addresses of a network are such as `is_inner` tells of."""
    inside: Network = network
    for carrier, bits in ((_NAT64, 96), (_6TO4, 16)):
        if isinstance(network, IPv6Network) and network.overlaps(carrier) and bits <= network.prefixlen <= bits + 32:
            carried = int(network.network_address) >> (96 - bits) & 0xFFFFFFFF
            inside = IPv4Network((carried, network.prefixlen - bits))
    same = (inner for inner in _INNER if inner.version == inside.version)
    return any(int(inner[0]) <= int(inside[0]) and int(inside[-1]) <= int(inner[-1]) for inner in same)
