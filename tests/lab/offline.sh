#!/usr/bin/env bash
# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# offline.sh ROOT: puts nftables and what it depends on into a repository within an image, and lets apt know no other.

set -euo pipefail
root=$1
packages=(nftables libnftables1 libnftnl11 libjansson4 libxtables12 libedit2 libbsd0 libmd0 libmnl0 libgmp10)

mkdir "$root/srv/debs"
chroot "$root" apt-get -qq update
chroot "$root" sh -c "cd /srv/debs && apt-get -qq download ${packages[*]}"
for deb in "$root"/srv/debs/*.deb; do
    dpkg-deb --field "$deb"
    echo "Filename: ./$(basename "$deb")"
    echo "Size: $(stat -c %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"
    echo
done >"$root/srv/debs/Packages"
rm -rf "$root"/etc/apt/sources.list* "$root"/var/lib/apt/lists/*
echo "deb [trusted=yes] file:/srv/debs ./" >"$root/etc/apt/sources.list"
