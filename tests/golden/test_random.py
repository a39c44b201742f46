# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies, rendered, loaded by the real nft and read back: what is listed must equal what was wanted."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from strategies import flows, frames, interfaces

from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict

FRAMES = frames(interfaces("lan0", "wan0", "eth0.100", "ppp0", "br-lan"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=FRAMES, rows=flows())
@example(frame=Frame(baseline="deny_egress", mark=1 << 31), rows=())
@example(frame=Frame(baseline="deny_egress", placement="both", uplinks=("wan0",), other_resolvers="reject"), rows=())
def test_what_is_listed_is_what_was_wanted(shared, frame, rows):
    assert shared.ask("load", policy=to_dict(Policy(frame, {"site": rows}))) == {"same": True, "err": ""}
