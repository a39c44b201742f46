#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Find out what gets through to servers that calls need
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Sends traffic from the machine that it runs on, each kind in its own protocol, and tells what became of it.
  - All probes run at once, each with a time limit, and all of them with one. What is not reached in time is V(untested), never left out.
  - A module that ran successfully has a verdict for each endpoint. Whether these are good ones is for the playbook to decide.
requirements:
  - For the transport V(tls), a Python with its module ssl. Without it these probes are V(untested).
attributes:
  check_mode:
    description: Sends the same probes; there is nothing that a probe changes.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    description: Linux.
    platforms: linux
    support: full
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  probes:
    description: What to send where. Each port, and each family of a name's addresses, is an endpoint and has a result.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: What the results are called, such as C(vonage/turn-udp).
        type: str
        required: true
      kind:
        description:
          - V(tcp) connects, V(tls) shakes hands and shows the certificate.
          - V(https) sends a request, V(websocket) asks for an upgrade (RFC 6455).
          - V(stun) asks for a binding (RFC 8489), V(turn) for a relay (RFC 8656), which it gives back, V(sip) sends OPTIONS (RFC 3261).
          - V(udp) sends a random word and takes any answer, such as that of an echo server.
          - V(stream) sends packets for some seconds, since some firewalls pass the first ones and block the rest.
          - V(nat) asks two STUN servers from one port and compares how the NAT maps it (RFC 4787). One server is enough where it has
            a second address of its own (RFC 5780); it is then also asked what the NAT lets in.
          - V(media) asks a TURN server for a relay, which is one of the vendor's media ports, sends packets straight to it for some
            seconds and has the relay send each back, so that both directions of direct media are measured.
        type: str
        required: true
        choices: [tcp, tls, https, websocket, stun, turn, sip, udp, stream, nat, media]
      host:
        description: An address or a name, which is looked up on the machine itself; the first address of each family is probed.
        type: str
        required: true
      port:
        description: The port, from 1 to 65535. Give this or O(probes[].ports).
        type: raw
      ports:
        description: Ports and ranges of ports, such as V([5060, 10000-10010]).
        type: list
        elements: raw
      transport:
        description:
          - For the kinds V(stun), V(turn), V(sip) and V(media), what carries them; V(udp) if nothing is given.
          - All other kinds have one transport alone.
        type: str
        choices: [udp, tcp, tls]
      families:
        description: Which families to probe.
        type: list
        elements: str
        choices: [ipv4, ipv6]
        default: [ipv4, ipv6]
      server_name:
        description: What TLS, HTTP and SIP call the server, if not by O(probes[].host).
        type: str
      path:
        description: The path of a request for the kinds V(https) and V(websocket).
        type: str
        default: /
      token:
        description: A bearer token that goes along with that request.
        type: str
      username:
        description:
          - The user for the kinds V(turn) and V(media). Without one, the server's challenge is enough for the verdict V(open) of V(turn).
        type: str
      password:
        description: The password of O(probes[].username).
        type: str
      seconds:
        description:
          - How long a V(stream) takes, from 0.1 to 600 seconds, or V(media), up to 240; V(5) if nothing is given.
          - For the kind V(nat), how long a mapping is left without packets, up to 600 seconds, to see whether it lives; V(0) if nothing
            is given.
        type: float
      pace:
        description: Packets a second of V(stream) and V(media), from 1 to 1000.
        type: int
        default: 50
      payload:
        description:
          - What a V(stream) is made of. V(echo) is RTP that must come back from an echo server.
          - V(stun) is binding requests, which every STUN or TURN server answers.
        type: str
        choices: [echo, stun]
        default: echo
      second_host:
        description: The second STUN server for the kind V(nat), at another address; that which the first one names, if nothing is given.
        type: str
      second_port:
        description: The port of the second STUN server.
        type: raw
  timeout:
    description: Seconds for each endpoint, from 0.1 to 60; O(probes[].seconds) and up to five more come on top.
    type: float
    default: 5
  total_timeout:
    description: Seconds for the whole run, from 1 to 3600.
    type: float
    default: 60
notes:
  - At most 100,000 endpoints in a run, and at most 256 of them at once.
  - An answer like 127.0.0.1 or 0.0.0.0 for a name is how filters of DNS say no, and counts as V(name-not-found).
seealso:
  - module: webrtc.firewall.ruleset_info
  - module: webrtc.firewall.drift
"""

EXAMPLES = r"""
- name: See what gets through
  webrtc.firewall.probe:
    probes:
      - {id: liveavatar/signaling, kind: websocket, host: heygen-feapbkvq.livekit.cloud, port: 443, path: /rtc/v1, token: "{{ token }}"}
      - {id: liveavatar/api, kind: https, host: api.liveavatar.com, port: 443}
      - id: office/turn-tls
        kind: turn
        transport: tls
        host: turn.example.com
        port: 443
        username: "{{ turn_user }}"
        password: "{{ turn_password }}"
      - {id: office/media, kind: stream, payload: stun, host: turn.example.com, port: 3478, seconds: 10}
      - id: office/calls
        kind: media
        host: turn.example.com
        port: 443
        transport: tls
        username: "{{ turn_user }}"
        password: "{{ turn_password }}"
      - {id: office/rtp, kind: udp, host: echo.example.com, ports: [10000, 30000, 50000]}
  register: seen

- name: Stop if something is in the way
  ansible.builtin.assert:
    that: seen.results | rejectattr('verdict', 'equalto', 'open') | list | length == 0
"""

RETURN = r"""
results:
  description: One for each endpoint, in the order of the probes.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The probe's id.
      type: str
      sample: office/media
    kind:
      description: The probe's kind.
      type: str
      sample: stream
    endpoint:
      description: Address, port and transport; the name in place of an address that it does not have.
      type: str
      sample: 192.0.2.10:3478/udp
    family:
      description: V(ipv4) or V(ipv6); null without an address.
      type: str
      sample: ipv4
    verdict:
      description:
        - V(open) if the protocol's own answer came.
        - V(timed-out) if nothing came any more, V(refused) if the port is closed (TCP reset, or ICMP port unreachable).
        - V(prohibited) if ICMP, or this machine itself, says that a filter did it.
        - V(reset) if a connection was ended after it was made, such as after the ClientHello.
        - V(unreachable) if there is no route, V(name-not-found) if the name has no usable address.
        - V(one-way) if packets of media arrive at the other side, and none or nearly none comes back.
        - V(bad-answer) if something else answered than the protocol asks for, or the server refused.
        - V(untested) if nothing can be said.
      type: str
      sample: timed-out
    seconds:
      description: How long it took.
      type: float
      sample: 10.02
    facts:
      description:
        - C(why) in words, unless the verdict is V(open). All else depends on the kind.
        - C(certificate), C(trusted) and C(trust_error) of TLS; C(status) of HTTP and SIP; C(mapped) and C(nat) of STUN; C(relay) of TURN.
        - C(sent), C(received), C(loss_percent), C(jitter_ms), C(round_trip_ms) and C(stopped_after) of a stream.
        - C(sent), C(arrived), C(returned), C(loss_percent_out), C(loss_percent_in), C(jitter_ms), C(round_trip_ms), C(stopped_after) and
          C(stopped_way) (V(out) or V(in)) of media, C(relay) and C(relay_port) that it went to, C(mapped) where the relay saw it come from.
          If there was no relay, C(allocation) is the verdict that the kind V(turn) would have had.
        - C(mapping) of a NAT, V(none), V(endpoint-independent) or V(symmetric). With one server alone, C(mapping_depends_on) of a
          symmetric one, V(address) or V(address-and-port), and C(filtering), V(endpoint-independent), V(address-dependent) or
          V(address-and-port-dependent). With seconds, C(mapping_lost), null if it cannot be known, and C(mapping_kept_seconds).
        - C(icmp) with type, code and sender.
      type: dict
      sample: {why: no answer any more after packet 100, sent: 500, received: 100, loss_percent: 80.0, stopped_after: 100}
verdicts:
  description: How many endpoints have which verdict.
  returned: success
  type: dict
  sample: {open: 12, timed-out: 1}
problems:
  description: What is wrong with the input, all at once; nothing was sent.
  returned: failure
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: probes[3].port
    value:
      description: What was found there.
      type: raw
      sample: 70000
    expected:
      description: What would have been right.
      type: str
      sample: a port from 1 to 65535
    remedy:
      description: What to do about it.
      type: str
"""

from collections import Counter

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _probe_input, _probe_run
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput
from ansible_collections.webrtc.firewall.plugins.module_utils._probe_model import FAMILIES, PAYLOADS, TRANSPORTS

PROBE = {
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": list(TRANSPORTS)},
    "host": {"type": "str", "required": True},
    "port": {"type": "raw"},
    "ports": {"type": "list", "elements": "raw"},
    "transport": {"type": "str", "choices": ["udp", "tcp", "tls"]},
    "families": {"type": "list", "elements": "str", "choices": list(FAMILIES), "default": list(FAMILIES)},
    "server_name": {"type": "str"},
    "path": {"type": "str", "default": "/"},
    "token": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "seconds": {"type": "float"},
    "pace": {"type": "int", "default": 50},
    "payload": {"type": "str", "choices": list(PAYLOADS), "default": "echo"},
    "second_host": {"type": "str"},
    "second_port": {"type": "raw"},
}


def main() -> None:
    """Read the parameters, send, and answer."""
    module = AnsibleModule(
        argument_spec={
            "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE},
            "timeout": {"type": "float", "default": 5.0},
            "total_timeout": {"type": "float", "default": 60.0},
        },
        supports_check_mode=True,
    )
    limits = {name: module.params[name] for name in ("timeout", "total_timeout")}
    try:
        probes = _probe_input.read(module.params["probes"], **limits)
    except InvalidInput as error:
        module.fail_json(msg=str(error), problems=[vars(problem) for problem in error.problems])
    results = _probe_run.run(probes, **limits)
    # Ten thousand probes are not sent back.
    module.exit_json(
        changed=False, results=results, verdicts=Counter(result["verdict"] for result in results), invocation={"module_args": limits}
    )


if __name__ == "__main__":
    main()
