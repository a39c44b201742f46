# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""How a module lets the core run commands: by Ansible's own means."""

from __future__ import annotations

from typing import Any

from ansible_collections.webrtc.firewall.plugins.module_utils._system import VARIABLES, Output, Runner


def runner(module: Any) -> Runner:
    """The command runner of an AnsibleModule."""

    def run(argv: list[str], text: str) -> Output:
        code, out, err = module.run_command(argv, data=text, binary_data=True, environ_update=VARIABLES)
        return Output(code, out, err)

    return run
