# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every backend refuses in the same words; a part of the contract.

The words do not hang on the release, so one of them is enough.
"""

from __future__ import annotations

import json

import pytest

NOT_ROOT = """
import json, os, subprocess
from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _change, _system
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._errors import FirewallError
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import from_dict

def command(argv, text):
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    return _system.Output(done.returncode, done.stdout, done.stderr)

os.setuid(65534)
wanted = from_dict(json.load(sys.stdin))
for guard in (None, _change.Guard()):
    try:
        _apply.present(BACKENDS["%s"](command), wanted, True, guard)
        print("taken")
    except FirewallError as error:
        print(json.dumps(str(error)))
"""


class Refusals:
    """The errors. A subclass of the contract may say more.

    Attributes:
        marked: a rule of others that uses our bit of the conntrack mark; empty where the backend has no need of a mark.
    """

    marked = ""

    @pytest.fixture
    def bare(self, request, suite):
        """`there`, on one release."""
        if suite != "bookworm":
            pytest.skip("the same on every release")
        return request.getfixturevalue("there")

    def test_what_a_site_got_wrong_is_told_all_at_once_and_nothing_is_changed(self, bare):
        from contract import PRESENT, policy

        def refused(wanted, *parts):
            told = bare.apply(wanted)["error"]
            assert [part for part in ("nothing was changed", *parts) if told.count(part) != 1] == [], told
            assert "Traceback" not in told
            assert bare.sh(f"{self.live}; {PRESENT}") == before

        before = bare.sh(f"{self.live}; {PRESENT}")
        names = (
            "webrtc_egress_in_interfaces[0]: got 'lan9",
            "webrtc_egress_out_interfaces[0]: got 'wan9",
            "in_interfaces[0]",
            "out_interfaces[0]",
        )
        refused(policy(out_interfaces=["wan9"], in_interfaces=["lan9"]), *names)
        refused(policy(["liveavatar"], out_interfaces=[]), "webrtc_egress_out_interfaces: got []", "no default route")
        refused(policy(wildcards="hostnames", out_interfaces=["wan9"]), "'wan9'", "vonage/signaling")
        told = [json.loads(line) for line in bare.python(NOT_ROOT % self.backend, json.dumps(policy())).splitlines()]
        assert len(told) == 2 and all("Run as root" in text for text in told), told
        assert bare.sh(f"{self.live}; {PRESENT}") == before
        if self.marked:
            bare.sh(self.marked)
            before = bare.sh(f"{self.live}; {PRESENT}")
            refused(policy(), "Set webrtc_egress_mark")

    def test_an_edited_policy_file_is_not_trusted(self, bare):
        from contract import POLICY, policy

        bare.apply(policy(["liveavatar"]))
        bare.sh(f"sed -i 's/50000/1/' {POLICY}")
        before = bare.sh(f"{self.live}; cat {POLICY}")
        told = bare.apply(policy(), exclusive=False)["error"]
        assert POLICY in told and "webrtc_egress_exclusive" in told
        assert bare.sh(f"{self.live}; cat {POLICY}") == before
        assert f"file/{POLICY}" in bare.apply(policy(["liveavatar"]))["changes"]
