#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ruleset_info
short_description: Show what the firewall lets through, by flow id, with counters
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Reads the live rules that M(webrtc.firewall.ruleset) has made, from the kernel and not from a file.
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Changes nothing.
    support: N/A
  platform:
    description: Linux with nftables.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  backend:
    description:
      - The firewall that rules the machine. V(auto) finds it; a manager that is active comes before plain nftables or iptables,
        and otherwise a machine stays with what the last run used.
    type: str
    choices: [auto, nftables, iptables, firewalld, ufw]
    default: auto
seealso:
  - module: webrtc.firewall.ruleset
"""

EXAMPLES = r"""
- name: Look at the counters
  webrtc.firewall.ruleset_info:
  register: firewall

- name: Name the flows that nobody has used
  ansible.builtin.debug:
    msg: "{{ firewall.flows | selectattr('packets', 'equalto', 0) | map(attribute='id') }}"
"""

RETURN = r"""
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
present:
  description: Whether the collection's rules are live.
  returned: success
  type: bool
services:
  description: The services that the last run stored.
  returned: success
  type: list
  elements: str
  sample: [liveavatar, vonage]
flows:
  description: The live flows.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The flow's id.
      type: str
      sample: vonage/rtp-media
    rule:
      description: What it lets through.
      type: str
      sample: udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18
    packets:
      description: New connections' packets that matched, since the flow was first applied; null where the backend counts none (firewalld).
      type: int
    bytes:
      description: Their bytes; null as well.
      type: int
frame:
  description: The rules that belong to no flow, by id.
  returned: success
  type: dict
  sample: {}
permits:
  description: Foreign chains in which permitted flows are let through.
  returned: success
  type: list
  elements: str
  sample: [nft inet filter forward]
dropped_packets:
  description: Packets that the deny baseline has dropped.
  returned: success
  type: int
rejected_packets:
  description: Packets of DNS to other resolvers that were refused.
  returned: success
  type: int
unsatisfied:
  description: Requirements that are not open, by id, with the reason.
  returned: success
  type: dict
  sample: {}
learned:
  description: What DNS answers have taught, for each flow; see M(webrtc.firewall.resolver).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The flow's id.
      type: str
      sample: liveavatar/signaling
    suffix:
      description: The name or wildcard of the vendor's that covers it.
      type: str
      sample: "*.livekit.cloud"
    name:
      description: The name that a client has asked for.
      type: str
      sample: eu.livekit.cloud
    address:
      description: The address that was answered.
      type: str
      sample: 198.18.2.1
    seconds_left:
      description: For how long it stays open unless it is asked for or used again.
      type: int
      sample: 7042
    packets:
      description: New connections' packets to the address, since it was last put into its set.
      type: int
resolved:
  description: The addresses of each host name that are let through.
  returned: success
  type: dict
  sample: {api.liveavatar.com: [198.18.0.1]}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _choice, _journal, _learned, _stored
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import fail_with_problems, runner


def gather(choice: _choice.Choice) -> dict[str, Any]:
    """The live state and what was stored with it; the result for `exit_json`."""
    backend = choice.backend
    state = backend.state(backend.read())
    stored = _stored.load()
    return {
        "changed": False,
        "backend": backend.name,
        "backend_reason": choice.reason,
        "present": state.present,
        "services": sorted(stored.policy.services) if stored.policy else [],
        "flows": [vars(flow) for flow in state.flows],
        "frame": state.frame,
        "permits": list(state.permits),
        "dropped_packets": state.dropped_packets,
        "rejected_packets": state.rejected_packets,
        "unsatisfied": dict(stored.policy.unsatisfied) if stored.policy else {},
        "learned": _learned.report(stored.policy, backend.learned_set, _journal.load(), state.learned) if stored.policy else [],
        "resolved": {name: list(found) for name, found in stored.resolved.items()},
    }


def main() -> None:
    """Read the parameters, read the machine, and answer."""
    module = AnsibleModule(
        argument_spec={"backend": {"type": "str", "choices": list(_choice.CHOICES), "default": _choice.AUTO}},
        supports_check_mode=True,
    )
    with fail_with_problems(module):
        result = gather(_choice.in_force(module.params["backend"], runner(module)))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
