# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine of each kind of firewall, with rules of others, on which runs are disturbed."""

from __future__ import annotations

import json
from contextlib import contextmanager

from contract import CONTENT
from test_firewalld import TestFirewalld as Firewalld
from test_iptables import TestLegacy as Legacy
from test_iptables import TestNft as Nft
from test_nftables import TestNftables as Nftables
from test_ufw import TestUfw as Ufw

KINDS = {"nftables": Nftables, "iptables-nft": Nft, "iptables-legacy": Legacy, "firewalld": Firewalld, "ufw": Ufw}
VICTIM = "/collections/ansible_collections/webrtc/firewall/tests/golden/victim.py"


class Subject:
    """A machine with rules of others, on which runs are disturbed."""

    def __init__(self, kind, box):
        self.kind, self.box = kind, box

    def whole(self):
        return self.kind.settled(self.box.sh(f"{self.kind.live}; {CONTENT}"))

    def run(self, wanted, kill, seconds=60):
        """A run that is killed; tells how many steps it made where it was not."""
        job = {"backend": self.kind.backend, "policy": wanted, "id": "victim", "seconds": seconds, "kill": kill}
        done = self.box.ask("run", argv=["python3", VICTIM], text=json.dumps(job))
        assert done["code"] == (-9 if kill else 0), done["err"]
        return json.loads(done["out"])["steps"] if not kill else 0

    def change(self, wanted, **options):
        return self.box.absent(**options) if wanted is None else self.box.apply(wanted, **options)


@contextmanager
def subjects(machines, name, *options):
    """A subject of a kind, with further options for podman run."""
    kind = KINDS[name]()
    with machines(f"bookworm{kind.image}", *kind.options, *options) as box:
        box.backend = kind.backend
        kind.start(box)
        kind.stop(box)
        box.sh(kind.foreign)
        yield Subject(kind, box)
