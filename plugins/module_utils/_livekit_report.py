# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What the connection test reports: results as the module probe makes them, steps for people, warnings; and nothing of a secret in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import OPEN, UNTESTED

Result = dict[str, Any]
_HIDDEN = "(hidden)"
# So much of a secret in a row is hidden, since a server may send back parts of it; shorter secrets are found in harmless words.
_PIECE = 12


@dataclass
class Report:
    """What was found out.

    Attributes:
        results: as `Endpoint.result` makes them.
        steps: name, verdict and why of each thing that was tried.
        warnings: what users should know beside that.
    """

    results: list[Result] = field(default_factory=list)
    steps: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def step(self, name: str, verdict: str, why: str) -> None:
        """Note one thing that was tried.

        Args:
            name: what people call it.
            verdict: one of the verdicts.
            why: what was seen.
        """
        self.steps.append({"name": name, "verdict": verdict, "why": why})

    def add(self, name: str, result: Result, seen: str = "") -> None:
        """Note a result, and a step for it.

        Args:
            name: what people call it.
            result: the result.
            seen: what was seen, if it is open.
        """
        self.results.append(result)
        why = seen if result["verdict"] == OPEN else str(result["facts"].get("why", ""))
        self.step(name, result["verdict"], ": ".join(filter(None, [result["endpoint"], why])))

    def untested(self, name: str, requirement: str, kind: str, endpoint: str, why: str) -> None:
        """Note that nothing could be tested for a requirement.

        Args:
            name: what people call the step.
            requirement: the id of the result.
            kind: the kind of probe that it would have been.
            endpoint: where it would have gone, in the words of the requirement.
            why: the reason.
        """
        result = {"id": requirement, "kind": kind, "endpoint": endpoint, "family": None, "verdict": UNTESTED, "seconds": 0.0}
        self.results.append({**result, "facts": {"why": why}})
        self.step(name, UNTESTED, why)

    def without(self, secrets: Iterable[str]) -> Report:
        """The same without any part of secrets, wherever a server may have put it.

        Args:
            secrets: the token, and credentials that the server handed out.
        """
        pieces = {secret[at : at + _PIECE] for secret in secrets for at in range(len(secret) - _PIECE + 1)}
        return Report(_hidden(self.results, pieces), _hidden(self.steps, pieces), _hidden(self.warnings, pieces))


def _hidden(value: Any, pieces: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(entry, pieces) for key, entry in value.items()}
    if isinstance(value, list):
        return [_hidden(entry, pieces) for entry in value]
    return _hidden_text(value, pieces) if isinstance(value, str) else value


def _hidden_text(text: str, pieces: set[str]) -> str:
    shown, at = "", 0
    while at < len(text):
        if text[at : at + _PIECE] not in pieces:
            shown += text[at]
            at += 1
            continue
        end = at + _PIECE
        while end < len(text) and text[end - _PIECE + 1 : end + 1] in pieces:
            end += 1
        shown, at = shown + _HIDDEN, end
    return shown
