# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""The texts of the init scripts (LSB) that bring our rules back where there is no systemd; their heads say in which order.

One makes the sets before anybody's rules can name them; one loads the rules early in the boot; one mends, last of all, what others have
changed meanwhile.
"""

from __future__ import annotations

from ansible_collections.webrtc.firewall.plugins.module_utils._paths import HEAD, INIT_LATE, INIT_SCRIPT, INIT_SETS, RESTORE

# What starts at which runlevel: update-rc.d makes these links of the heads below.
RUNLEVELS = {INIT_SETS: "S", INIT_SCRIPT: "S", INIT_LATE: "2345"}
_INIT = """#!/bin/sh
{head}### BEGIN INIT INFO
# Provides:          {name}
{order}
# Default-Stop:
# Short-Description: {what}
### END INIT INFO
case "$1" in
start | restart | reload | force-reload) exec {command} ;;
stop | status) exit 0 ;;
*) echo "usage: $0 start|stop|restart|reload|status" >&2; exit 3 ;;
esac
"""
_EARLY_ORDER = """# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Should-Start:      nftables netfilter-persistent
{before}# Default-Start:     S"""
# Names of loaders are known for some alone; but all of them want the file systems, and mountall-bootclean is what completes these.
_SETS_ORDER = """# Required-Start:
# Required-Stop:
# Should-Start:      mountall
# X-Start-Before:    mountall-bootclean netfilter-persistent iptables-persistent iptables ip6tables networking webrtc-firewall
# Default-Start:     S"""
_LATE_ORDER = """# Required-Start:    $all
# Required-Stop:
# Should-Start:      docker libvirtd
# Default-Start:     2 3 4 5"""


def texts(persistent: bool, sets: bool) -> dict[str, str]:
    """The scripts that a machine shall have: path to text.

    Args:
        persistent: whether the machine has netfilter-persistent; that wants remote file systems, and so the network.
        sets: whether something has to make our ipsets before anybody's rules can name them.
    """
    # Before the network as well as after what waits for it is a loop, which insserv breaks wherever it likes.
    before = "" if persistent else "# X-Start-Before:    $network\n"
    early = _init("webrtc-firewall", _EARLY_ORDER.format(before=before), RESTORE, "WebRTC flows in the packet filter")
    late = _init("webrtc-firewall-late", _LATE_ORDER, RESTORE, "WebRTC flows, once other services have made their chains")
    found = {INIT_SCRIPT: early, INIT_LATE: late}
    if sets:
        found[INIT_SETS] = _init(
            "webrtc-firewall-sets", _SETS_ORDER, f"{RESTORE} sets", "Sets of WebRTC flows, before any rule can name them"
        )
    return found


def _init(name: str, order: str, command: str, what: str) -> str:
    return _INIT.format_map({"head": HEAD, "name": name, "order": order, "command": command, "what": what})
