# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The report for programs: the assessment itself."""

from __future__ import annotations

from json import dumps

from ansible_collections.webrtc.firewall.plugins.plugin_utils._report_view import View


def json(view: View) -> str:
    """Everything, sorted by key. All but ASCII is escaped, so that it can be shown in a terminal as well."""
    return dumps(view.data, sort_keys=True, indent=2, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f") + "\n"
