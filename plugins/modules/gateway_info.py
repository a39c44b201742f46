#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_info
short_description: Find what on a gateway or a host harms calls, and what it saw of probes
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Looks at rules of others, settings, connections and the log of the kernel. What harms calls is told as findings, each with a remedy.
  - Shows the connections to endpoints that were probed, so that a packet that never came back is told from one that never left.
  - Where M(webrtc.firewall.ruleset) has stored a policy, findings name the flows that they concern, and what concerns none is left out.
    Without one, UDP to the ports 3478 and 10000 to 60000 stands for calls.
  - Reads only. What cannot be read is named in RV(unknown), and the rest is told all the same.
requirements:
  - Root, or the capability C(CAP_NET_ADMIN), for rules and connections.
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Changes nothing.
    support: N/A
  platform:
    description: Linux.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  since:
    description:
      - Seconds since the epoch, such as RV(time) of an earlier result. Lines of the log that are older are left out.
      - Without it, all that the kernel or the journal still has of this boot is read.
    type: float
  endpoints:
    description:
      - The endpoints whose connections are shown, such as V(216.147.1.1:3478/udp) or V([2001:2::1]:443/tls), which is how
        M(webrtc.firewall.probe) names them in its results. What has a host name in place of an address is left out.
      - A mapping with C(address), C(port) and C(protocol) (V(udp), V(tcp) or V(tls)) does as well.
    type: list
    elements: raw
    default: []
  log_prefix:
    description: What lines about dropped packets begin with. If nothing is given, it is that of the stored policy.
    type: str
notes:
  - The connections are read once, some at a time. With 200,000 of them it takes some seconds of one processor.
  - In a container, the log is the machine's. What a container's rules log stands there only if C(net.netfilter.nf_log_all_netns) is set.
  - Limits of traffic control (C(tc)), chains of the families C(netdev) and C(bridge), and rate limits of firewalld's own are not looked at.
seealso:
  - module: webrtc.firewall.probe
  - module: webrtc.firewall.ruleset_info
  - module: webrtc.firewall.drift
"""

EXAMPLES = r"""
- name: Look before the probes
  webrtc.firewall.gateway_info:
  register: before

- name: Look at what came of them
  webrtc.firewall.gateway_info:
    since: "{{ before.time }}"
    endpoints: "{{ hostvars['client'].seen.results | map(attribute='endpoint') }}"
  register: after

- name: Name what harms calls
  ansible.builtin.debug:
    msg: "{{ after.findings | selectattr('severity', 'equalto', 'harmful') | map(attribute='what') }}"

- name: Name the endpoints that packets left for and no answer came from
  ansible.builtin.debug:
    msg: "{{ after.flows_seen | rejectattr('replied') | map(attribute='endpoint') }}"
"""

RETURN = r"""
time:
  description: When it was looked, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795262400.25
findings:
  description: What harms calls, or may do so, the worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The kind of finding.
      type: str
      sample: masquerade-random
    severity:
      description: V(harmful), V(warning) or V(note).
      type: str
      sample: warning
    what:
      description: What it is, and what users notice.
      type: str
    where:
      description: The rule, setting or counter.
      type: str
      sample: 'nft ip nat postrouting: oifname "wan0" masquerade random'
    remedy:
      description: What to do.
      type: str
    flows:
      description: The ids of the flows that it concerns.
      type: list
      elements: str
      sample: [vonage/rtp-media]
timeouts:
  description: After how many seconds without a packet a connection is forgotten, by its kind.
  returned: success
  type: dict
  sample: {udp: 30, udp_stream: 120}
connections:
  description: The table of connections.
  returned: success
  type: dict
  contains:
    count:
      description: How many there are.
      type: int
    max:
      description: How many there can be.
      type: int
    accounting:
      description: Whether packets of connections are counted.
      type: bool
    drop:
      description: Packets that could not be tracked and were dropped, since the machine's start.
      type: int
    early_drop:
      description: Connections that had to make room for others, since the machine's start.
      type: int
flows_seen:
  description: The connections to the endpoints that were asked for, at most 1,000.
  returned: success
  type: list
  elements: dict
  contains:
    endpoint:
      description: The endpoint, as it was asked for.
      type: str
      sample: 216.147.1.1:3478/udp
    source:
      description: Where the connection comes from.
      type: str
      sample: 10.0.0.2:40000
    translated:
      description: Where the far side sends its answers to, which is what NAT has made of the source.
      type: str
      sample: 203.0.113.1:40000
    replied:
      description: Whether an answer came back to this machine.
      type: bool
    assured:
      description: Whether the kernel takes it for a connection that lasts; UDP needs traffic both ways for some seconds.
      type: bool
    state:
      description: The state of a TCP connection; empty with UDP.
      type: str
      sample: ESTABLISHED
    seconds_left:
      description: After how many seconds without a packet it will be forgotten.
      type: int
    packets_out:
      description: Packets to the endpoint; null where they are not counted.
      type: int
    packets_back:
      description: Packets from the endpoint; null where they are not counted.
      type: int
    bytes_out:
      description: Bytes to the endpoint; null where they are not counted.
      type: int
    bytes_back:
      description: Bytes from the endpoint; null where they are not counted.
      type: int
flows_seen_left_out:
  description: How many more such connections there are.
  returned: success
  type: int
dropped:
  description: Packets that were logged as dropped, the newest 1,000 of them, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    time:
      description: When, in UTC.
      type: str
      sample: "2026-11-21T12:00:01.250Z"
    line:
      description: The line of the log.
      type: str
    protocol:
      description: The protocol, in lower case.
      type: str
      sample: udp
    source:
      description: Where it came from.
      type: str
      sample: 10.0.0.2
    destination:
      description: Where it should have gone.
      type: str
      sample: 216.147.1.1
    source_port:
      description: The source port; null without ports.
      type: int
    port:
      description: The destination port; null without ports.
      type: int
      sample: 3478
    in:
      description: The interface that it came in by; empty for this machine's own.
      type: str
      sample: lan0
    out:
      description: The interface that it should have left by.
      type: str
      sample: wan0
dropped_left_out:
  description: How many more lines there are, older than those.
  returned: success
  type: int
dropped_readable:
  description: Whether all that was logged could be read. If not, an empty list says nothing.
  returned: success
  type: bool
dropped_why:
  description: If it could not be read, why not.
  returned: success
  type: str
unknown:
  description: What could not be looked at, and why.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _gateway_look
from ansible_collections.webrtc.firewall.plugins.module_utils._runner import fail_with_problems, runner


def main() -> None:
    """Read the parameters, look at the machine, and answer."""
    module = AnsibleModule(
        argument_spec={
            "since": {"type": "float"},
            "endpoints": {"type": "list", "elements": "raw", "default": []},
            "log_prefix": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    with fail_with_problems(module):
        options = _gateway_look.read_options(given["since"], given["endpoints"], given["log_prefix"])
        result = _gateway_look.look(options, runner(module))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
