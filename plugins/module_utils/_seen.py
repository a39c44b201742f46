# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""When each address of a host name was last among the answers.

Name servers of clouds answer with a few of many addresses at a time. So an address that was missing once is not gone; it is gone
when its name has been answered for a whole week without it. A name that is not answered at all loses nothing.
"""

from __future__ import annotations

import json
import os
from typing import Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import SEEN, STATE_DIRECTORY
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolve import Answers

KEEP_SECONDS = 7 * 24 * 3600
# Name to its addresses, each with the seconds since 1970 at which it was last answered.
Seen = Mapping[str, Mapping[str, float]]


def take_in(
    known: Mapping[str, tuple[str, ...]], answers: Answers, seen: Seen, now: float
) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, float]]]:
    """Bring what is known of each name up to date.

    Args:
        known: the addresses that are let through, by name.
        answers: what the resolver says now.
        seen: when each address was last answered; one that is not there counts as answered now.
        now: seconds since 1970.

    Returns:
        The addresses that stay known, and when each was last answered.
    """
    kept, times = {}, {}
    for name in sorted({*known, *answers.addresses}):
        answered = answers.addresses.get(name, ())
        # A time in the future is a clock that was set back.
        last = {address: min(seen.get(name, {}).get(address, now), now) for address in known.get(name, ())}
        last.update(dict.fromkeys(answered, now))
        times[name] = {address: when for address, when in sorted(last.items()) if not answered or now - when < KEEP_SECONDS}
        kept[name] = tuple(times[name])
    return kept, times


def drift(policy: Policy, answers: Answers) -> list[str]:
    """What the vendors' dated lists of names say that DNS does not say any more, a line for each list."""
    if answers.failures and not answers.addresses:
        return ["warning: no name is answered at all; the addresses that were known stay"]
    lines = []
    for service, flows in policy.services.items():
        names = {name for flow in flows for name in flow.destination.hostnames}
        gone = sorted(names & set(answers.failures))
        if gone:
            dated = f" of {policy.dated[service]}" if service in policy.dated else ""
            some = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
            lines.append(f"warning: {service}: {len(gone)} of {len(names)} names of the list{dated} have no address: {some}")
    return lines


def load() -> dict[str, dict[str, float]]:
    """What an earlier refresh has stored; nothing where it is missing or damaged, which makes every address count as new."""
    try:
        data = json.loads(_system.read(SEEN) or "{}")
        return {str(name): {str(address): float(when) for address, when in found.items()} for name, found in data.items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def store(seen: Seen) -> None:
    """Store it.

    Raises:
        OSError: the disk takes no more.
    """
    os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
    os.replace(_system.stage(SEEN, json.dumps(seen, indent=1, sort_keys=True) + "\n", 0o600), SEEN)
