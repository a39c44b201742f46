# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our firewalld policies in the operator's words, by flow id."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Change
from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import (
    ICMP,
    ICMPV6_LOCAL,
    ICMPV6_TRANSIT,
    FirewalldPolicy,
    Rules,
    Zones,
    names_in,
    priority_of,
    render,
    sets,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy

_RULE = re.compile(r'rule priority="-?\d+" ?(.*)')
_FLOW = re.compile(
    r'(?:family="(ipv[46])" ?)?(?:source address="(\S+)" )?(?:destination (address|ipset)="(\S+)" )?'
    r'port port="(\S+)" protocol="(\S+)" accept'
)
_SET = re.compile(r'destination ipset="(\S+)"')
_FOR = re.compile(r"teach for (\S+)\.$")
_SIZE = re.compile(r"ipset (\S+) .*maxelem=(\d+)")
_SOME = 12
Settings = Mapping[str, Any]


def changes(wanted: Rules, permanent: Rules, runtime: Rules) -> list[Change]:
    """What differs between what shall be and what is stored or in force, one change an id."""
    before = {"permanent": _parts(permanent, permanent), "runtime": _parts(runtime, permanent, fixed=False)}
    found: dict[str, Change] = {}
    for kind, there in before.items():
        after = _parts(wanted, wanted, fixed=kind == "permanent")
        for name in sorted(there.keys() | after.keys()):
            old, new = there.get(name), after.get(name)
            if old != new and name not in found:
                found[name] = _change(name, old, new)
    return [found[name] for name in sorted(found)]


def describe(rules: Rules) -> dict[str, str]:
    """Each id with what its rules say, in words."""
    return {name: _words(part) for name, part in _parts(rules, rules).items()}


def files(paths: Iterable[str]) -> list[Change]:
    """Changes where firewalld does not run and its files alone are ours to take away."""
    return [Change(f"file/{path}", "there", None) for path in paths]


def policy_text(policy: Policy) -> str:
    """All that a policy comes to, without a look at any machine's zones."""
    frame = policy.frame
    outs = tuple(f"zone of {name}" for name in frame.out_interfaces or frame.uplinks) or ("ANY",)
    ins = tuple(f"zone of {name}" for name in frame.in_interfaces) or ("ANY",)
    scope = Zones(ins, outs if frame.out_interfaces else ("ANY",))
    policies = render(policy, scope, Zones(ins, outs), (*ICMP, *ICMPV6_TRANSIT, *ICMPV6_LOCAL))
    return "\n".join(text(item) for item in policies) + text_of_sets(sets(policy))


def text(item: FirewalldPolicy) -> str:
    """A policy as `firewall-cmd --info-policy` shows one."""
    lines = [item.name, f"  priority: {item.settings['priority']}", "  target: CONTINUE"]
    lines += [f"  ingress-zones: {' '.join(item.zones.ingress)}", f"  egress-zones: {' '.join(item.zones.egress)}", "  rich rules:"]
    names = dict(item.names)
    rules = sorted(item.rules, key=lambda rule: (priority_of(rule), rule))
    return "\n".join([*lines, *(f"    {rule}  # {names.get(priority_of(rule), '')}" for rule in rules), ""])


def text_of_sets(sets: Mapping[str, Settings]) -> str:
    """Sets as they are made."""
    return "".join(f"\n{_set(name, settings, False)}\n" for name, settings in sorted(sets.items()))


def warnings(policy: Policy, icmp_types: Iterable[str]) -> list[str]:
    """What firewalld says otherwise than asked."""
    frame, found = policy.frame, []
    if frame.baseline == "deny_egress":
        found.append("firewalld itself accepts what the deny baseline leaves open (DNS, NTP, ICMP), as its zones would reject it")
        missing = sorted(set(ICMPV6_LOCAL) - set(icmp_types))
        if frame.placement != "gateway" and missing:
            found.append(f"this firewalld has no name for some ICMPv6 of the host's own, which is dropped: {', '.join(missing)}")
        if frame.log.enabled:
            found.append(f"firewalld logs at most {frame.log.rate} packets a second; webrtc_egress_log_burst is its own")
    return found


def _change(name: str, old: Optional[tuple[str, ...]], new: Optional[tuple[str, ...]]) -> Change:
    words = (_words(old) if old else None, _words(new) if new else None)
    # Words leave out what people need not know; where that alone differs, they are shown it.
    return Change(name, *words) if words[0] != words[1] else Change(name, "; ".join(old or ()), "; ".join(new or ()))


def _parts(rules: Rules, named_by: Rules, fixed: bool = True) -> dict[str, tuple[str, ...]]:
    """Rules and sets by the id that people know, and each policy's frame; at runtime its description cannot change and says nothing."""
    found: dict[str, set[str]] = {}
    used: dict[str, str] = {}
    for name, settings in rules.policies.items():
        names = names_in(str(named_by.policies.get(name, settings).get("description", "")))
        for rule in settings.get("rich_rules", []):
            key = names.get(priority_of(rule), f"unknown rule of {name}")
            found.setdefault(key, set()).add(_normal(rule))
            used.update((of, key) for of in _SET.findall(rule))
        frame = {key: value for key, value in settings.items() if key not in ("rich_rules", "description")}
        found.setdefault(f"policy/{name}", set()).add("; ".join(f"{key} {_shown(value)}" for key, value in sorted(frame.items())))
        if fixed:
            found[f"policy/{name}"].add(str(settings.get("description")))
    for name, settings in rules.sets.items():
        # Where a site has sources of one family alone, no rule names the other's set.
        of = _FOR.search(str(named_by.sets.get(name, settings).get("description", "")))
        key = used.get(name) or (of.group(1) if of else f"set/{name}")
        found.setdefault(key, set()).add(_set(name, settings, fixed))
    return {name: tuple(sorted(rules)) for name, rules in found.items()}


def _set(name: str, settings: Settings, fixed: bool) -> str:
    """A set in a line; at runtime it is full of what was learned, and stored it is empty."""
    options = " ".join(f"{key}={value}" for key, value in sorted(settings["options"].items()))
    rest = [str(settings[key]) for key in ("version", "short", "description") if fixed] + list(settings["entries"] if fixed else ())
    return " ".join([f"ipset {name} {settings['type']} {options}", *filter(None, rest)])


def _normal(rule: str) -> str:
    return rule.replace(" NOT ", " not ")


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _words(part: tuple[str, ...]) -> str:
    flows: dict[tuple[str, str], set[str]] = {}
    rest = []
    sizes = {found.group(1): found.group(2) for line in part for found in [_SIZE.match(line)] if found}
    for rule in part:
        body = _RULE.fullmatch(rule)
        flow = _FLOW.fullmatch(body.group(1)) if body else None
        if flow:
            family, source, kind, there, port, protocol = flow.groups()
            origin = f" from {source}" if source else ""
            if kind == "ipset":
                there = f"what DNS answers teach ({sizes.get(there, 'no')} addresses at most)"
            flows.setdefault((f"{protocol} {port}", origin), set()).add(there or f"every {family or 'address'}")
        elif not rule.startswith("ipset ") or len(part) == len(sizes):
            rest.append(body.group(1) if body else rule)
    told = [f"{port} to {', '.join(_first(sorted(where)))}{origin}" for (port, origin), where in sorted(flows.items())]
    return "; ".join([*told, *_first(rest)])


def _first(items: list[str]) -> list[str]:
    return items if len(items) <= _SOME else [*items[:_SOME], f"and {len(items) - _SOME} more"]
