# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From a policy to the chains and ipsets of iptables that say the same.

One jump at the head of a built-in chain of the table filter leads into a chain of ours. A new connection that matches a flow gets one
bit of the conntrack mark and is accepted; so is every later packet of it, and each answer. What is none of our business returns to
the chain that it came from. Denial and the refusal of other resolvers decide there and then.
"""

from __future__ import annotations

from itertools import product
from typing import Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._ipt_model import (
    DNS,
    DROP,
    FAMILIES,
    FLOWS,
    PERMIT,
    REFUSE,
    IpSet,
    Rule,
    Ruleset,
    entry,
    learned_set,
    set_name,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_render import DNS_PORTS, breadth
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Flow, Frame, Policy

Words = tuple[str, ...]
HOOKS = {"gateway": ("forward",), "host": ("output", "input"), "both": ("forward", "output", "input")}
# The numbers behind the names in _nft_render: RFC 792, RFC 4890 sections 4.3.1, 4.3.2 and 4.4.1.
ICMP = (3, 8, 11, 12)
ICMPV6_TRANSIT = (1, 2, 3, 4, 128, 129, 144, 145, 146, 147)
ICMPV6_LOCAL = (130, 131, 132, 133, 134, 135, 136, 141, 142, 143, 148, 149, 151, 152, 153)
# xt_multiport takes 15 ports; a range counts for two.
_PORTS = 15
_MID_STREAM: Words = ("-p", "tcp", "-m", "tcp", "!", "--tcp-flags", "FIN,SYN,RST,ACK", "SYN")
_RETURN: Words = ("-j", "RETURN")
_REFUSALS = {
    ("ipv4", "udp"): "icmp-port-unreachable",
    ("ipv6", "udp"): "icmp6-port-unreachable",
    ("ipv4", "tcp"): "tcp-reset",
    ("ipv6", "tcp"): "tcp-reset",
}


def render(policy: Policy) -> Ruleset:
    """All rules and sets for a policy.

    Args:
        policy: the policy; host names in it are expected to be resolved already, what is still a name is left out.

    Returns:
        The ruleset; equal policies give equal rulesets. A family in which nothing is opened or denied has no rules.
    """
    sets: dict[str, IpSet] = {}
    rules = {family: tuple(_rules(policy, family, sets)) for family in FAMILIES if _concerned(policy, family)}
    return Ruleset(rules, dict(sorted(sets.items())))


def _concerned(policy: Policy, family: str) -> bool:
    frame = policy.frame
    if frame.baseline == "deny_egress" or frame.other_resolvers == "reject":
        return True
    return family in frame.families and any(flow.destination.any or _targets(flow, family) for flow in policy.flows)


def _targets(flow: Flow, family: str) -> bool:
    return bool(getattr(flow.destination, family) or flow.destination.learned)


def _rules(policy: Policy, family: str, sets: dict[str, IpSet]) -> Iterator[Rule]:
    frame = policy.frame
    bit = f"{frame.mark:#x}/{frame.mark:#x}"
    known = ("-m", "connmark", "--mark", bit)
    for hook in HOOKS[frame.placement]:
        yield Rule(entry(hook), "frame/permit", known, ("-j", "ACCEPT"))
        if hook != "input":
            yield from _entry(hook, frame, family, sets)
    if family in frame.families:
        for flow in sorted(policy.flows, key=breadth):
            yield from _flow_rules(flow, frame, family, sets)
    yield Rule(PERMIT, "frame/permit", (), ("-j", "CONNMARK", "--set-xmark", bit))
    yield Rule(PERMIT, "frame/permit", (), ("-j", "ACCEPT"))
    if frame.other_resolvers == "reject":
        yield from _own_resolvers_only(frame, family, sets)
    if frame.baseline == "deny_egress":
        yield from _refusal(frame, family, sets)


def _set(stem: str, family: str, networks: tuple[str, ...], sets: dict[str, IpSet]) -> str:
    """The name of a set with these networks; hash:net takes no network of length zero, but both its halves."""
    whole = {"0.0.0.0/0": ("0.0.0.0/1", "128.0.0.0/1"), "::/0": ("::/1", "8000::/1")}
    elements = frozenset(part for network in networks for part in whole.get(network, (network,)))
    name = set_name(stem, family, elements)
    sets[name] = IpSet(name, family, elements)
    return name


def _entry(hook: str, frame: Frame, family: str, sets: dict[str, IpSet]) -> Iterator[Rule]:
    chain = entry(hook)
    yield Rule(chain, "frame/known", ("-m", "conntrack", "!", "--ctstate", "NEW"), _RETURN)
    if hook == "output":
        yield Rule(chain, "frame/scope", ("-o", "lo"), _RETURN)
    scopes = list(_scopes(hook, frame, family, sets))
    # A flow to every address must not be taken for a way in, and a name server inside not for another resolver.
    ways_out = [("-o", name) for name in frame.uplinks] if hook == "forward" and frame.uplinks else scopes
    jumps = [FLOWS, DNS] if frame.other_resolvers == "reject" else [FLOWS]
    for target in jumps:
        yield from (Rule(chain, "frame/decide", scope, ("-j", target)) for scope in ways_out)
    if frame.baseline == "deny_egress":
        if hook == "forward":
            # What the deny baseline leaves open is for those inside.
            for name, (protocol, ports) in product(frame.uplinks, (("udp", ((53, 53), (123, 123))), ("tcp", ((53, 53),)))):
                for words in _ports(protocol, ports):
                    yield Rule(chain, "frame/unasked", ("-i", name, *words), ("-g", DROP))
        yield from (Rule(chain, "frame/decide", scope, ("-g", REFUSE)) for scope in scopes)


def _scopes(hook: str, frame: Frame, family: str, sets: dict[str, IpSet]) -> Iterator[Words]:
    """The alternatives, each as words, of which one must match for a packet to be our business; none if none can."""
    outs: list[Words] = [("-o", name) for name in frame.out_interfaces] or [()]
    if hook == "output":
        yield from outs
        return
    ins: list[Words] = [("-i", name) for name in frame.in_interfaces] or [()]
    sources: Words = getattr(frame, f"sources_{family}")
    if (frame.sources_ipv4 or frame.sources_ipv6) and not sources:
        return
    source = ("-m", "set", "--match-set", _set("sources", family, sources, sets), "src") if sources else ()
    yield from ((*one, *other, *source) for one, other in product(ins, outs))


def _ports(protocol: str, ranges: tuple[tuple[int, int], ...], end: str = "dport") -> Iterator[Words]:
    """Matches of ports, each of which one rule can hold."""
    texts = [str(first) if first == last else f"{first}:{last}" for first, last in ranges]
    if len(texts) == 1:
        yield ("-p", protocol, "-m", protocol, f"--{end}", texts[0])
        return
    piece: list[str] = []
    for text in texts:
        if sum(1 + (":" in other) for other in (*piece, text)) > _PORTS:
            yield from _several(protocol, piece, end)
            piece = []
        piece.append(text)
    yield from _several(protocol, piece, end)


def _several(protocol: str, texts: list[str], end: str) -> Iterator[Words]:
    yield ("-p", protocol, "-m", "multiport", f"--{end}s", ",".join(texts))


def _flow_rules(flow: Flow, frame: Frame, family: str, sets: dict[str, IpSet]) -> Iterator[Rule]:
    """The ports come first: they are cheap, and only what passes them costs an address look-up."""
    there = flow.destination
    networks: tuple[str, ...] = getattr(there, family)
    stem = flow.id.replace("/", ".")
    names = [_set(stem, family, networks, sets)] if networks else []
    if there.learned:
        names.append(learned_set(flow.id, family))
        sets[names[-1]] = IpSet(names[-1], family, learned=frame.learned_size)
    where: list[Words] = [()] if there.any else [("-m", "set", "--match-set", name, "dst") for name in names]
    for words, to in product(_ports(flow.protocol, flow.ports), where):
        yield Rule(FLOWS, flow.id, (*words, *to), ("-j", PERMIT))


def _resolvers(frame: Frame, family: str, sets: dict[str, IpSet]) -> list[Words]:
    servers: tuple[str, ...] = getattr(frame, f"resolvers_{family}")
    return [("-m", "set", "--match-set", _set("resolvers", family, servers, sets), "dst")] if servers else []


def _own_resolvers_only(frame: Frame, family: str, sets: dict[str, IpSet]) -> Iterator[Rule]:
    """Refuses DNS for anyone but the resolvers; lets nothing pass that another chain would not."""
    yield Rule(DNS, "frame/mid-stream", _MID_STREAM, _RETURN)
    for to in _resolvers(frame, family, sets):
        yield Rule(DNS, "frame/resolvers", to, _RETURN)
    for protocol in ("udp", "tcp"):
        for words in _ports(protocol, DNS_PORTS):
            yield Rule(DNS, "frame/other-resolvers", words, ("-j", "REJECT", "--reject-with", _REFUSALS[family, protocol]))


def _refusal(frame: Frame, family: str, sets: dict[str, IpSet]) -> Iterator[Rule]:
    """What the deny baseline leaves open, then the log, then the drop."""
    # A connection that is older than conntrack's memory of it looks new; only a SYN begins one.
    yield Rule(REFUSE, "frame/mid-stream", _MID_STREAM, _RETURN)
    anywhere: list[Words] = [] if frame.resolvers_ipv4 or frame.resolvers_ipv6 else [()]
    for protocol in ("udp", "tcp"):
        for words, to in product(_ports(protocol, ((53, 53),)), anywhere or _resolvers(frame, family, sets)):
            yield Rule(REFUSE, "frame/dns", (*words, *to), _RETURN)
    for words in _ports("udp", ((123, 123),)):
        yield Rule(REFUSE, "frame/ntp", words, _RETURN)
    if frame.placement != "gateway":
        for client, server in ((68, 67), (546, 547)):
            yield Rule(REFUSE, "frame/dhcp", ("-p", "udp", "-m", "udp", "--sport", str(client), "--dport", str(server)), _RETURN)
    if family == "ipv4":
        yield from (Rule(REFUSE, "frame/icmp", ("-p", "icmp", "-m", "icmp", "--icmp-type", str(kind)), _RETURN) for kind in ICMP)
    else:
        kinds = (*ICMPV6_TRANSIT, *(() if frame.placement == "gateway" else ICMPV6_LOCAL))
        words = ("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type")
        yield from (Rule(REFUSE, "frame/icmpv6", (*words, str(kind)), _RETURN) for kind in kinds)
    yield Rule(REFUSE, "frame/refuse", (), ("-g", DROP))
    if frame.log.enabled:
        limit = ("-m", "limit", "--limit", f"{frame.log.rate}/sec", "--limit-burst", str(frame.log.burst))
        yield Rule(DROP, "frame/log", limit, ("-j", "LOG", "--log-prefix", frame.log.prefix))
    yield Rule(DROP, "frame/deny", (), ("-j", "DROP"))
