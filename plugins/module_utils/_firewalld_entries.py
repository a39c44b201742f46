# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Entries into and out of firewalld's sets over D-Bus, for as long as somebody asks: one JSON job a line, one JSON answer a line.

Runs by itself in firewalld's own interpreter, as _firewalld_bus does, so it imports nothing else of ours. Whenever others may have
changed a set, a byte goes into the pipe whose number is the first argument. Reference: firewalld.dbus(5).
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
from typing import Any, Callable

NAME, ROOT = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
IPSET = f"{NAME}.ipset"
PREFIX = "webrtc-"
# From so many addresses on a set is filled at once although it is not quite empty.
_MANY = 100
# A reload lets no call through until it is done.
_SECONDS = 5.0
_ABSENT = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")
# What nftables and ipset say where a set takes no more.
_FULL = ("Too many open files", "Set is full", "set is full", "Hash is full")


class Entries:
    """A connection to firewalld.

    Args:
        pipe: where it is told that others may have changed something.
    """

    def __init__(self, pipe: int) -> None:
        self.dbus: Any = importlib.import_module("dbus")
        loop = importlib.import_module("dbus.mainloop.glib").DBusGMainLoop()
        self._context = importlib.import_module("gi.repository.GLib").MainContext.default()
        self._bus = self.dbus.SystemBus(mainloop=loop)
        self._pipe = pipe
        # What the job at hand does itself, as (signal, set, entry).
        self._own: set[tuple[str, str, str]] = set()
        # What was put into each set; and whether firewalld may have forgotten it.
        self._held: dict[str, set[str]] = {}
        self._forgotten = False
        self.bus = int(self._bus.get_unix_fd())
        for signal in ("EntryAdded", "EntryRemoved"):
            self._bus.add_signal_receiver(self._entry, signal, IPSET, NAME, ROOT, member_keyword="member")
        self._bus.add_signal_receiver(self._anew, "Reloaded", NAME, NAME, ROOT)
        self._bus.watch_name_owner(NAME, self._anew)

    def hear(self) -> None:
        """Take what has come, which leads to `_entry` and `_anew`; what firewalld has forgotten it is told again at once."""
        self._take()
        if self._forgotten:
            self._forgotten = False
            answer = _nothing_wrong()
            for name, addresses in self._held.items():
                self._try(self._add, name, sorted(addresses), answer)
            # These sets are looked at nevertheless: they may be others now.
            self._take()
            self._own.clear()
            self._tell()

    def _take(self) -> None:
        while self._context.pending():
            self._context.iteration(False)

    def do(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job: ``add`` or ``remove`` addresses, by set, or ``list`` a set."""
        answer = _nothing_wrong()
        if job["do"] == "list":
            self._try(self._list, job["set"], answer)
        for name, addresses in job.get("sets", {}).items():
            held = self._held.setdefault(name, set())
            if job["do"] == "add":
                held.update(addresses)
                self._try(self._add, name, addresses, answer)
            else:
                held.difference_update(addresses)
                self._try(self._remove, name, addresses, answer)
        self._take()
        self._own.clear()
        return answer

    def _try(self, what: Callable[..., None], *arguments: Any) -> None:
        answer = arguments[-1]
        if answer["error"]:
            # A firewalld that does not answer would be waited for again and again, and clients with it.
            return
        try:
            what(*arguments)
        except self.dbus.DBusException as error:
            _sort(error, answer)

    def _list(self, name: str, answer: dict[str, Any]) -> None:
        answer["entries"] = self._entries(name)

    def _add(self, name: str, addresses: list[str], _answer: dict[str, Any]) -> None:
        there = self._entries(name) if len(addresses) > 1 else []
        if len(addresses) > 1 and (not there or len(addresses) > max(len(there), _MANY)):
            # Many times as fast. As it empties the set first, it is for one in which most is missing anyway.
            new = sorted({*there, *addresses})
            self._own.update(("EntryAdded", name, address) for address in new)
            self._call("setEntries", "sas", name, self.dbus.Array(new, signature="s"))
            return
        for address in addresses:
            self._own.add(("EntryAdded", name, address))
            try:
                self._call("addEntry", "ss", name, address)
            except self.dbus.DBusException as error:
                if not _says(error, "ALREADY_ENABLED"):
                    raise

    def _remove(self, name: str, addresses: list[str], answer: dict[str, Any]) -> None:
        for address in addresses:
            self._own.add(("EntryRemoved", name, address))
            try:
                self._call("removeEntry", "ss", name, address)
            except self.dbus.DBusException as error:
                _sort(error, answer)
            if answer["error"]:
                return

    def _entries(self, name: str) -> list[str]:
        return [str(entry) for entry in self._call("getEntries", "s", name)]

    def _call(self, method: str, signature: str, *arguments: Any) -> Any:
        return self._bus.call_blocking(NAME, ROOT, IPSET, method, signature, arguments, timeout=_SECONDS)

    def _entry(self, name: str, entry: str, member: str) -> None:
        if name.startswith(PREFIX) and (member, name, entry) not in self._own:
            self._tell()

    def _anew(self, *_owner: str) -> None:
        self._forgotten = True

    def _tell(self) -> None:
        try:
            os.write(self._pipe, b"!")
        except BlockingIOError:
            # So much is waiting there already that one more says nothing.
            pass


def _nothing_wrong() -> dict[str, Any]:
    return {"gone": False, "full": False, "error": ""}


def _says(error: Any, code: str) -> bool:
    return str(error.get_dbus_message()).startswith(code)


def _sort(error: Any, answer: dict[str, Any]) -> None:
    """What an error means."""
    text = str(error.get_dbus_message())
    if error.get_dbus_name() in _ABSENT or any(_says(error, code) for code in ("INVALID_IPSET", "NOT_APPLIED", "NOT_ENABLED")):
        answer["gone"] = True
    elif any(words in text for words in _FULL):
        answer["full"] = True
    else:
        answer["error"] = " ".join(text.split())[:300]


def main() -> None:
    """Jobs until there are no more."""
    entries = Entries(int(sys.argv[1]))
    while True:
        # Also what has come during the last job, as that is not to be read from the bus any more.
        entries.hear()
        ready, _writable, _failed = select.select([sys.stdin, entries.bus], [], [])
        if sys.stdin in ready:
            # Whoever asks waits for the answer, so no second line can be in the buffer.
            line = sys.stdin.readline()
            if not line:
                return
            sys.stdout.write(json.dumps(entries.do(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
