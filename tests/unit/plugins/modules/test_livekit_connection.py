# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, against a server on the loopback: what it returns, and that it shows no secret to anybody."""

from __future__ import annotations

import json
import logging
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from livekit_peer import Peer, Settings, running

HOST = "127.0.0.1"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.of-a-test-that-shows-it-to-nobody"
SECRET = "the-secret-of-the-relay"
logging.getLogger("websockets").setLevel(logging.CRITICAL)


@pytest.fixture
def context(tmp_path):
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    name = ["-subj", "/CN=far", "-addext", f"subjectAltName=IP:{HOST}"]
    subprocess.run(["openssl", "req", "-x509", *key, *name, *files, "-days", "2"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    return context


def run(folder, *options, **arguments):
    """What Ansible shows, at its most talkative, and what the module returns."""
    ansible = Path(sys.executable).parent / "ansible"
    command = [ansible, "localhost", "-m", "webrtc.firewall.livekit_connection", "-a", json.dumps(arguments)]
    variables = {**os.environ, "SSL_CERT_FILE": str(folder / "crt"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    done = subprocess.run([*command, "-vvvv", *options], env=variables, capture_output=True, text=True, timeout=120, check=False)
    found = done.stdout[done.stdout.index("localhost | ") :]
    return done.stdout + done.stderr, json.loads(found[found.index("{") : found.rindex("}") + 1])


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_the_module(tmp_path, context, options):
    peer = Peer(Settings(TOKEN, ice_servers=[[[f"turn:{HOST}:9"], "user-of-the-relay", SECRET]], media=HOST))
    with running(peer, context) as port:
        shown, result = run(tmp_path, *options, url=f"wss://{HOST}:{port}", token=TOKEN, service="office")
    assert (result["changed"], result["verdicts"]) == (False, {"open": 6, "refused": 1})
    assert [(one["id"], one["kind"]) for one in result["results"]] == [
        ("office/signaling", "tls"),
        ("office/signaling", "https"),
        ("office/signaling", "https"),
        ("office/signaling", "websocket"),
        ("office/media-udp", "stun"),
        ("office/media-tcp", "stun"),
        ("office/turn-udp", "turn"),
    ]
    assert {"id", "kind", "endpoint", "family", "verdict", "seconds", "facts"} == set(result["results"][0])
    assert all(set(step) == {"name", "verdict", "why"} for step in result["steps"])
    assert "the server hands out no TURN over TLS" in shown
    # The command line above has the token; what Ansible makes of it has not.
    assert not [secret for secret in (TOKEN, TOKEN[-20:], SECRET) if secret in shown]


def test_what_is_wrong(tmp_path):
    shown, result = run(tmp_path, url=f"ws://{HOST}/?access_token={TOKEN}", token=f"Bearer {TOKEN}", timeout=-1)
    assert "FAILED!" in shown
    assert [problem["path"] for problem in result["problems"]] == ["url", "token", "timeout"]
    assert TOKEN[-20:] not in shown
