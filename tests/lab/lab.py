# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab: a client, a gateway and a far side that holds every address there is, joined by veth pairs and by nothing else.

lab.py up --id ID --suite SUITE [--init none|systemd|sysv] [--hosts client,gateway,far] [--client SUITE] [--far SUITE]
lab.py check|reboot|down --id ID

Containers have no network of the machine's: no bridge, no uplink, no interface on the host. So public addresses are
safe here, and `check` proves it before anything is sent.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import boot  # noqa: E402
from boot import INIT, wait_until_up  # noqa: E402
from podman import REPO, image, podman, remove  # noqa: E402

LABEL = "webrtc-lab"
SECONDS = 30.0
CLIENT_SUITE, FAR_SUITE = "bookworm", "far"
RESOLVER = "198.51.100.2"
# Each part's interface, addresses and default routes.
ADDRESSES = {
    # The vendor's address from which the far side sends unasked.
    ("far", "lo"): ["216.147.0.1/32", "2001:db8:77::7/128"],
    ("client", "eth0"): ["10.99.0.2/24", "fd00:99::2/64"],
    ("gateway", "lan0"): ["10.99.0.1/24", "fd00:99::1/64"],
    ("gateway", "wan0"): ["198.51.100.1/24", "2001:db8:51::1/64"],
    ("far", "eth0"): ["198.51.100.2/24", "2001:db8:51::2/64"],
}
LINKS = [(("client", "eth0"), ("gateway", "lan0")), (("gateway", "wan0"), ("far", "eth0"))]
SYSCTLS = {
    "gateway": ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"),
    # The ports of media in a vendor's document.
    "far": ("net.ipv4.ip_local_port_range=10000 50000",),
}
ROUTES = {
    "client": ["default via 10.99.0.1", "default via fd00:99::1"],
    "gateway": ["default via 198.51.100.2", "default via 2001:db8:51::2"],
    "far": ["10.99.0.0/24 via 198.51.100.1", "fd00:99::/64 via 2001:db8:51::1"],
}


class LabError(Exception):
    """The lab cannot be made, or is not isolated."""


def run(*argv: str) -> str:
    """Run a command of the machine; an error raises with what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def containers(lab: str) -> dict[str, str]:
    """The lab's containers: part to container id."""
    listed = json.loads(podman("ps", "--all", "--filter", f"label={LABEL}={lab}", "--format", "json").stdout or "[]")
    return {entry["Labels"][f"{LABEL}-part"]: entry["Id"] for entry in listed}


def pid(container: str) -> str:
    """The process id of a running container's first process."""
    return podman("inspect", "--format", "{{.State.Pid}}", container).stdout.strip()


def within(container: str, *argv: str) -> str:
    """Run a command of the machine in the network namespace of a container."""
    return enter(pid(container), *argv)


def enter(first: str, *argv: str) -> str:
    """The same for a container whose first process is known: to ask podman for it takes longer than most commands."""
    return run("nsenter", "--target", first, "--net", *argv)


def up(lab: str, suite: str, init: str, hosts: list[str], client: str = CLIENT_SUITE, far: str = FAR_SUITE) -> None:
    """Start the containers in the place of older ones, join them, prove the isolation, start the servers."""
    down(lab)
    for part in hosts:
        own = {"gateway": suite, "client": client, "far": far}[part]
        start(
            lab,
            part,
            f"{own}-sysv" if part == "gateway" and init == "sysv" and not own.endswith("-sysv") else own,
            init if part == "gateway" else "none",
        )
    join(containers(lab))
    check(lab)
    serve(containers(lab))


def start(lab: str, part: str, name: str, init: str) -> None:
    """Start one container without any network."""
    options = ["--network", "none", "--hostname", part, "--cap-add", "NET_ADMIN,NET_RAW", "--volume", f"{REPO}/tests/lab:/lab:ro"]
    if init == "systemd":
        more = ",SYS_ADMIN" if name == "trixie" else ""
        options += ["--systemd=always", "--security-opt", "unmask=/proc/sys", "--cap-add", f"NET_ADMIN,NET_RAW{more}"]
    labels = ["--label", f"{LABEL}={lab}", "--label", f"{LABEL}-part={part}"]
    podman("run", "--detach", "--name", f"{lab}-{part}", *labels, *options, image(name), *INIT[init])
    wait_until_up(f"{lab}-{part}", init)


def join(parts: dict[str, str]) -> None:
    """Join what is not joined yet by veth pairs, with addresses and routes."""
    pids = {part: pid(container) for part, container in parts.items()}
    for (one, here), (other, there) in LINKS:
        if one in parts and other in parts:
            run("ip", "link", "add", here, "netns", pids[one], "type", "veth", "peer", "name", there, "netns", pids[other])
    for (part, interface), addresses in ADDRESSES.items():
        if part in parts and interface in enter(pids[part], "ip", "-brief", "link"):
            for address in addresses:
                enter(pids[part], "ip", "address", "replace", address, "dev", interface, *(["nodad"] if ":" in address else []))
            enter(pids[part], "ip", "link", "set", interface, "up")
    for part, container in parts.items():
        enter(pids[part], "ip", "link", "set", "lo", "up")
        enter(pids[part], "sysctl", "-qw", *SYSCTLS.get(part, ()), "net.ipv4.conf.all.rp_filter=0")
        for route in ROUTES[part]:
            if "client" in parts or not route.startswith(("10.99.", "fd00:99:")):
                enter(pids[part], "ip", *(["-6"] if ":" in route else []), "route", "replace", *route.split())
        podman("exec", container, "sh", "-c", f"echo nameserver {RESOLVER} >/etc/resolv.conf")


def check(lab: str) -> None:
    """Prove that no packet can leave the lab.

    Raises:
        LabError: a container has an interface that leads elsewhere, or shares a namespace with the machine.
    """
    parts = containers(lab)
    pids = {part: pid(container) for part, container in parts.items()}
    mine = run("readlink", "/proc/self/ns/net")
    spaces = {part: run("readlink", f"/proc/{first}/ns/net") for part, first in pids.items()}
    if mine in spaces.values() or len(set(spaces.values())) != len(parts):
        raise LabError(f"{lab}: containers share a network namespace")
    allowed = {part: {"lo"} | {interface for owner, interface in ADDRESSES if owner == part} for part in parts}
    pairs = {frozenset({end_a, end_b}) for end_a, end_b in LINKS}
    indexes = {}
    for part, first in pids.items():
        for link in json.loads(enter(first, "ip", "-json", "-details", "link")):
            kind = link.get("linkinfo", {}).get("info_kind", "loopback" if link["ifname"] == "lo" else "other")
            if link["ifname"] not in allowed[part] or kind not in ("veth", "loopback"):
                raise LabError(f"{lab}: {part} has the interface {link['ifname']} ({kind}), which is not the lab's")
            if kind == "veth":
                indexes[part, link["ifname"]] = (link["ifindex"], link.get("link_index"))
    for ends in pairs:
        known = [indexes[end] for end in ends if end in indexes]
        if len(known) == 1 or (len(known) == 2 and known[0] != known[1][::-1]):
            raise LabError(f"{lab}: {sorted(ends)} are not the two ends of one pair")


def serve(parts: dict[str, str]) -> None:
    """Start the far side's servers and the client's listeners, and wait until they answer."""
    podman("exec", "--detach", parts["far"], "python3", "/lab/far.py")
    for part in ("client", "gateway") if "client" in parts else ("gateway",):
        if part == "client" or "client" not in parts:
            podman("exec", "--detach", parts[part], "python3", "/lab/listen.py")
    # One command that waits, since each of podman's costs more than what it asks for.
    wait = f"for try in $(seq {SECONDS * 10:.0f}); do test -e /run/far-ready && exit; sleep 0.1; done; tail -c 2000 /run/far.log; exit 1"
    done = podman("exec", parts["far"], "sh", "-c", wait, check=False)
    if done.returncode:
        raise LabError(f"the far side's servers did not start in {SECONDS:.0f} s:\n{done.stdout}")


def reboot(lab: str) -> None:
    """Stop the gateway and start it again: a new network namespace without rules, and the services from their beginning."""
    parts = containers(lab)
    gateway = parts["gateway"]
    command = podman("inspect", "--format", "{{json .Config.Cmd}}", gateway).stdout
    init = next(name for name, argv in INIT.items() if json.loads(command) == argv)
    boot.reboot(gateway, init)
    join(parts)
    check(lab)


def down(lab: str) -> None:
    """Remove the lab's containers; their interfaces go with them."""
    ids = containers(lab).values()
    if ids:
        remove(*ids)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("action", choices=["up", "down", "check", "reboot"])
    parser.add_argument("--id", required=True)
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--init", choices=list(INIT), default="none")
    parser.add_argument("--hosts", default="client,gateway,far")
    parser.add_argument("--client", default=CLIENT_SUITE, help="the client's image")
    parser.add_argument("--far", default=FAR_SUITE, help="the far side's image")
    options = parser.parse_args()
    try:
        if options.action == "up":
            try:
                up(options.id, options.suite, options.init, options.hosts.split(","), options.client, options.far)
            except BaseException:
                down(options.id)
                raise
        else:
            {"down": down, "check": check, "reboot": reboot}[options.action](options.id)
    except (LabError, RuntimeError) as error:
        raise SystemExit(f"lab {options.id}: {error}") from None


if __name__ == "__main__":
    main()
