# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""From a policy to the nftables ruleset that says the same.

Three jobs, kept apart. Classification: a new connection that matches a flow gets one bit of the conntrack mark; every
chain that could drop it, ours or foreign, has one constant rule that accepts that bit. Denial (baseline
``deny_egress`` only): chains of our own drop what is new, not marked and not essential. Refusal of other resolvers, if
the site wants it: chains of our own reject what is new, not marked, and DNS for anyone but the site's own resolvers.
"""

from __future__ import annotations

from typing import Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils import _nft_model as nft
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import Chain, Rule, Ruleset, Set, Statement
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES, Flow, Frame, Policy

# Classification must come after conntrack (-200 on output) and before any filter chain (0).
CLASSIFY = -150
# After the other filter chains, so that their own counters and logs stay as they were.
DENY = 10
# Just before the deny chains: they drop in silence, and chains of one priority have no order to rely on.
RESOLVE = DENY - 1
FLOWS = "wf_flows"
REFUSE = "wf_deny"
DROP = "wf_drop"
DROPPED = "wf_dropped"
DNS = "wf_dns"
REJECTED = "wf_rejected"
# DNS (RFC 1035), and DNS over TLS (RFC 7858) or over QUIC (RFC 9250).
DNS_PORTS = ((53, 53), (853, 853))
HOOKS = {"gateway": ("forward",), "host": ("output",), "both": ("forward", "output")}

# RFC 4890, section 4.3.1 and 4.3.2: what a firewall must not drop in transit; 144-147 are Mobile IPv6.
ICMPV6_TRANSIT = (
    "destination-unreachable",
    "packet-too-big",
    "time-exceeded",
    "parameter-problem",
    "echo-request",
    "echo-reply",
    144,
    145,
    146,
    147,
)
# RFC 4890, section 4.4.1: what a node needs on its own links; 148-149 are SEND, 151-153 multicast routers.
ICMPV6_LOCAL = (
    "mld-listener-query", "mld-listener-report", "mld-listener-done", "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit",
    "nd-neighbor-advert", "ind-neighbor-solicit", "ind-neighbor-advert", "mld2-listener-report", 148, 149, 151, 152, 153,
)  # fmt: skip
ICMP = ("destination-unreachable", "echo-request", "time-exceeded", "parameter-problem")


def render(policy: Policy) -> Ruleset:
    """The whole table for a policy.

    Args:
        policy: the policy; host names in it are expected to be resolved already, what is still a name is left out.

    Returns:
        The ruleset; equal policies give equal rulesets.
    """
    frame = policy.frame
    hooks = HOOKS[frame.placement]
    deny = frame.baseline == "deny_egress"
    chains = [Chain(FLOWS)] + [Chain(f"wf_{hook}", hook, CLASSIFY, "accept") for hook in hooks]
    rules = [rule for flow in sorted(policy.flows, key=breadth) for rule in _flow_rules(flow, frame)]
    for hook in hooks:
        rules += _entry(f"wf_{hook}", hook, frame, FLOWS)
    counters = [flow_name(flow.id) for flow in policy.flows]
    if deny:
        chains += [Chain(DROP), Chain(REFUSE)] + [Chain(f"wf_deny_{hook}", hook, DENY, "accept") for hook in hooks]
        rules += _refusal(frame)
        for hook in hooks:
            rules += _entry(f"wf_deny_{hook}", hook, frame, REFUSE)
        counters.append(DROPPED)
    if frame.other_resolvers == "reject":
        chains += [Chain(DNS)] + [Chain(f"wf_dns_{hook}", hook, RESOLVE, "accept") for hook in hooks]
        rules += _own_resolvers_only(frame)
        for hook in hooks:
            rules += _entry(f"wf_dns_{hook}", hook, frame, DNS)
        counters.append(REJECTED)
    return Ruleset(tuple(chains), tuple(_sets(policy)), tuple(sorted(counters)), tuple(rules))


def breadth(flow: Flow) -> tuple[float, str]:
    """How much of the address space a flow opens: where flows overlap, a packet is counted for the narrowest."""
    if flow.destination.any:
        return float("inf"), flow.id
    networks = (*flow.destination.ipv4, *flow.destination.ipv6)
    return sum(2.0 ** -int(network.partition("/")[2] or (128 if ":" in network else 32)) for network in networks), flow.id


def flow_name(flow_id: str) -> str:
    """The name of a flow's counter, and the beginning of its sets' names; dnsmasq cannot address a set with a slash in its name."""
    return flow_id.replace("/", ".")


def learned_set(flow_id: str, family: str) -> str:
    """The name of the set that DNS answers fill for a flow; family is ipv4 or ipv6."""
    return f"{flow_name(flow_id)}.learned.{family}"


def _addresses(flow: Flow, family: str) -> tuple[str, ...]:
    return flow.destination.ipv4 if family == "ipv4" else flow.destination.ipv6


def _frame_addresses(frame: Frame, what: str, family: str) -> tuple[str, ...]:
    networks: tuple[str, ...] = getattr(frame, f"{what}_{family}")
    return networks


def _sets(policy: Policy) -> Iterator[Set]:
    frame = policy.frame
    for family in FAMILIES:
        kind = nft.IP_FAMILIES[family][1]
        used = {"sources": frame.placement != "host", "resolvers": frame.baseline == "deny_egress" or frame.other_resolvers == "reject"}
        for what, wanted in used.items():
            if wanted and _frame_addresses(frame, what, family):
                yield Set(f"wf_{what}.{family}", kind, frozenset(_frame_addresses(frame, what, family)))
        if family in frame.families:
            for flow in policy.flows:
                if _addresses(flow, family):
                    yield Set(f"{flow_name(flow.id)}.{family}", kind, frozenset(_addresses(flow, family)))
                if flow.destination.learned:
                    yield Set(learned_set(flow.id, family), kind, frozenset(), frame.learned_size)


def _flow_rules(flow: Flow, frame: Frame) -> Iterator[Rule]:
    """The ports come first: they are cheap, and only what passes them costs an address look-up."""
    ports = nft.ports(flow.protocol, flow.ports)
    permit = (nft.count(flow_name(flow.id)), nft.mark_set(frame.mark), nft.accept())
    if flow.destination.any:
        narrowed = () if len(frame.families) == len(FAMILIES) else (nft.only_family(frame.families[0]),)
        yield Rule(FLOWS, flow.id, (*narrowed, ports, *permit))
        return
    for family in frame.families:
        names = [f"{flow_name(flow.id)}.{family}"] if _addresses(flow, family) else []
        names += [learned_set(flow.id, family)] if flow.destination.learned else []
        for name in names:
            yield Rule(FLOWS, flow.id, (ports, nft.in_set(family, "daddr", name), *permit))


def _entry(chain: str, hook: str, frame: Frame, target: str) -> Iterator[Rule]:
    """The head of a base chain: what begins no connection or is out of scope goes its way, the rest goes to target."""
    yield Rule(chain, "frame/known", (nft.not_new(), nft.accept()))
    if target != FLOWS:
        yield Rule(chain, "frame/permit", (nft.marked(frame.mark), nft.accept()))
    for condition in _out_of_scope(hook, frame):
        yield Rule(chain, "frame/scope", (*condition, nft.accept()))
    if target != REFUSE and hook == "forward" and frame.uplinks:
        # A flow to every address must not be taken for a way in, and a name server inside not for another resolver.
        yield Rule(chain, "frame/outbound", (nft.interface("oifname", frame.uplinks, negated=True), nft.accept()))
    if target == REFUSE and hook == "forward" and frame.uplinks:
        # What the deny baseline leaves open is for those inside.
        for ports in (nft.ports("udp", [(53, 53), (123, 123)]), nft.ports("tcp", [(53, 53)])):
            yield Rule(chain, "frame/unasked", (nft.interface("iifname", frame.uplinks), ports, nft.goto(DROP)))
    yield Rule(chain, "frame/decide", (nft.goto(target),))


def _out_of_scope(hook: str, frame: Frame) -> Iterator[tuple[Statement, ...]]:
    if hook == "output":
        yield (nft.interface("oifname", ["lo"]),)
    if frame.out_interfaces:
        yield (nft.interface("oifname", frame.out_interfaces, negated=True),)
    if hook == "output":
        return
    if frame.in_interfaces:
        yield (nft.interface("iifname", frame.in_interfaces, negated=True),)
    if frame.sources_ipv4 or frame.sources_ipv6:
        for family in FAMILIES:
            if _frame_addresses(frame, "sources", family):
                yield (nft.in_set(family, "saddr", f"wf_sources.{family}", negated=True),)
            else:
                yield (nft.only_family(family),)


def _refusal(frame: Frame) -> Iterator[Rule]:
    """What the deny baseline leaves open, then the log, then the drop."""
    # A connection that is older than conntrack's memory of it looks new; only a SYN begins one.
    yield Rule(REFUSE, "frame/mid-stream", (nft.mid_stream(), nft.accept()))
    yield from _services(frame)
    yield Rule(REFUSE, "frame/icmp", (nft.icmp("ipv4", ICMP), nft.accept()))
    local = () if frame.placement == "gateway" else ICMPV6_LOCAL
    yield Rule(REFUSE, "frame/icmpv6", (nft.icmp("ipv6", (*ICMPV6_TRANSIT, *local)), nft.accept()))
    yield Rule(REFUSE, "frame/refuse", (nft.goto(DROP),))
    if frame.log.enabled:
        yield Rule(DROP, "frame/log", (nft.limit(frame.log.rate, frame.log.burst), nft.log(frame.log.prefix)))
    yield Rule(DROP, "frame/deny", (nft.count(DROPPED), nft.drop()))


def _own_resolvers_only(frame: Frame) -> Iterator[Rule]:
    """Refuses DNS for anyone but the resolvers; lets nothing pass that another chain would not."""
    yield Rule(DNS, "frame/mid-stream", (nft.mid_stream(), nft.accept()))
    # Apart from the refusal: beside an address nft would list its `reject` in short and read that back as of one family.
    for family in FAMILIES:
        if _frame_addresses(frame, "resolvers", family):
            yield Rule(DNS, "frame/resolvers", (nft.in_set(family, "daddr", f"wf_resolvers.{family}"), nft.accept()))
    for protocol in ("udp", "tcp"):
        yield Rule(DNS, "frame/other-resolvers", (nft.ports(protocol, DNS_PORTS), nft.count(REJECTED), nft.reject(protocol)))


def _services(frame: Frame) -> Iterator[Rule]:
    """DNS over both protocols, NTP, and DHCP of the machine itself (a gateway forwards none)."""
    for protocol in ("udp", "tcp"):
        dns = nft.ports(protocol, [(53, 53)])
        if not frame.resolvers_ipv4 and not frame.resolvers_ipv6:
            yield Rule(REFUSE, "frame/dns", (dns, nft.accept()))
        for family in FAMILIES:
            if _frame_addresses(frame, "resolvers", family):
                yield Rule(REFUSE, "frame/dns", (dns, nft.in_set(family, "daddr", f"wf_resolvers.{family}"), nft.accept()))
    yield Rule(REFUSE, "frame/ntp", (nft.ports("udp", [(123, 123)]), nft.accept()))
    if frame.placement != "gateway":
        for client, server in ((68, 67), (546, 547)):
            here = nft.ports("udp", [(client, client)], "sport")
            yield Rule(REFUSE, "frame/dhcp", (here, nft.ports("udp", [(server, server)]), nft.accept()))
