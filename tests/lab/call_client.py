# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's browser, as far as a call goes: asks the vendor for a call, offers every way there is, and tells what became of it, as JSON.

call_client.py NAME [--only udp|tcp|tls]

outcome: `media` (both ends heard each other), `no-media` (signalling alone works) or `no-call`; way: the way of the media.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import aioice  # noqa: E402
import websockets  # noqa: E402
from aioice import stun, turn  # noqa: E402
from aioice.candidate import candidate_foundation, candidate_priority  # noqa: E402
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, rtcicetransport  # noqa: E402
from call import Ear, Voice, selected  # noqa: E402

# Seconds: for the signalling, for the candidates, for ICE and DTLS (aiortc itself does not give up), and of talk.
SIGNALING, GATHERING, CONNECTING, TALK = 8.0, 4.0, 10.0, 3.0
# Between two checks of pairs, so that a better way that is slow is not overtaken by one that is worse (RFC 8445, section 14.2, allows any).
PACE = 0.6
WAYS = {"": "direct UDP", "udp": "TURN over UDP", "tcp": "TURN over TCP", "tls": "TURN over TLS"}
# By how much each kind of relay is preferred, as browsers do.
PREFERENCE = {"udp": 300, "tcp": 200, "tls": 100}


class Connection(aioice.Connection):
    """ICE with all relays that the vendor names, where aiortc itself takes the first alone."""

    def __init__(self, relays: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(**options)
        self._relays = relays
        self._began = 0.0

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: float = GATHERING) -> list[Any]:
        """The candidates of all ways; a relay that does not answer in time is none."""
        direct, *relayed = await asyncio.gather(
            super().get_component_candidates(component, addresses, timeout), *(self._relayed(component, relay) for relay in self._relays)
        )
        return [*direct, *(candidate for candidate in relayed if candidate)]

    async def _relayed(self, component: int, relay: dict[str, Any]) -> Optional[aioice.Candidate]:
        own = {**relay["options"], "transport": "udp" if relay["over"] == "udp" else "tcp", "ssl": relay["over"] == "tls"}
        try:
            made = turn.create_turn_endpoint(lambda: aioice.ice.StunProtocol(self), **own)
            _transport, protocol = await asyncio.wait_for(made, GATHERING)
        except (OSError, asyncio.TimeoutError, stun.TransactionError) as error:
            print(f"{relay['over']}: {error!r}", file=sys.stderr)
            return None
        protocol.over = relay["over"]
        host, port = protocol.transport.get_extra_info("sockname")
        base = protocol.transport.get_extra_info("related_address")
        protocol.local_candidate = aioice.Candidate(
            foundation=candidate_foundation("relay", relay["over"], host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "relay", PREFERENCE[relay["over"]]),
            host=host,
            port=port,
            type="relay",
            related_address=base[0],
            related_port=base[1],
        )
        self._protocols.append(protocol)
        return protocol.local_candidate

    def check_periodic(self) -> bool:
        """Begin the next check if it is time for it; false when there is none left."""
        if time.monotonic() < self._began + PACE:
            return True
        self._began = time.monotonic()
        return bool(super().check_periodic())


def relays(servers: dict[str, Any], only: str) -> list[dict[str, Any]]:
    """The relays among the URLs that the vendor has handed over (RFC 7065)."""
    found = []
    for url in servers["urls"]:
        parsed = rtcicetransport.parse_stun_turn_uri(url)
        over = "tls" if parsed["scheme"] == "turns" else parsed.get("transport")
        if parsed["scheme"] in ("turn", "turns") and only in ("", over):
            options = {"server_addr": (parsed["host"], parsed["port"]), "username": servers["username"], "password": servers["credential"]}
            found.append({"over": over, "options": options})
    return found


async def talk(socket: Any, only: str) -> dict[str, Any]:
    """One call over signalling that works; what was heard at both ends."""
    servers = json.loads(await socket.recv())
    rtcicetransport.Connection = partial(Connection, relays(servers, only))
    stun_servers = [rtcicetransport.RTCIceServer(url) for url in servers["urls"] if url.startswith("stun:")]
    connection = RTCPeerConnection(RTCConfiguration(stun_servers))
    ear, connected = Ear(connection), asyncio.Event()
    connection.on("connectionstatechange", lambda: connected.set() if connection.connectionState == "connected" else None)
    connection.addTrack(Voice())
    try:
        await connection.setLocalDescription(await connection.createOffer())
        await socket.send(json.dumps({"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}))
        answer = json.loads(await socket.recv())
        began = time.monotonic()
        await connection.setRemoteDescription(RTCSessionDescription(**answer))
        try:
            await asyncio.wait_for(connected.wait(), CONNECTING)
        except asyncio.TimeoutError:
            return {"outcome": "no-media", "why": f"not connected in {CONNECTING:.0f} s: {connection.iceConnectionState}"}
        seconds = round(time.monotonic() - began, 2)
        await asyncio.sleep(TALK)
        await socket.send(json.dumps({"ended": True}))
        told = json.loads(await socket.recv())
        return {"outcome": "media", "seconds": seconds, "heard": ear.heard, "heard_far": told["heard"], **path(connection, told)}
    finally:
        await connection.close()


def path(connection: RTCPeerConnection, told: dict[str, Any]) -> dict[str, Any]:
    """The way of the media, as both ends see it."""
    pair = selected(connection)
    way = WAYS[getattr(pair.protocol, "over", "")]
    return {"way": way, "pair": [pair.local_candidate.type, pair.remote_candidate.type], "to": pair.remote_addr, "seen_from": told["from"]}


async def call(name: str, only: str) -> dict[str, Any]:
    """Ask for a call; the certificate must be of an authority that this machine trusts."""
    try:
        options = {"ssl": ssl.create_default_context(), "open_timeout": SIGNALING, "close_timeout": 1}
        async with websockets.connect(f"wss://{name}/call", **options) as socket:
            return await talk(socket, only)
    except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
        return {"outcome": "no-call", "why": f"signalling: {error!r}"}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("name")
    parser.add_argument("--only", choices=list(PREFERENCE), default="", help="of all relays take this kind alone")
    options = parser.parse_args()
    nothing = {"outcome": "", "way": "", "why": "", "seconds": 0, "heard": 0, "heard_far": 0, "pair": [], "to": [], "seen_from": ""}
    print(json.dumps({**nothing, **asyncio.run(call(options.name, options.only))}))


if __name__ == "__main__":
    main()
