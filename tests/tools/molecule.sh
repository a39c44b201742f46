#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# molecule.sh SCENARIO: the whole test sequence of one scenario.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# From any other folder molecule misses extensions/molecule/config.yml and passes with no host matched.
cd "$REPO"
eval "$(python tests/lab/podman.py)"
# What molecule has noted of a run that was killed would make it take containers for granted.
rm -rf "$ANSIBLE_HOME"/tmp/molecule.*."$1"
exec molecule test --scenario-name "$1"
