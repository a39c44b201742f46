# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is learned, for how long, and into which sets; and that it is on the disk."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.webrtc.firewall.plugins.module_utils import _journal, _learned
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.nftables import Nftables
from ansible_collections.webrtc.firewall.plugins.module_utils._nft_render import learned_set
from ansible_collections.webrtc.firewall.plugins.module_utils._policy import Destination, Flow, Frame, Policy

SIGNALING, NODES = "liveavatar.signaling.learned.ipv4", "liveavatar.turn-udp.learned.ipv4"


def policy(size: int = 65536, families: tuple[str, ...] = ("ipv4", "ipv6")) -> Policy:
    flows = (
        Flow("liveavatar/api", "tcp", ((443, 443),), Destination(learned=("api.liveavatar.com",))),
        Flow("liveavatar/signaling", "tcp", ((443, 443),), Destination(learned=("*.livekit.cloud",))),
        Flow("liveavatar/turn-udp", "udp", ((3478, 3478),), Destination(learned=("*.host.livekit.cloud",))),
    )
    return Policy(Frame(families=families, learned_size=size), {"liveavatar": flows})


@pytest.mark.parametrize(
    ("name", "flows"),
    [
        ("eu.livekit.cloud", ["signaling"]),
        ("a.b.c.d.livekit.cloud", ["signaling"]),
        ("ip-198-18-4-77.host.livekit.cloud", ["turn-udp", "signaling"]),
        ("host.livekit.cloud", ["signaling"]),
        ("api.liveavatar.com", ["api"]),
        ("livekit.cloud", []),
        ("notlivekit.cloud", []),
        ("x.notlivekit.cloud", []),
        ("livekit.cloud.example.net", []),
        ("www.api.liveavatar.com", []),
        ("liveavatar.com", []),
        ("cloud", []),
        ("", []),
    ],
)
def test_a_name_opens_what_its_requirements_name_and_no_more(name, flows):
    lesson = _learned.Lesson(policy(), learned_set)
    wanted = [(f"liveavatar.{flow}.learned.ipv4", "198.18.4.77") for flow in flows]
    assert lesson.elements((name, "198.18.4.77")) == wanted
    assert bool(lesson.pattern(name)) is bool(flows)


def test_families_are_kept_apart_and_one_that_is_not_opened_is_not_learned():
    both, four = _learned.Lesson(policy(), learned_set), _learned.Lesson(policy(families=("ipv4",)), learned_set)
    assert both.elements(("x.livekit.cloud", "2001:2::1")) == [("liveavatar.signaling.learned.ipv6", "2001:2::1")]
    assert four.elements(("x.livekit.cloud", "2001:2::1")) == []
    assert sorted(four.sets) == ["liveavatar.api.learned.ipv4", SIGNALING, NODES]


def memory(size: int = 65536, keep: float = 10.0) -> _learned.Memory:
    return _learned.Memory(_learned.Lesson(policy(size), learned_set), keep)


def expire(known: _learned.Memory, now: float) -> list[tuple[str, str]]:
    return known.expire(known.ended(now), now).remove


def test_an_address_is_told_to_the_kernel_once_and_goes_when_its_time_is_over():
    known = memory()
    assert known.learn("a.livekit.cloud", ["198.18.2.1"], 0).add == [(SIGNALING, "198.18.2.1")]
    assert known.learn("a.livekit.cloud", ["198.18.2.1"], 5).add == []
    assert expire(known, 14.9) == []
    assert expire(known, 15.0) == [(SIGNALING, "198.18.2.1")]
    assert known.sets()[SIGNALING] == set()


def test_an_address_of_two_names_stays_until_both_have_ended():
    known = memory()
    known.learn("a.livekit.cloud", ["198.18.2.1"], 0)
    assert known.learn("b.livekit.cloud", ["198.18.2.1"], 4).add == []
    assert expire(known, 10) == []
    assert expire(known, 14) == [(SIGNALING, "198.18.2.1")]


def test_use_lets_an_address_hold_anew():
    known = memory()
    known.learn("a.livekit.cloud", ["198.18.2.1", "198.18.2.2"], 0)
    assert known.due(9) == set()
    assert known.due(10) == {SIGNALING}
    assert known.used([(SIGNALING, "198.18.2.1")], 8) == [("a.livekit.cloud", "198.18.2.1")]
    assert expire(known, 10) == [(SIGNALING, "198.18.2.2")]
    assert expire(known, 18) == [(SIGNALING, "198.18.2.1")]


def test_a_full_set_gives_its_oldest_address_for_the_new_one():
    known = memory(size=16)
    for last in range(1, 17):
        known.learn(f"n{last}.livekit.cloud", [f"198.18.2.{last}"], last)
    # Asked for again, the first is no longer the oldest.
    known.learn("n1.livekit.cloud", ["198.18.2.1"], 20)
    delta = known.learn("new.livekit.cloud", ["198.18.2.99"], 21)
    assert (delta.add, delta.remove) == ([(SIGNALING, "198.18.2.99")], [(SIGNALING, "198.18.2.2")])
    assert len(known.sets()[SIGNALING]) == 16


def test_names_without_number_that_share_an_address_do_not_fill_the_memory():
    known = memory()
    for number in range(1000):
        assert known.learn(f"session-{number}.livekit.cloud", ["198.18.2.1"], number / 1000).remove == []
    assert len(known.facts) <= 17
    assert known.sets()[SIGNALING] == {"198.18.2.1"}


def test_what_is_recalled_holds_for_what_is_left_of_its_time():
    known = memory()
    known.recall(
        {("a.livekit.cloud", "198.18.2.1"): 3.0, ("b.livekit.cloud", "198.18.2.2"): 99.0, ("c.livekit.cloud", "198.18.2.3"): -1.0}, 100
    )
    assert known.sets()[SIGNALING] == {"198.18.2.1", "198.18.2.2"}
    assert expire(known, 103) == [(SIGNALING, "198.18.2.1")]
    # More than all of it is a clock that was wrong.
    assert expire(known, 110) == [(SIGNALING, "198.18.2.2")]


NAMES = ["a.livekit.cloud", "b.host.livekit.cloud", "c.host.livekit.cloud", "other.example"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.sampled_from(NAMES), st.lists(st.integers(1, 9), max_size=4), st.integers(0, 4)),
        st.tuples(st.just("use"), st.sampled_from([SIGNALING, NODES]), st.integers(1, 9), st.integers(0, 4)),
        st.tuples(st.just("wait"), st.integers(0, 12)),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 5))
def test_the_kernel_always_holds_what_is_known_and_never_more_than_fits(steps, size):
    """The changes are applied to two plain sets, as the kernel would: it refuses to remove what is not there."""
    known = _learned.Memory(_learned.Lesson(policy(size), learned_set), 10.0)
    kernel: set[tuple[str, str]] = set()
    times: dict[tuple[str, str], float] = {}
    now = 0.0
    for step in steps:
        now += step[-1]
        if step[0] == "learn":
            addresses = [f"198.18.2.{last}" for last in step[2]]
            delta = known.learn(step[1], addresses, now)
            times.update({(step[1], address): now + 10 for address in addresses})
        elif step[0] == "use":
            for fact in known.used([(step[1], f"198.18.2.{step[2]}")], now):
                times[fact] = now + 10
            delta = _learned.Delta()
        else:
            delta = known.expire(known.ended(now), now)
        assert set(delta.remove) <= kernel
        kernel -= set(delta.remove)
        assert not set(delta.add) & kernel
        kernel |= set(delta.add)
        assert kernel == {(name, address) for name, found in known.sets().items() for address in found}
        assert all(len(found) <= size for found in known.sets().values())
        # Nothing is known that was not told, and nothing for longer.
        assert all(times[fact] == ends for fact, ends in known.facts.items())


def test_the_journal_is_a_script_of_nft_and_is_read_back(tmp_path):
    path = str(tmp_path / "learned")
    journal = _journal.Journal(_learned.Lesson(policy(), learned_set), Nftables.learned_text, path)
    journal.rewrite({("a.livekit.cloud", "198.18.2.1"): 50.0, ("b.livekit.cloud", "198.18.2.2"): 60.0})
    journal.note([("x.host.livekit.cloud", "198.18.4.77"), ("a.livekit.cloud", "198.18.2.1")], 100.0)
    with open(path, encoding="ascii") as file:
        commands = [line.partition(" #")[0] for line in file.read().splitlines() if not line.startswith("#")]
    # Those from the beginning at once, and each later one by itself.
    assert " ".join(commands).replace("} ", "}\n").splitlines() == [
        f"add element inet webrtc_firewall {SIGNALING} {{ 198.18.2.1, 198.18.2.2 }}",
        f"add element inet webrtc_firewall {SIGNALING} {{ 198.18.4.77 }}",
        f"add element inet webrtc_firewall {NODES} {{ 198.18.4.77 }}",
        f"add element inet webrtc_firewall {SIGNALING} {{ 198.18.2.1 }}",
    ]
    found = _journal.load(path)
    assert {name: round(seconds, -1) for (name, _address), seconds in found.items()} == {
        # Of two lines for a fact the last one counts.
        "a.livekit.cloud": 100,
        "b.livekit.cloud": 60,
        "x.host.livekit.cloud": 100,
    }


def test_what_is_noted_while_the_journal_is_rewritten_is_in_it(tmp_path):
    path = str(tmp_path / "learned")
    journal = _journal.Journal(_learned.Lesson(policy(), learned_set), Nftables.learned_text, path)
    left = {("a.livekit.cloud", f"198.18.{high}.{low}"): 50.0 for high in range(20) for low in range(250)}
    journal.rewrite(left)
    # What a killed process had staged.
    (tmp_path / ".learned.x").touch()

    async def run():
        rewriting = asyncio.ensure_future(journal.rewrite_aside(left))
        # Now it has begun.
        await asyncio.sleep(0)
        noted = 0
        while not rewriting.done():
            journal.note([("b.livekit.cloud", f"198.19.{noted // 250}.{noted % 250}")], 100.0)
            noted += 1
            await asyncio.sleep(0)
        return noted

    noted = asyncio.run(run())
    assert noted > 1
    assert len(_journal.load(path)) == 5000 + noted
    assert [path.name for path in tmp_path.iterdir()] == ["learned"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "# 99999999999",
        "# 99999999999 198.18.2.1",
        "# 99999999999 198.18.2.300 a.livekit.cloud",
        "# x 198.18.2.1 a.livekit.cloud",
        "# 1 198.18.2.1 a.livekit.cloud",
    ],
)
def test_damaged_and_ended_lines_are_passed_over(tmp_path, line):
    path = tmp_path / "learned"
    path.write_text(f"{line}\nadd element inet t s {{ 198.18.2.2 }} # 99999999999 198.18.2.2 b.livekit.cloud\nadd element inet webrtc_fi")
    assert list(_journal.load(str(path))) == [("b.livekit.cloud", "198.18.2.2")]


def test_a_disk_that_takes_no_more_stops_nothing(tmp_path, capsys):
    journal = _journal.Journal(_learned.Lesson(policy(), learned_set), Nftables.learned_text, str(tmp_path / "gone" / "learned"))
    journal.rewrite({})
    journal.note([("a.livekit.cloud", "198.18.2.1")], 100.0)
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_what_was_learned_fills_the_sets_of_a_changed_policy():
    left = {("x.host.livekit.cloud", "198.18.4.77"): 5.0, ("old.example", "198.18.9.9"): 5.0, ("x.host.livekit.cloud", "2001:2::7"): 5.0}
    assert _learned.elements(policy(), learned_set, left) == {
        SIGNALING: ("198.18.4.77",),
        "liveavatar.signaling.learned.ipv6": ("2001:2::7",),
        NODES: ("198.18.4.77",),
        "liveavatar.turn-udp.learned.ipv6": ("2001:2::7",),
    }


def test_the_report_names_flow_suffix_address_time_and_use():
    rows = _learned.report(policy(), learned_set, {("x.host.livekit.cloud", "198.18.4.77"): 41.7}, {NODES: {"198.18.4.77": 3}})
    fact = {"name": "x.host.livekit.cloud", "address": "198.18.4.77", "seconds_left": 42}
    assert rows == [
        {"id": "liveavatar/signaling", "suffix": "*.livekit.cloud", "packets": 0, **fact},
        {"id": "liveavatar/turn-udp", "suffix": "*.host.livekit.cloud", "packets": 3, **fact},
    ]
