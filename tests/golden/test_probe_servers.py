# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes against servers as they are in production: nginx for HTTPS and WebSocket, Kamailio for SIP."""

from __future__ import annotations

import pytest
from test_probe import IPV4, IPV6, Client

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /O=Lab/CN=server.example "
    "-keyout /run/key -out /run/crt 2>/dev/null"
)
NGINX = """
events {}
http {
    server {
        listen 127.0.0.1:443 ssl;
        listen [::1]:443 ssl;
        ssl_certificate /run/crt;
        ssl_certificate_key /run/key;
        location / { default_type text/plain; return 200 "hello"; }
        location /gone { return 404; }
        location /long { alias /run/long; }
    }
}
"""
KAMAILIO = """
#!KAMAILIO
fork=yes
children=1
tcp_children=1
enable_tls=yes
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
listen=tls:127.0.0.1:5061
listen=udp:[::1]:5060
loadmodule "tls.so"
loadmodule "sl.so"
# With TLS 1.3 Debian's version finds no algorithm for its own key.
modparam("tls", "tls_method", "TLSv1.2")
modparam("tls", "certificate", "/run/crt")
modparam("tls", "private_key", "/run/key")
request_route {
    if (method == "OPTIONS") {
        sl_send_reply("200", "Alive");
        exit;
    }
    sl_send_reply("405", "Method Not Allowed");
}
"""
LISTENS = "for _try in $(seq 100); do ss -Hltun | grep -q '{where}' && exit; sleep 0.1; done; exit 1"


@pytest.fixture(scope="module")
def client(machines):
    with machines("servers") as machine:
        machine.sh(f"{CERTIFICATE}; head -c 3000000 /dev/zero | tr '\\0' x >/run/long")
        for path, text in (("/run/nginx.conf", NGINX), ("/run/kamailio.cfg", KAMAILIO.lstrip())):
            done = machine.ask("run", argv=["tee", path], text=text)
            assert done["code"] == 0, done
        machine.sh("nginx -c /run/nginx.conf >/run/nginx.log 2>&1 </dev/null; " + LISTENS.format(where="127.0.0.1:443 "))
        machine.sh(
            "kamailio -f /run/kamailio.cfg -P /run/kamailio.pid >/run/kamailio.log 2>&1 </dev/null; "
            + LISTENS.format(where="127.0.0.1:5061 ")
        )
        yield Client(machine)


@pytest.mark.parametrize("host", [IPV4, IPV6])
def test_nginx(client, host):
    probe = {"host": host, "port": 443, "server_name": "server.example"}
    tls, found, missing, long = client.send(
        {**probe, "kind": "tls"},
        {**probe, "kind": "https"},
        {**probe, "kind": "https", "path": "/gone"},
        {**probe, "kind": "https", "path": "/long"},
    )
    assert [one["verdict"] for one in (tls, found, missing, long)] == ["open"] * 4
    assert tls["facts"]["certificate"]["issuer"] == "O=Lab, CN=server.example"
    assert (tls["facts"]["trusted"], tls["facts"]["certificate"]["expired"]) == (False, False)
    assert (found["facts"]["status"], found["facts"]["body"], found["facts"]["body_whole"]) == (200, "hello", True)
    assert missing["facts"]["status"] == 404
    assert (long["facts"]["body"], long["facts"]["body_whole"]) == ("x" * 4096, False)


def test_nginx_is_no_websocket_server(client):
    result = client.one(kind="websocket", host=IPV4, port=443, server_name="server.example")
    assert result["verdict"] == "bad-answer"


@pytest.mark.parametrize(
    ("transport", "host", "port"),
    [("udp", IPV4, 5060), ("udp", IPV6, 5060), ("tcp", IPV4, 5060), ("tls", IPV4, 5061)],
    ids=["udp", "udp-ipv6", "tcp", "tls"],
)
def test_kamailio(client, transport, host, port):
    result = client.one(kind="sip", transport=transport, host=host, port=port)
    assert result["verdict"] == "open", result
    assert (result["facts"]["status"], result["facts"]["reason"]) == (200, "Alive")
    assert "kamailio" in result["facts"]["server"].lower()
