# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What begins while firewalld reloads: firewalld drops it, unless its own setting ReloadPolicy (2.3 and later) says otherwise."""

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


def dropped():
    """Traffic tells that some of it was lost."""
    return pytest.raises(AssertionError, match="lost")


@pytest.mark.parametrize(("start", "told"), [(START, dropped), (PERMITTED, nullcontext)], ids=["dropped", "permitted"])
def test_what_begins_during_a_reload_passes_where_firewalld_is_told_so(machines, start, told):
    with gateways(machines, "trixie-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as (box, client):
        box.backend = "firewalld"
        box.sh(start)
        traffic = Traffic(Call(box, client))
        changes = (
            lambda: box.apply(wanted("vonage")),
            lambda: box.apply(wanted("vonage", baseline="deny_egress")),
            box.absent,
        )
        for change in changes:
            with told(), traffic.fresh():
                assert change().get("changes")
