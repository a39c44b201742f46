# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The kernel's log: what a packet filter has dropped, and whether connections could not be tracked.

The journal tells the time of a line better, since the clock behind /dev/kmsg drifts; it is asked first, where it holds the kernel's lines.
References: Documentation/ABI/testing/dev-kmsg, journalctl(1), systemd.journal-fields(7), xt_LOG in iptables-extensions(8).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import Any, Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._system import Runner, find

KMSG = "/dev/kmsg"
# It is there in the machine's first network namespace alone (linux/net/netfilter/nf_log.c).
ALL_NAMESPACES = "/proc/sys/net/netfilter/nf_log_all_netns"
MOST_DROPPED = 1000
_MOST_LINES, _MOST_BYTES, _SECONDS = 20000, 16384, 3.0
_FULL = re.compile(r"nf_conntrack: table full")
_RECORD = re.compile(rb"([0-9]+),[0-9]+,([0-9]+),[^;]*;([^\n]*)")
_FIELD = re.compile(r"(IN|OUT|SRC|DST|PROTO|SPT|DPT)=(\S*)")
_ELSEWHERE = "this machine is a container: the kernel's log is the machine's, and drops in a container are logged there, if at all"
# A line and its time in seconds since the epoch.
_Line = tuple[float, str]


@dataclass(frozen=True)
class Log:
    """What the log says.

    Attributes:
        dropped: packets that were dropped, oldest first, as plain data.
        left_out: how many more there are, older than these.
        readable: whether all that was logged could be read.
        why: if not, why not.
        full: lines that say that a connection could not be tracked.
    """

    dropped: tuple[dict[str, Any], ...] = ()
    left_out: int = 0
    readable: bool = True
    why: str = ""
    full: tuple[str, ...] = ()


def look(run: Runner, prefix: str, since: float) -> Log:
    """Read the kernel's log.

    Args:
        run: runs commands.
        prefix: what the lines of dropped packets begin with.
        since: seconds since the epoch; what is older is left out.
    """
    lines = _journal(run, since)
    why = ""
    if lines is None:
        try:
            lines = [line for line in kmsg() if line[0] >= since]
        except OSError as error:
            lines, why = [], f"{KMSG}: {error.strerror}, and the journal holds no lines of the kernel's"
    found = summary(lines, prefix)
    if not found.dropped and not why and not os.path.exists(ALL_NAMESPACES):
        why = _ELSEWHERE
    return Log(found.dropped, found.left_out, not why, why, found.full)


def summary(lines: Iterable[_Line], prefix: str) -> Log:
    """What matters of some lines.

    Args:
        lines: lines of the kernel's, with their times.
        prefix: what the lines of dropped packets begin with.
    """
    kept: deque[dict[str, Any]] = deque(maxlen=MOST_DROPPED)
    full: deque[str] = deque(maxlen=10)
    count = 0
    for when, line in lines:
        item = parse(line, prefix)
        if item:
            count += 1
            kept.append({"time": _moment(when), **item})
        elif _FULL.search(line):
            full.append(f"{_moment(when)} {line}")
    return Log(tuple(kept), count - len(kept), full=tuple(full))


def parse(line: str, prefix: str) -> Optional[dict[str, Any]]:
    """A line of the packet filter's with this prefix; None for any other.

    Args:
        line: the line without its time.
        prefix: the prefix; a space at its end may be missing.
    """
    start = prefix.rstrip()
    rest = line[len(start) :].lstrip()
    if not line.startswith(start) or not rest.startswith("IN="):
        return None
    # An ICMP error quotes the packet that it is about in brackets.
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(rest.partition("[")[0]):
        fields.setdefault(key, value)
    return {
        "line": line.strip(),
        "protocol": fields.get("PROTO", "").lower(),
        "source": _address(fields.get("SRC", "")),
        "destination": _address(fields.get("DST", "")),
        "source_port": _port(fields.get("SPT")),
        "port": _port(fields.get("DPT")),
        "in": fields.get("IN", ""),
        "out": fields.get("OUT", ""),
    }


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _port(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isdigit() else None


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _journal(run: Runner, since: float) -> Optional[list[_Line]]:
    """The kernel's lines in the journal; None where it holds none at all."""
    path = find("journalctl")
    if path is None:
        return None
    command = [path, "--dmesg", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE,SYSLOG_FACILITY"]
    if not run([*command, "--lines=1"], "").out.strip():
        return None
    done = run([*command, f"--lines={_MOST_LINES}", f"--since=@{int(since)}"], "")
    return [line for line in journal_lines(done.out) if line[0] >= since]


def journal_lines(text: str) -> Iterator[_Line]:
    """The lines in what `journalctl -o json` printed; one that is no text is left out."""
    for row in text.splitlines():
        try:
            entry = json.loads(row)
            if entry.get("SYSLOG_FACILITY", "0") != "0":
                # What a program has written into the kernel's log.
                continue
            when, message = int(entry["__REALTIME_TIMESTAMP"]) / 1e6, entry["MESSAGE"]
            if isinstance(message, list):
                message = bytes(message).decode(errors="replace")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(message, str):
            yield when, message


def kmsg(path: str = KMSG) -> Iterator[_Line]:
    """All lines that the kernel itself has written and still keeps.

    Args:
        path: the device.

    Raises:
        OSError: it is not there, or may not be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    begin, deadline = time.time() - time.monotonic(), time.monotonic() + _SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                record = os.read(handle, _MOST_BYTES)
            except BlockingIOError:
                return
            except BrokenPipeError:
                # The kernel has written over what came next; the next record is the oldest that is left.
                continue
            if not record:
                return
            line = kmsg_line(record)
            if line:
                yield begin + line[0], line[1]
    finally:
        os.close(handle)


def kmsg_line(record: bytes) -> Optional[_Line]:
    """A record of /dev/kmsg, with seconds since the machine's start; None for one that a program has written."""
    match = _RECORD.match(record)
    if not match or int(match[1]) >> 3:
        return None
    return int(match[2]) / 1e6, match[3].decode(errors="replace")
