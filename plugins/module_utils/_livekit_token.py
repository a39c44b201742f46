# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What a room token says about itself: a JSON Web Token (RFC 7519) is read without being verified, only to explain a refusal."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timezone
from typing import Any, Optional


def trouble(token: str, now: datetime) -> str:
    """Why a server might refuse a token, as far as the token itself says; empty where it says nothing.

    Args:
        token: the token; nothing of it but its times is told.
        now: the time, with its zone.
    """
    claims = _claims(token)
    if claims is None:
        return "it does not look like a JSON Web Token"
    end, begin = _time(claims.get("exp")), _time(claims.get("nbf"))
    if end and end <= now:
        return f"it expired at {_text(end)}"
    if begin and begin > now:
        return f"it is not valid before {_text(begin)}, or the clock of this machine is wrong"
    video = claims.get("video")
    if isinstance(video, dict) and not video.get("roomJoin"):
        return "it does not grant to join a room"
    return ""


def _claims(token: str) -> Optional[dict[str, Any]]:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    # A text of brackets alone is nested deeper than Python goes.
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _time(value: Any) -> Optional[datetime]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(value, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
