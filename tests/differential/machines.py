# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container for each firewall, without any network, and the driver in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from kinds import KINDS
from podman import environment, image, podman, remove

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


class Machine:
    """A container with one of the firewalls, without any network, and the driver in it.

    Args:
        kind: a name in KINDS.
        suite: a Debian release.
        tree: the collection that it runs.
    """

    def __init__(self, kind: str, suite: str, tree: Path = REPO) -> None:
        self.name, self.kind, self.mode = f"{kind} on {suite}", KINDS[kind], ""
        options = ["--network", "none", "--cap-add", "NET_ADMIN,NET_RAW", "--device", "/dev/net/tun"]
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

    def begin(self, case, packets, line: bool = False) -> None:
        """Begin to try a case; `verdicts` has its end, so that several machines work at once."""
        mode = self.kind.mode(case.others)
        script = self.kind.others[mode] if mode != self.mode else ""
        self.mode = mode
        self._tell(
            "try",
            backend=self.kind.backend,
            others=script,
            fresh=self.kind.fresh,
            before=case.before and {"policy": to_dict(case.before), "learned": case.taught_before},
            packets=_plain(packets),
            policy=to_dict(case.policy),
            learned=case.taught,
            line=line,
        )

    def verdicts(self):
        """The verdicts in the order of the packets, or a mapping with what the backend refused."""
        return self._answer()

    def load(self, policy):
        """Go on to another policy with all connections as they are; None takes all rules of ours away."""
        if policy is None:
            return self._ask("remove", backend=self.kind.backend)
        return self._ask("load", backend=self.kind.backend, policy=to_dict(policy), learned={})

    def send(self, *packets, known: bool = False) -> list[str]:
        """The verdicts on some packets; `known` ones may belong to connections that were there before."""
        return self._ask("send", packets=_plain(packets), known=known)

    def stop(self) -> None:
        try:
            self.pipe.stdin.close()
            self.pipe.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.pipe.kill()
        finally:
            remove(self.id)


def _plain(packets):
    return [list(vars(packet).values()) for packet in packets]
