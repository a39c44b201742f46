# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The texts that `nft -f` loads: a whole ruleset, and the one transaction that leads from the live ruleset to the wanted one.

Each is one transaction: the kernel takes all of it or nothing, and no packet meets a state in between. What is alike
stays untouched where losing it would hurt: named counters go on counting.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Iterable, Iterator, Optional

from ansible_collections.webrtc.firewall.plugins.module_utils._nft_model import FAMILY, TABLE, Chain, Ruleset, Set
from ansible_collections.webrtc.firewall.plugins.module_utils._sets import Learned

OURS = f"{FAMILY} {TABLE}"


def definition(ruleset: Ruleset, learned: Learned = MappingProxyType({})) -> str:
    """The ruleset as a file that can be loaded whatever is there: an older table of ours is replaced."""
    # Not `flush table`: nft 0.9.8 crashes on it in a file that also defines sets.
    lines = [f"add table {OURS}", f"delete table {OURS}", *_additions(ruleset, Ruleset(), learned)]
    return "\n".join(lines) + "\n"


def transaction(wanted: Ruleset, live: Optional[Ruleset], learned: Learned) -> str:
    """What to load to get from the live ruleset to the wanted one.

    Args:
        wanted: the ruleset that shall be.
        live: what our table holds now; None where there is no such table.
        learned: what belongs into sets that are new; the others keep what they hold.

    Returns:
        Text for one `nft -f`.
    """
    if live is None:
        lines = [*_additions(wanted, Ruleset(), learned)]
    elif live.extra:
        return definition(wanted, learned)
    else:
        lines = [*_removals(wanted, live), *_additions(wanted, live, learned)]
    return "\n".join(lines) + "\n"


def removal() -> str:
    """What to load to take the whole table away, whether it is there or not."""
    return f"add table {OURS}\ndelete table {OURS}\n"


def _removals(wanted: Ruleset, live: Ruleset) -> Iterator[str]:
    """All rules go first, so that nothing refers to the chains and sets that go with them."""
    yield from (f"flush chain {OURS} {chain.name}" for chain in live.chains)
    yield from (f"delete chain {OURS} {chain.name}" for chain in live.chains if chain not in wanted.chains)
    # A changed set is replaced as a whole: old kernels trip over overlapping intervals deleted and added at once.
    kept = set(wanted.sets)
    yield from (f"delete set {OURS} {item.name}" for item in live.sets if item not in kept)
    yield from (f"delete counter {OURS} {name}" for name in live.counters if name not in wanted.counters)


def elements(learned: Learned) -> Iterator[str]:
    """Lines that fill sets with what DNS answers have taught."""
    for name, addresses in sorted(learned.items()):
        yield f"add element {OURS} {name} {{\n{_listed(addresses)}\n}}"


def _additions(wanted: Ruleset, live: Ruleset, learned: Learned) -> Iterator[str]:
    yield f"add table {OURS}"
    yield from (f"add counter {OURS} {name}" for name in wanted.counters if name not in live.counters)
    there = set(live.sets)
    for item in wanted.sets:
        if item not in there:
            yield _set_text(item)
    yield from elements({item.name: learned[item.name] for item in wanted.sets if item not in there and learned.get(item.name)})
    yield from (_chain_text(chain) for chain in wanted.chains if chain not in live.chains)
    yield from (f"add rule {OURS} {rule.chain} {rule.text}" for rule in wanted.rules)


def _chain_text(chain: Chain) -> str:
    return f"add chain {OURS} {chain.name} {{ {chain.text} }}" if chain.text else f"add chain {OURS} {chain.name}"


def _set_text(item: Set) -> str:
    if item.learned:
        # Neither times nor intervals: a fact speaks for each element, and each answer finds its place without a look at the rest.
        return f"add set {OURS} {item.name} {{ type {item.type}; size {item.learned}; counter; }}"
    return f"add set {OURS} {item.name} {{ type {item.type}; flags interval; elements = {{\n{_listed(item.elements)}\n}}; }}"


def _listed(elements: Iterable[str]) -> str:
    """Short lines, since nft quotes the whole line in its error messages."""
    return ",\n".join(", ".join(row) for row in _rows(sorted(elements), 8))


def _rows(items: list[str], length: int) -> Iterable[list[str]]:
    return (items[start : start + length] for start in range(0, len(items), length))
