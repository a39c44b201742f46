# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority for the far side, which stands for those that every machine trusts.

It signs for each domain and address when it is first asked for. A client trusts it once it has `CERTIFICATE` of the far container
among its own: by update-ca-certificates, or faster as /etc/ssl/certs/HASH.0 (openssl x509 -hash). What begins with `EXPIRED` has
a certificate that ended yesterday.
"""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

DIRECTORY = Path("/run/ca")
CERTIFICATE = DIRECTORY / "ca.crt"
# By name, or by address where the client names none.
EXPIRED = ("expired.", "198.18.99.", "2001:2:0:99:")
_KEY_TYPE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
# SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: where a connection wanted to go before it was redirected.
_ORIGINAL_DST = 80
_SERVERS, _BEGUN = threading.Lock(), dict[str, ssl.SSLContext]()


def openssl(*argv: str, text: str = "") -> None:
    """Run openssl; an error raises with what it said."""
    subprocess.run(["openssl", *argv], input=text, text=True, check=True, capture_output=True)


def make() -> None:
    """Make the authority, and the one key that all of its servers have."""
    DIRECTORY.mkdir(exist_ok=True)
    authority = ["-subj", "/CN=far", "-keyout", f"{DIRECTORY}/ca.key", "-out", str(CERTIFICATE)]
    openssl("req", "-x509", *_KEY_TYPE, "-days", "2", *authority)
    openssl("req", "-new", *_KEY_TYPE, "-subj", "/CN=server", "-keyout", f"{DIRECTORY}/server.key", "-out", f"{DIRECTORY}/server.csr")


def server(name: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for a name and its neighbours, or for one address."""
    parent = name.partition(".")[2]
    if not name.startswith(EXPIRED) and "." in parent and not _is_address(name):
        # One signature for all of a vendor's list, which a client asks for at once.
        name = f"*.{parent}"
    with _SERVERS:
        if name not in _BEGUN:
            _BEGUN[name] = _sign(name)
        return _BEGUN[name]


def context(peer: socket.socket) -> ssl.SSLContext:
    """A server's side of TLS for a connection: the client sees the certificate of the name that it asks for, or else of the address."""
    address = destination(peer)

    def choose(connection: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
        connection.context = server(name or address)

    chosen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chosen.sni_callback = choose
    return chosen


def destination(peer: socket.socket) -> str:
    """The address that a connection wanted to reach."""
    with suppress(OSError):
        return socket.inet_ntoa(peer.getsockopt(socket.SOL_IP, _ORIGINAL_DST, 16)[4:8])
    with suppress(OSError):
        return str(ip_address(struct.unpack_from("16s", peer.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DST, 28), 8)[0]))
    return str(peer.getsockname()[0]).replace("::ffff:", "")


def _sign(name: str) -> ssl.SSLContext:
    alternative = f"IP:{name}" if _is_address(name) else f"DNS:{name}"
    signed, extensions = DIRECTORY / "server.crt", DIRECTORY / "extensions"
    extensions.write_text(f"subjectAltName={alternative}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    days = "-1" if name.startswith(EXPIRED) else "2"
    authority = ["-CA", str(CERTIFICATE), "-CAkey", f"{DIRECTORY}/ca.key"]
    openssl("x509", "-req", "-in", f"{DIRECTORY}/server.csr", *authority, "-days", days, "-extfile", str(extensions), "-out", str(signed))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, DIRECTORY / "server.key")
    return context


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False
