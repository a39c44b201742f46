# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""A whole run of probes: names, endpoints, so many at once, and an end in time."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Iterable, Iterator, Optional, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils import _resolve
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_kinds import KINDS
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    NAME_NOT_FOUND,
    OPEN,
    UNREACHABLE,
    UNTESTED,
    Endpoint,
    Probe,
    ProbeError,
    family_of,
)
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_wire import Wire

# Each probe under way has one socket; some descriptors are left to the rest.
AT_ONCE, _KEPT = 256, 64
# Addresses of the internet: root servers of DNS, who change theirs once in decades (iana.org/domains/root/servers). Nothing is sent there.
_FAR = {"ipv4": (socket.AF_INET, "198.41.0.4"), "ipv6": (socket.AF_INET6, "2001:503:ba3e::2:30")}
_ANY_PORT = 443
# No route, and no address of ours of that family to send from.
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
# A resolver beside the machine has answered by then; any other cannot without a route.
_CUT_OFF_SECONDS = 1.0
# Reasons of names that a resolver did not answer for, in contrast to "no such name".
_UNANSWERED = (f"[Errno {socket.EAI_AGAIN}]", "no answer within")
_NO_ROUTE = "no route to the internet"
_SPELT = {"ipv4": "IPv4", "ipv6": "IPv6"}
Result = dict[str, Any]


def run(probes: Sequence[Probe], timeout: float, total_timeout: float) -> list[Result]:
    """Run probes, all at once as far as the machine can.

    Args:
        probes: what to do.
        timeout: seconds for each endpoint; a stream has its own seconds beside.
        total_timeout: seconds for all of it; what has no verdict by then is untested.

    Returns:
        A result for each endpoint, as `Endpoint.result` makes it, in the order of the probes.
    """
    begin = time.monotonic()
    wanted = {family for probe in probes for family in probe.families}
    without = frozenset(family for family in wanted if not _has_route(*_FAR[family]))
    answers = _looked_up(probes, without, timeout, total_timeout)
    endpoints = [endpoint for probe in probes for endpoint in _endpoints(probe, answers, without)]
    results: list[Optional[Result]] = [None] * len(endpoints)
    asyncio.run(_all(endpoints, results, timeout, max(0.0, begin + total_timeout - time.monotonic())))
    late = {"why": f"not reached, or not done, within the {total_timeout:g} seconds of the whole run"}
    return [result or endpoint.result(UNTESTED, 0.0, late) for endpoint, result in zip(endpoints, results)]


def _looked_up(probes: Sequence[Probe], without: frozenset[str], timeout: float, total_timeout: float) -> _resolve.Answers:
    """The addresses of all names; without any route they are not waited for."""
    names = {name for probe in probes for name in (probe.host, probe.second_host) if name and not _is_address(name)}
    if not names:
        return _resolve.Answers()
    # So many names at once have each the whole time; a long list is not to use up all of it.
    waves = 1 + len(names) // _resolve.WORKERS
    seconds = min(timeout * waves, max(timeout, total_timeout / 2), total_timeout)
    if without < {family for probe in probes for family in probe.families}:
        return _resolve.resolve(names, seconds)
    answers = _resolve.resolve(names, min(seconds, _CUT_OFF_SECONDS))
    failures = {name: _no_route(without) if why.startswith(_UNANSWERED) else why for name, why in answers.failures.items()}
    return _resolve.Answers(answers.addresses, failures)


def _endpoints(probe: Probe, answers: _resolve.Answers, without: frozenset[str]) -> Iterator[Endpoint]:
    """The endpoints of a probe: one address of each family, and each port."""
    seconds = _by_family(probe.second_host, answers) if probe.second_host else {}
    firsts = {family: address for family, address in _by_family(probe.host, answers).items() if family in probe.families}
    ports = [port for first, last in probe.ports for port in range(first, last + 1)]
    missing = answers.failures.get(probe.host, f"no address of the family {' or '.join(probe.families)}")
    for family, address in firsts.items() or [("", "")]:
        # A local network needs no route to the internet.
        apart = family in without and not _has_route(_FAR[family][0], address)
        why = missing if not address else _no_route([family]) if apart else ""
        yield from (Endpoint(probe, address, port, seconds.get(family, ""), why) for port in ports)


def _has_route(family: socket.AddressFamily, address: str) -> bool:
    """Whether the kernel knows a way to an address; connecting over UDP sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as there:
            there.connect((address, _ANY_PORT))
    except OSError as error:
        return error.errno not in _NO_WAY
    return True


def _no_route(families: Iterable[str]) -> str:
    return f"{_NO_ROUTE} ({' and '.join(_SPELT[family] for family in sorted(families))})"


def _by_family(host: str, answers: _resolve.Answers) -> dict[str, str]:
    """The first address of each family that a host has."""
    found: Iterable[str] = [host] if _is_address(host) else answers.addresses.get(host, ())
    return {family_of(address): address for address in reversed(list(found))}


async def _all(endpoints: Sequence[Endpoint], results: list[Optional[Result]], timeout: float, seconds: float) -> None:
    """Fill in the results, as many at once as there are descriptors for."""
    waiting = iter(enumerate(endpoints))

    async def work() -> None:
        for index, endpoint in waiting:
            results[index] = await _one(endpoint, timeout)

    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_once = max(1, min(AT_ONCE, soft - _KEPT if soft > 0 else AT_ONCE, len(endpoints)))
    workers = [asyncio.ensure_future(work()) for _worker in range(at_once)]
    _done, pending = await asyncio.wait(workers, timeout=seconds)
    for worker in pending:
        worker.cancel()
    for worker in workers:
        with suppress(asyncio.CancelledError):
            await worker


async def _one(endpoint: Endpoint, timeout: float) -> Result:
    """The result of one endpoint."""
    if endpoint.why:
        return endpoint.result(UNREACHABLE if endpoint.why.startswith(_NO_ROUTE) else NAME_NOT_FOUND, 0.0, {"why": endpoint.why})
    probe, begin = endpoint.probe, time.monotonic()
    wire = Wire(endpoint, timeout + probe.lasts)
    verdict, facts = OPEN, {}
    try:
        await wire.run(KINDS[probe.kind])
    except ProbeError as error:
        verdict, facts = error.verdict, {"why": error.why, **error.facts}
    return endpoint.result(verdict, time.monotonic() - begin, {**wire.facts, **facts})


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
