#!/usr/bin/python

# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: livekit_connection
short_description: Test the connection to a LiveKit server with a session's own token
version_added: 0.1.0
author:
  - webrtc.firewall contributors (!UNKNOWN)
description:
  - Does from the machine that it runs on what the vendor's connection test does in a browser, as far as that goes without media.
    It asks for the regions, has the token validated, joins the room over a WebSocket, and asks each STUN and TURN server that it is handed
    for an address or a relay, with the credentials that it is handed.
  - A participant joins the room for a moment, with the identity that is in the token. Who is in the room with the same token is pushed
    out, so use the token of a session that was started for the test.
  - A module that ran successfully has a verdict for each endpoint. Whether these are good ones is for the playbook to decide.
requirements:
  - A Python with its module ssl. Without it everything is V(untested).
attributes:
  check_mode:
    description: Tests the same; there is nothing on the machine that it changes.
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
  url:
    description:
      - The server, which the start of a LiveAvatar session gives as C(livekit_url), beginning with V(wss://) or V(https://).
      - The token is not sent over anything but TLS. Redirects are not followed, and the token goes to no other server.
    type: str
    required: true
  token:
    description:
      - The room token, which the start of a LiveAvatar session gives as C(livekit_client_token).
      - Neither the token nor the credentials that the server hands out for it are in any result, step, warning or error.
    type: str
    required: true
  service:
    description: What the ids of the results begin with.
    type: str
    default: liveavatar
  validate_certs:
    description:
      - Whether the token is kept from a server whose certificate this machine does not trust. The handshake is tested all the same.
      - Set it to V(false) to test on through a proxy that inspects TLS with a certificate of its own, if the proxy may see the token.
    type: bool
    default: true
  timeout:
    description: Seconds for each endpoint, from 0.1 to 60.
    type: float
    default: 5
  total_timeout:
    description: Seconds for the whole run, from 1 to 3600. What is not done by then is V(untested).
    type: float
    default: 60
notes:
  - The servers of at most 8 regions, and at most 16 URLs of STUN and TURN servers, are tested.
seealso:
  - module: webrtc.firewall.probe
"""

EXAMPLES = r"""
- name: Test the connection as a call would use it
  webrtc.firewall.livekit_connection:
    url: "{{ session.livekit_url }}"
    token: "{{ session.livekit_client_token }}"
  register: connection

- name: Show what was tried
  ansible.builtin.debug:
    msg: "{{ connection.steps }}"

- name: Stop if something is in the way
  ansible.builtin.assert:
    that: connection.results | rejectattr('verdict', 'in', ['open', 'untested']) | list | length == 0
"""

RETURN = r"""
results:
  description:
    - What was found out at each endpoint, in the form of the results of M(webrtc.firewall.probe).
    - The ids are those of the requirements, C(signaling), C(turn-udp), C(turn-tls), C(media-udp) and C(media-tcp), with the service before
      them; beside these, C(turn-tcp) and C(stun) for servers that no requirement is about.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The requirement's id.
      type: str
      sample: liveavatar/turn-udp
    kind:
      description: The kind of probe, V(tls), V(https), V(websocket), V(turn) or V(stun).
      type: str
      sample: turn
    endpoint:
      description: Address, port and transport; what the requirement says, where no address is known.
      type: str
      sample: 192.0.2.10:3478/udp
    family:
      description: V(ipv4) or V(ipv6); null without an address.
      type: str
      sample: ipv4
    verdict:
      description: As M(webrtc.firewall.probe) gives it. A token that is refused is a V(bad-answer).
      type: str
      sample: open
    seconds:
      description: How long it took.
      type: float
      sample: 0.21
    facts:
      description:
        - C(why) in words, unless the verdict is V(open), and what M(webrtc.firewall.probe) tells of each kind.
        - C(path), C(status) and C(reason) of a request; C(token_refused) if the server does not want the token; C(regions) by name.
        - C(region), C(version) and C(ice_servers), their number, of the server that was joined.
      type: dict
      sample: {relay: "192.0.2.10:50000", lifetime: 600}
steps:
  description: What was tried, for people.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What it is.
      type: str
      sample: TURN over UDP (turn:ip-192-0-2-10.host.livekit.cloud:3478?transport=udp)
    verdict:
      description: The verdict.
      type: str
      sample: open
    why:
      description: Where, and what was seen.
      type: str
      sample: 192.0.2.10:3478/udp, relay 192.0.2.10:50000
verdicts:
  description: How many endpoints have which verdict.
  returned: success
  type: dict
  sample: {open: 8, timed-out: 1}
problems:
  description: What is wrong with the input, all at once; nothing was sent.
  returned: failure
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: url
    value:
      description: What was found there; never a token.
      type: raw
      sample: ws://example.livekit.cloud
    expected:
      description: What would have been right.
      type: str
      sample: the livekit_url of a session, such as wss://example.livekit.cloud
    remedy:
      description: What to do about it.
      type: str
"""

from collections import Counter

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.webrtc.firewall.plugins.module_utils import _livekit_input, _livekit_run
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import InvalidInput


def main() -> None:
    """Read the parameters, test, and answer."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "token": {"type": "str", "required": True, "no_log": True},
            "service": {"type": "str", "default": _livekit_input.SERVICE},
            "validate_certs": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": _livekit_input.TIMEOUT},
            "total_timeout": {"type": "float", "default": _livekit_input.TOTAL_TIMEOUT},
        },
        supports_check_mode=True,
    )
    # A URL may have been pasted with a token in its query, which Ansible knows nothing of.
    shown = {**module.params, "url": _livekit_input.without_query(module.params["url"])}
    del shown["token"]
    try:
        options = _livekit_input.read(module.params)
    except InvalidInput as error:
        problems = [vars(problem) for problem in error.problems]
        module.fail_json(msg=str(error), problems=problems, invocation={"module_args": shown})
    report = _livekit_run.run(options)
    for warning in report.warnings:
        module.warn(warning)
    verdicts = Counter(result["verdict"] for result in report.results)
    module.exit_json(changed=False, results=report.results, steps=report.steps, verdicts=verdicts, invocation={"module_args": shown})


if __name__ == "__main__":
    main()
