# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that names the catalog's services and shows their entries."""

from __future__ import annotations

DOCUMENTATION = r"""
name: catalog
short_description: The services that the catalog knows, and what each asks for
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Without terms, returns the names of the catalog's services.
  - With terms, returns the catalog entries of the services named, as their files have them.
options:
  _terms:
    description: Names of services.
    type: list
    elements: str
    required: false
"""

EXAMPLES = r"""
- name: Name all services
  ansible.builtin.debug:
    msg: "{{ query('webrtc.firewall.catalog') }}"

- name: Show what users notice when a requirement of one service is blocked
  ansible.builtin.debug:
    msg: "{{ entry.requirements | items2dict(key_name='id', value_name='symptom') }}"
  vars:
    entry: "{{ lookup('webrtc.firewall.catalog', 'vonage') }}"
"""

RETURN = r"""
_raw:
  description: Names, or entries with C(service), C(title), C(document), C(variables), C(hostnames) and C(requirements).
  type: list
  elements: raw
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.webrtc.firewall.plugins.plugin_utils._loader import catalog_names, load


class LookupModule(LookupBase):
    """Reads the catalog."""

    def run(self, terms: Any, variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """The names of the services, or the entries of those named."""
        names = catalog_names()
        unknown = [term for term in terms if not isinstance(term, str) or term not in names]
        if unknown:
            raise AnsibleLookupError(f"webrtc.firewall.catalog: got {unknown!r}, expected names of {', '.join(names)}.")
        return [load(term) for term in terms] if terms else list(names)
