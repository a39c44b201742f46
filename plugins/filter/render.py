# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that shows the ruleset that a backend makes of a policy."""

from __future__ import annotations

DOCUMENTATION = r"""
name: render
short_description: The ruleset that a backend makes of a policy
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Shows what would be loaded on a target, for a reviewer to read.
  - Host names are resolved on the target alone, so the addresses behind them do not show here.
positional: _input
options:
  _input:
    description: A policy, as P(webrtc.firewall.policy#filter) returns it.
    type: dict
    required: true
  backend:
    description: The packet filter.
    type: str
    choices: [nftables, iptables, firewalld, ufw]
    default: nftables
seealso:
  - plugin: webrtc.firewall.policy
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the ruleset for review
  ansible.builtin.copy:
    content: "{{ ['vonage'] | webrtc.firewall.policy(baseline='deny_egress') | webrtc.firewall.render }}"
    dest: review.nft
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text of the ruleset.
  type: str
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError, InvalidInput


def render(policy: Any, /, backend: Any = "nftables") -> str:
    """The text of the ruleset that a backend makes of a policy."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
    from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict

    if not isinstance(backend, str) or backend not in BACKENDS:
        raise AnsibleFilterError(f"backend: got {backend!r}, expected one of {', '.join(sorted(BACKENDS))}.")
    try:
        wanted, kind = from_dict(policy), BACKENDS[backend]
        problems = kind.unsupported(wanted)
        if problems:
            raise InvalidInput(problems)
        return str(kind.render_text(wanted))
    except FirewallError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"render": render}
