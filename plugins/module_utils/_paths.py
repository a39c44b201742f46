# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""Where ours lies on a target, and what stands at the head of every file of ours that takes comments."""

from __future__ import annotations

HEAD = "# Made by the Ansible collection webrtc.firewall; changes are found and undone by its next run.\n"

DIRECTORY = "/etc/webrtc-firewall"
POLICY = f"{DIRECTORY}/policy.json"
RESOLVER = f"{DIRECTORY}/resolver.json"
RULESET = f"{DIRECTORY}/ruleset.nft"
SETS = f"{DIRECTORY}/sets.ipset"
RULES = {"ipv4": f"{DIRECTORY}/rules.v4", "ipv6": f"{DIRECTORY}/rules.v6"}
# What loads the rules is named the same for all backends.
RESTORE = f"{DIRECTORY}/restore"
RULESETS = (RULESET, SETS, *RULES.values())
# Puts what is ours in firewalld back before it starts.
FIREWALLD = f"{DIRECTORY}/firewalld"
INSTANCE = f"{DIRECTORY}/dnsmasq.conf"

STATE_DIRECTORY = "/var/lib/webrtc-firewall"
LEARNED = f"{STATE_DIRECTORY}/learned"
SEEN = f"{STATE_DIRECTORY}/seen.json"

# A change that is not settled yet: how to go back, and the program that made it.
PENDING = f"{STATE_DIRECTORY}/pending"
PENDING_RECORD = f"{PENDING}/record.json"
PENDING_PROGRAM = f"{PENDING}/webrtc-firewall.pyz"
PENDING_DONE = f"{PENDING}/done"
# What became of the last change; gone with the boot.
TOLD = "/run/webrtc-firewall.told"

PROGRAM_DIRECTORY = "/usr/local/lib/webrtc-firewall"
PROGRAM = f"{PROGRAM_DIRECTORY}/webrtc-firewall.pyz"

UNITS = "/etc/systemd/system"
# What others change of a unit until the next boot.
RUNTIME_UNITS = "/run/systemd/system"
UNDO_UNIT = f"{UNITS}/webrtc-firewall-undo.service"
UNDO_INIT_SCRIPT = "/etc/init.d/webrtc-firewall-undo"
INIT_SCRIPT = "/etc/init.d/webrtc-firewall"
INIT_SETS, INIT_LATE = f"{INIT_SCRIPT}-sets", f"{INIT_SCRIPT}-late"
CRON = "/etc/cron.d/webrtc-firewall"
DNSMASQ_DROPIN = "/etc/dnsmasq.d/webrtc-firewall.conf"
FIREWALLD_STARTS = f"{UNITS}/firewalld.service.d/webrtc-firewall.conf"
DNSMASQ_RESTARTS = f"{UNITS}/dnsmasq.service.d/webrtc-firewall.conf"
