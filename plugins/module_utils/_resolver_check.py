# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Whether this machine can be the resolver that a site wants; looked at before anything is changed."""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _dns, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import Problem
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import DNSMASQ_DROPIN, INSTANCE, UNITS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import LOOPBACK, PREFIX, Resolver, dnsmasq_text, domains
from ansible_collections.webrtc.firewall.plugins.module_utils._services import DNSMASQ, LEARN_SOCKET, dnsmasq_complaint, manager
from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find

_CONF, _CONF_DIR = "/etc/dnsmasq.conf", "/etc/dnsmasq.d"
_LINE = re.compile(r"^\s*(?:server|local|address)\s*=\s*/(.+)/", re.IGNORECASE)
_SECONDS = 2.0
_TRIES = 2


@dataclass
class Findings:
    """What stands in the way, and what the operator should know although the run can go on."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def examine(wanted: Resolver, before: Optional[Resolver], policy: Optional[Policy], run: Runner) -> Findings:
    """Look at the machine; changes nothing.

    Args:
        wanted: what the site wants.
        before: what an earlier run has set up.
        policy: the policy that is in force or about to be.
        run: runs commands.
    """
    found = Findings()
    if manager() != "systemd":
        remedy = "Use wildcards hostnames or any on this machine, or let another machine be the resolver."
        found.problems.append(Problem(f"{PREFIX}mode", wanted.mode, "systemd on this machine, which keeps the resolver running", remedy))
    if find("dnsmasq") is None:
        remedy = "Install the package dnsmasq-base (dnsmasq on other distributions), or set webrtc_domains_install."
        found.problems.append(Problem("command dnsmasq", None, "dnsmasq in the system's path", remedy))
    else:
        found.problems += _syntax(wanted, policy, run)
    taken = _own(run)
    places = [*((address, 53, "listen") for address in wanted.listen), (LOOPBACK, wanted.port, "port")]
    found.problems += [problem for place in places if place[:2] not in taken for problem in _occupied(*place, run)]
    if wanted.mode == "dropin":
        found.problems += [*_no_dnsmasq(run), *_foreign_lines(policy)]
    _resolvers(wanted, wanted != before, policy, found)
    return found


def _syntax(wanted: Resolver, policy: Optional[Policy], run: Runner) -> list[Problem]:
    """dnsmasq reads the text from its standard input and only tests it."""
    done = run([str(find("dnsmasq")), "--test", "--conf-file=-"], dnsmasq_text(wanted, policy))
    if done.code == 0:
        return []
    return [
        Problem("dnsmasq --test", done.err.strip()[:200], "to accept the configuration", "This dnsmasq is too old, or lacks a feature.")
    ]


def _own(run: Runner) -> set[tuple[str, int]]:
    """The addresses and ports that our own services hold, as their files have them: the stored settings may be damaged."""
    found: set[tuple[str, int]] = set()
    if run(["systemctl", "is-active", "--quiet", DNSMASQ], "").code == 0:
        found.update((address, 53) for address in re.findall(r"^listen-address=(\S+)$", _system.read(INSTANCE) or "", re.MULTILINE))
    if run(["systemctl", "is-active", "--quiet", LEARN_SOCKET], "").code == 0:
        ports = re.findall(rf"^ListenStream={LOOPBACK}:(\d+)$", _system.read(f"{UNITS}/{LEARN_SOCKET}") or "", re.MULTILINE)
        found.update((LOOPBACK, int(port)) for port in ports)
    return found


def _occupied(address: str, port: int, option: str, run: Runner) -> list[Problem]:
    """Whether somebody else holds a port, tried for both protocols."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as trial:
            if kind == socket.SOCK_STREAM:
                # Connections that have just been closed are nobody's.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                where = f"{address} port {port}"
                if error.errno == errno.EADDRNOTAVAIL:
                    return [Problem(f"{PREFIX}{option}", address, "an address of this machine")]
                remedy = "Stop it, name another address, or use webrtc_domains_mode dropin if it is the machine's own dnsmasq."
                holder = _holder(port, run)
                expected = f"a port that is free; {where} is held by {holder}"
                return [Problem(f"{PREFIX}{option}", address if option == "listen" else port, expected, remedy)]
    return []


def _holder(port: int, run: Runner) -> str:
    tool = find("ss")
    listed = run([tool, "-H", "-lnutp", f"sport = :{port}"], "").out if tool else ""
    return ", ".join(sorted(set(re.findall(r'\(\("([^"]+)"', listed)))) or "another program"


def _no_dnsmasq(run: Runner) -> list[Problem]:
    """The machine's own dnsmasq must be running and read the folder that we write to."""
    remedy = "Start it, or use webrtc_domains_mode instance."
    shown = run(["systemctl", "show", "--property=ActiveState,MainPID", "dnsmasq.service"], "").out
    facts = dict(line.partition("=")[::2] for line in shown.splitlines())
    if facts.get("ActiveState") != "active":
        expected = "a running dnsmasq.service on this machine"
        return [Problem(f"{PREFIX}mode", "dropin", expected, remedy)]
    arguments = _system.read(f"/proc/{facts.get('MainPID')}/cmdline") or ""
    if _CONF_DIR in arguments or re.search(rf"^\s*conf-dir\s*=\s*{_CONF_DIR}/?\s*(,|$)", _system.read(_CONF) or "", re.MULTILINE):
        complaint = dnsmasq_complaint(run)
        remedy = "Correct its configuration first: it could not be restarted."
        return [Problem("dnsmasq --test", complaint, "a dnsmasq whose own configuration is right", remedy)] if complaint else []
    remedy = f"Add conf-dir={_CONF_DIR} to {_CONF}, or use webrtc_domains_mode instance."
    return [Problem(f"{PREFIX}mode", "dropin", f"a dnsmasq that reads {_CONF_DIR}", remedy)]


def _foreign_lines(policy: Optional[Policy]) -> list[Problem]:
    """Lines of others that would send a required name past the learner."""
    paths = [_CONF, *(os.path.join(_CONF_DIR, name) for name in sorted(_names(_CONF_DIR)))]
    found = []
    for path in paths:
        for number, line in enumerate(
            (_system.read(path) or "").splitlines() if path != DNSMASQ_DROPIN and os.path.isfile(path) else (), 1
        ):
            match = _LINE.match(line)
            theirs = [name.strip("*.").lower() for name in match.group(1).split("/")] if match else []
            clashes = [ours for ours in domains(policy) for name in theirs if name == ours or name.endswith(f".{ours}")]
            if clashes:
                remedy = f"Remove the line, or leave the service out: with it no address below {clashes[0]} can be learned for sure."
                found.append(Problem(f"{path}:{number}", line.strip()[:100], f"no line of its own for {', '.join(clashes)}", remedy))
    return found


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _resolvers(wanted: Resolver, changed: bool, policy: Optional[Policy], found: Findings) -> None:
    """Ask each resolver something; a site whose resolvers are down for a moment must still be able to run."""
    name = (domains(policy) or ["."])[0]
    silent = {server: reason for server, upstream in zip(wanted.servers, wanted.upstreams) if (reason := _asked(upstream, name))}
    if changed and len(silent) == len(set(wanted.servers)):
        remedy = "Correct the addresses, or let this machine reach them."
        told = "; ".join(f"{server} {reason}" for server, reason in silent.items())
        found.problems.append(Problem(f"{PREFIX}servers", told, "at least one resolver that answers", remedy))
        return
    found.warnings += [f"resolver {server} {reason}" for server, reason in silent.items()]


def _asked(server: tuple[str, int], name: str) -> str:
    """What is wrong with a resolver; empty if it answers."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label)
    query = os.urandom(2) + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", _dns.A, 1)
    for _try in range(_TRIES):
        with socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(_SECONDS)
            try:
                asker.connect(server)
                asker.send(query)
                reply = asker.recv(65535)
            except OSError:
                continue
            if _dns.answers(query, reply):
                return "answers SERVFAIL" if _dns.code(reply) == _dns.SERVFAIL else ""
    return f"does not answer within {_TRIES * _SECONDS:.0f} seconds"
