#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by the other scripts: a private environment below .cache, so that nothing of the user's own Ansible is read or written.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=$REPO/.cache
# The environment with the oldest supported ansible-core, unless the caller chose the newest.
VENV=${VENV:-$CACHE/venv}

# Some shells of root lack the folders of nft, ip and conntrack.
export PATH=$VENV/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export ANSIBLE_HOME=$CACHE/ansible
export ANSIBLE_COLLECTIONS_PATH=$CACHE/collections
export PYTHONPYCACHEPREFIX=$CACHE/pycache
# mypy would make its folder wherever it is started.
export MYPY_CACHE_DIR=$CACHE/mypy
export HYPOTHESIS_STORAGE_DIRECTORY=$CACHE/hypothesis
# Where a shell forbids bytecode, each start of Ansible would compile all of it.
unset PYTHONDONTWRITEBYTECODE
unset ANSIBLE_CONFIG ANSIBLE_INVENTORY ANSIBLE_ROLES_PATH PYTHONPATH
