# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that turns an assessment into a report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: report
short_description: A report of what gets through, or a change request
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Writes an assessment for people or programs.
  - One without evidence becomes a change request, which says what shall be opened, why and from which document.
  - Equal assessments give equal texts. Text that comes from the network is shown, never obeyed, in each format.
positional: _input
options:
  _input:
    description: An assessment, as P(webrtc.firewall.assessment#filter) returns it.
    type: dict
    required: true
  format:
    description:
      - V(console) is plain text, one line for each thing.
      - V(json) is the assessment itself, sorted, with all details.
      - V(junit) is JUnit XML, a suite for each vantage point and a case for each requirement.
      - V(html) is one page that loads and runs nothing.
      - V(markdown) is for a ticket.
    type: str
    choices: [console, json, junit, html, markdown]
    default: console
seealso:
  - plugin: webrtc.firewall.assessment
    plugin_type: filter
  - module: webrtc.firewall.probe
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ assessment | webrtc.firewall.report(format='html') }}"
    dest: report.html
    mode: "0644"
  delegate_to: localhost

- name: Show the report
  ansible.builtin.debug:
    msg: "{{ (assessment | webrtc.firewall.report).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The text of the report. It ends with a newline.
  type: str
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def report(assessment: Any, /, format: Any = "console") -> str:  # noqa: A002 - the name that users write
    """The text of a report in one of the formats."""
    # Ansible loads every file of filters to find one: each loads what it computes with when it is asked.
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._report import report as written

    try:
        return written(assessment, format)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"report": report}
