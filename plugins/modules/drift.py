#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drift
short_description: Find what has changed on a machine since the last run, and what blocks its flows now
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Compares live rules, files and services with what the last run of M(webrtc.firewall.ruleset) left, without asking DNS.
  - Looks through the rules of others for what keeps the policy's flows from passing.
  - Writes nothing and takes no lock.
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Changes nothing.
    support: N/A
  platform:
    description: Linux with nftables, iptables, firewalld or ufw.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  backend:
    description:
      - The firewall that the rules should be in. V(auto) is the one that the last run used.
    type: str
    choices: [auto, nftables, iptables, firewalld, ufw]
    default: auto
  policy:
    description:
      - What the filter P(webrtc.firewall.policy#filter) returns, as it is or as JSON; the machine is compared with it as a whole.
      - Without it the machine is compared with the policy that the last run has stored there.
      - DNS is asked for host names that the last run did not know.
    type: dict
seealso:
  - module: webrtc.firewall.ruleset
  - module: webrtc.firewall.ruleset_info
"""

EXAMPLES = r"""
- name: Look for changes
  webrtc.firewall.drift:
  register: firewall

- name: Stop if there are any
  ansible.builtin.assert:
    that: firewall.clean
    fail_msg: "{{ firewall.summary | join('; ') }}"
"""

RETURN = r"""
clean:
  description: Whether nothing differs, nothing blocks a flow, and no change waits for its confirmation.
  returned: success
  type: bool
drift:
  description: What differs, by id; a flow, a part of the frame, a permit in a foreign chain, a file or a unit.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about.
      type: str
      sample: vonage/rtp-media
    found:
      description: What is there; null where there is nothing.
      type: str
    expected:
      description: What should be there; null where it should not be.
      type: str
      sample: udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18
blocked:
  description: Rules, policies and settings of others that keep flows from passing, or may do so.
  returned: success
  type: list
  elements: dict
  contains:
    flows:
      description: The ids of the flows.
      type: list
      elements: str
      sample: [vonage/turn-udp]
    where:
      description: The chain, or what else it is.
      type: str
      sample: nft inet office forward
    rule:
      description: The rule, as its own tool prints it.
      type: str
      sample: udp dport 3478 drop
    sure:
      description: Whether it surely drops packets of these flows. V(false) means that it may, as its text does not tell.
      type: bool
    why:
      description: Why our rules do not help.
      type: str
      sample: no rule of ours lets flows through before it
    remedy:
      description: What to do about it.
      type: str
      sample: "Run the playbook: it puts a rule of ours before it."
waiting:
  description: A change that is not settled yet; null if there is none.
  returned: success
  type: dict
  contains:
    id:
      description: What M(webrtc.firewall.confirm) names.
      type: str
    seconds_left:
      description: When it goes back by itself.
      type: int
    made:
      description: Whether all of it is made.
      type: bool
summary:
  description: The same for people, a line each; empty if all is clean.
  returned: success
  type: list
  elements: str
  sample: ["vonage/rtp-media: missing; expected: udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18"]
services:
  description: The services that should be in force; empty where nothing of the collection is.
  returned: success
  type: list
  elements: str
  sample: [liveavatar, vonage]
backend:
  description: The firewall that the rules are in; empty where two managers are active.
  returned: success
  type: str
  sample: nftables
backend_reason:
  description: Why it is this one.
  returned: success
  type: str
  sample: the last run used it
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _choice, _drift, _policy_json
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import fail_with_problems, runner


def work(module: AnsibleModule) -> dict[str, Any]:
    """One look; the result for `exit_json`."""
    given = module.params["policy"]
    report = _drift.examine(module.params["backend"], runner(module), _policy_json.from_dict(given) if given else None)
    for warning in report.warnings:
        module.warn(warning)
    return {"changed": False, **report.as_dict()}


def main() -> None:
    """Read the parameters, look, and answer."""
    module = AnsibleModule(
        argument_spec={
            "backend": {"type": "str", "choices": list(_choice.CHOICES), "default": _choice.AUTO},
            "policy": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    with fail_with_problems(module):
        result = work(module)
    # The policy may hold a hundred thousand networks: it is not sent back.
    module.exit_json(invocation={"module_args": {"backend": module.params["backend"]}}, **result)


if __name__ == "__main__":
    main()
