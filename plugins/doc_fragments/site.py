# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the site's options, which several plugins take."""

from __future__ import annotations


class ModuleDocFragment:
    """The role variables of webrtc_egress without their prefix."""

    DOCUMENTATION = r"""
options:
  _input:
    description:
      - The services that the site wants, each once.
      - An entry is a name, or a mapping with C(name) and any of C(tier), C(without) (a list of ids and groups),
        C(overrides) (by id or group, each with C(ports), C(destinations) or C(alternative)) and C(variables).
    type: list
    elements: raw
    required: true
  tier:
    description: V(minimum) opens what the vendor calls the minimum, V(recommended) all that the vendor asks for.
    type: str
    choices: [recommended, minimum]
    default: recommended
  wildcards:
    description:
      - What becomes of domain suffixes such as C(*.example.com), which a packet filter does not know.
      - V(hostnames) opens the names on the vendor's dated list for the same protocol and port;
        requirements that no name stands for are told in C(unsatisfied) of the policy.
      - V(dns) opens the addresses that the network's resolver answers with, each before the client has the answer;
        see M(webrtc.firewall.resolver).
      - V(any) opens the requirement's protocol and ports to every destination.
    type: str
    choices: [hostnames, dns, any]
    default: hostnames
  custom_services:
    description:
      - Services of the site's own, in the format of the catalog. They are opened where the list of services names them.
      - A service needs C(service) and C(requirements); a requirement needs C(id), C(destinations), C(protocol) and C(ports).
      - For P(webrtc.firewall.checks#filter) and P(webrtc.firewall.assessment#filter), a requirement may have C(checks), and a service
        C(prerequisites), C(ladder) and C(outcomes).
      - In the place of a service its YAML or JSON file on the controller may be named, by its whole path.
    type: list
    elements: raw
    default: []
  placement:
    description: Whether forwarded traffic is meant (V(gateway)), the machine's own (V(host)), or V(both).
    type: str
    choices: [gateway, host, both]
    default: gateway
  baseline:
    description:
      - With V(existing) another firewall decides, and the flows are made to pass it.
      - With V(deny_egress) other new outbound traffic is dropped.
    type: str
    choices: [existing, deny_egress]
    default: existing
  families:
    description: Address families in which flows are opened.
    type: list
    elements: str
    choices: [ipv4, ipv6]
    default: [ipv4, ipv6]
  sources:
    description: Networks that forwarded traffic must come from, of both families; none means from anywhere.
    type: list
    elements: str
    default: []
  in_interfaces:
    description: Interfaces that forwarded traffic must come in by; none means by any.
    type: list
    elements: str
    default: []
  out_interfaces:
    description:
      - Interfaces that traffic must go out by.
      - None means by any; but a gateway for which neither interfaces nor sources are named lets flows out by its default routes only.
    type: list
    elements: str
    default: []
  mark:
    description: The bit of the conntrack mark that says "permitted"; a number with exactly one bit set.
    type: int
    default: 65536
  resolvers:
    description:
      - Addresses of the DNS servers that O(baseline=deny_egress) and O(other_resolvers=reject) leave reachable.
      - None means any for the baseline, and none for O(other_resolvers=reject).
    type: list
    elements: str
    default: []
  other_resolvers:
    description:
      - What becomes of plain DNS and DNS over TLS (ports 53 and 853) to addresses that O(resolvers) does not name.
      - V(reject) refuses new connections at once, so that clients fall back to the network's own resolver;
        a flow that a service opens passes all the same.
      - With V(reject) a machine whose own traffic is meant (O(placement)) must name O(resolvers). Where a gateway names none,
        it forwards no DNS, and clients ask the gateway itself.
    type: str
    choices: [allow, reject]
    default: allow
  log:
    description: Whether to log what O(baseline=deny_egress) drops.
    type: bool
    default: true
  log_rate:
    description: Packets a second that are logged at most, from 1 to 1000.
    type: int
    default: 5
  log_burst:
    description: Packets that are logged at once before the rate applies, from 1 to 10000.
    type: int
    default: 20
  log_prefix:
    description: Text before each logged line.
    type: str
    default: "webrtc-firewall drop: "
  learned_size:
    description:
      - With O(wildcards=dns), the addresses that each set of learned addresses holds at most, from 16 to 1000000.
        Where it is full the oldest address gives way to a new one.
    type: int
    default: 65536
"""
