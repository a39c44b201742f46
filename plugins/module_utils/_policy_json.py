# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A policy as plain JSON data.

It travels from the controller to the target so, and is checked once more where it arrives: its texts end up in the files that a
packet filter loads.
"""

from __future__ import annotations

import re
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import (
    BASELINES,
    FAMILIES,
    HOSTNAME,
    INTERFACE,
    LEARNED_SIZES,
    LOG_PREFIX,
    OTHER_RESOLVERS,
    PATTERN,
    PLACEMENTS,
    PROTOCOLS,
    REQUIREMENT_ID,
    SERVICE_NAME,
    Destination,
    Flow,
    Frame,
    Log,
    Policy,
)

VERSION = 1
_NETWORKS = {
    "ipv4": re.compile(r"(\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?,)*"),
    "ipv6": re.compile(r"([0-9a-f]*:[0-9a-f:.]*(/\d{1,3})?,)*"),
}


def to_dict(policy: Policy) -> dict[str, Any]:
    """The policy as plain JSON data; `from_dict` reads it back to an equal policy."""
    frame = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(policy.frame).items()}
    frame["log"] = dict(vars(policy.frame.log))
    return {
        "version": VERSION,
        "frame": frame,
        "services": {name: [_flow_to_dict(flow) for flow in flows] for name, flows in policy.services.items()},
        "unsatisfied": dict(policy.unsatisfied),
        "dated": dict(policy.dated),
    }


def _flow_to_dict(flow: Flow) -> dict[str, Any]:
    there = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(flow.destination).items()}
    return {"id": flow.id, "protocol": flow.protocol, "ports": [list(pair) for pair in flow.ports], **there}


def from_dict(data: Mapping[str, Any]) -> Policy:
    """Read a policy that came as JSON.

    Args:
        data: what `to_dict` (or the filter ``webrtc.firewall.policy``) made.

    Returns:
        The policy.

    Raises:
        InvalidInput: the data is not such a policy; all problems at once.
    """
    reader = _Reader()
    policy = reader.policy(data)
    if reader.problems:
        raise InvalidInput(reader.problems)
    return policy


class _Reader:
    """Turns JSON data into typed values and gathers what is wrong with it on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def check(self, good: bool, path: str, value: Any, expected: str) -> bool:
        if not good:
            remedy = "Give the module what the filter webrtc.firewall.policy returns, unchanged."
            self.problems.append(Problem(path, value, expected, remedy))
        return good

    def mapping(self, value: Any, path: str, keys: set[str] | None = None, later: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A mapping with exactly these keys; of later ones, which older versions did not write, the values here stand for missing ones."""
        good = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
        if not self.check(good, path, value, "a mapping"):
            return {}
        value = {**(later or {}), **value}
        if keys is not None:
            self.check(set(value) == keys, path, sorted(value), f"exactly the keys {', '.join(sorted(keys))}")
            return {key: value[key] for key in keys if key in value}
        return dict(value)

    def texts(self, value: Any, path: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
        good = isinstance(value, (list, tuple)) and all(isinstance(item, str) and pattern.fullmatch(item) for item in value)
        return tuple(map(str, value)) if self.check(good, path, value, f"a list, each {expected}") else ()

    def networks(self, value: Any, path: str, family: str) -> tuple[str, ...]:
        """One pattern over the joined list: a hundred thousand networks take milliseconds."""
        good = isinstance(value, (list, tuple)) and all(isinstance(item, str) and "," not in item for item in value)
        good = good and bool(_NETWORKS[family].fullmatch("".join(f"{item}," for item in value)))
        return tuple(map(str, value)) if self.check(good, path, value, f"a list of {family} networks") else ()

    def choice(self, value: Any, path: str, choices: tuple[str, ...]) -> str:
        good = isinstance(value, str) and value in choices
        return str(value) if self.check(good, path, value, f"one of {', '.join(choices)}") else choices[0]

    def number(self, value: Any, path: str, low: int, high: int) -> int:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return int(value) if self.check(good, path, value, f"a whole number from {low} to {high}") else low

    def truth(self, value: Any, path: str) -> bool:
        return bool(value) if self.check(isinstance(value, bool), path, value, "true or false") else False

    def policy(self, data: Any) -> Policy:
        top = self.mapping(data, "policy", {"version", "frame", "services", "unsatisfied", "dated"}, {"dated": {}})
        self.check(top.get("version") == VERSION, "policy.version", top.get("version"), f"the version {VERSION}")
        services = {}
        for name, flows in sorted(self.mapping(top.get("services"), "policy.services").items()):
            path = f"policy.services.{name}"
            self.check(bool(SERVICE_NAME.fullmatch(name)), path, name, "a service name: a-z, 0-9 and _")
            if self.check(isinstance(flows, (list, tuple)), path, flows, "a list of flows"):
                services[str(name)] = tuple(self.flow(name, flow, f"{path}[{index}]") for index, flow in enumerate(flows))
        unsatisfied = {str(key): str(value) for key, value in self.mapping(top.get("unsatisfied"), "policy.unsatisfied").items()}
        dated = {str(key): str(value) for key, value in self.mapping(top.get("dated"), "policy.dated").items()}
        return Policy(self.frame(top.get("frame")), services, unsatisfied, dated)

    def flow(self, service: str, data: Any, path: str) -> Flow:
        keys = {"id", "protocol", "ports", "any", "ipv4", "ipv6", "hostnames", "learned"}
        item = self.mapping(data, path, keys, {"learned": []})
        name = str(item.get("id"))
        good = name.startswith(f"{service}/") and bool(REQUIREMENT_ID.fullmatch(name[len(service) + 1 :]))
        self.check(good, f"{path}.id", item.get("id"), f"{service}/ and a requirement id: a-z, 0-9 and -")
        there = Destination(
            any=self.truth(item.get("any"), f"{path}.any"),
            ipv4=self.networks(item.get("ipv4"), f"{path}.ipv4", "ipv4"),
            ipv6=self.networks(item.get("ipv6"), f"{path}.ipv6", "ipv6"),
            hostnames=self.texts(item.get("hostnames"), f"{path}.hostnames", HOSTNAME, "a host name"),
            learned=self.texts(item.get("learned"), f"{path}.learned", PATTERN, "a host name, or *. and a suffix"),
        )
        protocol = self.choice(item.get("protocol"), f"{path}.protocol", PROTOCOLS)
        return Flow(name, protocol, self.ports(item.get("ports"), f"{path}.ports"), there)

    def ports(self, value: Any, path: str) -> tuple[tuple[int, int], ...]:
        if not self.check(isinstance(value, (list, tuple)) and len(value) > 0, path, value, "a list of port ranges"):
            return ()
        ranges = []
        for index, pair in enumerate(value):
            where = f"{path}[{index}]"
            if self.check(isinstance(pair, (list, tuple)) and len(pair) == 2, where, pair, "first and last port"):
                first, last = (self.number(port, where, 1, 65535) for port in pair)
                self.check(first <= last, where, pair, "the first port not above the last")
                ranges.append((first, last))
        return tuple(ranges)

    def frame(self, data: Any) -> Frame:
        item = self.mapping(data, "policy.frame", set(vars(Frame())), {"other_resolvers": "allow", "learned_size": 65536})
        mark = self.number(item.get("mark"), "policy.frame.mark", 1, 0x80000000)
        self.check(mark & (mark - 1) == 0, "policy.frame.mark", mark, "a number with exactly one bit set")
        log = self.mapping(item.get("log"), "policy.frame.log", set(vars(Log())))
        prefix = self.texts([log.get("prefix")], "policy.frame.log.prefix", LOG_PREFIX, "a short plain text")
        families = self.texts(item.get("families"), "policy.frame.families", re.compile("ipv4|ipv6"), "ipv4 or ipv6")
        names = {
            key: self.texts(item.get(key), f"policy.frame.{key}", INTERFACE, "an interface name")
            for key in ("in_interfaces", "out_interfaces", "uplinks")
        }
        networks = {
            f"{key}_{family}": self.networks(item.get(f"{key}_{family}"), f"policy.frame.{key}_{family}", family)
            for key in ("sources", "resolvers")
            for family in FAMILIES
        }
        return Frame(
            placement=self.choice(item.get("placement"), "policy.frame.placement", PLACEMENTS),
            baseline=self.choice(item.get("baseline"), "policy.frame.baseline", BASELINES),
            other_resolvers=self.choice(item.get("other_resolvers"), "policy.frame.other_resolvers", OTHER_RESOLVERS),
            families=families,
            mark=mark,
            learned_size=self.number(item.get("learned_size"), "policy.frame.learned_size", *LEARNED_SIZES),
            log=Log(
                enabled=self.truth(log.get("enabled"), "policy.frame.log.enabled"),
                rate=self.number(log.get("rate"), "policy.frame.log.rate", 1, 1000),
                burst=self.number(log.get("burst"), "policy.frame.log.burst", 1, 10000),
                prefix=prefix[0] if prefix else "",
            ),
            **names,
            **networks,
        )
