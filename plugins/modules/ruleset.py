#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset
short_description: Let a policy's flows through a Linux firewall
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Compares the live rules of the machine with a policy and changes what differs, in one transaction.
  - Touches its own table C(inet webrtc_firewall) and one marked rule in each foreign chain that could drop a permitted flow.
    All other rules stay as they are.
  - Host names in the policy are resolved on the target. Addresses that were known stay, since name servers answer partially.
  - What it applies is loaded again when the machine starts and when C(nftables.service) is reloaded.
requirements:
  - nft 0.9.8 or newer on the target, with JSON support.
attributes:
  check_mode:
    description: Tells what would change and lets the real tool check it; writes nothing.
    support: full
  diff_mode:
    description: Shows what changes by flow id.
    support: full
  platform:
    description: Linux with nftables.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  state:
    description:
      - V(present) lets the flows of O(policy) through.
      - V(absent) takes the services in O(services) away, or everything where none is named.
    type: str
    choices: [present, absent]
    default: present
  policy:
    description:
      - What the filter P(webrtc.firewall.policy#filter) returns, as it is or as JSON, which is faster for long lists.
      - Required with O(state=present).
    type: dict
  resolver:
    description:
      - The settings of a resolver that learns, as M(webrtc.firewall.resolver) takes them.
        So rules and resolver are checked together before either is changed.
      - Without it a resolver that is there stays as it is.
    type: dict
  exclusive:
    description:
      - Whether services that O(policy) does not name are taken away. If V(false) they stay as an earlier run left them.
    type: bool
    default: true
  services:
    description:
      - The services to take away with O(state=absent); empty means all, and all that belongs to the collection.
    type: list
    elements: str
    default: []
  backend:
    description:
      - The firewall that rules the machine. V(auto) finds it; a manager that is active comes before plain nftables or iptables,
        and otherwise a machine stays with what the last run used.
    type: str
    choices: [auto, nftables, iptables, firewalld, ufw]
    default: auto
  confirm:
    description:
      - Whether the machine goes back by itself to what was there unless the change is confirmed over a fresh connection,
        which the action plugin of this module opens at once. So a change that cuts off its own way in does not last.
      - With V(false) a change is final as soon as it is made, as in the building of an image that nobody could connect to.
    type: bool
    default: true
  confirm_seconds:
    description:
      - How long the machine waits for the confirmation. Longer than a connection may take to come up.
      - Only a change of rules waits; one of files alone cuts nobody off.
    type: int
    default: 60
  confirm_id:
    description:
      - What M(webrtc.firewall.confirm) names later. The action plugin sets it, and confirms.
    type: str
seealso:
  - module: webrtc.firewall.confirm
  - module: webrtc.firewall.ruleset_info
  - plugin: webrtc.firewall.policy
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Let both services through this gateway
  webrtc.firewall.ruleset:
    policy: "{{ ['vonage', 'liveavatar'] | webrtc.firewall.policy }}"

- name: Take one service away and leave the other
  webrtc.firewall.ruleset:
    state: absent
    services: [liveavatar]
"""

RETURN = r"""
changes:
  description: What differed from the policy, by id; a flow, a part of the frame, a permit in a foreign chain, a file or a unit.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about.
      type: str
      sample: vonage/rtp-media
    before:
      description: What was there; null where there was nothing.
      type: str
    after:
      description: What is there now; null where it is gone.
      type: str
      sample: udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18
backend:
  description: The firewall that the rules are in.
  returned: success
  type: str
  sample: nftables
backend_reason:
  description: Why it is this one.
  returned: success
  type: str
  sample: no other firewall rules this machine
confirm:
  description: The change that waits, or has waited, for its confirmation.
  returned: when rules changed
  type: dict
  contains:
    id:
      description: What M(webrtc.firewall.confirm) names.
      type: str
      sample: 0c2b6f5c7d5e4d0d9f1fb1b8d8ad4a6e
    seconds:
      description: For how long it waits.
      type: int
    command:
      description: What confirms it on the machine itself.
      type: list
      elements: str
confirmed:
  description: Whether the change was confirmed over a fresh connection.
  returned: when it had to be
  type: bool
services:
  description: The services that are in force now.
  returned: success
  type: list
  elements: str
  sample: [liveavatar, vonage]
problems:
  description: What is wrong, all at once; nothing was changed.
  returned: failure
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: webrtc_egress_in_interfaces[0]
    value:
      description: What was found there.
      type: raw
      sample: lan9
    expected:
      description: What would have been right.
      type: str
      sample: an interface of this machine
    remedy:
      description: What to do about it.
      type: str
check_mode:
  description: Whether the module ran in check mode.
  returned: failure
  type: bool
unsatisfied:
  description: Requirements that the chosen way of handling wildcards cannot open, by id, with the reason.
  returned: success
  type: dict
  sample: {}
"""

import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _choice, _guard, _policy_json, _resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import answer, fail_with_problems, runner


def work(module: AnsibleModule) -> dict[str, Any]:
    """One run; the result for `exit_json`."""
    wanted = module.params
    find = _choice.choose if wanted["state"] == "present" else _choice.in_force
    choice = find(wanted["backend"], runner(module))
    name = wanted["confirm_id"] or uuid.uuid4().hex
    guard = None if module.check_mode else Guard(name, wanted["confirm_seconds"] if wanted["confirm"] else 0, wanted["confirm"])
    if wanted["state"] == "present":
        policy = _policy_json.from_dict(wanted["policy"])
        resolver = _resolver.from_dict(wanted["resolver"]) if wanted["resolver"] else None
        result = _apply.present(choice.backend, policy, wanted["exclusive"], guard, resolver)
    else:
        result = _apply.absent(choice.backend, wanted["services"], guard)
    waits = {"confirm": {"id": name, "seconds": wanted["confirm_seconds"], "command": _guard.confirming(name)}} if result.waits else {}
    return {
        **waits,
        **answer(module, result),
        "backend": choice.backend.name,
        "backend_reason": choice.reason,
        "services": sorted(result.policy.services) if result.policy else [],
        "unsatisfied": dict(result.policy.unsatisfied) if result.policy else {},
    }


def main() -> None:
    """Read the parameters, work, and answer."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "policy": {"type": "dict"},
            "resolver": {"type": "dict"},
            "exclusive": {"type": "bool", "default": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "backend": {"type": "str", "choices": list(_choice.CHOICES), "default": _choice.AUTO},
            "confirm": {"type": "bool", "default": True},
            "confirm_seconds": {"type": "int", "default": 60},
            "confirm_id": {"type": "str"},
        },
        required_if=[("state", "present", ["policy"])],
        supports_check_mode=True,
    )
    with fail_with_problems(module):
        result = work(module)
    # The policy may hold a hundred thousand networks: it is not sent back, as modules do with their parameters by default.
    shown = {key: value for key, value in module.params.items() if key != "policy"}
    module.exit_json(invocation={"module_args": shown}, **result)


if __name__ == "__main__":
    main()
