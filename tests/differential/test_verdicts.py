# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies on real kernels: what each of them does with packets at the edges is what the others do, and what the policy means."""

from __future__ import annotations

import pytest
from cases import ALL, LINE
from conftest import POLICIES, SHARES
from kinds import KINDS, PLAIN
from trial import tried

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS


def test_every_backend_is_tried():
    assert {kind.backend for kind in KINDS.values()} == set(BACKENDS)


@pytest.mark.parametrize("suite", SHARES)
def test_kernels_agree_with_each_other_and_with_the_policy(start, suite):
    tally = tried([start(kind, suite) for kind in PLAIN], ALL, POLICIES * SHARES[suite])
    assert not tally["refused"], tally
    # Nothing is proven by packets that all pass, or all do not; a few policies may by chance refuse nothing.
    packets = sum(tally[verdict] for verdict in ("pass", "reject", "drop"))
    assert tally["pass"] > packets / 20 and tally["drop"] > packets / 20, tally
    assert tally["reject"] or SHARES[suite] < 1, tally


@pytest.mark.parametrize("kind", ["nftables", "iptables-nft"])
def test_the_whole_line_says_the_same(start, kind):
    """With files and units, as the module does it; the test above leaves those out."""
    tried([start(kind, "bookworm")], LINE, POLICIES / 20, line=True)
