# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Rules of others, as nft and iptables-save list them, as matches and verdicts.

References: nft(8), libnftables-json(5), iptables-extensions(8).
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any, Mapping, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._matches import Condition, Match, Reading, Values, both

_PORTS = (0, 65535)
_PAYLOADS = {"daddr": "to", "saddr": "from", "dport": "dport", "sport": "sport", "protocol": "protocol", "nexthdr": "protocol"}
_METAS = {"iifname": "in", "iif": "in", "oifname": "out", "oif": "out", "l4proto": "protocol", "nfproto": "family"}
# Statements of nft's that leave a rule's match as it is; a limit, a quota or a lookup in a set do not.
_IDLE = {"counter", "log", "mangle", "notrack", "jump", "goto", "accept", "drop", "reject", "return", "continue"}
_IMPLIED = {"ip": Condition("family", ("ipv4",)), "ip6": Condition("family", ("ipv6",))}
# What says nothing of the protocol: no header at all, any transport's, a link's.
_NO_PROTOCOL = ("", "th", "ether", "vlan")
_TCP_FLAGS = {"protocol": "tcp", "field": "flags"}
_SHORT = {"-s": "from", "-d": "to", "-i": "in", "-o": "out", "-p": "protocol"}
_LONG = {"--dport": "dport", "--dports": "dport", "--sport": "sport", "--sports": "sport", "--ctstate": "state", "--state": "state"}
_MODULES = {"tcp", "udp", "conntrack", "state", "multiport", "comment", "icmp", "icmp6"}
_IGNORED = {"--comment", "--icmp-type", "--icmpv6-type"}


def read(tool: str, rule: ForeignRule) -> list[Reading]:
    """What a rule says; a literal verdict map says several things, one after the other.

    Args:
        tool: ``nft``, or the iptables command that printed it.
        rule: the rule.
    """
    return _nft(rule) if tool == "nft" else [_iptables(rule)]


def _nft(rule: ForeignRule) -> list[Reading]:
    match = Match()
    verdicts: list[Reading] = []
    for expression in json.loads(rule.text):
        kind, body = _first(expression)
        if kind == "match":
            match = both(match, _nft_match(body))
        elif kind == "vmap":
            return [*verdicts, *_nft_map(match, body)]
        elif kind not in _IDLE:
            match = replace(match, opaque=True)
        verdict = _nft_verdict(expression)
        if verdict[0]:
            verdicts.append(Reading(match, *verdict))
    return verdicts


def _first(expression: Any) -> tuple[str, Any]:
    """The kind of an expression and what it holds: others' rules may be of any form."""
    return next(iter(expression.items())) if isinstance(expression, dict) and expression else (str(expression), None)


def _nft_verdict(expression: Any) -> tuple[str, str]:
    kind, body = _first(expression)
    if kind in ("jump", "goto"):
        return kind, str(body.get("target", "")) if isinstance(body, dict) else ""
    return ({"reject": "drop"}.get(kind, kind), "") if kind in ("accept", "drop", "reject", "return") else ("", "")


def _nft_map(match: Match, body: Any) -> list[Reading]:
    """A map from values of one field to verdicts; one that only has a name may hold a drop of anything."""
    key, data = (body.get("key"), body.get("data")) if isinstance(body, dict) else (None, None)
    pairs = data.get("set") if isinstance(data, dict) else None
    if not isinstance(pairs, list):
        return [Reading(replace(match, opaque=True), "drop")]
    found = []
    for pair in pairs:
        value, verdict = pair if isinstance(pair, list) and len(pair) == 2 else (None, {"drop": None})
        found.append(Reading(both(match, _nft_match({"op": "==", "left": key, "right": value})), *_nft_verdict(verdict)))
    return found


def _nft_match(body: Any) -> Match:
    left, right, operator = (body.get(key) for key in ("left", "right", "op")) if isinstance(body, dict) else (None, None, None)
    if not isinstance(left, dict) or operator not in ("==", "!=", "in"):
        return Match(opaque=True)
    if _unrelated(left, right, operator):
        return Match(never=True)
    name, implied = _nft_field(left)
    values = _nft_values(name, right) if name else None
    if values is None:
        return Match(implied, opaque=True)
    return Match((*implied, Condition(name, values, operator == "!=")))


def _unrelated(left: Mapping[str, Any], right: Any, operator: str) -> bool:
    """What drops forged sources, and TCP packets that begin nothing: no packet that begins a flow is among them."""
    forged = left.get("fib", {}).get("result") == "oif" if isinstance(left.get("fib"), dict) else False
    flags = left.get("&")
    looked_at = flags[0] if isinstance(flags, list) and flags else None
    no_syn = isinstance(looked_at, dict) and looked_at.get("payload") == _TCP_FLAGS and (operator, right) == ("!=", "syn")
    return (forged and right in (False, 0, "missing") and operator == "==") or no_syn


def _nft_field(left: Mapping[str, Any]) -> tuple[str, tuple[Condition, ...]]:
    """The field that is looked at, and what is asked for by looking at it."""
    for kind, names in (("payload", _PAYLOADS), ("meta", _METAS), ("ct", {"state": "state"})):
        body = left.get(kind)
        if not isinstance(body, dict):
            continue
        protocol = str(body.get("protocol", ""))
        implied = _IMPLIED.get(protocol) or Condition("protocol", (protocol,))
        name = names.get(str(body.get("field", body.get("key"))), "")
        usable = kind != "payload" or protocol in ("ip", "ip6", "tcp", "udp", "th")
        return name if usable else "", () if protocol in _NO_PROTOCOL else (implied,)
    return "", ()


def _nft_values(name: str, right: Any) -> Optional[Values]:
    """The values as a condition has them; None if they cannot be told."""
    listed = right.get("set") if isinstance(right, dict) else right
    items = listed if isinstance(listed, list) else [right]
    found: list[Any] = []
    for item in items:
        value = _nft_value(name, item)
        if value is None:
            return None
        found += value
    return tuple(found)


def _nft_value(name: str, item: Any) -> Optional[Sequence[Any]]:
    if isinstance(item, dict) and isinstance(item.get("elem"), dict):
        item = item["elem"].get("val")
    if isinstance(item, bool):
        return None
    ends = item.get("range") if isinstance(item, dict) else None
    try:
        if name in ("dport", "sport"):
            return [(int(ends[0]), int(ends[1]))] if ends else [(int(item), int(item))]
        if name in ("to", "from"):
            if ends:
                return list(map(str, summarize_address_range(ip_address(ends[0]), ip_address(ends[1]))))
            prefix = item.get("prefix") if isinstance(item, dict) else None
            return [str(ip_network(f"{prefix['addr']}/{prefix['len']}" if prefix else item, strict=False))]
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return [item] if isinstance(item, str) and not item.startswith("@") else None


def _iptables(rule: ForeignRule) -> Reading:
    words = shlex.split(rule.text)[2:]
    match, place = Match(), 0
    while place < len(words) and words[place] not in ("-j", "-g"):
        negated = words[place] == "!"
        step = _iptables_step(words[place + negated :], negated)
        match, place = both(match, step[0]), place + negated + step[1]
    if place + 1 >= len(words):
        return Reading(match)
    target = words[place + 1]
    if target in ("NFQUEUE", "TARPIT"):
        return Reading(replace(match, opaque=True), "drop")
    verdict = {"DROP": "drop", "REJECT": "drop", "ACCEPT": "accept", "RETURN": "return"}.get(target, "")
    if verdict or target not in rule.targets:
        return Reading(match, verdict)
    return Reading(match, "jump" if words[place] == "-j" else "goto", target)


def _iptables_step(words: Sequence[str], negated: bool) -> tuple[Match, int]:
    """What the first option asks, and how many words it takes."""
    option, value = [*words[:2], "", ""][:2]
    if option == "-m":
        return (Match(never=True), _to_next(words)) if _harmless(words) else (Match(opaque=value not in _MODULES), 2)
    if option in _IGNORED:
        return Match(), 2
    if option == "--tcp-flags":
        syn = words[2:3] == ["SYN"] and set(value.split(",")) == {"FIN", "SYN", "RST", "ACK"}
        return Match(opaque=not syn, never=syn and negated), 3
    name = _SHORT.get(option) or _LONG.get(option)
    if name is None:
        return Match(opaque=True), _to_next(words)
    try:
        return Match((Condition(name, tuple(_iptables_values(name, value)), negated),)), 2
    except ValueError:
        return Match(opaque=True), 2


def _harmless(words: Sequence[str]) -> bool:
    """Forged sources, and the routing header that RFC 5095 forbids."""
    options = words[1 : _to_next(words)]
    return options[:1] == ["rpfilter"] and "--invert" in options or list(options) == ["rt", "--rt-type", "0"]


def _to_next(words: Sequence[str]) -> int:
    """How many words there are up to the next option that is understood, or the target."""
    known = {"-m", "-j", "-g", "!", *_SHORT, *_LONG, *_IGNORED}
    return next((place for place, word in enumerate(words) if place and word in known), len(words))


def _iptables_values(name: str, text: str) -> list[Any]:
    if name in ("to", "from"):
        return [str(ip_network(text, strict=False))]
    if name in ("dport", "sport"):
        ends = [item.split(":") for item in text.split(",")]
        return [(int(item[0] or _PORTS[0]), int(item[-1] or _PORTS[1])) for item in ends]
    return text.lower().split(",") if name in ("state", "protocol") else [text]
