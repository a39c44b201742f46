# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman as the lab needs it: the names of the images, and settings for machines that podman's defaults do not fit."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import subprocess
import threading
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("WEBRTC_CACHE", REPO / ".cache"))


def image(suite: str) -> str:
    """The name of the image of a suite."""
    return f"localhost/webrtc-lab:{suite}"


def environment() -> dict[str, str]:
    """The environment for podman, with a configuration of our own only where the defaults cannot work."""
    settings = [*_limits(), *_engine()]
    if not settings:
        return dict(os.environ)
    path = CACHE / "containers.conf"
    text = "\n".join([*settings, ""])
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        part.write_text(text)
        part.replace(path)
    return {**os.environ, "CONTAINERS_CONF": str(path)}


def podman(*arguments: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman; an error raises with what it said."""
    done = subprocess.run(["podman", *arguments], env=environment(), input=text, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"podman {' '.join(arguments)}: {done.stderr.strip()}")
    return done


def remove(*containers: str) -> None:
    """Remove containers; one that ends by itself just then makes podman fail, so it is told up to five times.

    Args:
        containers: ids or names; of one that is not there nothing is said.
    """
    for _try in range(5):
        done = podman("rm", "--force", "--ignore", "--time", "0", *containers, check=False)
        if not done.returncode:
            return
        time.sleep(0.5)
    raise RuntimeError(f"podman rm {' '.join(containers)}: {done.stderr.strip()}")


def _limits() -> list[str]:
    """podman raises limits to its own defaults, which some sandboxes forbid."""
    try:
        subprocess.run(["true"], check=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20)))
    except (subprocess.SubprocessError, ValueError, OSError):
        return ["[containers]", 'default_ulimits = ["nofile=1024:4096", "nproc=1024:1024"]']
    return []


def _engine() -> list[str]:
    """Without systemd there is nobody to ask for a cgroup; crun refuses the hybrid hierarchy, runc does not."""
    if Path("/run/systemd/system").is_dir():
        return []
    runtime = ['runtime = "runc"'] if shutil.which("runc") else []
    return ["[engine]", 'cgroup_manager = "cgroupfs"', *runtime]


if __name__ == "__main__":
    # For shell scripts: the variable that podman needs here, if it needs one.
    path = environment().get("CONTAINERS_CONF")
    print(f"export CONTAINERS_CONF={shlex.quote(path)}" if path else ":")
