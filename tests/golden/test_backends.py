# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No backend is without its contract."""

from __future__ import annotations

from subject import KINDS

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS, NAMES


def test_each_backend_keeps_the_contract_and_is_disturbed_by_the_tests_of_all():
    assert {kind.backend for kind in KINDS.values()} == set(BACKENDS)


def test_the_registry_says_which_are_managers():
    assert {name: kind.manager for name, kind in BACKENDS.items()} == NAMES
