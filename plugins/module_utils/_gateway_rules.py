# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Rules of others that harm calls although they let them through.

References: nft(8), libnftables-json(5), iptables-extensions(8).
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._blockers import HOOKS
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain, ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_model import HARMFUL, NOTE, WARNING, Finding, Gateway
from ansible_collections.webrtc.firewall.plugins.module_utils._match_read import read
from ansible_collections.webrtc.firewall.plugins.module_utils._matches import ALL, NO, Condition, Match, Packets, meets, packets

FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6")}
# What suffices for live media: the kernel's own values in seconds (linux/net/netfilter/nf_conntrack_proto_udp.c).
UDP, UDP_STREAM = 30, 120
_TRANSPORTS = ("tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udplite")
_RANDOM = ("random", "fully-random", "random-fully")
_ICMP = {"ipv4": ("icmp",), "ipv6": ("ipv6-icmp", "icmpv6")}
# Types of ICMP that tell a sender that its packets are too big (RFC 1191, RFC 8201), as iptables prints them, and no type at all.
_TOO_BIG = {"any", "3", "3/4", "2"}


def masquerade_random(gateway: Gateway) -> Iterator[Finding]:
    """Source NAT that takes a port at random for each connection makes the NAT symmetric."""
    for address, rule in _rules(gateway):
        if not any(word in _RANDOM for words in _nat(address, rule) for word in words):
            continue
        flows = concerned(gateway, address, rule, "postrouting", "udp")
        if flows is None:
            continue
        yield Finding(
            "masquerade-random", WARNING,
            "The NAT takes a random port for every connection, which makes it symmetric: an address that a STUN server has seen is "
            "of no use to anybody else, so that media need a relay more often and calls start later or sound worse",
            gateway.where(address, rule),
            "Take random and fully-random (iptables: --random, --random-fully) out of this rule; a NAT without them keeps the port "
            "where it can.",
            flows,
        )  # fmt: skip


def _nat(address: Address, rule: ForeignRule) -> Iterator[list[str]]:
    """What a rule's source NAT is told beside the address."""
    for kind, body in _statements(address, rule):
        if kind in ("masquerade", "snat"):
            flags = body.get("flags", []) if isinstance(body, dict) else []
            yield flags if isinstance(flags, list) else [flags]
    words = _words(address, rule)
    if _option(words, "-j") in ("MASQUERADE", "SNAT"):
        yield [word[2:] for word in words if word in ("--random", "--random-fully")]


def sip_helper(gateway: Gateway) -> Iterator[Finding]:
    """Rules that have the kernel read, and rewrite, SIP."""
    for address, rule in _rules(gateway):
        if not _assigns_sip(gateway, address, rule):
            continue
        met = on_the_way(gateway, address)
        flows = concerned(gateway, address, rule, "prerouting") if met else None
        yield Finding(
            "sip-helper", HARMFUL if flows is not None or (met and not gateway.known) else NOTE,
            "The kernel's SIP helper (ALG) reads and rewrites SIP: calls over SIP fail to connect, or connect without sound",
            gateway.where(address, rule),
            "Take the rule away; where firewalld has made it: firewall-cmd --permanent --zone=ZONE --remove-service=sip, or remove the "
            "helper from that service, then firewall-cmd --reload.",
            flows or (),
        )  # fmt: skip


def _assigns_sip(gateway: Gateway, address: Address, rule: ForeignRule) -> bool:
    words = _words(address, rule)
    if _option(words, "-j") == "CT":
        return _option(words, "--helper").startswith("sip")
    named = [body for kind, body in _statements(address, rule) if kind == "ct helper"]
    return any(_object(gateway, "ct helper", address, name, "type", "sip") for name in named)


def _object(gateway: Gateway, kind: str, address: Address, name: Any, key: str, value: str) -> bool:
    """Whether the object that a rule names has a value; where a map names several, whether one of the table's has it."""
    found = [
        item for (its_kind, family, table, its_name), item in gateway.objects.items()
        if (its_kind, family, table) == (kind, address.family, address.table) and (its_name == name or not isinstance(name, str))
    ]  # fmt: skip
    return any(item.get(key) == value for item in found)


def short_timeouts(gateway: Gateway) -> Iterator[Finding]:
    """Rules that give UDP connections less time than media need."""
    for address, rule in _rules(gateway):
        name = _option(_words(address, rule), "--timeout") if _option(_words(address, rule), "-j") == "CT" else ""
        short = [text for kind, body in _statements(address, rule) if kind == "ct timeout" for text in _short(gateway, address, body)]
        flows = concerned(gateway, address, rule, "prerouting", "udp") if name or short else None
        if flows is None:
            continue
        yield Finding(
            "udp-timeout", WARNING if short else NOTE,
            f"{'; '.join(short)}: a pause in a call can end its way through this machine, and what comes back is dropped then"
            if short else f"Connections get the times of the policy {name}, which are not read here",
            gateway.where(address, rule),
            f"Let it be {UDP} s for connections without an answer and {UDP_STREAM} s for the others, or take the rule away."
            if short else f"Look at them with `nfct list timeout`: {UDP} s (unreplied) and {UDP_STREAM} s (replied) suffice for udp.",
            flows,
        )  # fmt: skip


def _short(gateway: Gateway, address: Address, name: Any) -> Iterator[str]:
    found = gateway.objects.get(("ct timeout", address.family, address.table, str(name)), {})
    policy = found.get("policy")
    if found.get("protocol") != "udp" or not isinstance(policy, dict):
        return
    for key, least in (("unreplied", UDP), ("replied", UDP_STREAM)):
        if isinstance(policy.get(key), int) and policy[key] < least:
            yield f"{name} keeps {key} UDP connections for {policy[key]} s, less than {least} s"


def untracked(gateway: Gateway) -> Iterator[Finding]:
    """Rules that keep the kernel from tracking connections of calls."""
    for address, rule in _rules(gateway):
        words = _words(address, rule)
        by_iptables = _option(words, "-j") == "NOTRACK" or (_option(words, "-j") == "CT" and "--notrack" in words)
        if not by_iptables and not any(kind == "notrack" for kind, _body in _statements(address, rule)):
            continue
        flows = concerned(gateway, address, rule, "prerouting") if on_the_way(gateway, address) else None
        if flows is None:
            continue
        yield Finding(
            "notrack", HARMFUL if gateway.known else WARNING,
            "Connections are not tracked: answers are not known as such and NAT does not reach them, so calls connect without "
            "sound or not at all",
            gateway.where(address, rule), "Take the rule away, or let it leave out what calls need.", flows,
        )  # fmt: skip


def icmp_dropped(gateway: Gateway) -> Iterator[Finding]:
    """Rules that drop the ICMP which tells a sender that its packets are too big."""
    hooks = ("prerouting", "forward") if gateway.policy.frame.placement == "gateway" else ("prerouting", "input")
    for chain in gateway.chains:
        if chain.hook not in hooks:
            continue
        for family in FAMILIES.get(chain.address.family, ()):
            rule = _icmp_dropper(chain, family)
            if rule:
                yield Finding(
                    "icmp-dropped", WARNING,
                    "ICMP is dropped, also the message that a packet is too big: over a tunnel or DSL, TLS and TURN over TLS hang after "
                    "the first bytes",
                    gateway.where(chain.address, rule),
                    "Accept connections in the state related before this rule, or leave the types of RFC 4890 and destination-unreachable "
                    "out of it.",
                    gateway.ids("tcp"),
                )  # fmt: skip
                break


def _icmp_dropper(chain: ForeignChain, family: str) -> Optional[ForeignRule]:
    """The rule that drops all ICMP of connections that are there, unless something before it may accept them; jumps are not followed."""
    for rule in chain.rules:
        for reading in read(chain.address.tool, rule):
            hits = {meets(reading.match, _icmp(family, protocol)) for protocol in _ICMP[family]}
            if ALL in hits and reading.verdict in ("accept", "return", "jump", "goto"):
                return None
            if ALL in hits and reading.verdict == "drop" and _names_icmp(reading.match) and _every_type(chain.address, rule):
                return rule
    return None


def _icmp(family: str, protocol: str) -> Packets:
    fields = dict.fromkeys(("from", "to", "sport", "dport", "in", "out"))
    return {**fields, "family": (family,), "protocol": (protocol,), "state": ("related",)}


def _names_icmp(match: Match) -> bool:
    """A drop of everything is no matter of ICMP."""
    return any(condition.field == "protocol" and not condition.negated for condition in match.conditions)


def _every_type(address: Address, rule: ForeignRule) -> bool:
    words = _words(address, rule)
    return (_option(words, "--icmp-type") or _option(words, "--icmpv6-type") or "any") in _TOO_BIG


def on_the_way(gateway: Gateway, address: Address) -> bool:
    """Whether packets of flows can come to a chain; where no filter chain leads to it (it is one of NAT, say) that is taken for granted."""
    here = [chain for chain in gateway.chains if replace(chain.address, name=address.name) == address]
    above, more = set[str](), {address.name}
    while more - above:
        above |= more
        more = {chain.address.name for chain in here for rule in chain.rules if above & {*rule.targets}}
    hooks = {chain.hook for chain in here if chain.hook and chain.address.name in above}
    return not hooks or bool(hooks & {*HOOKS[gateway.policy.frame.placement]})


def concerned(gateway: Gateway, address: Address, rule: ForeignRule, hook: str, protocol: str = "") -> Optional[tuple[str, ...]]:
    """Which flows a rule, whatever it does, may apply to.

    Args:
        gateway: the machine.
        address: the rule's chain.
        rule: the rule.
        hook: the hook in which packets meet it.
        protocol: only flows of this protocol.

    Returns:
        Their ids, or nothing where no policy is stored and calls in general are concerned; None if it applies to none.
    """
    match = asked(address, rule)
    found = {
        flow.id
        for flow in gateway.policy.flows if protocol in ("", flow.protocol)
        for family in FAMILIES.get(address.family, ())
        if (those := packets(flow, gateway.policy.frame, hook, family)) is not None and meets(match, those) != NO
    }  # fmt: skip
    if not found:
        return None
    return tuple(sorted(found)) if gateway.known else ()


def asked(address: Address, rule: ForeignRule) -> Match:
    """What a rule asks of a packet, whatever it does then."""
    if address.tool != "nft":
        return read(address.tool, rule)[0].match
    matches = [item for item in json.loads(rule.text) if isinstance(item, dict) and "match" in item]
    match = read(address.tool, replace(rule, text=json.dumps([*matches, {"accept": None}])))[0].match
    # A field of a protocol's header is there in packets of that protocol alone, however it is looked at (`tcp flags & (syn | ack) == syn`).
    protocols = {str(name) for name in _protocols(matches)} & set(_TRANSPORTS)
    return replace(match, conditions=(*match.conditions, *(Condition("protocol", (name,)) for name in sorted(protocols))))


def _protocols(value: Any) -> Iterator[Any]:
    """The protocols of all header fields in nested JSON."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _protocols(item)
    if isinstance(value, dict) and isinstance(value.get("payload"), dict):
        yield value["payload"].get("protocol")


def _rules(gateway: Gateway) -> Iterator[tuple[Address, ForeignRule]]:
    yield from ((chain.address, rule) for chain in gateway.chains for rule in chain.rules)


def _statements(address: Address, rule: ForeignRule) -> Iterator[tuple[str, Any]]:
    """The statements of a rule of nftables, as (kind, body)."""
    if address.tool == "nft":
        yield from (pair for item in json.loads(rule.text) if isinstance(item, dict) for pair in item.items())


def _words(address: Address, rule: ForeignRule) -> list[str]:
    """The words of a rule of iptables."""
    return [] if address.tool == "nft" else shlex.split(rule.text)


def _option(words: list[str], option: str) -> str:
    """The word after an option; empty without it."""
    return words[words.index(option) + 1] if option in words[:-1] else ""
