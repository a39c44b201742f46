# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What learning from DNS costs, in a lab: a client, a gateway with systemd, and the site's resolver on the far side.

On the gateway answer, each on an address of its own: a plain dnsmasq that forwards, one whose own ``nftset`` fills a set of another
table, and ours. None of them has a name in its cache unless that is what is measured.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import lab
from podman import podman

DIRECT, PLAIN, NFTSET = "the site's resolver, asked directly", "plain dnsmasq", "dnsmasq with its own nftset"
OURS = "ours"
SERVERS = {DIRECT: lab.RESOLVER, PLAIN: "10.99.0.3", NFTSET: "10.99.0.4", OURS: "10.99.0.1"}
ROUNDS = 3
# The longest that one step may take, in seconds.
LIMIT = "60"
# Interval elements in a table of others, and how many answers of the slow one are then measured in each of the rounds.
OTHERS = {0: 100, 10_000: 20, 100_000: 3}
PER_SECOND, SECONDS = 1000, 10
KNOWN = 100_000
# Where the third number of the names' addresses, 198.19.x.y, begins for each use; what is known ends at 143.
ONE_BY_ONE, LOAD, WAITING = 200, 150, 220
ZONE = "many.livekit.cloud"
LEARNED = "inet webrtc_firewall liveavatar.signaling.learned.ipv4"
JOURNAL = "/var/lib/webrtc-firewall/learned"
SERVICE = "webrtc-firewall-learn.service"
VARIABLES: dict[str, object] = {
    "webrtc_egress_services": ["liveavatar"],
    "webrtc_egress_wildcards": "dns",
    "webrtc_egress_learned_size": 200_000,
    "webrtc_egress_out_interfaces": ["wan0"],
    "webrtc_egress_install": False,
    "webrtc_domains_install": False,
    "webrtc_domains_listen": [SERVERS[OURS]],
    "webrtc_domains_servers": [lab.RESOLVER],
}
OPTIONS = "--conf-file=/dev/null --no-resolv --no-hosts --no-poll --bind-dynamic --cache-size=10000 --dns-forward-max=1000"
RIVALS = f"""
ip address add {SERVERS[PLAIN]}/24 dev lan0
ip address add {SERVERS[NFTSET]}/24 dev lan0
nft 'add table inet alternative; add set inet alternative s {{ type ipv4_addr; }}'
for name in plain nftset; do
    case $name in
        plain) own='--listen-address={SERVERS[PLAIN]}' ;;
        nftset) own='--listen-address={SERVERS[NFTSET]} --nftset=/livekit.cloud/4#inet#alternative#s' ;;
    esac
    dnsmasq {OPTIONS} --server={lab.RESOLVER} --pid-file=/run/bench-$name.pid $own
done
"""
# Asks one after the other, and gives milliseconds.
ASK = """
import json, sys, time
sys.path.insert(0, "/lab")
import names
took = []
for server, name in json.load(sys.stdin):
    start = time.perf_counter()
    found = names.ask(server, name)
    took.append((time.perf_counter() - start) * 1000)
    if not found["addresses"]:
        sys.exit(f"no address: {found}")
print(json.dumps(took))
"""
# A journal as if so many names had been asked for, by the code that is on the gateway.
FILL = """
import sys
sys.path.insert(0, "/usr/local/lib/webrtc-firewall/webrtc-firewall.pyz")
from ansible_collections.webrtc.firewall.plugins.module_utils import _choice, _journal, _learned, _stored
addresses = [f"198.{18 + i // 64000}.{i // 250 % 256}.{i % 250 + 1}" for i in range(int(sys.argv[1]))]
facts = {("ip-%s.many.livekit.cloud" % address.replace(".", "-"), address): 7000.0 for address in addresses}
stored = _stored.load()
backend = _choice.BACKENDS[stored.backend]
_journal.Journal(_learned.Lesson(stored.policy, backend.learned_set), backend.learned_text).rewrite(facts)
"""


class Lab:
    """The containers and what is done in them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gateway, self.client = f"{name}-gateway", f"{name}-client"
        # Each name is asked for once.
        self._unused = itertools.count()

    def sh(self, script: str, *arguments: str, text: str = "") -> str:
        """Run a script on the gateway."""
        options = ["--interactive", self.gateway, "timeout", LIMIT]
        return podman("exec", *options, "bash", "-euc", script, "bash", *arguments, text=text).stdout

    def seconds(self, script: str) -> float:
        """How long a script takes on the gateway."""
        start, end = map(float, self.sh(f"date +%s.%N\n{{ {script}; }} >/dev/null\ndate +%s.%N").split())
        return end - start

    def ask(self, server: str, names: list[str]) -> list[float]:
        """Milliseconds for each name, one after the other."""
        pairs = json.dumps([(SERVERS[server], name) for name in names])
        found: list[float] = json.loads(
            podman("exec", "--interactive", self.client, "timeout", LIMIT, "python3", "-c", ASK, text=pairs).stdout
        )
        return found

    def names(self, count: int) -> list[str]:
        """Names that nobody has asked for."""
        indexes = itertools.islice(self._unused, count)
        return [f"ip-198-19-{ONE_BY_ONE + index // 250}-{index % 250 + 1}.{ZONE}" for index in indexes]

    def rate(self, server: str, offset: int, per_second: int, seconds: float, meanwhile: Callable[[], None]) -> dict[str, Any]:
        """Ask at a rate for names from 198.19.OFFSET.1 on, and do something meanwhile."""
        options = [f"--server={SERVERS[server]}", f"--offset={offset}", f"--per-second={per_second}", f"--seconds={seconds}"]
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(podman, "exec", self.client, "timeout", LIMIT, "python3", "/lab/names.py", "rate", *options)
            meanwhile()
        found: dict[str, Any] = json.loads(asking.result().stdout)
        return found

    def learned(self) -> set[str]:
        """The addresses in the set."""
        listed = json.loads(self.sh(f"nft -j list set {LEARNED}"))
        found = next(item["set"] for item in listed["nftables"] if "set" in item)
        return {item["elem"]["val"] if isinstance(item, dict) else item for item in found.get("elem", [])}

    def status(self, field: str) -> float:
        """A number out of the learner's /proc/PID/status, in MiB."""
        return int(self.sh(f"grep ^{field}: /proc/$(systemctl show -p MainPID --value {SERVICE})/status").split()[1]) / 1024

    def kernel(self) -> float:
        """MiB of the kernel's own memory, less what it would give back by itself."""
        return int(self.sh("awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo")) / 1024


def measure(apply: Callable[[str, dict[str, object]], None], name: str = f"webrtc-bench-{os.getpid()}") -> None:
    """Everything about DNS.

    Args:
        apply: applies the role to a container with variables.
        name: the lab's.
    """
    try:
        lab.up(name, "bookworm", "systemd", ["client", "gateway", "far"])
        here = Lab(name)
        apply(here.gateway, VARIABLES)
        here.sh(RIVALS)
        answers(here)
        load(here)
        memory(here)
        waiting(here)
    finally:
        lab.down(name)


def answers(here: Lab) -> None:
    """What one answer takes, also beside large sets of others."""
    for server in SERVERS:
        here.ask(server, here.names(20))
    for others, count in OTHERS.items():
        if others:
            networks = ",".join(f"{20 + index // 65536}.{index // 256 % 256}.{index % 256}.0/25" for index in range(others))
            text = f"table inet others {{ set s {{ type ipv4_addr; flags interval; elements = {{ {networks} }}; }}; }}"
            here.sh("nft delete table inet others 2>/dev/null || true; nft -f -", text=text)
        found: dict[str, list[float]] = {server: [] for server in SERVERS}
        for _round in range(ROUNDS):
            for server in SERVERS:
                found[server] += here.ask(server, here.names(count if server == NFTSET else OTHERS[0]))
        print(f"\nOne DNS answer, the name in no cache, beside {others:,} interval elements in a table of others")
        _compare(found)
    here.sh("nft delete table inet others")
    found = {PLAIN: [], OURS: []}
    for _round in range(ROUNDS):
        for server in (PLAIN, OURS):
            found[server] += here.ask(server, here.names(1) * 301)[1:]
    print("\nOne DNS answer out of the cache")
    _compare(found)


def _compare(found: dict[str, list[float]]) -> None:
    floor = statistics.median(found[PLAIN])
    for name, values in found.items():
        print(f"  {name:36} {statistics.median(values):9.3f} ms   {statistics.median(values) / floor:7.2f} x plain")


def load(here: Lab) -> None:
    """Many names a second, and whether each address was learned."""
    total = PER_SECOND * SECONDS
    print(f"\n{PER_SECOND:,} names a second for {SECONDS} s, none in a cache")
    for server in (PLAIN, OURS):
        found = here.rate(server, LOAD, PER_SECOND, SECONDS, lambda: None)
        times = "  ".join(f"{100 * float(part):g} %: {ms:.2f}" for part, ms in found["ms"].items())
        print(f"  {server:36} {found['answered']:,} answered, {found['without_address']} without address; ms {times}")
    wanted = {f"198.19.{LOAD + index // 250}.{index % 250 + 1}" for index in range(total)}
    print(f"  {'of the addresses, not in the set':36} {len(wanted - here.learned())}")


def memory(here: Lab) -> None:
    """What many learned addresses take, and the time to have them back."""
    here.sh(f"systemctl stop {SERVICE} 2>/dev/null; : >{JOURNAL}; nft flush set {LEARNED}; systemctl start {SERVICE}")
    base, started = here.status("VmRSS"), _restarts(here)
    here.sh(f"systemctl stop {SERVICE} 2>/dev/null; python3 -c '{FILL}' {KNOWN}")
    print(f"\n{KNOWN:,} learned addresses")
    taken = []
    for _round in range(ROUNDS):
        here.sh("nft delete table inet webrtc_firewall; nft -f /etc/webrtc-firewall/ruleset.nft; sleep 1")
        before = here.kernel()
        here.sh("nft delete table inet webrtc_firewall; /etc/webrtc-firewall/restore; sleep 1")
        taken.append(here.kernel() - before)
    print(f"  kernel: {statistics.median(taken):.1f} MiB, {statistics.median(taken) * 2**20 / KNOWN:.0f} bytes each")
    again = _restarts(here)
    size = int(here.sh(f"stat -c %s {JOURNAL}")) / 2**20
    print(f"  learner: {here.status('VmRSS'):.0f} MiB ({base:.0f} MiB without any); journal: {size:.1f} MiB")
    print(f"  start of the learner: {again:.2f} s ({started:.2f} s without any)")
    text = f"table inet raw {{ set s {{ type ipv4_addr; elements = {{ {','.join(here.learned())} }}; }}; }}"
    here.sh("cat >/tmp/raw.nft", text=text)
    restores, raws = [], []
    for _round in range(ROUNDS):
        raws.append(here.seconds("nft -f /tmp/raw.nft"))
        here.sh("nft delete table inet raw")
        _settle(here)
        here.sh("nft delete table inet webrtc_firewall")
        restores.append(here.seconds("/etc/webrtc-firewall/restore"))
        _settle(here)
    raw, restore = statistics.median(raws), statistics.median(restores)
    print(f"  rules and addresses back after the table was deleted: {restore:.2f} s, {restore / raw:.1f} x a raw `nft -f` of one such set")


def _restarts(here: Lab) -> float:
    return statistics.median(here.seconds(f"systemctl restart {SERVICE}") for _round in range(ROUNDS))


def _settle(here: Lab) -> None:
    """Wait until the learner has nothing to do any more."""
    used = -1.0
    for _try in range(40):
        time.sleep(0.5)
        before, used = used, float(here.sh(f"awk '{{ print $14 + $15 }}' /proc/$(systemctl show -p MainPID --value {SERVICE})/stat"))
        if used - before <= 1:
            return


def waiting(here: Lab) -> None:
    """How long answers wait while the sets are mended."""
    print(f"\nThe longest wait for an answer, {KNOWN:,} addresses known, 100 names a second, when another program changes our table")
    one = "198.18.7.7"
    others = {
        "nothing": "true",
        "deletes an element": f"nft delete element {LEARNED} '{{ {one} }}'",
        "adds a counter, so all is read": "nft add counter inet webrtc_firewall bench$RANDOM$RANDOM",
        "deletes the table; it is restored": "nft delete table inet webrtc_firewall; /etc/webrtc-firewall/restore",
    }
    offset = WAITING
    for name, script in others.items():

        def change(script: str = script) -> None:
            time.sleep(1)
            here.sh(script)

        longest, middle, lost, wanted = [], [], 0, {one}
        for _round in range(ROUNDS):
            found = here.rate(OURS, offset, 100, 4.0, change)
            _settle(here)
            longest.append(found["ms"]["1.0"])
            middle.append(found["ms"]["0.5"])
            lost += found["asked"] - found["answered"]
            wanted |= {f"198.19.{offset + number // 250}.{number % 250 + 1}" for number in range(found["asked"])}
            offset += 2
        print(
            f"  {name:36} {statistics.median(longest):8.1f} ms; median {statistics.median(middle):.2f} ms;"
            f" {lost} unanswered, {len(wanted - here.learned())} not in the set"
        )
