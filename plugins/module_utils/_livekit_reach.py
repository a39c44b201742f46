# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Which of the servers that were named lie within the destinations that a firewall lets through for LiveKit Cloud."""

from __future__ import annotations

CLOUD = "livekit.cloud"
# The requirements of the catalog, by what is behind the slash of their ids: the suffix of the names, if not all hosts, and the ports.
_ROWS = {
    "signaling": (CLOUD, range(443, 444)),
    "turn-udp": (f"host.{CLOUD}", range(3478, 3479)),
    "turn-tls": (f"turn.{CLOUD}", range(443, 444)),
    "media-udp": ("", range(50000, 60001)),
    "media-tcp": ("", range(7881, 7882)),
}


def outside(requirement: str, host: str, port: int) -> str:
    """Why the rules for a requirement would not let a server through; empty where they do, or where there are none.

    Args:
        requirement: the requirement's id without its service.
        host: an address or a name.
        port: its port.
    """
    if requirement not in _ROWS:
        return ""
    suffix, ports = _ROWS[requirement]
    there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if suffix and not within(host, suffix):
        return f"{there} is not in *.{suffix}: rules for LiveKit Cloud do not cover it"
    if port in ports:
        return ""
    expected = f"port {ports[0]}" if len(ports) == 1 else f"a port from {ports[0]} to {ports[-1]}"
    return f"{there} is not at {expected}: rules for LiveKit Cloud do not cover it"


def within(host: str, suffix: str) -> bool:
    """Whether a name is a domain's, or of any depth below it.

    Args:
        host: an address or a name.
        suffix: the domain.
    """
    return f".{host.rstrip('.').lower()}".endswith(f".{suffix}")
