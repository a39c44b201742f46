# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that shows the policy that a site's services and options come to."""

from __future__ import annotations

DOCUMENTATION = r"""
name: policy
short_description: The policy that a site's services and options come to
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Resolves the requirements for one site, independent of any packet filter.
  - Everything that is wrong in the services or in the options is told at once.
positional: _input
extends_documentation_fragment:
  - webrtc.firewall.site
seealso:
  - plugin: webrtc.firewall.requirements
    plugin_type: filter
  - plugin: webrtc.firewall.render
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the flows of both services with SIP narrowed to the vendor's addresses
  ansible.builtin.debug:
    msg: "{{ services | webrtc.firewall.policy(sources=['192.0.2.0/24']) }}"
  vars:
    services:
      - name: vonage
        overrides:
          sip:
            alternative: addresses
      - liveavatar
"""

RETURN = r"""
_value:
  description: The policy; modules and filters of the collection take it unchanged.
  type: dict
  contains:
    version:
      description: The version of this format.
      type: int
    frame:
      description: What holds for all flows.
      type: dict
    services:
      description: >-
        By service, the flows sorted by C(id), each with C(protocol), C(ports) as pairs of first and last,
        C(any), C(ipv4), C(ipv6) and C(hostnames).
      type: dict
    unsatisfied:
      description: By flow id, why a requirement, or some of its destinations, cannot be opened.
      type: dict
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def policy(services: Any, /, **site: Any) -> dict[str, Any]:
    """The policy that services and site options come to, as plain data."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

    try:
        return to_dict(compile_site(services, site).policy)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"policy": policy}
