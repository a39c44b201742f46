# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a boot brings back, by our boot program run by hand: in each order of loaders, and with files of ours lost or damaged.

The rules of others are there after each of them, and ours as a whole or not at all. The boots themselves are in test_sysv.py and in the
scenarios.
"""

from __future__ import annotations

from collections import Counter

import pytest
from contract import POLICY, policy

RESTORE = "/etc/webrtc-firewall/restore"
OTHERS = "*filter\n:FORWARD DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -p tcp -m tcp --dport 7 -j ACCEPT\nCOMMIT\n"
# How a file is lost: gone, empty, cut within a line, another's, and of another kind.
LOSSES = ("rm %s", "truncate -s 0 %s", "truncate -s 300 %s", "echo rubbish >%s", "rm %s; mkdir %s")
FLUSH = (
    "nft flush ruleset; for tool in iptables-legacy ip6tables-legacy; do $tool -F; $tool -X; $tool -P FORWARD ACCEPT; done; ipset destroy"
)


@pytest.fixture(params=["nftables", "nft", "legacy"])
def box(machine, request, suite):
    """A machine with rules of others and ours, of a backend or of a variant of iptables; `good` is all of it."""
    machine.variant = "nft" if request.param == "nftables" else request.param
    machine.backend = "nftables" if request.param == "nftables" else "iptables"
    machine.sh(f"cat >/root/others; iptables-{machine.variant}-restore </root/others", OTHERS)
    machine.only_others = lines(machine)
    machine.apply(policy())
    machine.good = lines(machine)
    yield machine
    machine.sh(f"rmdir {RESTORE[:-8]}/* 2>/dev/null || true")
    machine.absent()
    machine.backend = "nftables"
    machine.ask("reset")
    machine.sh(FLUSH)


def lines(box):
    """All rules and sets, without what is counted and in no order."""
    saves = f"iptables-{box.variant}-save; ip6tables-{box.variant}-save; ipset save; nft -s list table inet webrtc_firewall 2>/dev/null"
    saved = box.sh(f"({saves}; true) | grep -v -e '^#' -e '^[*]' -e '^COMMIT' -e '^:[A-Z]* ACCEPT' -e '^$' || true").splitlines()
    return sorted(line.split(" hashsize")[0].split(" [")[0] for line in saved)


def ours(line):
    return any(word in line for word in ("webrtc", "wf4", "wf6", "wf_")) or line.startswith(("\t", "}"))


def boot(box, *steps):
    box.sh(FLUSH)
    for step in steps:
        box.ask("run", argv=["sh", "-c", step], text="")
        if step.startswith("iptables"):
            assert {line for line in lines(box) if not ours(line)} == set(box.only_others), step


def test_the_order_of_loaders_does_not_matter(box, suite):
    """With ours among the saved rules, and without; what loads them may come before ours, between, and after."""
    load = f"iptables-{box.variant}-restore </root/saved"
    sets = f"{RESTORE} sets" if box.backend == "iptables" else "true"
    saves = (f"iptables-{box.variant}-save >/root/saved", "cp /root/others /root/saved")
    for save in saves if suite == "bookworm" else saves[:1]:
        box.sh(save)
        for steps in ([sets, load, RESTORE], [sets, RESTORE, load, RESTORE, RESTORE]):
            boot(box, *steps)
            assert lines(box) == box.good, (save, steps)
    boot(box, f"iptables-{box.variant}-restore </root/others", sets, RESTORE)
    assert lines(box) == box.good


def test_a_lost_file_of_ours_takes_nothing_of_others_with_it(box, suite):
    own = ["ruleset.nft"] if box.backend == "nftables" else ["sets.ipset", "rules.v4", "rules.v6"]
    cases = [(f"/etc/webrtc-firewall/{name}", loss) for name in own for loss in LOSSES] + [(POLICY, loss) for loss in LOSSES[:2]]
    # All of it on one release; of the others each has its share.
    start, step = {"bookworm": (0, 1), "bullseye": (0, 5), "trixie": (3, 5)}[suite]
    for path, loss in cases[start::step]:
        box.sh(f"cp -a {path} /root/kept; {loss.replace('%s', path)}")
        boot(box, f"{RESTORE} sets" if box.backend == "iptables" else "true", f"iptables-{box.variant}-restore </root/others", RESTORE)
        found = lines(box)
        assert [line for line in found if not ours(line)] == box.only_others, (path, loss)
        assert allowed(path, found, box), (path, loss, set(found) ^ set(box.good))
        box.sh(f"rm -rf {path}; cp -a /root/kept {path}; {RESTORE}")
        assert lines(box) == box.good, (path, loss)


def allowed(path, found, box):
    """Whether ours is there as it may be: whole without the lost file's part, and never with a hole in a family's rules."""
    if path == POLICY:
        return found == box.good
    if path.endswith("sets.ipset"):
        rules = [line for line in box.good if not line.startswith("add ")]
        return [line for line in found if not line.startswith("add ")] == rules
    rules, whole = (Counter(line for line in text if line.startswith(("-A webrtc-", "\t\t"))) for text in (found, box.good))
    return rules < whole and bool(rules) == (box.backend == "iptables")
