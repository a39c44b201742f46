# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Rate limits that can drop what calls send.

A vendor's document asks to "verify that UDP traffic is not blocked or rate-limited". A limit drops in two ways: what exceeds it is
dropped by the rule itself, or the rule accepts what is within it and a later one drops the rest. Both are found alike: a limit matters
where flows are blocked with it and are not once it is thought away.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from itertools import islice
from typing import Any, Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _blockers
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain, ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_model import WARNING, Finding, Gateway
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_rules import concerned
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

# Each costs a walk through all chains.
_MOST = 20
_LIMITS = ("limit", "hashlimit")
# The chain, the rule (None for a policy), and the flow.
_Blocked = set[tuple[str, str, int, str]]


def rate_limits(gateway: Gateway) -> Iterator[Finding]:
    """Rules that limit how many packets of a flow pass."""
    suspects = [(chain, rule) for chain in gateway.chains for rule in chain.rules if limited(gateway, chain.address, rule)]
    some = list(islice((pair for pair in suspects if _for_calls(gateway, *pair)), _MOST))
    if not some:
        return
    policy = _udp_alone(gateway.policy)
    before = _blocked(gateway.chains, policy, gateway)
    for chain, rule in some:
        without = (replace(one, rules=_unlimited(one, rule)) if one is chain else one for one in gateway.chains)
        harmed = before - _blocked(without, policy, gateway)
        if harmed:
            ids = {name for *_rule, name in harmed} if gateway.known else set()
            droppers = sorted({where if text == "policy drop" else f"{where}, a rule" for where, text, _handle, _name in harmed})
            beyond = "" if rule.drops else f" (what exceeds it is dropped by {'; '.join(droppers)})"
            yield Finding(
                "rate-limit", WARNING,
                f"A rate limit can drop UDP of calls{beyond}: sound and video break up or stop once there is much traffic",
                gateway.where(chain.address, rule),
                "Let the flows of calls pass before it, or leave UDP of calls out of it.",
                tuple(sorted(ids)),
            )  # fmt: skip


def limited(gateway: Gateway, address: Address, rule: ForeignRule) -> bool:
    """Whether a rule has a limit."""
    if address.tool != "nft":
        words = shlex.split(rule.text)
        return any(option == "-m" and name in _LIMITS for option, name in zip(words, words[1:]))
    if _named(json.loads(rule.text), "limit"):
        return True
    # nft 0.9.8 leaves out of its JSON what is done with the elements of a set.
    hidden = any(isinstance(item, dict) and "set" in item and "stmt" not in str(item) for item in json.loads(rule.text))
    return hidden and "limit rate" in gateway.text(address, rule)


def _named(value: Any, key: str) -> bool:
    if isinstance(value, list):
        return any(_named(item, key) for item in value)
    return isinstance(value, dict) and (key in value or any(_named(item, key) for item in value.values()))


def _for_calls(gateway: Gateway, chain: ForeignChain, rule: ForeignRule) -> bool:
    hook = chain.hook if chain.hook in _blockers.HOOKS["both"] else "forward" if gateway.policy.frame.placement == "gateway" else "output"
    return concerned(gateway, chain.address, rule, hook, "udp") is not None


def _udp_alone(policy: Policy) -> Policy:
    services = {name: tuple(flow for flow in flows if flow.protocol == "udp") for name, flows in policy.services.items()}
    return replace(policy, services=services)


def _blocked(chains: Iterable[ForeignChain], policy: Policy, gateway: Gateway) -> _Blocked:
    found = _blockers.find(chains, policy, gateway.ways)
    return {(item.where, item.rule, item.handle, name) for item in found for name in item.flows}


def _unlimited(chain: ForeignChain, rule: ForeignRule) -> tuple[ForeignRule, ...]:
    """The rules of a chain with one as it is while its limit is not exceeded: what does something beyond it is not there."""
    kept = _within(chain.address, rule)
    return tuple(replaced for one in chain.rules if (replaced := kept if one is rule else one) is not None)


def _within(address: Address, rule: ForeignRule) -> Optional[ForeignRule]:
    """A rule that does something below its limit, without the limit; None for one that does something beyond it."""
    if rule.drops or "--hashlimit-above" in rule.text or '"inv": true' in rule.text:
        return None
    if address.tool == "nft":
        rest = [item for item in json.loads(rule.text) if not (isinstance(item, dict) and {"limit", "set", "meter"} & set(item))]
        return replace(rule, text=json.dumps(rest))
    return replace(rule, text=shlex.join(_unlimited_words(shlex.split(rule.text))))


def _unlimited_words(words: list[str]) -> Iterator[str]:
    """A rule of iptables without its matches of a limit."""
    inside = False
    for place, word in enumerate(words):
        if word in ("-m", "-j", "-g"):
            inside = word == "-m" and words[place + 1] in _LIMITS
        if not inside:
            yield word
