# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What begins while firewalld reloads: its first packet is dropped, unless firewalld's own ReloadPolicy (2.3 and later) says otherwise."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from test_live import FIREWALLD, Call, gateways, wanted
from test_migration import Traffic

# Somebody's policy that lets everybody inside out.
START = (
    FIREWALLD
    + """
policy='firewall-cmd --permanent --policy=mine'
firewall-cmd --permanent --new-policy=mine
$policy --add-ingress-zone=internal; $policy --add-egress-zone=external; $policy --set-target=ACCEPT
firewall-cmd --reload
"""
)
PERMITTED = "sed -i 's/^ReloadPolicy=.*/ReloadPolicy=FORWARD:ACCEPT/' /etc/firewalld/firewalld.conf\n" + START


CHANGES = (
    lambda box: box.apply(wanted("vonage")),
    lambda box: box.apply(wanted("vonage", baseline="deny_egress")),
    lambda box: box.absent(),
)


def dropped():
    """Traffic tells that some of it was lost."""
    return pytest.raises(AssertionError, match="lost")


@pytest.mark.parametrize(("start", "told"), [(START, dropped), (PERMITTED, nullcontext)], ids=["dropped", "permitted"])
def test_what_begins_during_a_reload_passes_where_firewalld_is_told_so(machines, start, told):
    with gateways(machines, "trixie-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as (box, client):
        box.backend = "firewalld"
        box.sh(start)
        traffic = Traffic(Call(box, client))
        for change in CHANGES:
            with told(), traffic.fresh():
                assert change(box).get("changes")


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_no_connection_fails_that_is_begun_during_a_reload(machines, release):
    """Its first packet may be lost, as above; STUN and TCP repeat it, and it passes then as if nothing had been."""
    with gateways(machines, f"{release}-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as (box, client):
        box.backend = "firewalld"
        box.sh(START)
        traffic = Traffic(Call(box, client))
        for change in CHANGES:
            with traffic.fresh(kind="repeat"):
                assert change(box).get("changes")
