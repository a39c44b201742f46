# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Host names to addresses, on the target, all at once and within a bounded time."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from queue import Empty, Queue
from typing import Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import merge_networks
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Policy

WORKERS = 32
SECONDS = 15.0


@dataclass(frozen=True)
class Answers:
    """What the resolver said.

    Attributes:
        addresses: name to its addresses, both families, sorted.
        failures: name to the reason why it has none.
    """

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def resolve(names: Iterable[str], seconds: float = SECONDS) -> Answers:
    """Ask the system's resolver for both families of all names.

    Args:
        names: host names.
        seconds: when to stop waiting; what has not answered by then has failed.

    Returns:
        The answers; every name is in exactly one of the two mappings.
    """
    waiting = set(names)
    answers = Answers()
    tasks: Queue[str] = Queue()
    done: Queue[tuple[str, tuple[str, ...], str]] = Queue()
    for name in sorted(waiting):
        tasks.put(name)
    for _unused in range(min(WORKERS, len(waiting))):
        # Daemons: a resolver that hangs must not keep the module from ending.
        threading.Thread(target=_work, args=(tasks, done), daemon=True).start()
    deadline = time.monotonic() + seconds
    while waiting:
        try:
            name, addresses, reason = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        waiting.discard(name)
        if addresses:
            answers.addresses[name] = addresses
        else:
            answers.failures[name] = reason
    answers.failures.update(dict.fromkeys(waiting, f"no answer within {seconds:.0f} seconds"))
    return answers


def _work(tasks: Queue[str], done: Queue[tuple[str, tuple[str, ...], str]]) -> None:
    while True:
        try:
            name = tasks.get_nowait()
        except Empty:
            return
        try:
            found = {entry[4][0] for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
            usable = tuple(sorted(str(address) for address in found if _usable(str(address))))
            done.put((name, usable, f"only unusable addresses: {', '.join(sorted(map(str, found)))}"))
        except (OSError, UnicodeError) as error:
            done.put((name, (), str(error)))


def _usable(text: str) -> bool:
    """Whether a far server can have this address; an answer like 127.0.0.1 or 0.0.0.0 is how filters say no."""
    if "%" in text:
        return False
    address = ip_address(text)
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)


def concrete(policy: Policy, known: Mapping[str, tuple[str, ...]], answers: Answers) -> tuple[Policy, dict[str, tuple[str, ...]]]:
    """The policy with addresses in place of names.

    An address that was known stays beside the new ones: cloud DNS answers partially, and a live pool member must not
    be cut off because this answer left it out.

    Args:
        policy: the policy with names.
        known: addresses of earlier runs by name.
        answers: what the resolver says now.

    Returns:
        The policy without names, and the addresses of each name.

    Raises:
        TargetProblem: a flow's names have no address at all, now or before; all such flows at once.
    """
    names = {name for flow in policy.flows for name in flow.destination.hostnames}
    merged = {name: tuple(sorted({*known.get(name, ()), *answers.addresses.get(name, ())})) for name in sorted(names)}
    problems: list[Problem] = []
    services = {key: tuple(_concrete_flow(flow, merged, answers, problems) for flow in flows) for key, flows in policy.services.items()}
    if problems:
        raise TargetProblem(problems)
    return replace(policy, services=services), {name: found for name, found in merged.items() if found}


def _concrete_flow(flow: Flow, known: Mapping[str, tuple[str, ...]], answers: Answers, problems: list[Problem]) -> Flow:
    there = flow.destination
    if not there.hostnames:
        return flow
    found = [address for name in there.hostnames for address in known[name]]
    if not found and not there.ipv4 and not there.ipv6 and not there.learned:
        reasons = "; ".join(f"{name}: {answers.failures.get(name, 'no address')}" for name in there.hostnames[:3])
        remedy = "Check /etc/resolv.conf of the target, or give the flow other destinations."
        problems.append(Problem(flow.id, reasons, "at least one of its host names to resolve", remedy))
    ipv4 = merge_networks([*there.ipv4, *(address for address in found if ":" not in address)])
    ipv6 = merge_networks([*there.ipv6, *(address for address in found if ":" in address)])
    return replace(flow, destination=Destination(any=there.any, ipv4=ipv4, ipv6=ipv6, learned=there.learned))
