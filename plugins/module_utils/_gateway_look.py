# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A look at the machine as a gateway for calls: rules, settings, counters, connections and the log; nothing is changed.

What cannot be looked at is named, with the reason, and the rest is looked at all the same.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils import (
    _blockers,
    _foreign_listing,
    _foreign_read,
    _gateway_conntrack,
    _gateway_findings,
    _gateway_log,
    _ipt_model,
    _nft_render,
    _resolve,
    _stored,
    _uplinks,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, InvalidInput, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign import Address, ForeignChain, ForeignRule
from ansible_collections.webrtc.firewall.plugins.module_utils._gateway_model import Gateway
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame, Log, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find

_ROOT = "Run as root (become: true)."
# ufw names its lines itself.
_UFW_PREFIX = "[UFW BLOCK] "
_UFW_CHAINS = tuple(f"{prefix}-user-{hook}" for prefix in ("ufw", "ufw6") for hook in ("forward", "output"))
_SETTINGS = (
    *(f"net.netfilter.nf_conntrack_{name}" for name in ("count", "max", "acct", "helper")),
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
)
_TIMEOUTS = ("udp_timeout", "udp_timeout_stream", "tcp_timeout_syn_sent", "tcp_timeout_established", "icmp_timeout", "generic_timeout")
_OBJECTS = ("ct helper", "ct timeout", "limit")


@dataclass(frozen=True)
class Options:
    """What a user asks for.

    Attributes:
        since: seconds since the epoch; lines of the log that are older are left out.
        endpoints: the endpoints whose connections are shown.
        log_prefix: what lines of dropped packets begin with; empty for the stored policy's.
    """

    since: float
    endpoints: Mapping[_gateway_conntrack.Asked, str]
    log_prefix: str


def read_options(since: Any, endpoints: Optional[Sequence[Any]], log_prefix: Optional[str]) -> Options:
    """Read and check what a user asks for.

    Raises:
        InvalidInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    if since is not None and not 0 <= since <= 1e11:
        problems.append(Problem("since", since, "seconds since the epoch, such as time of an earlier result"))
    if log_prefix is not None and not 0 < len(log_prefix.strip()) <= 127:
        problems.append(Problem("log_prefix", log_prefix, "1 to 127 characters"))
    try:
        asked = _gateway_conntrack.read_endpoints(endpoints or ())
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return Options(float(since or 0.0), asked, log_prefix or "")


def look(options: Options, run: Runner) -> dict[str, Any]:
    """Look at everything; the result for `exit_json`."""
    begin = time.time()
    unknown: list[str] = []
    stored = _policy(unknown)
    log = _gateway_log.look(run, options.log_prefix or _prefix(stored), options.since)
    gateway = _machine(stored, log, unknown, run)
    flows, more = _flows_seen(options, unknown)
    count, most = gateway.conntrack("count"), gateway.conntrack("max")
    if most is None:
        unknown.append("connections: this kernel does not track any, or not in this network namespace")
    times = {name.replace("_timeout", ""): gateway.conntrack(name) for name in _TIMEOUTS}
    return {
        "changed": False,
        "time": begin,
        "findings": [finding.as_dict() for finding in _gateway_findings.find(gateway)],
        "timeouts": {name: value for name, value in times.items() if value is not None},
        "connections": {"count": count, "max": most, "accounting": _switch(gateway.conntrack("acct")), **gateway.counters},
        "flows_seen": flows,
        "flows_seen_left_out": more,
        "dropped": list(log.dropped),
        "dropped_left_out": log.left_out,
        "dropped_readable": log.readable,
        "dropped_why": log.why,
        "unknown": unknown,
    }


def _switch(value: Optional[int]) -> Optional[bool]:
    return None if value is None else bool(value)


def _policy(unknown: list[str]) -> _stored.Stored:
    try:
        return _stored.load()
    except TargetProblem as error:
        unknown += [f"policy: {problem}" for problem in error.problems]
        return _stored.Stored(None, {})


def _prefix(stored: _stored.Stored) -> str:
    if stored.backend == "ufw":
        return _UFW_PREFIX
    return stored.policy.frame.log.prefix if stored.policy else Log().prefix


def _flows_seen(options: Options, unknown: list[str]) -> tuple[list[dict[str, Any]], int]:
    try:
        return _gateway_conntrack.seen(options.endpoints)
    except OSError as error:
        unknown.append(f"flows_seen: the kernel does not list its connections ({error.strerror or error}). {_ROOT}")
        return [], 0


def _machine(stored: _stored.Stored, log: _gateway_log.Log, unknown: list[str], run: Runner) -> Gateway:
    settings = _settings()
    chains, objects = _rules(unknown, run)
    policy, known = _concrete(stored), stored.policy is not None
    if policy is None:
        placement = "gateway" if settings.get("net.ipv4.ip_forward") or settings.get("net.ipv6.conf.all.forwarding") else "host"
        policy = Policy(Frame(placement=placement), Gateway().policy.services)
    mark = policy.frame.mark if known else 0
    ours = (*(_ipt_model.entry(hook) for hook in _ipt_model.BUILT_IN), *_UFW_CHAINS)
    loaded = {line.split()[0] for line in _text("/proc/modules").splitlines() if line}
    return Gateway(
        policy=policy,
        known=known,
        ways=_blockers.Ways(mark, _nft_render.CLASSIFY if stored.backend == "nftables" else 0, ours),
        chains=tuple(chains),
        objects=objects,
        settings=settings,
        modules=frozenset(loaded),
        parts=frozenset(_names("/sys/module")) | loaded,
        counters=counters(_text("/proc/net/stat/nf_conntrack")),
        uplinks=frozenset(_uplinks.default_ipv4(_text("/proc/net/route"))),
        full=log.full,
        text=_Words(run),
    )


def _concrete(stored: _stored.Stored) -> Optional[Policy]:
    """The stored policy as far as its names and its way out are known."""
    policy = stored.policy
    for step in (_uplinks.outbound, lambda wanted: _resolve.concrete(wanted, stored.resolved, _resolve.Answers())[0]):
        try:
            policy = step(policy) if policy else None
        except FirewallError:
            continue
    return policy


class _Words:
    """Rules in their tools' own words; nftables is asked for those alone that are told."""

    def __init__(self, run: Runner) -> None:
        self._run = run
        self._known: dict[tuple[Address, int], str] = {}

    def __call__(self, address: Address, rule: ForeignRule) -> str:
        if address.tool != "nft" or not rule.handle:
            return rule.text
        key = address, rule.handle
        if key not in self._known:
            chain = f"{address.family} {address.table} {address.name}"
            self._known[key] = _foreign_read.rule_text(self._run, chain, rule.handle) or rule.text
        return self._known[key]


def _rules(unknown: list[str], run: Runner) -> tuple[list[ForeignChain], dict[tuple[str, str, str, str], Mapping[str, Any]]]:
    """The chains of others, and the objects that they name."""
    listing = _listing(unknown, run)
    chains = _foreign_listing.from_nft(listing)
    entries = [(kind, entry[kind]) for entry in listing.get("nftables", []) for kind in _OBJECTS if kind in entry]
    objects = {(kind, item["family"], item["table"], item["name"]): item for kind, item in entries}
    try:
        saved = _foreign_read.saved(run, listing)
        for family, name in _foreign_listing.IPTABLES.items():
            # Without nft nobody tells whether iptables-nft has rules.
            if not find("nft") and find(f"{name}-nft-save"):
                saved[f"{name}-nft", family] = _foreign_read.save(run, f"{name}-nft")
        chains += _foreign_read.iptables_chains(saved)
    except TargetProblem as error:
        unknown += [f"rules of iptables: {problem}" for problem in error.problems]
    return chains, objects


def _listing(unknown: list[str], run: Runner) -> dict[str, Any]:
    path = find("nft")
    if path is None:
        unknown.append("rules of nftables: nft is not installed, so nobody can tell whether there are any. Install the package nftables.")
        return {}
    done = run([path, "-t", "-j", "list", "ruleset"], "")
    try:
        if done.code:
            raise TargetProblem([Problem("nft list ruleset", done.err.strip()[:300], "a listing of the rules", _ROOT)])
        found = _foreign_read.parsed(done.out)
        return found if isinstance(found, dict) else {}
    except TargetProblem as error:
        unknown += [f"rules of nftables: {problem}" for problem in error.problems]
        return {}


def _settings() -> dict[str, int]:
    names = (*_SETTINGS, *(f"net.netfilter.nf_conntrack_{name}" for name in _TIMEOUTS))
    paths = {name: f"/proc/sys/{name.replace('.', '/')}" for name in names}
    # An interface's name may have dots, too.
    interfaces = "/proc/sys/net/ipv4/conf"
    paths.update({f"net.ipv4.conf.{name}.rp_filter": f"{interfaces}/{name}/rp_filter" for name in _names(interfaces)})
    found = {name: _text(path).strip() for name, path in paths.items()}
    return {name: int(text) for name, text in found.items() if text.lstrip("-").isdigit()}


def counters(text: str) -> dict[str, int]:
    """What matters of /proc/net/stat/nf_conntrack: a row of hexadecimal numbers for each processor, below their names."""
    head, *rows = [line.split() for line in text.splitlines()] or [[]]
    wanted = [(name, head.index(name)) for name in ("drop", "early_drop") if name in head]
    return {name: sum(int(row[place], 16) for row in rows if len(row) > place) for name, place in wanted}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
