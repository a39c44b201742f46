# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What an earlier run left on the target: the policy, so that services compose, and the settings of the resolver."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, TypeVar

from ansible_collections.webrtc.firewall.plugins.module_utils import _policy_json, _resolver, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput, Problem, TargetProblem
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import POLICY, RESOLVER
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._resolver import Resolver

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Stored:
    """What an earlier run has left: its policy, the addresses of the names in it, and the backend that it was applied by."""

    policy: Optional[Policy]
    resolved: dict[str, tuple[str, ...]]
    backend: str = ""


def load() -> Stored:
    """Read the policy that an earlier run has stored.

    Returns:
        The stored policy; None if there is none.

    Raises:
        TargetProblem: the file was edited or is damaged.
    """
    remedy = "Apply all services of this machine in one exclusive run (webrtc_egress_exclusive: true); it writes the file anew."
    return _unsealed(POLICY, remedy, _stored) or Stored(None, {})


def _stored(data: Mapping[str, Any]) -> Stored:
    resolved = {str(name): tuple(map(str, found)) for name, found in data["resolved"].items()}
    return Stored(_policy_json.from_dict(data["policy"]), resolved, str(data["backend"]))


def load_resolver() -> Optional[Resolver]:
    """Read the settings of the resolver that an earlier run has stored; None if there are none.

    Raises:
        TargetProblem: the file was edited or is damaged.
    """
    return _unsealed(RESOLVER, "Run the role webrtc_domains; it writes the file anew.", lambda data: _resolver.from_dict(data["resolver"]))


def policy_text(policy: Policy, resolved: Mapping[str, tuple[str, ...]], backend: str) -> str:
    """What to store: the policy, the addresses of the names in it, and the backend's name, with a checksum."""
    addresses = {name: list(found) for name, found in resolved.items()}
    return _sealed({"policy": _policy_json.to_dict(policy), "resolved": addresses, "backend": backend})


def resolver_text(resolver: Resolver) -> str:
    """What to store of the resolver, with a checksum."""
    return _sealed({"resolver": _resolver.to_dict(resolver)})


def _sealed(data: dict[str, Any]) -> str:
    return json.dumps({**data, "sha256": _digest(data)}, indent=1, sort_keys=True) + "\n"


def _unsealed(path: str, remedy: str, read: Callable[[Mapping[str, Any]], _Kind]) -> Optional[_Kind]:
    text = _system.read(path)
    if text is None:
        return None
    try:
        data = json.loads(text)
        if data.pop("sha256") != _digest(data):
            raise ValueError("its checksum does not fit")
        return read(data)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        reason = str(error).splitlines()[0]
        raise TargetProblem([Problem(path, reason, "the file as the last run left it", remedy)]) from error


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
