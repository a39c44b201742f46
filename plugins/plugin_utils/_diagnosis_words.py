# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What to do about a requirement that does not get through, in a sentence that somebody can act on."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from ansible_collections.webrtc.firewall.plugins.module_utils._addresses import ports_text
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import (
    BAD_ANSWER,
    NAME_NOT_FOUND,
    OPEN,
    PROHIBITED,
    REFUSED,
    RESET,
    UNREACHABLE,
    UNTESTED,
)
from ansible_collections.webrtc.firewall.plugins.plugin_utils import _diagnosis_tls
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis import Diagnosis
from ansible_collections.webrtc.firewall.plugins.plugin_utils._diagnosis_endpoints import CUT_OFF, EXPIRED, INSPECTION, LOSS, ONE_WAY
from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import Requirement

_SHOWN = 6


def destinations(row: Requirement) -> str:
    """Where a requirement goes, in words."""
    there = row.destinations.texts()
    if there == ["any"]:
        return "any address"
    head, rest = there[:_SHOWN], len(there) - _SHOWN
    if rest > 0:
        return f"{', '.join(head)} and {rest} more"
    return f"{', '.join(head[:-1])} and {head[-1]}" if len(head) > 1 else head[0]


def opening(row: Requirement) -> str:
    """What a requirement asks for: ``UDP 3478 out to 216.147.0.0/18 and 168.100.64.0/18``."""
    return f"{row.protocol.upper()} {ports_text(row.ports).replace(',', ', ')} out to {destinations(row)}"


def origin(row: Requirement) -> str:
    """Where it comes from: its id, and the document that asks for it."""
    return f"({row.service}/{row.id}{f'; {row.source}' if row.source else ''})"


def remedy(row: Requirement, found: Diagnosis, places: Sequence[str] = ()) -> str:
    """What to do; empty where nothing is to be done.

    Args:
        row: the requirement.
        found: what is known of it.
        places: what the gateways say of whose doing it is, as sentences.
    """
    if found.cause == OPEN:
        return ""
    if found.cause == UNTESTED:
        return ""
    return " ".join([_ADVICE.get(found.cause, _let_out)(row, found), *places])


def _let_out(row: Requirement, found: Diagnosis) -> str:
    return f"Let {opening(row)} {origin(row)}."


def _prohibited(row: Requirement, found: Diagnosis) -> str:
    senders = {str(one.facts["icmp"].get("sender") or "") for one in found.bad if isinstance(one.facts.get("icmp"), Mapping)}
    named = sorted(filter(None, senders))
    if named:
        filters = f"the filter at {named[0]}" if len(named) == 1 else f"the filters at {', '.join(named[:_SHOWN])}"
        return f"On {filters}, which forbid{'s' if len(named) == 1 else ''} it: let {opening(row)} {origin(row)}."
    return f"Let {opening(row)} {origin(row)}; the machine's own output rules, or a filter that does not name itself, forbid it."


def _refused(row: Requirement, found: Diagnosis) -> str:
    return f"{_let_out(row, found)} Something says that the port is closed: a firewall that rejects, or a server that does not listen."


def _reset(row: Requirement, found: Diagnosis) -> str:
    return (
        f"{_let_out(row, found)} Connections come up and are cut before an answer: look for filters that judge by what is "
        "said inside, such as application control, TLS inspection or filters of server names."
    )


def _unreachable(row: Requirement, found: Diagnosis) -> str:
    return f"Give this machine a route to {destinations(row)} {origin(row)}; there is none, or a router on the way has none."


def _name(row: Requirement, found: Diagnosis) -> str:
    names = sorted({one.host for one in found.bad})
    some = f"{', '.join(names[:_SHOWN])}{' and others' if len(names) > _SHOWN else ''}"
    return f"Have the DNS resolver of this network answer for {some}, and look for filters of DNS there {origin(row)}."


def _bad_answer(row: Requirement, found: Diagnosis) -> str:
    if not found.bad:
        return f"The network lets it through; correct the credentials, the token or the path of the targets of {row.service}/{row.id}."
    return f"{_let_out(row, found)} Something else answers in the server's place, such as a proxy or a login page: let it pass."


def _inspection(row: Requirement, found: Diagnosis) -> str:
    issuers = sorted({str(_diagnosis_tls.certificate_of(one.facts).get("issuer") or "") for one in found.bad if one.cause == INSPECTION})
    by = f" (its certificates are issued by {'; '.join(filter(None, issuers))})" if any(issuers) else ""
    ports = ports_text(row.ports).replace(",", ", ")
    return f"Exempt {destinations(row)} on {row.protocol.upper()} {ports} from TLS inspection{by} {origin(row)}."


def _expired(row: Requirement, found: Diagnosis) -> str:
    hosts = ", ".join(sorted({one.host for one in found.bad})[:_SHOWN])
    return (
        f"Compare the clock of this machine with the dates of the certificate of {hosts}. If the clock is right and the issuer is not "
        f"the vendor's, exempt it from TLS inspection; otherwise tell the vendor {origin(row)}."
    )


def _cut_off(row: Requirement, found: Diagnosis) -> str:
    return (
        f"Let {opening(row)} for as long as a call lasts {origin(row)}: the first packets pass and the rest do not. "
        "Look for rate limits, flood protection and application control that acts once it has seen some packets."
    )


def _one_way(row: Requirement, found: Diagnosis) -> str:
    return (
        f"Let the answers to {opening(row)} back in {origin(row)}: packets arrive, and nothing comes back. "
        "Look for a filter without connection tracking, for NAT, and for a way back that differs from the way out."
    )


def _loss(row: Requirement, found: Diagnosis) -> str:
    return f"Find out what loses packets of {opening(row)} {origin(row)}: a rate limit, a full line, or weak wireless."


_ADVICE: dict[str, Callable[[Requirement, Diagnosis], str]] = {
    PROHIBITED: _prohibited,
    REFUSED: _refused,
    RESET: _reset,
    UNREACHABLE: _unreachable,
    NAME_NOT_FOUND: _name,
    BAD_ANSWER: _bad_answer,
    INSPECTION: _inspection,
    EXPIRED: _expired,
    CUT_OFF: _cut_off,
    ONE_WAY: _one_way,
    LOSS: _loss,
}
