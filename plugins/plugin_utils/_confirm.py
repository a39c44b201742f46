# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""How the controller settles a change: it comes back over a fresh connection, or finds out what became of the change."""

from __future__ import annotations

import time
from typing import Any, Callable

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem

SECONDS = 60
_MOST = 3600
# A connection that has come up still has to carry a module there and back.
_WORK = 5
# Beyond its time the machine may wait for another run, and then needs some to go back.
_PATIENCE = 30.0
_PAUSE = 1.0


class Unreached(Exception):
    """Nobody answers on the machine, nor did so when a change was to begin."""


def checked(value: Any, timeout: int) -> int:
    """The seconds that a change may wait for its confirmation.

    Args:
        value: as the site gave it.
        timeout: seconds that a connection may take to come up.

    Raises:
        InvalidInput: it is no number of seconds, or none in which a connection could be opened.
    """
    least = timeout + _WORK
    remedy = "To change rules without a way back set webrtc_egress_confirm to false."
    expected = f"a whole number of seconds from {least} (the connection may take {timeout} to come up) to {_MOST}"
    try:
        seconds = int(str(value))
    except ValueError:
        seconds = 0
    if isinstance(value, bool) or not least <= seconds <= _MOST:
        raise InvalidInput([Problem("webrtc_egress_confirm_seconds", value, expected, remedy)])
    return seconds


def settle(ask: Callable[[], dict[str, Any]], keep: bool, seconds: int, timeout: int) -> dict[str, Any]:
    """Ask until there is an answer, or until the machine must long have gone back.

    Args:
        ask: opens a fresh connection and runs the module confirm there; gives its result, or one without `problems` where it could not.
        keep: whether the change shall stay.
        seconds: for how long it waits.
        timeout: seconds that a connection may take to come up.

    Returns:
        What to add to the task's result.

    Raises:
        Unreached: the change shall not stay and nobody answers, most likely as nobody ever did: the machine needs nobody to go back.
    """
    start = time.monotonic()
    patience = seconds + _PATIENCE if keep else _WORK
    missed: list[str] = []
    while True:
        answer = ask()
        if not answer.get("failed"):
            return {"confirmed": True} if keep else _failed("the change was taken back", missed)
        if "problems" in answer:
            return _failed(str(answer["msg"]), missed)
        missed.append(str(answer.get("msg", answer)))
        if time.monotonic() - start > patience + timeout:
            if not keep:
                raise Unreached
            return _failed(f"the machine cannot be reached since; it goes back by itself {seconds} seconds after the change began", missed)
        time.sleep(_PAUSE)


def _failed(reason: str, missed: list[str]) -> dict[str, Any]:
    tries = f"\n{len(missed)} fresh connections failed; the first: {missed[0][:300]}" if missed else ""
    return {"failed": True, "confirmed": False, "changed": False, "msg": f"{reason}{tries}"}
