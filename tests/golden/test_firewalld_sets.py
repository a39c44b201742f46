# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld's sets as the learner fills them: what it hears, what it mends, and what a reload leaves."""

from __future__ import annotations

import json
import textwrap

import pytest
from contract import learning
from test_firewalld import FOREIGN, START

FOUR, SIX = "webrtc-v4.liveavatar.signaling", "webrtc-v6.liveavatar.signaling"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def box(machines, request):
    with machines(f"{request.param}-firewalld", "--cap-add", "NET_ADMIN,NET_RAW") as machine:
        machine.backend = "firewalld"
        machine.sh(START + FOREIGN)
        yield machine


@pytest.fixture
def applied(box):
    box.apply(learning())
    yield box
    box.absent()


def kernel(box, script):
    """Run a script with a connection to firewalld in the machine; what it prints is JSON."""
    head = """
            import json, os, select, signal, subprocess, time
            from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_sets import FirewalldSets

            kernel = FirewalldSets()
            four, six = "webrtc-v4.liveavatar.signaling", "webrtc-v6.liveavatar.signaling"

            def read(name):
                return sorted(item.address for found in kernel.slices(name) for item in found)

            def caught(function, *arguments):
                try:
                    function(*arguments)
                except Exception as error:
                    return type(error).__name__

            def heard(seconds=0.5):
                time.sleep(seconds)
                return kernel.touched() is None

            def firewall(*words):
                subprocess.run(["firewall-cmd", "-q", *words], check=True)
    """
    return json.loads(box.python(textwrap.dedent(head) + textwrap.dedent(script)))


def test_elements_come_and_go(applied):
    seen = kernel(
        applied,
        """
            kernel.add([(four, "198.18.2.1"), (six, "2001:2:0:2::1"), (four, "198.18.2.2")])
            kernel.add([(four, "198.18.2.2"), (four, "198.18.2.3")])
            first = [read(four), read(six)]
            kernel.remove([(four, "198.18.2.1")])
            print(json.dumps([
                first, read(four), caught(read, "nothing"), caught(kernel.add, [("nothing", "198.18.2.8"), (four, "198.18.2.8")]),
                caught(kernel.remove, [(four, "198.18.2.9"), (four, "198.18.2.2")]), read(four), caught(kernel.add, [(four, "rubbish")]),
            ]))
        """,
    )
    three = ["198.18.2.1", "198.18.2.2", "198.18.2.3"]
    assert seen == [[three, ["2001:2:0:2::1"]], three[1:], "Gone", "Gone", "Gone", ["198.18.2.3", "198.18.2.8"], "OSError"]
    # The kernel has them too, and a range of ports beside them; in 1.x only where a zone has interfaces.
    applied.apply(learning(out=("wan0", "wan0x")))
    rules = applied.sh("nft list ruleset")
    assert rules.count(f"ip daddr @{FOUR} udp dport 10000-20000 accept") == 1
    assert rules.count(f"ip6 daddr @{SIX} udp dport 10000-20000 accept") == 1
    assert "198.18.2.8" in applied.sh(f"nft list set inet firewalld {FOUR}")


def test_what_others_do_is_heard_and_nothing_of_ours(applied):
    seen = kernel(
        applied,
        """
            said = {"begin": heard(1.0)}
            kernel.add([(four, "198.18.2.1"), (four, "198.18.2.2")])
            kernel.add([(four, "198.18.2.3"), (six, "2001:2:0:2::1")])
            kernel.remove([(four, "198.18.2.2")])
            said["ours"] = heard()
            firewall("--zone=public", "--add-port=7/tcp")
            firewall("--zone=public", "--remove-port=7/tcp")
            said["another matter"] = heard()
            firewall(f"--ipset={four}", "--add-entry=198.18.2.9")
            said["added"] = heard()
            firewall(f"--ipset={four}", "--remove-entry=198.18.2.1")
            said["removed"] = heard()
            firewall("--reload")
            said["reload"] = heard()
            said["after a reload"] = [read(four), read(six)]
            said["told twice"] = heard()
            print(json.dumps(said))
        """,
    )
    assert seen == {
        "begin": True, "ours": False, "another matter": False, "added": True, "removed": True, "reload": True, "told twice": False,
        "after a reload": [["198.18.2.1", "198.18.2.3"], ["2001:2:0:2::1"]],
    }  # fmt: skip


def test_a_large_set_is_filled_at_once_and_loses_nothing_by_it(box):
    box.apply(learning(size=5000))
    seen = kernel(
        box,
        """
            kernel.add([(four, "198.18.50.1")])
            items = [(four, f"198.18.{high}.{low}") for high in range(10) for low in range(200)]
            begin = time.monotonic()
            kernel.add(items)
            filled = time.monotonic() - begin
            begin = time.monotonic()
            kernel.add([(four, "198.18.40.1"), (four, "198.18.40.2")])
            more = time.monotonic() - begin
            print(json.dumps([len(read(four)), filled < 100 * more]))
        """,
    )
    box.absent()
    # One by one it would be a thousand times.
    assert seen == [2003, True]


def test_a_firewalld_that_stops_is_gone_and_heard_when_it_is_back(applied):
    seen = kernel(
        applied,
        """
            kernel.add([(four, "198.18.2.1")])
            heard(1.0)
            subprocess.run(["pkill", "-f", "[/]usr/sbin/firewalld"], check=True)
            time.sleep(2)
            said = [caught(read, four), caught(kernel.add, [(four, "198.18.2.1")]), heard(), kernel.altered({})]
            subprocess.Popen(["firewalld", "--nofork", "--nopid"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for attempt in range(50):
                if kernel.touched() is None:
                    break
                time.sleep(0.1)
            print(json.dumps([*said, read(four), kernel.altered({})]))
        """,
    )
    assert seen == ["Gone", "Gone", True, True, ["198.18.2.1"], False]


def test_a_connection_that_ends_is_noticed_and_made_anew(applied):
    seen = kernel(
        applied,
        """
            kernel.add([(four, "198.18.2.1")])
            heard(1.0)
            said = [kernel.altered({})]
            os.kill(kernel._child.pid, signal.SIGKILL)
            time.sleep(0.2)
            said += [kernel.altered({}), read(four), kernel.altered({}), heard(0)]
            os.kill(kernel._child.pid, signal.SIGSTOP)
            os.kill(kernel._child.pid, signal.SIGKILL)
            print(json.dumps([*said, caught(kernel.add, [(four, "198.18.2.2")]) in (None, "OSError")]))
        """,
    )
    assert seen == [False, True, ["198.18.2.1"], False, True, True]


def test_entries_that_others_have_stored_are_found_and_taken_away(applied):
    kernel(applied, 'kernel.add([(four, "198.18.2.1")]); print("[]")')
    applied.sh("firewall-cmd -q --runtime-to-permanent")
    told = applied.apply(learning(), check=True)["changes"]
    assert "198.18.2.1" in told["liveavatar/signaling"][0]
    assert "liveavatar/signaling" in applied.apply(learning())["changes"]
    assert applied.apply(learning())["changes"] == {}
    assert applied.sh("grep -r entry /etc/firewalld/ipsets/webrtc* || true") == ""
    assert kernel(applied, "print(json.dumps(read(four)))") == ["198.18.2.1"]


def test_a_set_of_another_size_takes_over_what_the_first_one_holds(applied):
    kernel(applied, 'kernel.add([(four, "198.18.2.1")]); print("[]")')
    assert "200 addresses at most" in applied.apply(learning(size=200))["changes"]["liveavatar/signaling"][1]
    assert kernel(applied, "print(json.dumps(read(four)))") == ["198.18.2.1"]
    assert applied.apply(learning(size=200))["changes"] == {}


def test_a_set_of_others_filled_at_runtime_alone_is_not_lost_by_a_reload(box):
    box.sh("firewall-cmd -q --ipset=others --add-entry=192.0.2.8")
    told = box.apply(learning())["error"]
    assert "ipset others" in told and "--runtime-to-permanent" in told
    box.sh("firewall-cmd -q --ipset=others --remove-entry=192.0.2.8")


def test_a_set_is_full_from_the_first_packet_after_a_run_that_reloads(box):
    box.apply(learning(out=("wan0", "wan0x")))
    kernel(box, 'kernel.add([(four, "198.18.2.1")]); print("[]")')
    # Whoever looks all the time never sees the rule without the address.
    look = f"""nft list ruleset | tr -d '\\n\\t' | grep -o 'set {FOUR} {{.*@{FOUR} ' | grep -o '^[^}}]*}}'"""
    box.sh(f"(while [ ! -e /tmp/enough ]; do {look}; done) >/tmp/seen 2>&1 </dev/null &")
    assert box.apply(learning(out=("wan0", "wan0x"), nodes=True))["changes"]
    lines = box.sh("sleep 1; touch /tmp/enough; sleep 1; cat /tmp/seen; rm /tmp/enough /tmp/seen").splitlines()
    box.absent()
    seen = [line for line in lines if line.startswith("set")]
    assert len(seen) > 5, lines
    assert all("198.18.2.1" in line for line in seen), [line for line in seen if "198.18.2.1" not in line][:3]
