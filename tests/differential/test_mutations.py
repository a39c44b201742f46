# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing wrong in each renderer at a time: the differential test must see it, or it proves nothing."""

from __future__ import annotations

import shutil

import pytest
from cases import ALL, managed
from conftest import POLICIES
from kinds import KINDS
from machines import REPO, Machine
from trial import tried

UTILS = REPO / "plugins" / "module_utils"
WIDER = "[(first, min(last + 1, 65535))"
# For each kind a file of its renderer, and what is changed there: a text that stands there once becomes another.
MUTATIONS = {
    "nftables": (
        "_nft_render.py",
        [
            (
                "a port too many",
                "nft.ports(flow.protocol, flow.ports)",
                f"nft.ports(flow.protocol, {WIDER} for first, last in flow.ports])",
            ),
            ("sources negated", 'f"wf_sources.{family}", negated=True)', 'f"wf_sources.{family}")'),
            ("family swapped", "only_family(frame.families[0])", 'only_family({"ipv4": "ipv6", "ipv6": "ipv4"}[frame.families[0]])'),
            ("a network missing", "frozenset(_addresses(flow, family))", "frozenset(sorted(_addresses(flow, family))[-1:])"),
            ("no rule for answers", '"frame/known", (nft.not_new(), nft.accept())', '"frame/known", (nft.mid_stream(), nft.accept())'),
            ("no rule for ways in", "if target != REFUSE and hook ==", "if False and hook =="),
            ("DNS over TLS forgotten", "DNS_PORTS = ((53, 53), (853, 853))", "DNS_PORTS = ((53, 53),)"),
            (
                "TCP in mid-stream denied",
                '(REFUSE, "frame/mid-stream", (nft.mid_stream(), nft.accept()',
                '(REFUSE, "frame/mid-stream", (nft.mid_stream(), nft.drop()',
            ),
            ("learned addresses forgotten", "[learned_set(flow.id, family)] if flow.dest", "[] if flow.dest"),
        ],
    ),
    "iptables-nft": (
        "_ipt_render.py",
        [
            ("a port too many", '"{first}:{last}" for first, last in ranges', '"{first}:{min(last + 1, 65535)}" for first, last in ranges'),
            ("sources negated", 'source = ("-m", "set", "--match-set",', 'source = ("-m", "set", "!", "--match-set",'),
            ("family swapped", "if family in frame.families:\n        for", "if family not in frame.families:\n        for"),
            ("a network missing", "= getattr(there, family)\n", "= getattr(there, family)[1:]\n"),
            ("no rule for answers", '"frame/known", ("-m", "conntrack", "!", "--ctstate", "NEW")', '"frame/known", ("-p", "icmp")'),
            ("no answers to the host", '"host": ("output", "input")', '"host": ("output",)'),
        ],
    ),
    "iptables-legacy": (
        "_ipt_render.py",
        [
            ("protocol swapped", '("-p", protocol, "-m", protocol, f"--{end}"', '("-p", "tcp", "-m", "tcp", f"--{end}"'),
            (
                "no resolver is the site's",
                "for to in _resolvers(frame, family, sets):\n        yield Rule(DNS",
                "for to in ():\n        yield Rule(DNS",
            ),
        ],
    ),
    "firewalld": (
        "_firewalld_render.py",
        [
            ("sources negated", "f' source address=\"{network}\"'", "f' source not address=\"{network}\"'"),
            ("a port too many", 'f"{first}-{last}"}" protocol', 'f"{first}-{min(last + 1, 65535)}"}" protocol'),
            ("family swapped", "[str]:\n    for family in frame.families:", "[str]:\n    for family in {*FAMILIES} - {*frame.families}:"),
            ("a network missing", "getattr(flow.destination, family)\n", "getattr(flow.destination, family)[1:]\n"),
            ("no rule that denies", "{log} drop' for source in _all_sources(frame, forwarded))", "{log} drop' for source in ())"),
            ("learned addresses forgotten", "if flow.destination.learned else []\n", "if False else []\n"),
        ],
    ),
    "ufw": (
        "_ufw_render.py",
        [
            ("a port too many", 'f"{first}:{last}"', 'f"{first}:{min(last + 1, 65535)}"'),
            ("sources forgotten", 'product(sources or ("",),', 'product(("",),'),
            ("family swapped", "    if family in frame.families:", "    if family not in frame.families:"),
            ("a network missing", "getattr(there, self.family)))", "getattr(there, self.family)))[1:]"),
            ("no rule that denies", 'yield from self.rules("frame/deny", deny, self.all_ways)', "yield from ()"),
        ],
    ),
}
# The short run tries one of each kind.
CHOSEN = [
    pytest.param(kind, file, *change, id=f"{kind}: {what}")
    for kind, (file, changes) in MUTATIONS.items()
    for what, *change in (changes if POLICIES > 500 else changes[:1])
]


def test_every_kind_is_mutated():
    assert set(MUTATIONS) == set(KINDS)


@pytest.fixture
def tree(tmp_path):
    """A copy of the collection as far as a machine needs it."""
    shutil.copytree(REPO / "plugins", tmp_path / "plugins")
    return tmp_path


@pytest.mark.parametrize(("kind", "file", "old", "new"), CHOSEN)
def test_a_mutation_is_seen(tree, kind, file, old, new):
    text = (UTILS / file).read_text()
    assert text.count(old) == 1, "the renderer has changed: write the same mutation for it as it is now"
    (tree / UTILS.relative_to(REPO) / file).write_text(text.replace(old, new))
    machine = Machine(kind, "bookworm", tree)
    try:
        with pytest.raises(AssertionError, match="wanted"):
            tried([machine], ALL if KINDS[kind].fresh else managed(tuple(KINDS[kind].others)), 400, shrink=False)
    finally:
        machine.stop()
