#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the collection, installs the tarball offline into an empty folder, and uses it from there.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

place=$(mktemp -d "${TMPDIR:-/tmp}/webrtc-firewall-build.XXXXXX")
trap 'rm -rf "$place"' EXIT

rm -rf "$CACHE/build"
ansible-galaxy collection build --output-path "$CACHE/build" "$REPO"
tarball=$(echo "$CACHE"/build/webrtc-firewall-*.tar.gz)

export ANSIBLE_HOME=$place/home ANSIBLE_COLLECTIONS_PATH=$place/collections
cd "$place"
ansible-galaxy collection install --offline --collections-path "$place/collections" "$tarball"

installed=$place/collections/ansible_collections/webrtc/firewall
for kind in modules filter lookup; do
    for file in "$installed/plugins/$kind"/[!_]*.py; do
        ansible-doc --type "${kind%s}" "webrtc.firewall.$(basename "$file" .py)" >/dev/null
    done
done
for playbook in "$installed"/playbooks/*.yml; do
    ansible-playbook --syntax-check "webrtc.firewall.$(basename "$playbook" .yml)"
done

# In a network namespace of its own and in check mode: whatever firewall this machine has is neither read nor changed.
unshare --net ansible-playbook --inventory localhost, --check "$installed/tests/tools/installed.yml"
echo "built $tarball"
