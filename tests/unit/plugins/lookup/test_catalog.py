# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that shows the catalog."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible.errors", reason="lookups run on the controller, which has ansible-core")

from ansible.errors import AnsibleLookupError

from ansible_collections.webrtc.firewall.plugins.lookup.catalog import LookupModule


def test_without_terms_it_names_the_services() -> None:
    assert LookupModule().run([]) == ["liveavatar", "vonage"]


def test_terms_give_their_entries_in_order() -> None:
    entries = LookupModule().run(["vonage", "liveavatar"])
    assert [entry["service"] for entry in entries] == ["vonage", "liveavatar"]
    assert [row["id"] for row in entries[0]["requirements"]] == [
        "signaling",
        "turn-udp",
        "turn-tcp",
        "rtp-media",
        "sip-udp",
        "sip-tcp",
        "sip-tls",
    ]
    assert entries[1]["variables"] == {"subdomain": "heygen-feapbkvq"}


@pytest.mark.parametrize("term", ["vonge", "../vonage", "", None, ["vonage"]])
def test_unknown_terms_are_refused(term: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="expected names of liveavatar, vonage"):
        LookupModule().run(["vonage", term])
