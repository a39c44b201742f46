# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container for each firewall: how it starts, how somebody else's firewall gets on it, and what it says of packets."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from podman import environment, image, podman

from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict

REPO = Path(__file__).resolve().parents[2]
INSIDE = "/collections/ansible_collections/webrtc/firewall"
SYSCTLS = (
    "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.accept_dad=0",
    # The kernel limits its own ICMP errors; here each of them is a verdict.
    "net.ipv4.icmp_ratemask=0", "net.ipv6.icmp.ratelimit=0", "net.ipv6.icmp.ratemask=2",
    # The control connections are not forgotten.
    "net.netfilter.nf_conntrack_udp_timeout_stream=1000000", "net.netfilter.nf_conntrack_tcp_be_liberal=1",
)  # fmt: skip
# Somebody else's firewall: none, one that drops all, one that drops what is not known. Its owner's own monitoring passes.
OTHERS = ("none", "drop", "known")
_HOOKS = ("forward", "output", "input")


def _nft_others(mode: str) -> str:
    known = "ct state established,related accept\n" if mode == "known" else ""
    rules = f"{known}ip saddr 10.8.1.0/24 accept\nip6 saddr fd00:8:1::/64 accept\n"
    chains = "".join(f"chain {hook} {{\ntype filter hook {hook} priority 0; policy drop;\n{rules}}}\n" for hook in _HOOKS)
    return "table inet others\ndelete table inet others\n" + (f"table inet others {{\n{chains}}}\n" if mode != "none" else "")


def _iptables_others(mode: str) -> str:
    policy, known = ("ACCEPT" if mode == "none" else "DROP"), mode == "known"
    script = []
    for tool, source in (("iptables", "10.8.1.0/24"), ("ip6tables", "fd00:8:1::/64")):
        for hook in ("FORWARD", "OUTPUT", "INPUT"):
            rules = [f"-A {hook} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"] if known else []
            rules += [f"-A {hook} -s {source} -j ACCEPT"] if mode != "none" else []
            script += [f"{tool} -w -P {hook} {policy}", f"{tool} -w -F {hook}", *(f"{tool} -w {rule}" for rule in rules)]
    return "\n".join(script)


@dataclass(frozen=True)
class Kind:
    """One firewall to try.

    Attributes:
        backend: the name of its backend.
        image: what the name of the lab's image has behind the suite.
        others: for each mode of somebody else's firewall the shell command that makes it so.
        start: a shell command that runs first.
        options: further options for podman run.
    """

    backend: str
    others: dict[str, str]
    image: str = ""
    start: str = "true"
    options: tuple[str, ...] = field(default=())


def _variant(name: str) -> Kind:
    start = "; ".join(f"update-alternatives --set {tool} /usr/sbin/{tool}-{name}" for tool in ("iptables", "ip6tables"))
    return Kind("iptables", {mode: _iptables_others(mode) for mode in OTHERS}, start=start)


KINDS = {
    "nftables": Kind("nftables", {mode: f"nft -f - <<'END'\n{_nft_others(mode)}END\n" for mode in OTHERS}),
    "iptables-nft": _variant("nft"),
    "iptables-legacy": _variant("legacy"),
}


class Machine:
    """A container with one of the firewalls, without any network, and the driver in it.

    Args:
        kind: a name in KINDS.
        suite: a Debian release.
        tree: the collection that it runs.
    """

    def __init__(self, kind: str, suite: str, tree: Path = REPO) -> None:
        self.name, self.kind, self.mode = f"{kind} on {suite}", KINDS[kind], "none"
        options = ["--network", "none", "--cap-add", "NET_ADMIN,NET_RAW", "--device", "/dev/net/tun", *self.kind.options]
        options += [word for setting in SYSCTLS for word in ("--sysctl", setting)]
        mounts = ["--volume", f"{tree}:{INSIDE}:ro", "--volume", f"{Path(__file__).parent}:/differential:ro"]
        self.id = podman("run", "--detach", *options, *mounts, image(f"{suite}{self.kind.image}"), "sleep", "7200").stdout.strip()
        self.pipe = subprocess.Popen(
            ["podman", "exec", "--interactive", self.id, "python3", "/differential/driver.py"],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"
        self.sh(self.kind.start)

    def _tell(self, action: str, **command) -> None:
        self.pipe.stdin.write(json.dumps({"do": action, **command}) + "\n")
        self.pipe.stdin.flush()

    def _answer(self):
        line = self.pipe.stdout.readline()
        assert line, f"the driver of {self.name} has ended"
        return json.loads(line)

    def _ask(self, action: str, **command):
        self._tell(action, **command)
        return self._answer()

    def sh(self, script: str) -> str:
        done = self._ask("run", argv=["sh", "-ec", script])
        assert done["code"] == 0, f"{self.name}: {script}: {done['err']}"
        return done["out"]

    def begin(self, case, packets) -> None:
        """Begin to try a case; `verdicts` has its end, so that several machines work at once."""
        script = self.kind.others[case.others] if case.others != self.mode else ""
        self.mode = case.others
        told = {"policy": to_dict(case.policy), "learned": case.taught, "others": script, "packets": _plain(packets)}
        self._tell("try", backend=self.kind.backend, **told)

    def verdicts(self):
        """The verdicts in the order of the packets, or a mapping with what the backend refused."""
        return self._answer()

    def load(self, policy):
        """Go on to another policy with all connections as they are; None takes all rules of ours away."""
        if policy is None:
            return self._ask("remove", backend=self.kind.backend)
        return self._ask("load", backend=self.kind.backend, policy=to_dict(policy), learned={})

    def send(self, *packets) -> list[str]:
        return self._ask("send", packets=_plain(packets))

    def stop(self) -> None:
        try:
            self.pipe.stdin.close()
            self.pipe.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.pipe.kill()
        finally:
            podman("rm", "--force", "--time", "0", self.id)


def _plain(packets):
    return [list(vars(packet).values()) for packet in packets]
