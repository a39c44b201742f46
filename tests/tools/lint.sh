#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The linters, all of them even if one complains.

set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$REPO" || exit 1

failed=()
check() {
    echo "== $1"
    "${@:2}" || failed+=("$1")
}

# mypy follows the paths through the link, so that every file has the one name it is imported by.
types() (
    cd "$ANSIBLE_COLLECTIONS_PATH" || exit 1
    here=ansible_collections/webrtc/firewall
    mapfile -t files < <(find $here/plugins/ $here/tests/tools/ -name '*.py')
    mypy --config-file "$REPO/pyproject.toml" "${files[@]}"
)

# The programs of the lab and of the benchmarks import each other by their own names.
program_types() (
    export MYPYPATH=$REPO/tests/lab:$REPO/tests/bench:$ANSIBLE_COLLECTIONS_PATH
    cd "$REPO/$1" || exit 1
    mypy --config-file "$REPO/pyproject.toml" ./*.py
)

check ansible-lint ansible-lint --offline --profile production
check "ruff check" ruff check .
check "ruff format" ruff format --check .
check mypy types
check "mypy lab" program_types tests/lab
check "mypy bench" program_types tests/bench
check antsibull-changelog antsibull-changelog lint

[[ ${#failed[@]} -eq 0 ]] || { echo "failed: ${failed[*]}"; exit 1; }
