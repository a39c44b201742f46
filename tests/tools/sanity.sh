#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-test sanity with the ansible-core of the environment that VENV names, on a copy of the tree at the path it insists on.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

place=$CACHE/sanity/$(basename "$VENV")/ansible_collections/webrtc/firewall
kept=$CACHE/sanity/$(basename "$VENV")/output

# ansible-test keeps its environments in tests/output: they outlive the copy.
mkdir -p "$place/tests/output"
rm -rf "$kept"
mv "$place/tests/output" "$kept"
rm -rf "$place"
mkdir -p "$place"
tar -C "$REPO" --exclude=.cache --exclude=.hypothesis --exclude=./.git --exclude=./tests/output --exclude=__pycache__ -cf - . | tar -C "$place" -xf -
mv "$kept" "$place/tests/output"

# Interpreters that only a version manager knows are put behind those on PATH.
while read -r use _ python; do
    [[ $use == missing ]] || PATH=$PATH:$(dirname "$python")
done <"$CACHE/pythons"
export PATH

# pip's settings of the user stay in force although the home is a private one.
export XDG_CONFIG_HOME=${XDG_CONFIG_HOME:-$HOME/.config}
export HOME=$CACHE/home
export ANSIBLE_TEST_CONTENT_ROOT=$place
unset PYTHONPYCACHEPREFIX ANSIBLE_COLLECTIONS_PATH
cd "$place"
exec "$VENV/bin/ansible-test" sanity --venv --color no
