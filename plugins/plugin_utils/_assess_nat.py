# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The NAT between a vantage point and the servers, and what to do about one that harms calls."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

_SYMMETRIC = "symmetric"
_MAPPINGS = ("none", "endpoint-independent", _SYMMETRIC)
_WHY = {
    "none": "no NAT: both servers saw the machine's own address and port",
    "endpoint-independent": "both servers saw the same address and port, so that peers find the way back",
    _SYMMETRIC: "each server saw another address or port, so that what one server learns is of no use to a peer",
}
_REMEDY = (
    "Avoid symmetric NAT if possible (LiveAvatar document): have masquerade and SNAT rules keep the source port, without random or "
    "fully-random. Where it stays, media takes TURN."
)
_FORGETFUL = (
    "Have the NAT remember UDP for two minutes at least (RFC 4787, REQ-5); live calls send more often than that, those on hold may not."
)
# RFC 4787 wants no more than two minutes; a probe that took longer may have waited longer.
_LONG_SECONDS = 120
_MASQUERADE = "masquerade-random"


def show(results: Sequence[Mapping[str, Any]], gateways: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """What is known of the NAT; None if nothing is.

    Args:
        results: of the kind nat.
        gateways: as the assessment shows them; a finding of theirs may be the reason.
    """
    told = [(str((result.get("facts") or {}).get("mapping") or ""), result) for result in results]
    known = [(mapping, result) for mapping, result in told if mapping in _MAPPINGS]
    if not known:
        return None
    # One family may be translated and the other not: the worst is told.
    mapping, result = max(known, key=lambda pair: _MAPPINGS.index(pair[0]))
    facts = result["facts"]
    seen = ", ".join(str(facts[key]) for key in ("local", "mapped", "second_mapped") if facts.get(key))
    why = f"{_WHY[mapping]}{f' ({seen})' if seen else ''}"
    lost = [one.get("seconds") for one in results if (one.get("facts") or {}).get("mapping_lost") is True]
    kept = [seconds for one in results if isinstance(seconds := (one.get("facts") or {}).get("mapping_kept_seconds"), (int, float))]
    if lost or kept:
        why += "; a mapping was lost while nothing was sent" if lost else f"; a mapping outlived {max(kept):g} seconds without packets"
    forgetful = [_FORGETFUL] if any(not isinstance(took, (int, float)) or took < _LONG_SECONDS for took in lost) else []
    if mapping != _SYMMETRIC:
        return {"mapping": mapping, "why": why, "remedy": "".join(forgetful)}
    guilty = [
        f"Gateway {gateway['name']}: {finding['what']}{f' ({where})' if (where := finding['where']) else ''}"
        for gateway in gateways
        for finding in gateway["findings"]
        if finding["id"] == _MASQUERADE
    ]
    return {"mapping": mapping, "why": why, "remedy": " ".join([_REMEDY, *(f"{text}." for text in guilty), *forgetful])}
