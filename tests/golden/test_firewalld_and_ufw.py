# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two managers that are both active: nobody can know which of them rules the machine, so nothing is done."""

from __future__ import annotations

import pytest
import test_firewalld
import test_ufw
from contract import PRESENT, policy

FIREWALLD, UFW = test_firewalld.TestFirewalld, test_ufw.TestUfw
LIVE = f"{UFW.live}; {FIREWALLD.live}"


@pytest.fixture(scope="module")
def both(machines):
    with machines("bookworm-firewalld-ufw", *FIREWALLD.options) as box:
        FIREWALLD().start(box)
        box.sh("ufw --force enable")
        yield box


@pytest.mark.parametrize("backend", ["auto", "nftables", "iptables", "firewalld", "ufw"])
@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_done_while_two_managers_are_active(both, backend, check):
    before = both.sh(LIVE)
    told = both.apply(policy(), backend=backend, check=check)["error"]
    names = {"firewalld": "ufw", "ufw": "firewalld"}
    for name in [names[backend]] if backend in names else ["firewalld", "ufw"]:
        assert name in told
    assert "Stop and disable" in told
    assert both.sh(f"{LIVE}; {PRESENT}") == before


def test_with_one_of_them_stopped_the_other_is_found(both):
    both.sh("ufw --force disable")
    assert both.state(backend="auto")["present"] is False
    assert "wan0" in both.apply(policy(out_interfaces=["wan0"]), backend="auto")["error"]
    both.sh("ufw --force enable")
    assert "one firewall manager at most" in both.apply(policy(), backend="auto")["error"]
