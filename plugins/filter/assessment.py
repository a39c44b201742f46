# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that says what was seen of a site's services, and what it means for calls."""

from __future__ import annotations

DOCUMENTATION = r"""
name: assessment
short_description: What gets through of a site's services, what users will notice, and what to change
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Joins what a site asks for with what its machines have seen, and returns one plain mapping, which a report is made of.
  - Each requirement has a verdict at each vantage point (V(open), V(blocked), V(intercepted) or V(untested)), a cause and a remedy.
  - The ways that media can take are walked from the best down to say whether calls work, what users notice,
    and which requirement it is due to.
  - Without evidence it is a change request, which tells what is to be opened, why, and from which document.
  - Everything that is wrong in services, options, targets and evidence is told at once. Passwords and tokens are never in the result.
positional: _input
extends_documentation_fragment:
  - webrtc.firewall.site
  - webrtc.firewall.targets
options:
  evidence:
    description:
      - What the machines answered. None, or nothing, makes a change request.
      - C(vantage_points) has by name a mapping with C(results), those of M(webrtc.firewall.probe) or of modules that return the same form,
        or with C(error), why it could not be asked.
      - C(gateways) has by name a mapping with C(before) and C(after), each with C(info) (what M(webrtc.firewall.ruleset_info) returned)
        and C(gateway) (findings and logged drops), or with C(error).
    type: dict
  time:
    description: When it was seen, such as V(2026-11-21T12:00:00Z); told as it is.
    type: str
    default: ""
  title:
    description: What the assessment is called.
    type: str
    default: ""
  inspection_issuers:
    description:
      - Texts in the issuers' names of the site's own certificate authorities that open TLS, such as V(Example Corp Proxy CA).
      - Names of common products are known already.
    type: list
    elements: str
    default: []
seealso:
  - plugin: webrtc.firewall.checks
    plugin_type: filter
  - module: webrtc.firewall.probe
"""

EXAMPLES = r"""
- name: Tell what the probes mean
  ansible.builtin.debug:
    msg: "{{ ['vonage'] | webrtc.firewall.assessment(evidence={'vantage_points': {inventory_hostname: {'results': seen.results}}}) }}"

- name: Ask for the openings before anything is deployed
  ansible.builtin.copy:
    content: "{{ ['vonage', 'liveavatar'] | webrtc.firewall.assessment(title='Calls from the office') | to_nice_json }}"
    dest: change.json
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The assessment; docs/assessment.md of the collection has the rules behind it.
  type: dict
  contains:
    version:
      description: The version of this format.
      type: int
    kind:
      description: V(verification), or V(change_request) without evidence.
      type: str
    title:
      description: As given.
      type: str
    time:
      description: As given.
      type: str
    site:
      description: What the site chose, C(tier), C(placement), C(baseline), C(wildcards), C(families) and C(sources).
      type: dict
    summary:
      description:
        - C(ok) is true if something was tested, nothing is blocked or intercepted, no calls lose packets, everybody answered,
          and no gateway has a harmful setting.
        - C(headline) is one sentence, C(verdicts) the number of each.
      type: dict
    services:
      description: The services with their C(requirements), C(prerequisites) and C(ladder).
      type: list
      elements: dict
    vantage_points:
      description:
        - What was seen from each machine, C(requirements) with C(verdict), C(cause), C(why), C(remedy) and C(endpoints),
          C(services) with C(outcome), C(way), C(ways), C(users_notice), C(blame) and C(change), and C(nat).
        - C(ignored) has ids of results that the site did not ask for.
      type: list
      elements: dict
    gateways:
      description: Of each gateway, its C(findings), the counters of its C(flows) before and after, and what it C(dropped).
      type: list
      elements: dict
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def assessment(
    services: Any,
    /,
    evidence: Any = None,
    targets: Any = None,
    time: Any = "",
    title: Any = "",
    inspection_issuers: Any = None,
    **site: Any,
) -> dict[str, Any]:
    """What was seen of services, and what it means, as plain data."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess import assess

    try:
        return assess(services, site, evidence, targets, time, title, inspection_issuers)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"assessment": assessment}
