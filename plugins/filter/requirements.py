# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that shows the rows of the vendors' documents that a site wants."""

from __future__ import annotations

DOCUMENTATION = r"""
name: requirements
short_description: The vendors' requirements that a site wants opened
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Reads the services and the site's options, and returns the requirements that they come to, validated and normalised.
  - Everything that is wrong in any of them is told at once.
positional: _input
extends_documentation_fragment:
  - webrtc.firewall.site
seealso:
  - plugin: webrtc.firewall.policy
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what would be opened for a site of browsers alone
  ansible.builtin.debug:
    msg: "{{ [{'name': 'vonage', 'without': ['sip']}, 'liveavatar'] | webrtc.firewall.requirements(tier='recommended') }}"
"""

RETURN = r"""
_value:
  description:
    - The requirements, sorted by service and id, with the keys of a catalog entry; keys without a value are left out.
    - Domain suffixes are still as the vendor writes them.
  type: list
  elements: dict
  contains:
    service:
      description: The service that the requirement belongs to.
      type: str
    id:
      description: Its name within the service.
      type: str
    destinations:
      description: V(any), networks, addresses, host names and domain suffixes.
      type: list
      elements: str
    protocol:
      description: V(tcp) or V(udp).
      type: str
    ports:
      description: Ports, and ranges as C(first-last).
      type: list
      elements: raw
    tier:
      description: V(minimum) or V(recommended).
      type: str
    group:
      description: The part of the service that it belongs to.
      type: str
    purpose:
      description: What it is for.
      type: str
    application:
      description: The application protocol.
      type: str
    symptom:
      description: What users notice when it is blocked.
      type: str
    source:
      description: The document that asks for it.
      type: str
    date:
      description: The day of the source, or the day on which it was read.
      type: str
    note:
      description: What else there is to say, or where the site changed it.
      type: str
    fallback_of:
      description: The id of the requirement that it stands in for.
      type: str
    alternatives:
      description: Other destinations by name.
      type: dict
    checks:
      description: How it is probed, each with C(kind), C(transport), and C(hosts) and C(path) where they are known.
      type: list
      elements: dict
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def requirements(services: Any, /, **site: Any) -> list[dict[str, Any]]:
    """The requirements that services and site options come to, as plain data."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._requirements import to_dict

    try:
        return [to_dict(requirement) for requirement in compile_site(services, site).requirements]
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"requirements": requirements}
