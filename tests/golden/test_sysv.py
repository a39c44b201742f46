# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot by sysvinit, for real: saved rulesets that name our sets, in each order of loaders."""

from __future__ import annotations

import pytest
from contract import policy

# The head is that of Debian's package; the loading what its plugins do.
PERSISTENT = """
cat >/usr/sbin/netfilter-persistent <<'END'
#!/bin/sh
iptables-restore </etc/iptables/rules.v4 && ip6tables-restore </etc/iptables/rules.v6
echo $? >/root/loaded
END
cat >/etc/init.d/netfilter-persistent <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          netfilter-persistent
# Required-Start:    mountkernfs $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     S
# Default-Stop:      0 1 6
# Short-Description: Load boot-time netfilter configuration
### END INIT INFO
exec /usr/sbin/netfilter-persistent
END
"""
# ifupdown's head; with it a script that comes after netfilter-persistent and before the network is a loop.
NETWORKING = """
cat >/etc/init.d/networking <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          networking ifupdown
# Required-Start:    mountkernfs $local_fs urandom
# Required-Stop:     $local_fs
# Default-Start:     S
# Default-Stop:      0 6
# Short-Description: Raise network interfaces.
### END INIT INFO
exit 0
END
"""
# As people write it: a name that nobody knows, at a runlevel that comes after ours.
HAND = """
cat >/etc/init.d/by-hand <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          by-hand
# Required-Start:    $local_fs
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: Rules of this machine
### END INIT INFO
exec /usr/sbin/netfilter-persistent
END
"""
SAVE = "mkdir -p /etc/iptables; iptables-save >/etc/iptables/rules.v4; ip6tables-save >/etc/iptables/rules.v6"
OTHERS = "iptables -P FORWARD DROP; iptables -A FORWARD -p tcp --dport 7 -j ACCEPT; iptables -A INPUT -p tcp --dport 22 -j ACCEPT"


@pytest.fixture(scope="module")
def box(machines):
    with machines("bookworm-sysv") as machine:
        machine.backend = "iptables"
        machine.sh(OTHERS)
        yield machine


def live(box):
    saved = box.sh("iptables-save; ip6tables-save; ipset save").splitlines()
    return sorted(line.split(" hashsize")[0].split(" [")[0] for line in saved if not line.startswith("#"))


def order(box, level):
    return [name[3:] for name in box.sh(f"ls /etc/rc{level}.d").split()]


def test_a_saved_ruleset_that_names_our_sets_is_loaded_whatever_starts_first(box):
    box.sh(PERSISTENT + NETWORKING + HAND)
    box.sh("chmod +x /usr/sbin/netfilter-persistent /etc/init.d/*[a-z] && for name in netfilter-persistent networking; do"
           " update-rc.d $name defaults; done")  # fmt: skip
    assert box.apply(policy())["changes"]
    assert "loop" not in box.sh("update-rc.d networking defaults 2>&1")
    names = ("webrtc-firewall-sets", "netfilter-persistent", "webrtc-firewall")
    assert [name for name in order(box, "S") if name in names] == list(names)
    wanted = live(box)
    # Ours are saved with the rest, and the data of the sets are lost.
    box.sh(f"{SAVE}; grep -q match-set /etc/iptables/rules.v4; mv /etc/webrtc-firewall/sets.ipset /root")
    box.reboot()
    assert box.sh("cat /root/loaded") == "0\n"
    assert [line for line in live(box) if not line.startswith("add ")] == [line for line in wanted if not line.startswith("add ")]
    box.sh("cp /root/sets.ipset /etc/webrtc-firewall/sets.ipset; rm /root/loaded; update-rc.d by-hand defaults")
    # Without ours, and by a script that nobody knows, after ours: what it flushes comes back last of all.
    box.sh("update-rc.d netfilter-persistent disable; sed -i -e /webrtc/d -e '/wf[46]/d' /etc/iptables/rules.v*")
    box.reboot()
    assert box.sh("cat /root/loaded") == "0\n"
    assert live(box) == wanted
    assert set(box.apply(policy())["changes"]) <= {"file//etc/iptables/rules.v4", "file//etc/iptables/rules.v6"}
    box.absent()
    assert "webrtc" not in box.sh("ls /etc/init.d /etc/rc?.d")
