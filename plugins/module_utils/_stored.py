# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The policy as an earlier run left it on the target, so that services compose."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils import _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy, from_dict, to_dict

DIRECTORY = "/etc/webrtc-firewall"
PATH = f"{DIRECTORY}/policy.json"


@dataclass(frozen=True)
class Stored:
    """What an earlier run has left: its policy and the addresses of the names in it."""

    policy: Optional[Policy]
    resolved: dict[str, tuple[str, ...]]


def load() -> Stored:
    """Read what an earlier run has stored.

    Returns:
        The stored policy; None if there is none.

    Raises:
        TargetProblem: the file was edited or is damaged.
    """
    text = _system.read(PATH)
    if text is None:
        return Stored(None, {})
    try:
        data = json.loads(text)
        if data["sha256"] != _digest(data):
            raise ValueError("its checksum does not fit")
        resolved = {str(name): tuple(map(str, found)) for name, found in data["resolved"].items()}
        return Stored(from_dict(data["policy"]), resolved)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        reason = str(error).splitlines()[0]
        remedy = "Apply all services of this machine in one exclusive run (webrtc_egress_exclusive: true); it writes the file anew."
        raise TargetProblem([Problem(PATH, reason, "the file as the last run left it", remedy)]) from error


def _digest(data: dict[str, Any]) -> str:
    body = json.dumps({"policy": data["policy"], "resolved": data["resolved"]}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def text(policy: Policy, resolved: Mapping[str, tuple[str, ...]]) -> str:
    """What to store: the policy, and the addresses of the names in it, with a checksum."""
    data: dict[str, Any] = {"policy": to_dict(policy), "resolved": {name: list(found) for name, found in resolved.items()}}
    return json.dumps({**data, "sha256": _digest(data)}, indent=1, sort_keys=True) + "\n"
