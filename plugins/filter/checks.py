# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that says what to probe for a site's services."""

from __future__ import annotations

DOCUMENTATION = r"""
name: checks
short_description: The probes that show whether a site's services get through
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Turns the services that a site wants into options for M(webrtc.firewall.probe), and names what cannot be probed.
  - Servers come from the catalog where the vendor's document names some, and from the site's own targets.
  - Of a range of ports the first, the one in the middle and the last are probed.
  - Everything that is wrong in services, options and targets is told at once; passwords and tokens are not.
positional: _input
extends_documentation_fragment:
  - webrtc.firewall.site
  - webrtc.firewall.targets
seealso:
  - plugin: webrtc.firewall.assessment
    plugin_type: filter
  - module: webrtc.firewall.probe
"""

EXAMPLES = r"""
- name: See what gets through
  webrtc.firewall.probe:
    probes: "{{ (['vonage', 'liveavatar'] | webrtc.firewall.checks(targets=targets)).probes }}"
  register: seen
  vars:
    targets:
      - {requirement: vonage/turn-udp, host: 216.147.1.1, username: lab, password: "{{ turn_password }}"}
      - {requirement: vonage/rtp-media, kind: stream, host: 216.147.1.1, port: 20000}
      - {kind: nat, host: 216.147.1.1, port: 3478, second_host: 216.147.2.1, second_port: 3478}
"""

RETURN = r"""
_value:
  description: What to probe, and what cannot be probed.
  type: dict
  contains:
    probes:
      description:
        - Options for O(webrtc.firewall.probe#module:probes), with the passwords and tokens of the targets.
        - The id of each is C(service/requirement), which several may share, or C(nat).
      type: list
      elements: dict
    untested:
      description: By C(service/requirement), why it is not probed.
      type: dict
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def checks(services: Any, /, targets: Any = None, **site: Any) -> dict[str, Any]:
    """The probes for services and site options, as plain data."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._checks import plan

    try:
        found = plan(services, targets, site)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error
    return {"probes": list(found.probes), "untested": dict(found.untested)}


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"checks": checks}
