# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbered cases: what a site chose, and the ruleset that it gives. Each is loaded by three versions of nft and read back.

To add a case, add a folder with a site.yml and write its golden.nft; read what you write there against the vendor's document.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def policy_of(case: Path) -> Policy:
    site = yaml.safe_load((case / "site.yml").read_text())
    return compile_site(site["services"], site["options"]).policy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_site_gives_its_golden_ruleset(case):
    assert BACKENDS["nftables"].render_text(policy_of(case)) == (case / "golden.nft").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_kernel_has_what_was_rendered(machine, case):
    assert machine.ask("load", policy=to_dict(policy_of(case))) == {"same": True, "err": ""}
