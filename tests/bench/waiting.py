# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside the target: takes a service away by the collection's own code, and leaves the change waiting for its confirmation."""

from __future__ import annotations

import sys
from dataclasses import replace

sys.path.insert(0, "/collections")
sys.dont_write_bytecode = True

from memory import command  # noqa: E402

from ansible_collections.webrtc.firewall.plugins.module_utils import _apply, _stored  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._backends import BACKENDS  # noqa: E402
from ansible_collections.webrtc.firewall.plugins.module_utils._change import Guard  # noqa: E402

policy = _stored.load().policy
if policy is None:
    raise SystemExit("there is no policy to change")
services = {name: flows[:1] for name, flows in policy.services.items()}
_apply.present(BACKENDS["nftables"](command), replace(policy, services=services), True, Guard("waiting", 600))
