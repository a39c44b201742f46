#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The rulesets, each loaded by the real firewalls of every Debian release, in containers without a network; or the tests that are named.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$REPO"

exec "$VENV/bin/python" -m pytest -q "${@:-tests/golden}"
