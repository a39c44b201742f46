# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every backend promises, as tests on real machines: a backend's own test class names its ways, and has them all.

docs/backends.md says the same in words.
"""

from __future__ import annotations

import json
import re

import pytest
from refusals import Refusals

from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy
from ansible_collections.webrtc.firewall.plugins.module_utils._policy_json import to_dict
from ansible_collections.webrtc.firewall.plugins.plugin_utils._compile import compile_site

# All files of ours, wherever they are, with their times; and what of them is still there after a removal.
FILES = "ls -la --time-style=full-iso /etc/webrtc-firewall /etc/init.d/webrtc-firewall* /etc/cron.d/webrtc-firewall 2>/dev/null || true"
PRESENT = (
    "ls -d /etc/webrtc-firewall /var/lib/webrtc-firewall /usr/local/lib/webrtc-firewall /etc/*.d/*webrtc-firewall* 2>/dev/null || true"
)
# The same, with what is in them, but for what became of the last change.
CONTENT = (
    "find /etc/webrtc-firewall /var/lib/webrtc-firewall /usr/local/lib/webrtc-firewall /etc/init.d /etc/cron.d /etc/rc[2S].d -name '*' "
    "\\( -type f -o -type l \\) -exec stat -c '%a %U %N' {} + -exec md5sum {} + 2>/dev/null | sort || true"
)
# What iptables-save prints without what is nobody's rule: counters, and built-in chains that accept everything, which are as good as none.
BARE = "sed 's/ \\[.*//' | grep -v -e '^#' -e '^:[A-Z]* ACCEPT$' -e '^[*]' -e '^COMMIT'"
RTP = ("vonage/rtp-media", "udp 10000-50000 to 168.100.64.0/18, 216.147.0.0/18")


POLICY = "/etc/webrtc-firewall/policy.json"


def spoiled(path, mode="0666"):
    """All that may happen to a file of ours, as `Contract.tampering` has it."""
    told = f"file/{path}"
    return (
        (f"truncate -s 0 {path}", told, ""),
        (f"truncate -s 100 {path}", told, ""),
        (f"echo >> {path}", told, ""),
        (f"rm {path}", told, ""),
        (f"chmod {mode} {path}", told, ""),
        (f"chown nobody {path}", told, ""),
        (f"chgrp mail {path}", told, ""),
        (f"cp -p {path} /tmp/copy; ln -sf /tmp/copy {path}", told, ""),
        (f"ln -sf /tmp/nowhere {path}", told, ""),
    )


INIT = "/etc/init.d/webrtc-firewall"
# What brings the rules back at boot where there is no systemd.
STARTED = (
    (f"truncate -s 0 {INIT}", f"file/{INIT}", ""),
    (f"rm {INIT}", f"file/{INIT}", ""),
    (f"chmod -x {INIT}", f"file/{INIT}", ""),
    (f"sed -i 's/exec/true/' {INIT}", f"file/{INIT}", ""),
    ("rm /etc/rcS.d/S*webrtc-firewall", "unit/webrtc-firewall", ""),
    ("rm /etc/rc3.d/S*webrtc-firewall-late", "unit/webrtc-firewall-late", ""),
    ("update-rc.d webrtc-firewall disable", "unit/webrtc-firewall", ""),
    ("update-rc.d webrtc-firewall remove; rm -f /etc/rcS.d/*webrtc-firewall", "unit/webrtc-firewall", ""),
    ("ln -sf /bin/true /etc/rcS.d/$(basename /etc/rcS.d/S*webrtc-firewall)", "unit/webrtc-firewall", ""),
    ("chmod 0777 /etc/webrtc-firewall", "file//etc/webrtc-firewall", ""),
    ("chown nobody /etc/webrtc-firewall", "file//etc/webrtc-firewall", ""),
)


def policy(services=("vonage",), **site):
    # The machine has no default route; so the way out is named.
    return to_dict(compile_site(list(services), {"wildcards": "any", "out_interfaces": ["lo"], **site}).policy)


def learning(*, size=100, ports=((10000, 20000),), nodes=False, out=("lo",)):
    """A policy with flows that learn their addresses from DNS answers."""
    flows = [Flow("liveavatar/signaling", "udp", ports, Destination(ipv4=("198.18.9.0/24",), learned=("*.livekit.cloud",)))]
    flows += [Flow("liveavatar/turn-udp", "udp", ((3478, 3478),), Destination(learned=("*.host.livekit.cloud",)))] if nodes else []
    return to_dict(Policy(Frame(out_interfaces=out, learned_size=size), {"liveavatar": tuple(flows)}))


# The journal as the learner writes it; see _journal.
JOURNAL = """# 99999999999 198.18.2.1 eu.livekit.cloud
# 99999999999 2001:2:0:2::1 eu.livekit.cloud
# 99999999999 198.18.4.77 a.host.livekit.cloud
# 1 198.18.9.9 ended.livekit.cloud
"""


class Contract(Refusals):
    """The promises. A subclass gives the rest.

    Attributes:
        backend: the backend's name.
        image: what the name of the lab's image has behind the suite.
        options: further options for podman run.
        live: a shell command that prints the whole live packet filter and the manager's files, ours and others'.
        foreign: the shell command that puts rules of others there; its own live text must come back after a removal.
        ours: a pattern for what is ours in the live text; what is left without it are the rules of others.
        tampering: ways to damage what is ours: a shell command, how the id begins under which a check run must tell it, and the command
            that takes away what others have put there by it.
        blocking: what others may do that keeps flows from passing: a shell command, where it must be told (None: anywhere), whether it
            surely does so, which flows (none: all of them), and the command that takes it away.
        placements, baselines: those that the backend can express.
        changed_tier: what must be gone after a change to the tier ``minimum``.
        deaf: the suites on which it cannot learn addresses from DNS.
        undenied: those on which it cannot deny what the host itself sends.
    """

    backend = ""
    image = ""
    options: tuple[str, ...] = ("--cap-add", "NET_ADMIN,NET_RAW")
    live = ""
    foreign = "true"
    ours = "$^"
    tampering: tuple[tuple[str, str, str], ...] = ()
    blocking: tuple[tuple[str, str, bool, tuple[str, ...], str], ...] = ()
    placements: tuple[str, ...] = ("gateway", "host", "both")
    baselines: tuple[str, ...] = ("existing", "deny_egress")
    deaf: tuple[str, ...] = ()
    undenied: tuple[str, ...] = ()

    @pytest.fixture(scope="class")
    def box(self, machines, suite):
        with machines(f"{suite}{self.image}", *self.options) as machine:
            machine.backend = self.backend
            self.start(machine)
            yield machine

    def start(self, machine):
        """What has to run before anything else."""

    def stop(self, machine):
        """Take everything of ours and of others away again."""
        machine.absent()
        machine.ask("reset")

    @pytest.fixture
    def there(self, box):
        """A machine with rules of others and none of ours; `before` is its packet filter."""
        self.stop(box)
        box.sh(self.foreign)
        box.before = box.sh(self.live)
        yield box
        self.stop(box)

    @pytest.fixture
    def applied(self, there):
        first = there.apply(policy())
        assert first.get("changes"), first
        return there

    def test_what_was_applied_is_found_and_nothing_is_written(self, applied):
        before = applied.sh(f"{self.live}; {FILES}")
        assert applied.apply(policy())["changes"] == {}
        assert applied.apply(policy(), check=True)["changes"] == {}
        found = applied.drift()
        assert (found["clean"], found["drift"], found["blocked"], found["services"]) == (True, [], [], ["vonage"])
        assert applied.sh(f"{self.live}; {FILES}") == before

    def test_a_check_run_tells_what_a_run_does_and_writes_nothing(self, there):
        told = there.apply(policy(), check=True)["changes"]
        assert there.sh(f"{self.live}; {PRESENT}") == there.before
        assert there.apply(policy())["changes"] == told
        assert told["vonage/rtp-media"][0] is None
        told = there.apply(policy(tier="minimum"), check=True)["changes"]
        assert there.apply(policy(tier="minimum"))["changes"] == told

    def test_flows_are_told_by_id_and_in_words(self, applied):
        state = applied.state()
        assert {flow["id"]: flow["rule"] for flow in state["flows"]}[RTP[0]] == RTP[1]
        assert {flow["id"] for flow in state["flows"]} == {f"vonage/{name}" for name in VONAGE}

    def test_damage_is_found_by_a_check_and_mended_by_the_next_run(self, applied, suite):
        good = applied.sh(self.live)
        # All of it on one release; of the others each has its share.
        start, step = {"bookworm": (0, 1), "bullseye": (0, 4), "trixie": (2, 4)}[suite]
        assert len(self.tampering) >= 30
        for damage, told, undo in self.tampering[start::step]:
            applied.sh(damage)
            damaged = applied.sh(self.live)
            found = applied.apply(policy(), check=True).get("changes")
            assert found and any(name.startswith(told) for name in found), (damage, found)
            drift = applied.drift()
            assert not drift["clean"], damage
            words = {item["id"]: [item["found"], item["expected"]] for item in drift["drift"]}
            # With its policy damaged nobody knows what the rest should be.
            assert words == found or (told == f"file/{POLICY}" and list(words) == [told]), (damage, words, found)
            assert applied.sh(self.live) == damaged, damage
            assert applied.apply(policy())["changes"] == found, damage
            assert applied.apply(policy())["changes"] == {}, damage
            applied.sh(undo or "true")
            assert self.settled(applied.sh(self.live)) == self.settled(good), damage

    def test_what_others_block_is_found_and_named(self, applied):
        flows = {f"vonage/{name}" for name in VONAGE}
        for block, where, sure, names, undo in self.blocking:
            applied.sh(block)
            before = applied.sh(f"{self.live}; {FILES}")
            found = applied.drift()
            items = [item for item in found["blocked"] if item["where"] == (where or item["where"]) and item["sure"] == sure]
            told = {name for item in items for name in item["flows"]}
            assert told == set(names or flows), (block, found)
            assert not found["clean"], block
            assert all(item["rule"] and item["why"] and item["remedy"] for item in found["blocked"]), found
            # A run says the same of what it cannot mend, unless that keeps it from running.
            run = applied.apply(policy(), check=True)
            stays = [text for text in found["summary"] if "blocked by" in text and "Run the playbook" not in text]
            assert "error" in run or sorted(text for text in run["warnings"] if "blocked by" in text) == sorted(stays), (block, run)
            assert applied.sh(f"{self.live}; {FILES}") == before, block
            applied.sh(undo)
            assert applied.drift()["clean"], (undo, applied.drift())

    def others(self, text):
        """The live text without what is ours."""
        rest = re.sub(self.ours, "", text, flags=re.MULTILINE)
        return [line for line in rest.splitlines() if line.strip()]

    def settled(self, text):
        """The live text without what a repair may change: the order in which chains were made."""
        return sorted(text.splitlines())

    def test_rules_of_others_stay_as_they_are_and_a_removal_leaves_nothing(self, applied):
        theirs = self.others(applied.before)
        assert not re.search(self.ours, applied.before, re.MULTILINE)
        assert self.others(applied.sh(self.live)) == theirs
        both = ["vonage", "liveavatar"]
        for wanted in (policy(both, baseline=self.baselines[-1], placement=self.placements[0]), policy(both, tier="minimum")):
            told = applied.apply(wanted)
            assert told.get("changes"), told
            assert self.others(applied.sh(self.live)) == theirs
        applied.absent(services=["liveavatar"])
        assert self.others(applied.sh(self.live)) == theirs
        assert "vonage/turn-udp" in applied.absent(check=True)["changes"]
        applied.absent()
        assert applied.sh(self.live) == applied.before
        assert applied.sh(PRESENT) == ""
        assert applied.absent()["changes"] == {}

    def test_every_placement_and_baseline_is_known_again(self, there, suite):
        for placement in self.placements:
            for baseline in self.baselines:
                wanted = policy(placement=placement, baseline=baseline)
                if suite in self.undenied and placement != "gateway" and baseline == "deny_egress":
                    before = there.sh(self.live)
                    assert f"webrtc_egress_baseline: got 'deny_egress with placement {placement}'" in there.apply(wanted)["error"]
                    assert there.sh(self.live) == before
                    continue
                assert there.apply(wanted).get("changes"), (placement, baseline)
                assert there.apply(wanted)["changes"] == {}, (placement, baseline)
                assert there.drift()["clean"], (placement, baseline, there.drift()["summary"])

    def test_services_compose_in_either_order(self, there):
        there.apply(policy(["vonage", "liveavatar"]))
        both = self.settled(there.sh(self.live))
        there.absent()
        for first, second in (("vonage", "liveavatar"), ("liveavatar", "vonage")):
            there.apply(policy([first]), exclusive=False)
            alone = self.settled(there.sh(self.live))
            there.apply(policy([second]), exclusive=False)
            assert self.settled(there.sh(self.live)) == both
            assert there.apply(policy(["vonage", "liveavatar"]))["changes"] == {}
            there.absent(services=[second])
            assert self.settled(there.sh(self.live)) == alone
            there.absent()

    def test_what_nobody_confirms_goes_back_to_what_was_there(self, there):
        def whole():
            return self.settled(there.sh(f"{self.live}; {CONTENT}"))

        full, less = policy(["vonage", "liveavatar"], baseline=self.baselines[-1]), policy(tier="minimum")
        for number, wanted in enumerate((full, less, None)):
            before = whole()
            change = there.absent if wanted is None else lambda wanted=wanted, **options: there.apply(wanted, **options)
            assert change(id=f"a{number}", seconds=60)["changes"]
            assert whole() != before
            assert there.ask("revoke", id="another") == {"changed": False}
            told = there.ask("revoke", id=f"a{number}")
            assert told == {"changed": True}, told
            assert whole() == before
            assert "a test asked for it" in there.ask("confirm", id=f"a{number}")["error"]
            assert change(id=f"b{number}", seconds=60)["changes"]
            assert there.ask("confirm", id=f"b{number}") == {"changed": True}
            assert there.ask("revoke", id=f"b{number}") == {"changed": False}
            assert whole() != before
        assert there.sh(PRESENT) == ""

    @pytest.fixture
    def learner(self, there, suite):
        """A machine whose sets can be filled."""
        if suite in self.deaf:
            pytest.skip("refused, as another test says")
        return there

    def elements(self, machine, flow="signaling", family="ipv4", add=(), remove=()):
        """What a set holds after the learner's own connection has added and removed addresses."""
        name = BACKENDS[self.backend].learned_set(f"liveavatar/{flow}", family)
        return json.loads(
            machine.python(f"""
            import json
            from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS

            kernel = BACKENDS["{self.backend}"].sets()
            kernel.add([("{name}", address) for address in {list(add)}])
            kernel.remove([("{name}", address) for address in {list(remove)}])
            with kernel.reader() as reader:
                print(json.dumps(sorted(item.address for found in reader.slices("{name}") for item in found)))
            kernel.close()
            """)
        )

    def test_flows_that_learn_are_refused_by_id_where_it_cannot_be(self, there, suite):
        if suite not in self.deaf:
            pytest.skip("they can learn")
        told = there.apply(learning())["error"]
        assert "liveavatar/signaling: got 'addresses learned from DNS'" in told
        assert "webrtc_egress_wildcards" in told
        assert there.sh(f"{self.live}; {PRESENT}") == there.before

    def test_what_sets_have_learned_is_no_change_and_outlives_one(self, learner):
        told = learner.apply(learning(), check=True)["changes"]
        assert learner.apply(learning())["changes"] == told
        assert "what DNS answers teach (100 addresses at most)" in told["liveavatar/signaling"][1]
        assert self.elements(learner, add=["198.18.2.1", "198.18.2.2", "198.18.2.3"], remove=["198.18.2.2"]) == ["198.18.2.1", "198.18.2.3"]
        assert self.elements(learner, family="ipv6", add=["2001:2:0:2::1"]) == ["2001:2:0:2::1"]
        assert learner.apply(learning(), check=True)["changes"] == {}
        for wanted in (learning(ports=((443, 443),)), learning(nodes=True), learning()):
            assert learner.apply(wanted)["changes"]
            assert learner.apply(wanted)["changes"] == {}
            assert self.elements(learner) == ["198.18.2.1", "198.18.2.3"]
            assert self.elements(learner, family="ipv6") == ["2001:2:0:2::1"]
        assert "liveavatar/signaling" in learner.absent()["changes"]
        assert learner.sh(self.live) == learner.before

    def test_a_new_set_begins_with_what_was_learned_before(self, learner):
        learner.sh("mkdir -p /var/lib/webrtc-firewall; cat >/var/lib/webrtc-firewall/learned", JOURNAL)
        learner.apply(learning())
        assert self.elements(learner) == ["198.18.2.1", "198.18.4.77"]
        assert self.elements(learner, family="ipv6") == ["2001:2:0:2::1"]
        learner.apply(learning(nodes=True))
        assert self.elements(learner, "turn-udp") == ["198.18.4.77"]

    def test_an_exclusive_run_closes_what_it_does_not_name(self, there):
        there.apply(policy(["vonage", "liveavatar"]))
        assert there.apply(policy(["vonage"]))["changes"]["liveavatar/media-udp"][1] is None
        assert not [flow for flow in there.state()["flows"] if flow["id"].startswith("liveavatar")]


VONAGE = ("rtp-media", "signaling", "sip-tcp", "sip-tls", "sip-udp", "turn-tcp", "turn-udp")
