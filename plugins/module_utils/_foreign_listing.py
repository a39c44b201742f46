# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Foreign chains out of `nft -j list ruleset` and of iptables-save."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Iterable, Iterator, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _ipt_model
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import COMMENT, Address, ForeignChain, ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import FAMILY, TABLE, canonical

FAMILIES = ("ip", "ip6", "inet")
ALL_BITS = 0xFFFFFFFF
IPTABLES = {"ip": "iptables", "ip6": "ip6tables"}
_BUILT_IN = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output", "POSTROUTING": "postrouting"}
# The tables of iptables with the priorities of their chains (linux/netfilter_ipv4.h).
_IPTABLES_TABLES = {"filter": 0, "nat": -100, "mangle": -150, "raw": -300, "security": 50}
_MARK = {"ct": {"key": "mark"}}


def from_nft(listing: Mapping[str, Any]) -> list[ForeignChain]:
    """Chains of others in nft's listing, without those of iptables-nft, which iptables-save tells better.

    Args:
        listing: what `nft -t -j list ruleset` printed, parsed.
    """
    entries = [entry for entry in listing.get("nftables", []) if "metainfo" not in entry]
    rules: dict[Address, list[ForeignRule]] = {}
    for entry in entries:
        rule = entry.get("rule")
        if rule and rule["family"] in FAMILIES:
            rules.setdefault(_address(rule, rule["chain"]), []).append(_nft_rule(rule))
    managed = iptables_tables(listing)
    chains = []
    for entry in entries:
        chain = entry.get("chain")
        if not chain or chain["family"] not in FAMILIES or (chain["family"], chain["table"]) in {(FAMILY, TABLE), *managed}:
            continue
        address = _address(chain, chain["name"])
        hook = chain.get("hook", "") if chain.get("type", "filter") == "filter" else ""
        priority = chain.get("prio", 0)
        chains.append(ForeignChain(address, hook, priority, chain.get("policy", "accept"), tuple(rules.get(address, ()))))
    return chains


def iptables_tables(listing: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The tables in nft's listing that belong to iptables-nft, as (family, table): they have its names and its built-in chains."""
    return {
        (chain["family"], chain["table"])
        for chain in (entry["chain"] for entry in listing.get("nftables", []) if "chain" in entry)
        if chain["family"] in IPTABLES and chain["table"] in _IPTABLES_TABLES and "hook" in chain and chain["name"] in _BUILT_IN
    }


def _address(item: Mapping[str, Any], chain: str) -> Address:
    return Address("nft", item["family"], item["table"], chain)


def _nft_rule(rule: Mapping[str, Any]) -> ForeignRule:
    expressions = canonical(rule.get("expr", []))
    keys = list(_pairs(expressions))
    # A verdict map by name hides its verdicts from a terse listing: it may hold a drop.
    hidden = any(key == "vmap" and not isinstance(_part(value, "data"), dict) for key, value in keys)
    targets = tuple(str(_part(value, "target")) for key, value in keys if key in ("jump", "goto"))
    return ForeignRule(
        text=json.dumps(expressions),
        drops=hidden or any(key in ("drop", "reject") for key, _value in keys),
        targets=targets,
        marks=_nft_marks(expressions),
        permit=_nft_permit(expressions),
        ours=rule.get("comment") == COMMENT,
        handle=rule["handle"],
    )


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys of nested JSON with their values."""
    if isinstance(value, list):
        for item in value:
            yield from _pairs(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _pairs(item)


def _part(value: Any, key: str) -> Any:
    """What stands under a key, if the value has keys at all: others' rules may be of any form."""
    return value.get(key) if isinstance(value, dict) else None


def _nft_permit(expressions: list[Any]) -> int:
    """The bit that the rule accepts, if it is exactly the permit that we write."""
    if len(expressions) == 2 and expressions[1] == {"accept": None}:
        bit = _part(_part(expressions[0], "match"), "right")
        if isinstance(bit, int) and expressions[0] == {"match": {"op": "==", "left": {"&": [_MARK, bit]}, "right": bit}}:
            return bit
    return 0


def _nft_marks(expressions: list[Any]) -> int:
    """The bits of the conntrack mark that a rule reads or writes; all of them where that cannot be told."""
    bits = 0
    for expression in expressions:
        mangle = _part(expression, "mangle")
        if _part(mangle, "key") == _MARK:
            bits |= _written(_part(mangle, "value"))
        elif _mentions(expression):
            bits |= _read_bits(expression)
    return bits


def _mentions(value: Any) -> bool:
    return any(key == "ct" and item == _MARK["ct"] for key, item in _pairs(value))


def _read_bits(expression: Any) -> int:
    operands = _part(_part(_part(expression, "match"), "left"), "&")
    if isinstance(operands, list) and len(operands) == 2 and operands[0] == _MARK and isinstance(operands[1], int):
        return operands[1]
    return ALL_BITS


def _written(value: Any) -> int:
    """The bits that an assignment to the mark can change: ``mark or K`` only K, ``mark and K`` all but K."""
    if value == _MARK:
        return 0
    if isinstance(value, dict) and len(value) == 1:
        ((operator, operands),) = value.items()
        if operator in ("|", "^", "&") and isinstance(operands, list) and len(operands) == 2 and isinstance(operands[1], int):
            changed = operands[1] if operator != "&" else ~operands[1] & ALL_BITS
            return _written(operands[0]) | changed
    return ALL_BITS


def from_iptables_save(tool: str, family: str, text: str) -> list[ForeignChain]:
    """Chains in what iptables-save printed.

    Args:
        tool: the iptables command that owns them.
        family: ip or ip6.
        text: the output of the save command.
    """
    policies: dict[Address, str] = {}
    rules: dict[Address, list[ForeignRule]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":") and not _ipt_model.is_ours(line[1:].split()[0]):
            name, policy = line[1:].split()[:2]
            policies[Address(tool, family, table, name)] = policy.lower()
        elif line.startswith("-A "):
            words = shlex.split(line)
            rules.setdefault(Address(tool, family, table, words[1]), []).append(iptables_rule(line))
    return [
        ForeignChain(
            address,
            _BUILT_IN.get(address.name, "") if address.table != "nat" else "",
            _IPTABLES_TABLES.get(address.table, 0),
            policy,
            tuple(rules.get(address, ())),
        )
        for address, policy in policies.items()
    ]


def iptables_rule(line: str) -> ForeignRule:
    """A rule as iptables-save prints it."""
    words = shlex.split(line)
    target = _after(words, ("-j", "-g")) or ""
    if _ipt_model.is_ours(target):
        return ForeignRule(line, jump=target)
    ours = _after(words, ("--comment",)) == COMMENT
    return ForeignRule(
        text=line,
        drops=target in ("DROP", "REJECT", "NFQUEUE", "TARPIT"),
        targets=(target,) if target and not _is_builtin(target) else (),
        marks=_iptables_marks(words, target),
        permit=_iptables_permit(words) if ours else 0,
        ours=ours,
    )


def _is_builtin(target: str) -> bool:
    """Whether a target is an extension or a verdict; a user's chain of the same name cannot exist."""
    return target in ("ACCEPT", "DROP", "RETURN", "REJECT", "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "NFQUEUE", "CT", "NOTRACK")


def _after(words: list[str], options: Iterable[str]) -> Optional[str]:
    for option in options:
        if option in words[:-1]:
            return words[words.index(option) + 1]
    return None


def _iptables_permit(words: list[str]) -> int:
    """The bit that the rule accepts, if it is exactly the permit that we write."""
    value, _slash, mask = (_after(words, ("--mark",)) or "").partition("/")
    want = ["-A", words[1], "-m", "connmark", "--mark", f"{value}/{mask}", "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT"]
    return int(value, 16) if words == want and value == mask and re.fullmatch(r"0x[0-9a-f]+", value) else 0


def _iptables_marks(words: list[str], target: str) -> int:
    """The bits of the connection's mark that a rule reads or writes (iptables-extensions(8): connmark, CONNMARK)."""
    bits = 0
    for index, word in enumerate(words[:-1]):
        if word == "-m" and words[index + 1] == "connmark":
            bits |= _mask(_after(words[index:], ("--mark",)))
    if target == "CONNMARK":
        bits |= _mask(_after(words, ("--set-xmark", "--set-mark"))) if _after(words, ("--set-xmark", "--set-mark")) else 0
        if "--restore-mark" in words or "--save-mark" in words:
            bits |= int(_after(words, ("--ctmask", "--mask")) or hex(ALL_BITS), 0)
    return bits


def _mask(value: Optional[str]) -> int:
    """The mask of ``value/mask``; without one all bits count."""
    _value, slash, mask = (value or "").partition("/")
    return int(mask, 0) if slash else ALL_BITS
