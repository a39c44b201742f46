# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The LiveKit connection test against coturn, and against rules that let parts of it through."""

from __future__ import annotations

import json

import pytest
from conftest import INSIDE

PATIENT, SHORT = 60, 2
# As LiveKit Cloud has them: signalling and media at one address, the relay at another; names as in the vendor's document.
SERVER, SERVER6, RELAY = "198.18.0.7", "2001:2::7", "198.18.0.8"
NAMES = {SERVER: "lab.livekit.cloud", SERVER6: "lab.livekit.cloud", RELAY: "lab.turn.livekit.cloud ip-1.host.livekit.cloud"}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.of-a-test-that-shows-it-to-nobody"
SECRET = "the-secret-of-the-lab"
URLS = ["turn:ip-1.host.livekit.cloud:3478?transport=udp", "turns:lab.turn.livekit.cloud:443?transport=tcp"]
LIBRARIES = f"{INSIDE}/.cache/venv/lib"
RUN = """
import json, os, sys
os.environ["SSL_CERT_FILE"] = "/run/crt"
sys.path.insert(0, "/collections")
sys.dont_write_bytecode = True
from ansible_collections.webrtc.firewall.plugins.module_utils import _livekit_input, _livekit_run
print(json.dumps(vars(_livekit_run.run(_livekit_input.read(json.load(sys.stdin))))))
"""
PREPARE = f"""
ip address replace {SERVER}/32 dev lo; ip address replace {RELAY}/32 dev lo; ip address replace {SERVER6}/128 dev lo
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout /run/key -out /run/crt \
    -addext subjectAltName=DNS:lab.livekit.cloud,DNS:lab.turn.livekit.cloud 2>/dev/null
chmod 644 /run/key
"""
COTURN = (
    f"turnserver --listening-ip={RELAY} --relay-ip={RELAY} --listening-port=3478 --tls-listening-port=443 --cert=/run/crt --pkey=/run/key "
    f"--lt-cred-mech --user=lab:{SECRET} --realm=livekit.cloud --no-dtls --no-cli --pidfile=/run/turn.pid --log-file=stdout "
    ">/run/turn.log 2>&1"
)
PEER = (
    f"exec env PYTHONPATH=$(echo {LIBRARIES}/python3*/site-packages) "
    f"python3 -B {INSIDE}/tests/lab/livekit_peer.py </run/settings >/run/peer.log 2>&1"
)
ALL_OPEN = {
    "certificate": "open",
    "regions": "open",
    "validate": "open",
    "signalling": "open",
    "direct UDP": "open",
    "ICE over TCP": "open",
    "ICE servers": "open",
    f"TURN over UDP ({URLS[0]})": "open",
    f"TURN over TLS ({URLS[1]})": "open",
}


def settings(password):
    return {
        "host": [SERVER, SERVER6], "port": 443, "certificate": "/run/crt", "key": "/run/key", "token": TOKEN, "regions": [],
        "ice_servers": [[URLS, "lab", password]], "media": SERVER, "media_port": 7881,
    }  # fmt: skip


def start(machine, password):
    """The servers; a second call gives the peer other settings."""
    machine.sh("[ ! -e /run/peer.pid ] || kill $(cat /run/peer.pid); : >/run/peer.log; cat >/run/settings", json.dumps(settings(password)))
    machine.sh("cat >/run/peer; setsid sh -c 'echo $$ >/run/peer.pid; exec sh /run/peer' >/dev/null 2>&1 </dev/null &", PEER)
    for _attempt in range(300):
        if machine.sh("cat /run/peer.log").strip() == "443":
            return
        machine.sh("sleep 0.1")
    raise AssertionError(machine.sh("cat /run/peer.log"))


@pytest.fixture(scope="module")
def servers(shared):
    shared.sh(PREPARE)
    shared.sh("cp /etc/hosts /run/hosts; cat >>/etc/hosts", "".join(f"{address} {names}\n" for address, names in NAMES.items()))
    shared.sh("cat >/run/coturn; setsid sh /run/coturn >/dev/null 2>&1 </dev/null &", COTURN)
    start(shared, SECRET)
    # A server is up once it answers; before that, a relay is refused.
    for _attempt in range(100):
        if set(verdicts(ask(shared)).values()) == {"open"}:
            break
    yield shared
    shared.sh("kill $(cat /run/peer.pid) $(cat /run/turn.pid); cat /run/hosts >/etc/hosts")


@pytest.fixture
def machine(servers):
    yield servers
    servers.sh("nft flush ruleset")


def ask(machine, timeout=PATIENT, url="wss://lab.livekit.cloud"):
    given = {"url": url, "token": TOKEN, "timeout": timeout, "total_timeout": 600}
    done = machine.ask("run", argv=["python3", "-c", RUN], text=json.dumps(given))
    assert done["code"] == 0, done["err"]
    assert SECRET not in done["out"] + done["err"]
    assert TOKEN[-20:] not in done["out"] + done["err"]
    return json.loads(done["out"])


def verdicts(report):
    """The worst verdict of each step over both families."""
    found = {}
    for step in report["steps"]:
        found[step["name"]] = step["verdict"] if found.get(step["name"], "open") == "open" else found[step["name"]]
    return found


def rules(machine, *lines):
    table = "table inet test {\nchain test {\ntype filter hook input priority 0; policy accept;\n"
    machine.sh("nft -f -", "flush ruleset\n" + table + "\n".join(lines) + "\n}\n}\n")


def test_nothing_is_in_the_way(machine):
    report = ask(machine)
    assert verdicts(report) == ALL_OPEN
    kinds = ("https", "https", "tls", "websocket")
    assert sorted((one["kind"], one["endpoint"]) for one in report["results"] if one["id"] == "liveavatar/signaling") == sorted(
        (kind, f"{address}:443/tls") for kind in kinds for address in (SERVER, f"[{SERVER6}]")
    )
    relays = [one for one in report["results"] if one["kind"] == "turn"]
    assert [(one["id"], one["endpoint"], one["facts"]["authenticated"], one["facts"]["given_back"]) for one in relays] == [
        ("liveavatar/turn-udp", f"{RELAY}:3478/udp", True, True),
        ("liveavatar/turn-tls", f"{RELAY}:443/tls", True, True),
    ]
    # All is where the vendor's document says, but for the port of the agent that speaks ICE over UDP here.
    assert [warning for warning in report["warnings"] if "50000" not in warning] == []


@pytest.mark.parametrize(
    ("rule", "timeout", "step", "verdict"),
    [
        ("udp dport 3478 drop", SHORT, f"TURN over UDP ({URLS[0]})", "timed-out"),
        ("udp dport 3478 reject with icmpx type admin-prohibited", PATIENT, f"TURN over UDP ({URLS[0]})", "prohibited"),
        (f"ip daddr {RELAY} tcp dport 443 reject with tcp reset", PATIENT, f"TURN over TLS ({URLS[1]})", "refused"),
        ("tcp dport 7881 drop", SHORT, "ICE over TCP", "timed-out"),
        ("tcp dport 7881 reject with tcp reset", PATIENT, "ICE over TCP", "refused"),
        (f"ip daddr {SERVER} udp dport != 3478 drop", SHORT, "direct UDP", "timed-out"),
        (f"ip daddr {SERVER} udp dport != 3478 reject", PATIENT, "direct UDP", "refused"),
    ],
)
def test_one_thing_is_in_the_way(machine, rule, timeout, step, verdict):
    rules(machine, rule)
    assert verdicts(ask(machine, timeout)) == {**ALL_OPEN, step: verdict}


def test_one_family_is_in_the_way(machine):
    rules(machine, f"ip6 daddr {SERVER6} drop")
    report = ask(machine, SHORT)
    assert verdicts(report) == {**ALL_OPEN, "certificate": "timed-out"}
    assert [one["family"] for one in report["results"] if one["kind"] == "websocket"] == ["ipv4"]


def test_signalling_is_in_the_way(machine):
    rules(machine, f"ip daddr {SERVER} tcp dport 443 drop", f"ip6 daddr {SERVER6} drop")
    report = ask(machine, SHORT)
    assert [one["verdict"] for one in report["results"]] == ["timed-out"] * 2 + ["untested"] * 4
    assert {step["name"]: step["why"] for step in report["steps"][2:]} == {
        "direct UDP": "signalling did not get as far as the addresses of media",
        "ICE over TCP": "signalling did not get as far as the addresses of media",
        "TURN over UDP": "signalling did not get as far as the ICE servers",
        "TURN over TLS": "signalling did not get as far as the ICE servers",
    }


def test_no_route(machine):
    (result, *_rest) = ask(machine, url="wss://192.0.2.1")["results"]
    assert result["verdict"] == "unreachable"
    assert result["seconds"] < 2


def test_credentials_that_coturn_does_not_know(machine):
    start(machine, SECRET[::-1])
    try:
        report = ask(machine)
    finally:
        start(machine, SECRET)
    assert verdicts(report) == {**ALL_OPEN, **{step: "bad-answer" for step in ALL_OPEN if step.startswith("TURN")}}
    assert {one["facts"]["why"] for one in report["results"] if one["kind"] == "turn"} == {
        "the credentials are refused: TURN error 401 Unauthorized"
    }
