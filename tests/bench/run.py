#!/usr/bin/env python
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""make bench: what a run, a new flow and a DNS answer cost, each beside what a user would do instead, as ratios within this run.

Every number is the median of several; the alternatives are measured in turn, so that a slow moment meets all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path[:0] = [str(REPO / ".cache" / "collections"), str(REPO / "tests" / "lab"), str(HERE)]

import backends  # noqa: E402
import changes  # noqa: E402
import dns  # noqa: E402
import path as data_path  # noqa: E402
from podman import environment, image, podman, remove  # noqa: E402

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame, Policy  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict  # noqa: E402

ROUNDS = 5
# A container without any network has no default route, so the way out is named.
GATEWAY = {"webrtc_egress_out_interfaces": ["lo"]}
ZONES = ("vonage.com", "nexmo.com", "livekit.cloud", "liveavatar.com")
CLEAN = "nft flush ruleset; rm -rf /etc/webrtc-firewall /etc/init.d/webrtc-firewall*; rm -f /etc/rc*.d/*webrtc-firewall*"


class Target:
    """A container without any network; its own dnsmasq answers for the vendors' names."""

    def __init__(self) -> None:
        options = [
            "--network",
            "none",
            "--cap-add",
            "NET_ADMIN,NET_RAW",
            "--volume",
            f"{REPO}:/collections/ansible_collections/webrtc/firewall:ro",
        ]
        self.id = podman("run", "--detach", *options, image("bookworm"), "sleep", "7200").stdout.strip()
        answers = [f"--address=/{zone}/198.18.{index}.1" for index, zone in enumerate(ZONES)]
        self.sh("echo nameserver 127.0.0.1 >/etc/resolv.conf")
        podman("exec", self.id, "dnsmasq", "--no-resolv", "--no-hosts", "--listen-address=127.0.0.1", *answers)

    def sh(self, script: str, text: str = "") -> str:
        return podman("exec", "--interactive", self.id, "sh", "-c", script, text=text).stdout

    def stop(self) -> None:
        remove(self.id)


class Runs:
    """ansible-playbook against a container, timed."""

    def __init__(self, folder: Path, *hosts: str) -> None:
        self.hosts, self.folder = hosts, folder

    def inventory(self, **variables: object) -> Path:
        connection = {"ansible_connection": "containers.podman.podman", "ansible_python_interpreter": "/usr/bin/python3"}
        data = {"webrtc_firewall": {"hosts": {host: {} for host in self.hosts}, "vars": {**connection, **GATEWAY, **variables}}}
        path = self.folder / f"{time.monotonic_ns()}.json"
        path.write_text(json.dumps(data))
        return path

    def play(self, playbook: str, inventory: Path, changed: bool) -> tuple[float, float]:
        """Seconds, and the controller's peak memory in MiB; fails if the run did not end as it should."""
        start = time.perf_counter()
        command = ["ansible-playbook", "--forks", str(changes.FORKS), "--inventory", str(inventory), playbook]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            out = process.stdout.read() if process.stdout else ""
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        recap = [line for line in out.partition("PLAY RECAP")[2].splitlines() if line.startswith(self.hosts)]
        if process.returncode or len(recap) != len(self.hosts) or any(("changed=0" in line) is changed for line in recap):
            raise SystemExit(f"{playbook} did not end as it should:\n{out[-3000:]}")
        return seconds, usage.ru_maxrss / 1024


def everyday(target: Target, runs: Runs) -> None:
    """Both services, against one ping and against a loop over iptables."""
    names = runs.inventory(webrtc_egress_services=["vonage", "liveavatar"])
    anywhere = runs.inventory(webrtc_egress_services=["vonage", "liveavatar"], webrtc_egress_wildcards="any")
    ping, loop = str(HERE / "plays" / "ping.yml"), str(HERE / "plays" / "iptables.yml")
    seconds: dict[str, list[float]] = {}

    def note(name: str, playbook: str, inventory: Path, changed: bool) -> None:
        seconds.setdefault(name, []).append(runs.play(playbook, inventory, changed)[0])

    for _round in range(ROUNDS):
        note("one ping", ping, names, False)
        target.sh(CLEAN)
        note("first apply, hostnames", "webrtc.firewall.site", names, True)
        note("no-op, hostnames", "webrtc.firewall.site", names, False)
        target.sh(CLEAN)
        note("first apply, any", "webrtc.firewall.site", anywhere, True)
        note("no-op, any", "webrtc.firewall.site", anywhere, False)
    target.sh(CLEAN)
    note("iptables in a loop, first", loop, names, True)
    note("iptables in a loop, no-op", loop, names, False)
    target.sh(CLEAN)
    floor = statistics.median(seconds["one ping"])
    print("\nA run with both services (playbook webrtc.firewall.site, podman connection)")
    for name, values in seconds.items():
        print(f"  {name:32} {statistics.median(values):7.2f} s   {statistics.median(values) / floor:6.2f} x one ping")


def large(target: Target, runs: Runs) -> None:
    """Policies of many networks, against the small one and against raw nft."""
    print("\nMany networks in one flow, out of a JSON file; peak memory of the controller and of the target")
    small = runs.inventory(webrtc_egress_services=["vonage"], webrtc_egress_wildcards="any")
    base_first, base_again, _memory = _first_and_again(target, runs, small)
    print(f"  {'small policy':20} first {base_first:5.2f} s  no-op {base_again:5.2f} s")
    for count in (10_000, 100_000):
        networks = [f"{20 + index // 65536}.{index // 256 % 256}.{index % 256}.0/25" for index in range(count)]
        rows = [{"id": "turn", "destinations": networks, "protocol": "udp", "ports": [3478]}]
        feed = runs.folder / f"{count}.json"
        feed.write_text(json.dumps({"service": "site", "requirements": rows}))
        inventory = runs.inventory(webrtc_egress_services=["site"], webrtc_egress_custom_services=[str(feed)])
        first, again, memory = _first_and_again(target, runs, inventory)
        raw = _raw(target, networks)
        far = _target_memory(target, networks)
        print(f"  {count:7,} networks     first {first:5.2f} s  no-op {again:5.2f} s; memory {memory:.0f} MiB here, {far} MiB there")
        added_first, added_again = first - base_first, again - base_again
        print(f"  {'':20} raw `nft -f` and a listing take {raw:.2f} s")
        for what, seconds in (("first", added_first), ("no-op", added_again)):
            print(f"  {'':20} {what} adds {seconds:.2f} s, {seconds / raw:.2f} x raw")


def _first_and_again(target: Target, runs: Runs, inventory: Path) -> tuple[float, float, float]:
    first, again, memory = [], [], 0.0
    for _round in range(3):
        target.sh(CLEAN)
        first.append(runs.play("webrtc.firewall.site", inventory, True)[0])
        seconds, used = runs.play("webrtc.firewall.site", inventory, False)
        again.append(seconds)
        memory = max(memory, used)
    target.sh(CLEAN)
    return statistics.median(first), statistics.median(again), memory


def _raw(target: Target, networks: list[str]) -> float:
    """Seconds for `nft -f` of a set with these networks and a listing of it, within the target."""
    elements = ",\n".join(networks)
    text = f"table inet raw {{\n set s {{\n type ipv4_addr\n flags interval\n elements = {{\n{elements}\n}}\n}}\n}}\n"
    target.sh("cat >/tmp/raw.nft", text)
    script = "date +%s.%N; nft -f /tmp/raw.nft; nft list table inet raw >/dev/null; date +%s.%N; nft delete table inet raw"
    spans = []
    for _round in range(3):
        start, end = map(float, target.sh(script).split())
        spans.append(end - start)
    return statistics.median(spans)


def _target_memory(target: Target, networks: list[str]) -> int:
    """Peak memory in MiB of the target's side: the core applying such a policy, without Ansible's wrapper."""
    flow = {"id": "site/turn", "protocol": "udp", "ports": [[3478, 3478]], "any": False, "ipv4": networks, "ipv6": [], "hostnames": []}
    policy = {**to_dict(Policy(Frame(out_interfaces=("lo",)), {})), "services": {"site": [flow]}}
    done = json.loads(target.sh("python3 /collections/ansible_collections/webrtc/firewall/tests/bench/memory.py", json.dumps(policy)))
    target.sh(CLEAN)
    return int(done["kib"]) // 1024


def _play(runs: Runs, playbook: str, variables: dict[str, object], changed: bool) -> tuple[float, float]:
    return runs.play(playbook, runs.inventory(**variables), changed)


def many(ping: str) -> None:
    """A whole fleet."""
    targets = []
    try:
        for _number in range(changes.FLEET):
            targets.append(Target())
        with tempfile.TemporaryDirectory(prefix="webrtc-firewall-bench-") as folder:
            runs = Runs(Path(folder), *(target.id for target in targets))
            changes.fleet(lambda *play: _play(runs, *play), ping)
    finally:
        for target in targets:
            target.stop()


def new_flows() -> None:
    """What a new flow costs behind our rules and behind others."""
    print("\nA new flow through a gateway (network namespaces, veth)")
    for name, microseconds, ratio in data_path.measure():
        print(f"  {name:36} {microseconds:7.1f} us   {ratio:6.2f} x bare")


def each_backend() -> None:
    """The four backends beside loops over the modules that people use today."""
    with tempfile.TemporaryDirectory(prefix="webrtc-firewall-bench-") as folder:

        def play(host: str, backend: str, playbook: str, changed: bool) -> float:
            runs = Runs(Path(folder), host)
            # Without the one name that is left with wildcards of `any`: nothing answers for it here.
            services = ["vonage", {"name": "liveavatar", "without": ["api"]}]
            choice = {"webrtc_egress_services": services, "webrtc_egress_wildcards": "any", "webrtc_egress_backend": backend}
            return runs.play(playbook, runs.inventory(**choice), changed)[0]

        backends.measure(play)


def learning() -> None:
    """What learning from DNS costs."""
    with tempfile.TemporaryDirectory(prefix="webrtc-firewall-bench-") as folder:

        def apply(host: str, variables: dict[str, object]) -> None:
            runs = Runs(Path(folder), host)
            runs.play("webrtc.firewall.site", runs.inventory(**variables), True)

        dns.measure(apply)


def main() -> None:
    """All benchmarks, one after the other."""
    target = Target()
    try:
        with tempfile.TemporaryDirectory(prefix="webrtc-firewall-bench-") as folder:
            runs = Runs(Path(folder), target.id)
            everyday(target, runs)
            large(target, runs)
            ping = str(HERE / "plays" / "ping.yml")
            changes.change(lambda *play: _play(runs, *play), ping, target.id)
    finally:
        target.stop()
    many(ping)
    each_backend()
    new_flows()
    learning()


if __name__ == "__main__":
    main()
