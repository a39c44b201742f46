# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the webrtc.firewall collection: no promise is made to code outside it.

"""What puts our policies and sets back in place before firewalld reads them.

With one policy or set that it cannot read, or a policy that names a set which is not there, firewalld starts with its stock
configuration alone: nothing of the machine's own is in force then. A file that was just written and is empty after a power cut is
enough for that. Reference: firewalld.policy(5), firewalld.ipset(5).
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, Mapping

from ansible_collections.webrtc.firewall.plugins.module_utils._firewalld_render import Rules
from ansible_collections.webrtc.firewall.plugins.module_utils._paths import HEAD

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_WORD = re.compile(r'([a-z-]+)((?: [a-z]+="[^"]*")*)(?: |$)')
_END = "WEBRTC_FIREWALL_END"
Settings = Mapping[str, Any]


def script(wanted: Rules, directory: str = "/etc/firewalld") -> str:
    """A shell script that writes every file of ours which is missing or differs; each is in place as a whole, or stays as it was."""
    texts = {f"policies/{name}.xml": policy_text(item) for name, item in sorted(wanted.policies.items())}
    texts.update((f"ipsets/{name}.xml", set_text(item)) for name, item in sorted(wanted.sets.items()))
    parts = [
        f"put {path} <<'{_END}'\n{text}{_END}"
        # Sets first: no policy is there without those that it names.
        for path, text in sorted(texts.items())
    ]
    return f"""#!/bin/sh
{HEAD}# Before firewalld starts: puts back what is missing of ours, as it would start with nothing of /etc/firewalld otherwise.
umask 022
mkdir -p {directory}/ipsets {directory}/policies
put() {{
    cat >"{directory}/$1.webrtc-new"
    if cmp -s "{directory}/$1.webrtc-new" "{directory}/$1"; then
        rm -f "{directory}/$1.webrtc-new"
    else
        mv -f "{directory}/$1.webrtc-new" "{directory}/$1"
    fi
}}
""" + "\n".join([*parts, ""])


def policy_text(settings: Settings) -> str:
    """A policy's file."""
    lines = [_HEAD, f'<policy priority="{settings["priority"]}" target="{settings["target"]}">']
    lines.append(f"  <description>{escape(settings['description'])}</description>")
    for side in ("ingress", "egress"):
        lines += [f'  <{side}-zone name="{escape(zone)}"/>' for zone in settings[f"{side}_zones"]]
    return "\n".join([*lines, *map(_rule, settings["rich_rules"]), "</policy>", ""])


def set_text(settings: Settings) -> str:
    """A set's file."""
    lines = [_HEAD, f'<ipset type="{settings["type"]}">', f"  <description>{escape(settings['description'])}</description>"]
    lines += [f'  <option name="{escape(name)}" value="{escape(value)}"/>' for name, value in sorted(settings["options"].items())]
    return "\n".join([*lines, "</ipset>", ""])


def _rule(rule: str) -> str:
    """A rich rule of ours: each word is an element with the attributes that follow it, and a limit is a part of what it limits."""
    (_rule_itself, head), *words = _WORD.findall(rule)
    found: list[str] = []
    for name, attributes in words:
        if name == "limit":
            found[-1] = f"{found[-1][:-2]}><limit{attributes}/></log>"
        else:
            found.append(f"<{name}{attributes}/>")
    return f"  <rule{head}>{''.join(found)}</rule>"
