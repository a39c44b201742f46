# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Our files on the target's disk: which there can be, which are there, and what goes with the last of them."""

from __future__ import annotations

import os
import shutil

from ansible_collections.webrtc.firewall.plugins.module_utils import _paths, _services

_OWN_FILES = (
    _paths.POLICY,
    _paths.RESOLVER,
    *_paths.RULESETS,
    _paths.RESTORE,
    _paths.FIREWALLD,
    _paths.INSTANCE,
    _paths.PROGRAM,
    _paths.DNSMASQ_DROPIN,
)
_OWN_DIRECTORIES = (_paths.DIRECTORY, _paths.PROGRAM_DIRECTORY, _paths.STATE_DIRECTORY)


def known() -> list[str]:
    """All files that can be ours."""
    return [*_OWN_FILES, *_services.paths()]


def present() -> list[str]:
    """Our files that are there."""
    return [path for path in known() if os.path.lexists(path)]


def tidy() -> None:
    """No empty folder of ours stays."""
    for path in _OWN_DIRECTORIES:
        _services.remove_empty(path)


def forget_learned() -> None:
    """What was learned outlives no policy."""
    if not present():
        shutil.rmtree(_paths.STATE_DIRECTORY, ignore_errors=True)
