# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the site's targets, which several plugins take."""

from __future__ import annotations


class ModuleDocFragment:
    """The role variable webrtc_verify_targets."""

    DOCUMENTATION = r"""
options:
  targets:
    description:
      - The site's own servers to probe. A requirement that has targets is probed at these alone.
      - Each is a mapping with C(requirement), such as V(vonage/turn-udp), and the options of M(webrtc.firewall.probe) but for C(id).
        C(kind), C(transport) and the ports may be left out where the catalog knows them.
      - A target of the kind V(nat) has no C(requirement).
      - Ports must be the requirement's, and addresses must be in its networks, for others would tell nothing of it.
        This does not hold for the kinds V(media) and V(nat).
      - Targets of requirements that the site does not want are left out.
    type: list
    elements: dict
    default: []
"""
