#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: confirm
short_description: Keep or take back a change that waits for its confirmation
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - M(webrtc.firewall.ruleset) arms a timer before it changes rules. Without a confirmation in time the machine goes back to what was there,
    live rules, files and services alike.
  - The action plugin of M(webrtc.firewall.ruleset) calls this module by itself. It is for those who look at the result first.
attributes:
  check_mode:
    description: Tells whether something waits; settles nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    description: Linux.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  id:
    description:
      - The change, as RV(webrtc.firewall.ruleset#module:confirm.id) named it.
    type: str
    required: true
  keep:
    description:
      - V(true) keeps the change for good, V(false) takes it back now.
    type: bool
    default: true
seealso:
  - module: webrtc.firewall.ruleset
"""

EXAMPLES = r"""
- name: Keep the change
  webrtc.firewall.confirm:
    id: "{{ changed.confirm.id }}"

- name: Take it back without waiting for the timer
  webrtc.firewall.confirm:
    id: "{{ changed.confirm.id }}"
    keep: false
"""

RETURN = r"""
problems:
  description: Why there is nothing to confirm, such as that the change was taken back, with the reason and the log.
  returned: failure
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _change, _settled
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import fail_with_problems, runner


def main() -> None:
    """Settle the change, one way or the other."""
    module = AnsibleModule(
        argument_spec={"id": {"type": "str", "required": True}, "keep": {"type": "bool", "default": True}},
        supports_check_mode=True,
    )
    run = runner(module)
    with fail_with_problems(module):
        if module.check_mode:
            changed = _settled.waits(module.params["id"])
        elif module.params["keep"]:
            changed = _settled.confirm(module.params["id"], run)
        else:
            changed = _change.revoke(module.params["id"], "the run asked for it", run)
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
