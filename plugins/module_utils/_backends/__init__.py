# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""All backends by name. A new backend is one file beside this one and one line here."""

from __future__ import annotations

from ansible_collections.webrtc.firewall.plugins.module_utils._backend import Backend
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.firewalld import Firewalld
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.iptables import Iptables
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.nftables import Nftables
from ansible_collections.webrtc.firewall.plugins.module_utils._backends.ufw import Ufw

BACKENDS: dict[str, type[Backend]] = {backend.name: backend for backend in (Nftables, Iptables, Firewalld, Ufw)}
