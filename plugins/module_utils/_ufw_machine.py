# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What ufw has on a machine: its settings, its files, its chains; and its lock, under which both are read and changed."""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _ipv6, _system, _ufw_live
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._foreign_read import save
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import FAMILIES
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_files import Listing, listing
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_live import Counted
from ansible_collections.webrtc.firewall.plugins.module_utils._ufw_model import PREFIXES

TOOLS = {"ipv4": "iptables", "ipv6": "ip6tables"}
RULES = {"ipv4": "/etc/ufw/user.rules", "ipv6": "/etc/ufw/user6.rules"}
BEFORE = {"ipv4": "/etc/ufw/before.rules", "ipv6": "/etc/ufw/before6.rules"}
_SETTINGS = ("/etc/default/ufw", "/etc/ufw/ufw.conf")
_SETTING = re.compile(r'(\w+)="?(\w+)"?')
_LOCK = "/run/ufw.lock"
_LOCK_SECONDS = 20.0


@dataclass(frozen=True)
class Half:
    """One family of ufw's.

    Attributes:
        family: ipv4 or ipv6.
        file: user.rules or user6.rules, taken apart.
        mode: the file's permissions; None where there is no file.
        before: before.rules or before6.rules.
        chains: what the kernel has in the table filter; empty where ufw does not rule this family now.
    """

    family: str
    file: Listing
    mode: Optional[int]
    before: str
    chains: _ufw_live.Chains = field(default_factory=dict)


@dataclass(frozen=True)
class Live:
    """What ufw has.

    Attributes:
        enabled: whether it shall rule the machine.
        ipv6: whether it rules IPv6 too; no if the kernel has none.
        ipv6_in_use: whether IPv6 packets can pass here.
        halves: by family.
    """

    enabled: bool
    ipv6: bool
    ipv6_in_use: bool
    halves: dict[str, Half]

    @property
    def running(self) -> bool:
        """Whether its chains are in force."""
        return bool(self.halves["ipv4"].chains)

    @property
    def families(self) -> tuple[str, ...]:
        """The families that it rules."""
        return FAMILIES if self.ipv6 else FAMILIES[:1]


def settings() -> dict[str, str]:
    """ufw's settings, as it reads them itself: lower case."""
    found: dict[str, str] = {}
    for path in _SETTINGS:
        for line in (_system.read(path) or "").splitlines():
            setting = _SETTING.match(line)
            if setting:
                found[setting.group(1).lower()] = setting.group(2).lower()
    return found


def read(run: Runner) -> Live:
    """Look at the machine.

    Raises:
        TargetProblem: a file or a table cannot be read.
    """
    given = settings()
    ipv6 = _ipv6.in_kernel() and given.get("ipv6") == "yes"
    with locked(create=False):
        halves = {family: _half(run, family, family == "ipv4" or ipv6) for family in FAMILIES}
    return Live(given.get("enabled") == "yes", ipv6, _ipv6.in_use(), halves)


def _half(run: Runner, family: str, ruled: bool) -> Half:
    path = RULES[family]
    text = _system.read(path)
    # Files of a ufw that was taken away are read also where iptables has gone with it.
    chains = _ufw_live.chains(save(run, TOOLS[family], "-t", "filter")) if ruled and _system.find(TOOLS[family]) else {}
    if f"{PREFIXES[family]}-user-input" not in chains:
        # The same sign as ufw's own; other chains of its may outlast it.
        chains = {}
    mode = None if text is None else os.stat(path).st_mode & 0o7777
    return Half(family, listing(text or ""), mode, _system.read(BEFORE[family]) or "", chains)


@contextmanager
def locked(create: bool = True) -> Iterator[None]:
    """Hold the lock of ufw's own commands.

    Args:
        create: whether to make it where it is not there, as nobody has used ufw since the machine started.

    Raises:
        TargetProblem: another ufw command holds it all the time.
    """
    try:
        handle = os.open(_LOCK, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise TargetProblem([Problem("ufw", error.strerror, f"to be able to open {_LOCK}", "Run as root (become: true).")]) from error
    try:
        _wait(handle)
        yield
    finally:
        # Closing gives it back; the file stays, as ufw leaves it.
        os.close(handle)


def _wait(handle: int) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            # ufw's own kind of lock, which flock(2) does not see.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                remedy = "Wait for the other ufw command to end; `fuser` on the file names it."
                expected = f"the lock of ufw's own commands to be free within {_LOCK_SECONDS:.0f} seconds"
                raise TargetProblem([Problem("ufw", _LOCK, expected, remedy)]) from error
        time.sleep(0.05)


def before(chain: str, half: Half, target: str) -> list[Counted]:
    """The rules of a live chain that stand before its jump to another; all of them if there is no such jump."""
    found: list[Counted] = []
    for rule in half.chains.get(chain, ()):
        if rule.rest == f"-j {target}":
            break
        found.append(rule)
    return found


def callers(half: Half, target: str) -> list[str]:
    """The live chains that lead to another."""
    return [name for name, rules in half.chains.items() if any(_leads(rule.rest, target) for rule in rules)]


def _leads(rest: str, target: str) -> bool:
    words = rest.split()
    return any(words[place : place + 2] in (["-j", target], ["-g", target]) for place in range(len(words)))


def stored(chain: str, half: Half) -> Iterable[str]:
    """What before.rules puts into a chain, with single spaces."""
    for line in half.before.splitlines():
        words = line.split()
        if words[:2] == ["-A", chain]:
            yield " ".join(words[2:])
