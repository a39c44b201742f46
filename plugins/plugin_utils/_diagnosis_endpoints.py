# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What one result of a probe says about the way to its endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    BAD_ANSWER,
    NAME_NOT_FOUND,
    OPEN,
    PROHIBITED,
    REFUSED,
    RESET,
    TIMED_OUT,
    UNREACHABLE,
    UNTESTED,
)
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _diagnosis_tls

BLOCKED, INTERCEPTED = "blocked", "intercepted"
ONE_WAY, LOSS, INSPECTION, EXPIRED, CUT_OFF = "one-way", "loss", "inspection", "certificate-expired", "first-packets-then-block"
# The verdicts that a probe can have.
PROBED = (OPEN, TIMED_OUT, REFUSED, PROHIBITED, RESET, UNREACHABLE, NAME_NOT_FOUND, BAD_ANSWER, ONE_WAY, UNTESTED)
# Of several causes, the one that tells most comes first.
CAUSES = (
    INSPECTION,
    CUT_OFF,
    ONE_WAY,
    EXPIRED,
    PROHIBITED,
    REFUSED,
    RESET,
    BAD_ANSWER,
    NAME_NOT_FOUND,
    TIMED_OUT,
    UNREACHABLE,
    LOSS,
    UNTESTED,
    OPEN,
)
# Beyond a few per cent people hear it, whatever a codec conceals.
LOSS_PERCENT = 3.0
_LOSSES = {"loss_percent": "", "loss_percent_out": " on the way out", "loss_percent_in": " on the way in"}
_CARRIED_BY = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
_RELAY = re.compile(r"(.*):([0-9]{1,5})")
_ENDPOINT = re.compile(r"(.*):([0-9]{1,5})/([a-z]+)")


@dataclass(frozen=True)
class Judgement:
    """What a result says.

    Attributes:
        verdict: open, blocked, intercepted or untested.
        cause: one of `CAUSES`.
        why: in words, empty where all is well.
        result: the result itself.
    """

    verdict: str
    cause: str
    why: str
    result: Mapping[str, Any]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the probe knows beside its verdict."""
        return self.result.get("facts") or {}

    @property
    def host(self) -> str:
        """The name that was asked for, or the address."""
        return str(self.facts.get("host") or self.address)

    @property
    def address(self) -> str:
        """The address, or the name in its place."""
        return self.parts[0].strip("[]")

    @property
    def parts(self) -> tuple[str, int, str]:
        """Address, port and transport of the endpoint."""
        found = _ENDPOINT.fullmatch(str(self.result.get("endpoint", "")))
        return (found[1], int(found[2]), found[3]) if found else (str(self.result.get("endpoint", "")), 0, "")

    @property
    def aimed_at(self) -> tuple[str, int, str]:
        """Address, port and protocol of what was sent: of media, those of the relay."""
        address, port, transport = self.parts
        relay = _RELAY.fullmatch(str(self.facts.get("relay") or "")) if self.result.get("kind") == "media" else None
        return (relay[1].strip("[]"), int(relay[2]), "udp") if relay else (address.strip("[]"), port, _CARRIED_BY.get(transport, transport))

    @property
    def shown(self) -> str:
        """The endpoint as people read it."""
        name, endpoint = self.facts.get("host"), str(self.result.get("endpoint", ""))
        return f"{name} ({endpoint})" if name else endpoint


def judge(result: Mapping[str, Any], ports: Iterable[tuple[int, int]], inspection_issuers: Iterable[str] = ()) -> Judgement:
    """What one result says.

    Args:
        result: of module probe, checked by `_assess_evidence`.
        ports: those of the requirement: media through a relay at another port says nothing of it.
        inspection_issuers: texts in the names of the site's own inspecting authorities.
    """
    verdict, facts = result["verdict"], result.get("facts") or {}
    cause, why = _diagnosis_tls.judge(facts, inspection_issuers)
    if cause:
        return Judgement(INTERCEPTED if cause == INSPECTION else BLOCKED, cause, why, result)
    said = str(facts.get("why") or "")
    relay = facts.get("relay_port") if result.get("kind") == "media" else None
    if isinstance(relay, int) and not any(first <= relay <= last for first, last in ports):
        why = f"the server's relay is at port {relay}, which is none of the requirement's, so that it says nothing of it"
        return Judgement(UNTESTED, UNTESTED, why, result)
    stopped = facts.get("stopped_after")
    if isinstance(stopped, int) and stopped > 0 and verdict != UNTESTED:
        return Judgement(BLOCKED, CUT_OFF, f"the first {stopped} packets passed, and none after them", result)
    if verdict == OPEN:
        lost = _losses(facts)
        return Judgement(OPEN, LOSS, f"{lost} of the packets are lost", result) if lost else Judgement(OPEN, OPEN, "", result)
    if verdict == UNTESTED:
        return Judgement(UNTESTED, UNTESTED, said or "nothing can be said", result)
    if verdict == BAD_ANSWER and _servers_own(facts):
        refused = f"the server itself answered and refused ({said or 'no reason'}), so the network let it through"
        return Judgement(UNTESTED, BAD_ANSWER, refused, result)
    return Judgement(BLOCKED, verdict, said or verdict, result)


def _losses(facts: Mapping[str, Any]) -> str:
    """The losses that people notice, in words; empty if there are none."""
    found = [(facts.get(key), where) for key, where in _LOSSES.items()]
    return " and ".join(f"{lost:g} %{where}" for lost, where in found if isinstance(lost, (int, float)) and lost > LOSS_PERCENT)


def _servers_own(facts: Mapping[str, Any]) -> bool:
    """Whether a refusal is one in the protocol's own terms: an error of STUN or TURN, or a final status of HTTP."""
    return any(isinstance(facts.get(key), int) and facts[key] >= 200 for key in ("code", "status"))
