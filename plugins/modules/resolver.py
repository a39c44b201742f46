#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resolver
short_description: Let DNS answers teach the firewall the addresses behind wildcard domains
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Has dnsmasq send the domains that the machine's policy learns, and no others, to a small forwarder on the loopback.
    It asks the site's resolvers and puts each address of their answers into the sets of the firewall before the client has the answer.
  - Learned addresses outlive changes of the policy, reloads and restarts of every service involved, and a reboot.
  - Which domains these are follows the policy of M(webrtc.firewall.ruleset) (C(wildcards=dns)), whichever of the two runs first.
requirements:
  - systemd and dnsmasq on the target.
attributes:
  check_mode:
    description: Tells what would change and lets dnsmasq check it; writes nothing.
    support: full
  diff_mode:
    description: Shows what changes by file and unit.
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
      - V(absent) takes the resolver away; what was learned is closed.
    type: str
    choices: [present, absent]
    default: present
  mode:
    description:
      - With V(dropin) the machine's own dnsmasq gets one more file in its folder; nothing that is there is changed.
      - With V(instance) a dnsmasq of its own is run on O(listen).
    type: str
    default: instance
  listen:
    description: The addresses of this machine on which an instance answers.
    type: list
    elements: str
    default: []
  servers:
    description: The site's resolvers, to which names are forwarded, as an address or C(address#port).
    type: list
    elements: str
    default: []
  port:
    description: The forwarder's port on the loopback.
    type: int
    default: 5453
  keep:
    description: Seconds that an address stays open after it was last answered or used, from 2 to 604800.
    type: int
    default: 7200
  max_ttl:
    description:
      - Seconds that a cache may hold the answer for a learned name; the time to live of answers is capped to it.
      - At most half of O(keep), so that an address outlives every cache.
    type: int
    default: 3600
  cache_size:
    description: How many names an instance caches.
    type: int
    default: 10000
  allowed:
    description:
      - Inner networks in which a vendor's name may nevertheless be. An answer with another private, loopback or link-local address
        is refused (DNS rebinding).
    type: list
    elements: str
    default: []
  canaries:
    description:
      - Whether clients are told by their canary names (C(use-application-dns.net), C(mask.icloud.com), C(mask-h2.icloud.com)) not to
        turn to resolvers of their own, whose answers nobody here could learn from.
    type: bool
    default: false
seealso:
  - module: webrtc.firewall.ruleset
  - module: webrtc.firewall.ruleset_info
"""

EXAMPLES = r"""
- name: Learn from the dnsmasq that is there
  webrtc.firewall.resolver:
    mode: dropin
    servers: [192.0.2.53]

- name: Learn from a dnsmasq of its own
  webrtc.firewall.resolver:
    mode: instance
    listen: [192.0.2.1]
    servers: [192.0.2.53, 192.0.2.54]
"""

RETURN = r"""
changes:
  description: What differed, by id; a file or a unit.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about.
      type: str
      sample: file//etc/dnsmasq.d/webrtc-firewall.conf
    before:
      description: What was there; null where there was nothing.
      type: str
    after:
      description: What is there now; null where it is gone.
      type: str
      sample: written
problems:
  description: What is wrong, all at once; nothing was changed.
  returned: failure
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: webrtc_domains_listen
    value:
      description: What was found there.
      type: raw
      sample: 192.0.2.1
    expected:
      description: What would have been right.
      type: str
      sample: an address of this machine
    remedy:
      description: What to do about it.
      type: str
check_mode:
  description: Whether the module ran in check mode.
  returned: failure
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _choice, _resolver
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import answer, fail_with_problems, runner

SETTINGS = ("mode", "listen", "servers", "port", "keep", "max_ttl", "cache_size", "allowed", "canaries")


def main() -> None:
    """Read the parameters, work, and answer."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "mode": {"type": "str", "default": "instance"},
            "listen": {"type": "list", "elements": "str", "default": []},
            "servers": {"type": "list", "elements": "str", "default": []},
            "port": {"type": "int", "default": 5453},
            "keep": {"type": "int", "default": 7200},
            "max_ttl": {"type": "int", "default": 3600},
            "cache_size": {"type": "int", "default": 10000},
            "allowed": {"type": "list", "elements": "str", "default": []},
            "canaries": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    with fail_with_problems(module):
        wanted = module.params
        resolver = _resolver.from_dict({name: wanted[name] for name in SETTINGS}) if wanted["state"] == "present" else None
        guard = None if module.check_mode else Guard("resolver", armed=True)
        result = _apply.resolve_by(_choice.in_force(_choice.AUTO, runner(module)).backend, resolver, guard)
    module.exit_json(**answer(module, result))


if __name__ == "__main__":
    main()
