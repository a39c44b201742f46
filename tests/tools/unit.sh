#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# unit.sh: all unit tests with the Ansible of the environment that VENV names.
# unit.sh target: those of the code that goes to the targets, which must not need Ansible.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$REPO"

tests=tests/unit
[[ ${1:-} != target ]] || tests=tests/unit/plugins/module_utils
exec "$VENV/bin/python" -m pytest -q "$tests"
