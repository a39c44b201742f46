# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new flow costs on its way through a gateway, behind different rulesets.

Three network namespaces joined by veth pairs and nothing else. A sender sends each packet as a new flow; on veth the
sending call includes the whole way through the gateway, so its time is the cost. All packets are dropped at the far side.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import time
from contextlib import contextmanager
from typing import Iterator

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

FLOWS = 20_000
ROUNDS = 5
_CLONE_NEWNET = 0x40000000
BARE = """table inet bare {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state established,related accept
    }
}
"""
SINK = """table ip sink {
    chain prerouting {
        type filter hook prerouting priority raw; policy accept;
        ip protocol udp drop
    }
}
"""


def networks(count: int) -> list[str]:
    """As many networks that do not touch."""
    return [f"{100 + index // 16384}.{index // 64 % 256}.{index % 64 * 4}.0/23" for index in range(count)]


def ours(count: int, baseline: str) -> str:
    """Both services and a third with so many networks, as the collection renders them."""
    rows = [{"id": "rtp", "destinations": networks(count), "protocol": "udp", "ports": ["10000-50000"]}]
    options = {"custom_services": [{"service": "zz_site", "requirements": rows}], "baseline": baseline, "wildcards": "any"}
    return BACKENDS["nftables"].render_text(compile_site(["vonage", "liveavatar", "zz_site"], options).policy)


def linear(count: int) -> str:
    """The same networks as a list of rules."""
    rules = "\n".join(f"ip daddr {network} udp dport 10000-50000 accept" for network in networks(count))
    return BARE.replace("accept\n    }", f"accept\n{rules}\n    }}")


@contextmanager
def gateway(rules: str) -> Iterator[str]:
    """A client, a gateway with the rules, and a far side that swallows everything; gives the client's name."""
    client, middle, far = names = [f"webrtc-bench-{os.getpid()}-{part}" for part in ("client", "gateway", "far")]
    try:
        for name in names:
            _run("ip", "netns", "add", name)
        _wire(client, middle, far)
        _run("ip", "netns", "exec", far, "nft", "-f", "-", text=SINK)
        if rules:
            _run("ip", "netns", "exec", middle, "nft", "-f", "-", text=rules)
        yield client
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _run(*argv: str, text: str = "") -> None:
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)


def _wire(client: str, middle: str, far: str) -> None:
    commands = f"""
        link add eth0 netns {client} type veth peer name lan0 netns {middle}
        link add eth0 netns {far} type veth peer name wan0 netns {middle}
        -n {client} addr add 10.99.0.2/24 dev eth0
        -n {middle} addr add 10.99.0.1/24 dev lan0
        -n {middle} addr add 198.51.100.1/24 dev wan0
        -n {far} addr add 198.51.100.2/24 dev eth0
        -n {client} link set eth0 up
        -n {middle} link set lan0 up
        -n {middle} link set wan0 up
        -n {far} link set eth0 up
        -n {far} link set lo up
        -n {client} route add default via 10.99.0.1
        -n {middle} route add default via 198.51.100.2
        -n {far} route add local 0.0.0.0/0 dev lo
    """
    for line in filter(None, map(str.strip, commands.splitlines())):
        _run("ip", *line.split())
    _run("ip", "netns", "exec", middle, "sysctl", "-qw", "net.ipv4.ip_forward=1")


def cost(client: str, addresses: list[str]) -> float:
    """Microseconds for a new flow, sent from within the client's namespace by a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _enter(client)
            os.write(writer, str(_send(addresses)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return float(pipe.read())


def _enter(name: str) -> None:
    import ctypes

    handle = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
        raise OSError("cannot enter the namespace")


def _send(addresses: list[str]) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("", 40000))
        for port in range(10000, 12000):
            sender.sendto(bytes(100), (addresses[0], port))
        start = time.perf_counter()
        for index in range(FLOWS):
            sender.sendto(bytes(100), (addresses[index % len(addresses)], 13000 + index))
        return (time.perf_counter() - start) / FLOWS * 1e6


def measure() -> list[tuple[str, float, float]]:
    """Each ruleset with its median cost in microseconds and the ratio to the bare one."""
    rulesets = {
        "no rules": ("", 15),
        "bare ct state rule": (BARE, 15),
        "15 networks, existing": (ours(15, "existing"), 15),
        "15 networks, deny_egress": (ours(15, "deny_egress"), 15),
        "10,000 networks, existing": (ours(10_000, "existing"), 10_000),
        "10,000 networks, deny_egress": (ours(10_000, "deny_egress"), 10_000),
        "1,000 networks as a list of rules": (linear(1_000), 1_000),
    }
    found: dict[str, list[float]] = {name: [] for name in rulesets}
    for _round in range(ROUNDS):
        for name, (rules, count) in rulesets.items():
            targets = [network.replace(".0/23", ".7") for network in networks(count)]
            with gateway(rules) as client:
                found[name].append(cost(client, targets))
    floor = statistics.median(found["bare ct state rule"])
    return [(name, statistics.median(values), statistics.median(values) / floor) for name, values in found.items()]
