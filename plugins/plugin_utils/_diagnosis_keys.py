# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a service says for its diagnosis: how its requirements are probed, and what their verdicts mean for a call."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import TRANSPORTS
from ansible_collections.webrtc.firewall.plugins.plugin_utils._destinations import read_hostname
from ansible_collections.webrtc.firewall.plugins.plugin_utils._input import Input
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import LISTED, OUTCOMES, Check, Requirement, Way

# A NAT is no requirement: what looks at it is named by the site.
KINDS = tuple(kind for kind in TRANSPORTS if kind != "nat")
_CARRIED_BY = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
# Media comes over UDP straight from a relay, whatever the control connection to the relay takes.
_ANY_TRANSPORT = ("media",)
_PATH = re.compile(r"/[!-~]{0,2047}")


def transports_for(kind: str, protocol: str) -> tuple[str, ...]:
    """The transports by which a kind of probe can test a requirement of a protocol; none, if it cannot."""
    return tuple(name for name in TRANSPORTS.get(kind, ()) if kind in _ANY_TRANSPORT or _CARRIED_BY[name] == protocol)


def read_checks(value: Any, path: str, protocol: str, variables: Mapping[str, str], check: Input) -> tuple[Check, ...]:
    """Read the checks of a requirement.

    Args:
        value: what was written: a list of mappings with ``kind``, ``transport``, ``hosts`` and ``path``.
        path: where it is.
        protocol: the requirement's; empty where that was wrong.
        variables: what ``{name}`` in a host stands for.
        check: takes the problems.
    """
    return tuple(_read_check(item, where, protocol, variables, check) for where, item in check.items(value, path, empty=False))


def _read_check(value: Any, path: str, protocol: str, variables: Mapping[str, str], check: Input) -> Check:
    given = check.mapping(value, path, ("kind",), ("transport", "hosts", "path"))
    kind = check.choice(given["kind"], f"{path}.kind", KINDS) if "kind" in given else KINDS[0]
    possible = transports_for(kind, protocol) if protocol else TRANSPORTS[kind]
    if not possible:
        check.add(f"{path}.kind", kind, f"a kind that goes over {protocol}, as the requirement does")
        possible = TRANSPORTS[kind]
    hosts: tuple[str, ...] = ()
    listed = given.get("hosts") == LISTED
    if "hosts" in given and not listed:
        items = check.items(given["hosts"], f"{path}.hosts", empty=False)
        hosts = tuple(_read_host(item, where, variables, check) for where, item in items)
    slash = "a path that begins with a slash, without spaces"
    return Check(
        kind=kind,
        transport=check.choice(given["transport"], f"{path}.transport", possible) if "transport" in given else possible[0],
        hosts=hosts,
        listed=listed,
        path=check.text(given["path"], f"{path}.path", _PATH, slash) if "path" in given else "/",
    )


def _read_host(value: Any, path: str, variables: Mapping[str, str], check: Input) -> str:
    """An address or a host name."""
    try:
        return str(ip_address(value)) if isinstance(value, str) and "%" not in value else read_hostname(value, path, variables, check)
    except ValueError:
        return read_hostname(value, path, variables, check)


def read_diagnosis(
    entry: Mapping[str, Any], path: str, requirements: Sequence[Requirement], has_list: bool, check: Input
) -> dict[str, Any]:
    """Read what the verdicts of a service's requirements come to.

    Args:
        entry: the service as it was written.
        path: where it is.
        requirements: its rows.
        has_list: whether it has a list of host names.
        check: takes the problems.

    Returns:
        ``prerequisites``, ``ladder`` and ``outcomes`` of a `Service`, those that are there.
    """
    ids = [row.id for row in requirements]
    if not has_list:
        for row in requirements:
            if any(one.listed for one in row.checks):
                where = f"{path}.requirements (id {row.id}).checks"
                check.add(where, LISTED, "a list of hosts, for the service has no list of host names")
    found: dict[str, Any] = {}
    if "prerequisites" in entry:
        found["prerequisites"] = tuple(check.names(entry["prerequisites"], f"{path}.prerequisites", ids, "ids of requirements"))
    if "ladder" in entry:
        found["ladder"] = _read_ladder(entry["ladder"], f"{path}.ladder", ids, check)
    if "outcomes" in entry:
        words = check.mapping(entry["outcomes"], f"{path}.outcomes", (), OUTCOMES)
        found["outcomes"] = {key: check.text(words[key], f"{path}.outcomes.{key}") for key in words}
    return found


def _read_ladder(value: Any, path: str, ids: Sequence[str], check: Input) -> tuple[Way, ...]:
    ways: dict[str, Way] = {}
    for where, item in check.items(value, path, empty=False):
        given = check.mapping(item, where, ("way", "needs"), ("quality",))
        way = check.text(given["way"], f"{where}.way") if "way" in given else ""
        if way and way in ways:
            check.add(f"{where}.way", way, "a way that the ladder does not have yet")
        needs = check.names(given["needs"], f"{where}.needs", ids, "ids of requirements") if "needs" in given else []
        if given.get("needs") in ([], ()):
            check.add(f"{where}.needs", given["needs"], "at least one id")
        # The best way may say so: nothing is to be noticed there.
        said = given.get("quality", "")
        ways[way] = Way(way, tuple(needs), "" if said == "" else check.text(said, f"{where}.quality"))
    return tuple(ways.values())
