# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What an nftables ruleset of ours is made of: typed, comparable, and each statement in nft's two languages.

A statement knows its text, which `nft -f` loads, and its JSON, which `nft -j list` prints. The wanted ruleset is
rendered from the policy and the live one is read from the kernel, so both can be compared without loading anything.
Reference: nft(8), libnftables-json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Iterable

FAMILY = "inet"
TABLE = "webrtc_firewall"
IP_FAMILIES = {"ipv4": ("ip", "ipv4_addr"), "ipv6": ("ip6", "ipv6_addr")}
_UNREACHABLE = {"type": "icmpx", "expr": "port-unreachable"}


@dataclass(frozen=True)
class Statement:
    """One match, action or verdict of a rule; two are equal when the kernel would list them alike."""

    key: str
    text: str = field(compare=False)


@dataclass(frozen=True)
class Rule:
    """A rule: its chain, the id that is its comment, and its statements."""

    chain: str
    id: str
    statements: tuple[Statement, ...]

    @property
    def text(self) -> str:
        """The rule as `nft -f` reads it, without family, table and chain."""
        return " ".join([statement.text for statement in self.statements] + [f'comment "{self.id}"'])


@dataclass(frozen=True)
class Chain:
    """A chain; a base chain has a hook and a priority. Extra holds what we never set ourselves."""

    name: str
    hook: str = ""
    priority: int = 0
    policy: str = ""
    extra: str = ""

    @property
    def text(self) -> str:
        """The chain's declaration as it stands behind its name."""
        return f"type filter hook {self.hook} priority {self.priority}; policy {self.policy};" if self.hook else ""


@dataclass(frozen=True)
class Set:
    """A set of addresses: networks that the policy names, or single addresses that DNS answers teach.

    Attributes:
        name: its name.
        type: ipv4_addr or ipv6_addr.
        elements: networks and addresses; none where DNS answers fill it, since that is no part of the policy.
        learned: how many addresses it takes where DNS answers fill it; 0 elsewhere.
        extra: what we never set ourselves.
    """

    name: str
    type: str
    elements: frozenset[str]
    learned: int = 0
    extra: str = ""


@dataclass(frozen=True)
class Ruleset:
    """All that our table holds.

    Attributes:
        chains: in the order of their making, targets of jumps first.
        sets: by name.
        counters: names of the named counters.
        rules: in order; those of one chain decide in this order.
        extra: what the live table holds that we never make (maps, table flags ...); such a table is rebuilt.
        packets: what each named counter has counted, as (packets, bytes); not part of the comparison.
        learned: what DNS answers have put into each set, address to packets that met it; not part of the comparison.
    """

    chains: tuple[Chain, ...] = ()
    sets: tuple[Set, ...] = ()
    counters: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    extra: tuple[str, ...] = ()
    packets: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False)
    learned: dict[str, dict[str, int]] = field(default_factory=dict, compare=False)


def canonical(value: Any) -> Any:
    """A JSON expression in one form for all nft versions: sets and flags sorted, ors flat, packets left out, defaults spelt out."""
    if isinstance(value, list):
        items = [canonical(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    if not isinstance(value, dict):
        return value
    if set(value) == {"set"} and isinstance(value["set"], list):
        return {"set": sorted(map(canonical, value["set"]), key=json.dumps)}
    if set(value) == {"|"} and all(isinstance(item, str) for item in _flags(value)):
        return sorted(_flags(value))
    if set(value) == {"match"} and isinstance(value["match"], dict):
        return {"match": _masked({key: canonical(item) for key, item in value["match"].items()})}
    if set(value) == {"counter"} and isinstance(value["counter"], dict):
        return {"counter": None}
    if value == {"reject": None}:
        # How nft 0.9.8 prints what `reject` alone means.
        return {"reject": dict(_UNREACHABLE)}
    return {key: canonical(item) for key, item in value.items()}


def _masked(match: dict[str, Any]) -> dict[str, Any]:
    """A comparison with a prefix as one behind a mask: older nft prints the highest bit of a mark so."""
    right = match.get("right")
    prefix = right.get("prefix") if isinstance(right, dict) else None
    addr, length = (prefix.get("addr"), prefix.get("len")) if isinstance(prefix, dict) else (None, None)
    if not isinstance(addr, int) or not isinstance(length, int) or not 0 < length <= 32:
        return match
    mask = 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF
    return {**match, "left": {"&": [match.get("left"), mask]}, "right": addr}


def _flags(value: Any) -> list[Any]:
    """The operands of nested ors; nft 0.9.8 nests them, 1.1 does not, 1.0 prints a bare list."""
    if isinstance(value, dict) and set(value) == {"|"} and isinstance(value["|"], list):
        return [flag for operand in value["|"] for flag in _flags(operand)]
    return [value]


def statement_from(expression: Any, text: str = "") -> Statement:
    """A statement from one element of a rule's ``expr`` in nft's JSON."""
    return Statement(json.dumps(canonical(expression), sort_keys=True), text)


def _match(left: Any, right: Any, text: str, op: str = "==") -> Statement:
    return statement_from({"match": {"op": op, "left": left, "right": right}}, text)


def _payload(protocol: str, name: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": name}}


def _alternatives(values: list[Any], texts: list[str]) -> tuple[Any, str]:
    """One value as it is, several as an anonymous set, in JSON and text."""
    return (values[0], texts[0]) if len(values) == 1 else ({"set": values}, "{ %s }" % ", ".join(texts))


def ports(protocol: str, ranges: Iterable[tuple[int, int]], end: str = "dport") -> Statement:
    """Match ports; protocol is tcp or udp, end is dport or sport."""
    pairs = list(ranges)
    values = [first if first == last else {"range": [first, last]} for first, last in pairs]
    right, text = _alternatives(values, [str(first) if first == last else f"{first}-{last}" for first, last in pairs])
    return _match(_payload(protocol, end), right, f"{protocol} {end} {text}")


def in_set(family: str, end: str, name: str, negated: bool = False) -> Statement:
    """Match an address against a named set; family is ipv4 or ipv6, end is saddr or daddr."""
    keyword = IP_FAMILIES[family][0]
    text = f"{keyword} {end} {'!= ' if negated else ''}@{name}"
    return _match(_payload(keyword, end), f"@{name}", text, "!=" if negated else "==")


def interface(key: str, names: Iterable[str], negated: bool = False) -> Statement:
    """Match interfaces by name; key is iifname or oifname."""
    values = sorted(names)
    right, text = _alternatives(values, [f'"{name}"' for name in values])
    return _match({"meta": {"key": key}}, right, f"{key} {'!= ' if negated else ''}{text}", "!=" if negated else "==")


def only_family(family: str) -> Statement:
    """Match one address family: ipv4 or ipv6."""
    return _match({"meta": {"key": "nfproto"}}, family, f"meta nfproto {family}")


def not_new() -> Statement:
    """Match packets that do not begin a connection."""
    return _match({"ct": {"key": "state"}}, "new", "ct state != new", "!=")


def mark_set(bit: int) -> Statement:
    """Set one bit of the conntrack mark, leaving the others as they are."""
    key = {"ct": {"key": "mark"}}
    return statement_from({"mangle": {"key": key, "value": {"|": [key, bit]}}}, f"ct mark set ct mark or {bit:#x}")


def marked(bit: int) -> Statement:
    """Match connections that carry the bit."""
    return _match({"&": [{"ct": {"key": "mark"}}, bit]}, bit, f"ct mark and {bit:#x} == {bit:#x}")


def mid_stream() -> Statement:
    """Match TCP packets that cannot begin a connection: all but a bare SYN."""
    flags = {"&": [_payload("tcp", "flags"), {"|": ["fin", "syn", "rst", "ack"]}]}
    return _match(flags, "syn", "tcp flags & (fin | syn | rst | ack) != syn", "!=")


def icmp(family: str, types: Iterable[str | int]) -> Statement:
    """Match ICMP or ICMPv6 types, by the name that nft lists or by number where it has none."""
    protocol = {"ipv4": "icmp", "ipv6": "icmpv6"}[family]
    right, text = _alternatives(list(types), [str(item) for item in types])
    return _match(_payload(protocol, "type"), right, f"{protocol} type {text}")


def count(name: str) -> Statement:
    """Count in a named counter, which outlives the rule."""
    return statement_from({"counter": name}, f'counter name "{name}"')


def limit(rate: int, burst: int) -> Statement:
    """Go on only up to a rate of packets a second."""
    return statement_from({"limit": {"rate": rate, "burst": burst, "per": "second"}}, f"limit rate {rate}/second burst {burst} packets")


def log(prefix: str) -> Statement:
    """Write a line to the kernel's log."""
    return statement_from({"log": {"prefix": prefix}}, f'log prefix "{prefix}"')


def accept() -> Statement:
    """Let the packet go on to the next base chain."""
    return statement_from({"accept": None}, "accept")


def drop() -> Statement:
    """Drop the packet for good."""
    return statement_from({"drop": None}, "drop")


def reject(protocol: str) -> Statement:
    """Refuse at once, so that the sender need not wait: a reset for tcp, an unreachable port for udp, in either family."""
    if protocol == "tcp":
        return statement_from({"reject": {"type": "tcp reset"}}, "reject with tcp reset")
    return statement_from({"reject": dict(_UNREACHABLE)}, "reject with icmpx type port-unreachable")


def goto(chain: str) -> Statement:
    """Go on in another chain and do not come back."""
    return statement_from({"goto": {"target": chain}}, f"goto {chain}")
