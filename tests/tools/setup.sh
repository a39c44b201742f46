#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Installs what the other targets need: Debian packages that are missing, and everything else below .cache.
# Each step leaves a stamp named by its inputs, so a second call does nothing.

set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$REPO"

PACKAGES=(catatonit conntrack iproute2 iptables mmdebstrap nftables podman python3-venv runc shellcheck uidmap)
# What the reports are looked at with: a browser and what it draws letters with, GitHub's Markdown, a reader of PDF.
PACKAGES+=(chromium cmark-gfm fonts-dejavu-core poppler-utils)
COMMANDS=(chromium cmark-gfm conntrack ip iptables mmdebstrap nft pdftotext podman)

main() {
    install_packages
    mkdir -p "$CACHE/stamps" "$CACHE/logs"
    # Two calls at once wait for each other.
    exec 9>"$CACHE/setup.lock"
    flock 9

    # The search path decides which Pythons are found, so it is one of the inputs.
    once pythons "$PATH" find_pythons
    grep -q '^main ' "$CACHE/pythons" || fail "Python 3.11, 3.12 or 3.13 is needed to run the tests; none was found."

    local use version path
    while read -r use version path; do
        case $use in
            main) once venv "$path $(cat tests/requirements.txt tests/requirements-unit.txt)" make_venv venv "$path" requirements.txt ;;
            newest) once newest "$path $(cat tests/requirements-newest.txt tests/requirements-unit.txt)" make_venv newest "$path" requirements-newest.txt ;;
            target) once "python$version" "$path $(cat tests/requirements-unit.txt)" make_venv "python$version" "$path" requirements-unit.txt ;;
        esac
    done <"$CACHE/pythons"

    once collections "$(cat tests/requirements-collections.txt)" make_collections
    # ansible-test fetches a script from the network to put pip into its environments; Python brings pip along.
    once standins "$(cat tests/requirements.txt tests/requirements-newest.txt)" make_standins
}

# once NAME INPUTS COMMAND...: run the command unless it was run with these inputs at this place.
once() {
    local name=$1 key stamp
    key=$(printf '%s' "$REPO $2" | sha256sum | cut -c1-16)
    stamp=$CACHE/stamps/$name-$key
    [[ ! -e $stamp ]] || return 0
    echo "setup: $name"
    "${@:3}"
    rm -f "$CACHE/stamps/$name"-*
    touch "$stamp"
}

install_packages() {
    local name missing=()
    if ! command -v dpkg-query >/dev/null || [[ $EUID -ne 0 ]]; then
        for name in "${COMMANDS[@]}"; do
            command -v "$name" >/dev/null || missing+=("$name")
        done
        [[ ${#missing[@]} -eq 0 ]] || echo "setup: not found: ${missing[*]}; some tests need root on Debian or Ubuntu with ${PACKAGES[*]}" >&2
        return 0
    fi
    for name in "${PACKAGES[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    echo "setup: packages ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Nothing recommended: none of these starts or enables a firewall, and nothing that does shall come with them.
    apt-get -qq update
    apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "${missing[@]}" >/dev/null
}

find_pythons() {
    # Any Python 3 can look for the others.
    python3 tests/tools/interpreters.py >"$CACHE/pythons.new"
    mv "$CACHE/pythons.new" "$CACHE/pythons"
}

make_venv() {
    local folder=$CACHE/$1 python=$2 requirements=tests/$3
    "$python" -m venv --clear "$folder"
    "$folder/bin/pip" install -qq --disable-pip-version-check --requirement "$requirements"
}

make_collections() {
    local root=$CACHE/collections/ansible_collections download=$CACHE/download
    rm -rf "$root" "$download"
    mkdir -p "$root/webrtc" "$download"
    ln -s "$REPO" "$root/webrtc/firewall"
    # The package asks for a newer Python than ours; only files are taken from it.
    "$CACHE/venv/bin/pip" download -qq --disable-pip-version-check --no-deps --ignore-requires-python \
        --dest "$download" --requirement tests/requirements-collections.txt
    "$CACHE/venv/bin/python" - "$download" "$CACHE/collections" <<'PYTHON'
import sys, zipfile
from pathlib import Path

with zipfile.ZipFile(next(Path(sys.argv[1]).glob("*.whl"))) as wheel:
    wanted = tuple(f"ansible_collections/{name}/" for name in ("containers/podman", "ansible/posix", "community/general"))
    names = [name for name in wheel.namelist() if name.startswith(wanted)]
    wheel.extractall(sys.argv[2], names)
PYTHON
    rm -rf "$download"
}

make_standins() {
    local folder=$CACHE/home/.ansible/test/cache venv source version
    mkdir -p "$folder"
    for venv in "$CACHE/venv" "$CACHE/newest"; do
        source=$(echo "$venv"/lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py)
        [[ -e $source ]] || continue
        version=$(sed -n "s/^ *pip='\([0-9.]*\)',$/\1/p" "$source" | head -n 1)
        [[ -n $version ]] || fail "Cannot tell which pip ansible-test in $venv asks for."
        printf 'import ensurepip\nensurepip.bootstrap()\n' >"$folder/get_pip_${version//./_}.py"
    done
}

fail() {
    echo "setup: $1" >&2
    exit 1
}

main
