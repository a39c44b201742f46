# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What on a machine forbids a policy with ufw, and what the operator should know: mostly what before.rules says, which is not ours."""

from __future__ import annotations

import re
from itertools import product
from typing import Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils import _ipv6
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_listing import iptables_rule
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_machine import BEFORE, RULES, TOOLS, Half, Live, before, callers, stored
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import PREFIXES
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_render import HOOKS

_STATES = re.compile(r"-m (?:conntrack --ctstate|state --state) (\S+) -j ACCEPT")
_TYPE = re.compile(r"-p (?:icmp|icmpv6|ipv6-icmp|58) (?:-m icmp6? )?--icmp(?:v6)?-type (\S+)( .*)? -j ACCEPT")
_LOOPBACK = "-o lo -j ACCEPT"
_DROPS = re.compile(r"(?:^|.* )-j (?:DROP|REJECT)\b.*")
# Which ICMP the deny baseline leaves open, by number and by the names that before.rules may use.
_NAMES = {
    "ipv4": {"destination-unreachable": 3, "echo-request": 8, "ping": 8, "time-exceeded": 11, "ttl-exceeded": 11, "parameter-problem": 12},
    "ipv6": {
        "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "ttl-exceeded": 3, "parameter-problem": 4,
        "echo-request": 128, "ping": 128, "echo-reply": 129, "pong": 129, "router-solicitation": 133, "router-advertisement": 134,
        "neighbor-solicitation": 135, "neighbour-solicitation": 135, "neighbor-advertisement": 136, "neighbour-advertisement": 136,
    },
}  # fmt: skip
_TRANSIT = {"ipv4": (3, 8, 11, 12), "ipv6": (1, 2, 3, 4, 128, 129)}
# Without these a host finds neither its router nor its neighbours.
_LOCAL = (133, 135, 136)


def obstacles(policy: Policy, live: Live) -> list[Problem]:
    """What must be otherwise before this policy can be applied."""
    if not live.enabled or not live.running:
        value = "inactive" if not live.enabled else "enabled, but its chains are not loaded"
        remedy = "Allow your own way in first (ufw allow ssh), then `ufw enable`; or let webrtc_egress_backend be auto, or another."
        if live.enabled:
            remedy = "Start it (systemctl restart ufw, or ufw reload), or let webrtc_egress_backend be auto, or another."
        elif live.running:
            value, remedy = "running, but not enabled for the next start", "Run `ufw enable`."
        return [Problem("ufw", value, "ufw to be active", remedy)]
    found = _without_ipv6(policy, live)
    for family in live.families:
        half = live.halves[family]
        if half.mode is None or not half.file.head:
            remedy = "Let ufw write it anew: `ufw reload`."
            found.append(Problem("ufw", RULES[family], "a file of rules that ufw has written", remedy))
        for hook in HOOKS[policy.frame.placement]:
            found += _chain_problems(policy, half, family, hook)
    return found


def _without_ipv6(policy: Policy, live: Live) -> list[Problem]:
    if live.ipv6 or not live.ipv6_in_use:
        return []
    remedy = "IPV6=yes in /etc/default/ufw and run `ufw reload`"
    return _ipv6.lost(policy, "IPv6, while IPV6=no in /etc/default/ufw", "IPv6 in ufw", remedy)


def _chain_problems(policy: Policy, half: Half, family: str, hook: str) -> Iterator[Problem]:
    """Ours are reached only behind what before.rules says; so that must be there, and be loaded."""
    prefix = PREFIXES[family]
    chain, user = f"{prefix}-before-{hook}", f"{prefix}-user-{hook}"
    again = f"Restore what ufw ships in {BEFORE[family]}, and run `ufw reload`."
    decides = policy.frame.baseline == "deny_egress" or policy.frame.other_resolvers == "reject"
    if chain not in callers(half, user):
        yield Problem("ufw", f"no jump to {user} in {chain}", "ufw's chains to be whole", "Run `ufw reload`.")
        return
    others = sorted({*callers(half, user)} - {chain})
    if decides and others:
        remedy = "Take that jump away: there answers of known connections would be denied too; or set webrtc_egress_baseline to existing."
        yield Problem("ufw", f"{', '.join(others)} jump to {user} as well", f"only {chain} to lead there", remedy)
    ways = [chain, f"{prefix}-before-input"] if hook == "output" else [chain]
    for way in ways:
        if not _known_pass(half, way, user):
            expected = f"-A {way} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT, before all that drops"
            yield Problem("ufw", f"{way} does not accept known connections", expected, again)
    if policy.frame.baseline == "deny_egress":
        yield from _denial_problems(half, family, hook)


def _known_pass(half: Half, chain: str, user: str) -> bool:
    live = [rule.rest for rule in before(chain, half, user)]
    return all(any(_is_known(text) for text in texts) for texts in (live, stored(chain, half)))


def _is_known(text: str) -> bool:
    found = _STATES.fullmatch(text)
    return bool(found) and {"RELATED", "ESTABLISHED"} <= set(found.group(1).split(","))  # type: ignore[union-attr]


def _denial_problems(half: Half, family: str, hook: str) -> Iterator[Problem]:
    """ufw's rules know no ICMP: what the deny baseline leaves open of it must be accepted before them."""
    chain, user = f"{PREFIXES[family]}-before-{hook}", f"{PREFIXES[family]}-user-{hook}"
    live = [rule.rest for rule in before(chain, half, user)]
    texts = list(stored(chain, half))
    wanted = (*_TRANSIT[family], *(_LOCAL if family == "ipv6" and hook == "output" else ()))
    here, there = _types(live, family), _types(texts, family)
    missing = [kind for kind in wanted if kind not in here or kind not in there]
    if missing:
        option = "icmp" if family == "ipv4" else "icmpv6"
        lines = "; ".join(f"-A {chain} -p {option} --{option}-type {kind} -j ACCEPT" for kind in missing)
        remedy = f"Put these lines into {BEFORE[family]}, before its COMMIT, and run `ufw reload`: {lines}"
        value = f"{chain} does not accept the ICMP types {', '.join(map(str, missing))}"
        yield Problem("webrtc_egress_baseline", value, "ICMP to be accepted by before.rules, as ufw's own rules know none", remedy)
    if hook == "output" and (_LOOPBACK not in live or _LOOPBACK not in texts):
        remedy = f"Put `-A {chain} {_LOOPBACK}` back into {BEFORE[family]}, and run `ufw reload`."
        yield Problem("webrtc_egress_baseline", f"{chain} does not accept what goes out by lo", "the loopback to be left alone", remedy)


def _types(texts: list[str], family: str) -> set[int]:
    """The ICMP types that are accepted; with conditions only where the stock files have some, and what they ask for always holds."""
    found = set()
    for text in texts:
        match = _TYPE.fullmatch(text)
        if match and (not match.group(2) or match.group(2) == " -m hl --hl-eq 255"):
            kind = match.group(1)
            found.add(int(kind) if kind.isdigit() else _NAMES[family].get(kind, -1))
    return found


def coming(live: Live) -> Iterator[ForeignChain]:
    """What before.rules would drop after the next reload, and does not yet: chains of its lines that are not loaded."""
    for family, hook in product(live.families, ("forward", "output")):
        half, name = live.halves[family], f"{PREFIXES[family]}-before-{hook}"
        loaded = {_bare(rule.rest) for rule in half.chains.get(name, ())}
        lines = [f"-A {name} {text}" for text in stored(name, half) if not (_DROPS.match(text) and _bare(text) in loaded)]
        address = Address(f"{TOOLS[family]}-restore", "ip" if family == "ipv4" else "ip6", BEFORE[family], name)
        yield ForeignChain(address, hook, rules=tuple(iptables_rule(line) for line in lines))


def _bare(text: str) -> str:
    """A rule without the module that iptables-save names after the protocol."""
    return re.sub(r" -m (?:tcp|udp)\b", "", text)


def warnings(policy: Policy) -> list[str]:
    """What ufw does otherwise than the other backends."""
    frame, found = policy.frame, []
    if frame.baseline == "deny_egress":
        found.append("ufw itself accepts what the deny baseline leaves open (DNS, NTP, DHCP), instead of leaving it to the rules behind")
        found.append("ufw denies TCP packets of connections that conntrack has forgotten, and packets that it calls invalid, with the rest")
        if frame.log.enabled:
            found.append("the log's text, rate and burst are ufw's own: [UFW BLOCK], 3 a minute")
    return found
