# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the program on the target does about names: it learns from DNS answers until it is stopped, or looks the host names up once."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _choice, _journal, _learned, _paths, _stored
from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._forwarder import Forwarder, serve
from ansible_collections.webrtc.firewall.plugins.module_utils._learner import Learner, clock
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, say

# sd_listen_fds(3): the first descriptor that systemd hands over.
_FIRST_SOCKET = 3


def learn(run: Runner) -> None:
    """Forward DNS for the policy's names and learn from the answers, until somebody stops it.

    Args:
        run: runs commands.

    Raises:
        TargetProblem: there are no settings of a resolver.
    """
    resolver = _stored.load_resolver()
    if resolver is None:
        remedy = "Run the role webrtc_domains."
        raise TargetProblem([Problem(_paths.RESOLVER, None, "the settings of a resolver", remedy)])
    backend = _choice.in_force(_choice.AUTO, run).backend
    lesson = _learned.Lesson(_policy() or Policy(Frame(), {}), backend.learned_set)
    memory = _learned.Memory(lesson, resolver.keep)
    memory.recall(_journal.load(), clock())
    os.makedirs(_paths.STATE_DIRECTORY, mode=0o700, exist_ok=True)
    asyncio.run(_serve(resolver, memory, _journal.Journal(lesson, backend.learned_text), backend))


def _policy() -> Optional[Policy]:
    """The stored policy; without one that can be read clients get their answers all the same, and what was learned stays as it is."""
    try:
        return _stored.load().policy
    except TargetProblem as error:
        say(f"{error}\nUntil then nothing is learned.")
        return None


async def _serve(resolver: Resolver, memory: _learned.Memory, journal: _journal.Journal, backend: Backend) -> None:
    learner = Learner(memory, journal, backend.sets, resolver.max_ttl, resolver.allowed)
    await learner.mend()
    _tell_systemd("READY=1")
    await asyncio.gather(serve(Forwarder(resolver.upstreams, learner.teach), _sockets(resolver.port)), learner.watch())


def refresh(run: Runner) -> None:
    """Look the host names of the stored policy up once and take the answers in.

    Args:
        run: runs commands.
    """
    for line in _apply.refresh(_choice.in_force(_choice.AUTO, run).backend):
        say(line)


def _sockets(port: int) -> list[socket.socket]:
    """The sockets that systemd holds for us, or our own."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        count = int(os.environ.get("LISTEN_FDS", "0"))
        return [socket.socket(fileno=number) for number in range(_FIRST_SOCKET, _FIRST_SOCKET + count)]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))
    return [datagrams, socket.create_server(("127.0.0.1", port))]


def _tell_systemd(state: str) -> None:
    """sd_notify(3)."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), f"\0{path[1:]}" if path.startswith("@") else path)
