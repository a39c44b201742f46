# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor's side of a real call: signalling over a WebSocket, coturn, and a peer that speaks and listens.

Runs beside far.py, and takes from it what goes to the vendor's names and to its media server, with certificates of the same authority.
Ready when /run/call/ready is there; says what it does in /run/call/log.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import aioice.ice  # noqa: E402
import ca  # noqa: E402
import websockets  # noqa: E402
from aiortc import RTCPeerConnection, RTCSessionDescription  # noqa: E402
from call import MEDIA, PASSWORD, USER, Ear, Voice, selected  # noqa: E402

DIRECTORY = Path("/run/call")
DOMAINS = ("vonage.com", "nexmo.com")
SIGNALING_PORT, TURN_PORT, TURN_TLS_PORT = 8443, 3478, 5349
# coturn takes TURN over TCP and over TLS on one port; far.py has 443 of every address, so it is not coturn's own.
TAKE_OVER = f"""
insert rule inet far prerouting ip daddr {MEDIA} accept
insert rule inet far prerouting ip daddr {MEDIA} tcp dport 443 dnat ip to {MEDIA}:{TURN_TLS_PORT}
insert rule inet far prerouting ip daddr 198.18.1.0/24 tcp dport 443 redirect to :{SIGNALING_PORT}
insert rule inet far prerouting ip6 daddr 2001:2:0:1::/64 tcp dport 443 redirect to :{SIGNALING_PORT}
"""
# The ports of media in the vendor's document; those of the peer itself are the kernel's to choose (see SYSCTLS in lab.py).
RELAYED = (10000, 19999)
ICE_SERVERS = [
    f"stun:{MEDIA}:3478",
    f"turn:{MEDIA}:3478?transport=udp",
    f"turn:{MEDIA}:443?transport=tcp",
    f"turns:{MEDIA}:443?transport=tcp",
]


def command(*argv: str, text: str = "") -> None:
    """Run a command that ends by itself."""
    done = subprocess.run(argv, input=text, text=True, check=False, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")


def certificates() -> ssl.SSLContext:
    """The signalling's, for the domain of the name that a client asks for; and two files with that of the media server, for coturn."""
    ca.server(MEDIA)
    for file in ("server.crt", "server.key"):
        shutil.copy(ca.DIRECTORY / file, DIRECTORY)
    known = {domain: ca.server(f"*.{domain}") for domain in DOMAINS}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(connection: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
        connection.context = known.get((name or "").partition(".")[2], context)

    context.sni_callback = choose
    return context


def start_coturn() -> None:
    """TURN over UDP, TCP and TLS, with relayed addresses among the vendor's."""
    options = [f"--listening-ip={MEDIA}", f"--relay-ip={MEDIA}", f"--listening-port={TURN_PORT}", f"--tls-listening-port={TURN_TLS_PORT}"]
    options += [f"--min-port={RELAYED[0]}", f"--max-port={RELAYED[1]}", f"--cert={DIRECTORY}/server.crt", f"--pkey={DIRECTORY}/server.key"]
    options += ["--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=lab", "--no-dtls", "--no-cli", "--log-file=stdout", "--simple-log"]
    options += [f"--pidfile={DIRECTORY}/turnserver.pid", f"--userdb={DIRECTORY}/turndb"]
    subprocess.Popen(["turnserver", *options], stdout=sys.stdout, stderr=sys.stdout)


async def answer_call(socket: Any, *_path: str) -> None:
    """One call: ICE servers, offer, answer; at its end, how many frames were heard and from where they came."""
    connection = RTCPeerConnection()
    ear = Ear(connection)
    try:
        await socket.send(json.dumps({"urls": ICE_SERVERS, "username": USER, "credential": PASSWORD}))
        await connection.setRemoteDescription(RTCSessionDescription(**json.loads(await socket.recv())))
        connection.addTrack(Voice())
        await connection.setLocalDescription(await connection.createAnswer())
        await socket.send(json.dumps({"type": connection.localDescription.type, "sdp": connection.localDescription.sdp}))
        await socket.recv()
        pair = selected(connection)
        await socket.send(json.dumps({"heard": ear.heard, "from": pair.remote_addr[0] if pair else ""}))
    finally:
        await connection.close()


async def answer_request(_path: str, headers: Any) -> Optional[tuple[HTTPStatus, list[Any], bytes]]:
    """A plain request gets a plain answer."""
    return None if "upgrade" in headers else (HTTPStatus.OK, [], b"ok\n")


async def takes_connections(port: int) -> bool:
    """Whether a server has begun to listen."""
    try:
        _reader, writer = await asyncio.open_connection(MEDIA, port)
    except OSError:
        return False
    writer.close()
    return True


async def serve(context: ssl.SSLContext) -> None:
    """Answer calls for good."""
    async with websockets.serve(answer_call, "", SIGNALING_PORT, ssl=context, process_request=answer_request):
        while not (await takes_connections(TURN_PORT) and await takes_connections(TURN_TLS_PORT)):
            await asyncio.sleep(0.1)
        (DIRECTORY / "ready").touch()
        await asyncio.Future()


def main() -> None:
    """Start everything, say that it is ready, and stay."""
    DIRECTORY.mkdir(exist_ok=True)
    sys.stdout = sys.stderr = open(DIRECTORY / "log", "w", buffering=1, encoding="utf-8")  # noqa: SIM115
    command("ip", "address", "replace", f"{MEDIA}/32", "dev", "lo")
    command("nft", "-f", "-", text=TAKE_OVER)
    context = certificates()
    start_coturn()
    # The peer has the media server's address and tells of no other, as the vendor's do.
    aioice.ice.get_host_addresses = lambda **_families: [MEDIA]
    asyncio.run(serve(context))


if __name__ == "__main__":
    main()
