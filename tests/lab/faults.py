# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a lab's network out of order in the ways that the files of a folder say, and see whether each is told apart.

faults.py all --id ID FOLDER [NAME...]     each fault of FOLDER/faults, seen with the targets of FOLDER/files/targets.yml
faults.py prepare --id ID                  once before all of them
faults.py begin|end --id ID FAULT.yml      one fault, to look at it by other means
faults.py compare FAULT.yml                what other means have seen, as JSON: {"results": of module probe, "assessment": of the filter}

Exit status 0 if everything was seen as what it is.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, Mapping

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import lab  # noqa: E402
import yaml  # noqa: E402
from faults_compare import differences  # noqa: E402
from podman import CACHE, REPO, podman  # noqa: E402

SERVICES = ("vonage", "liveavatar")
# Seconds for each endpoint, and for a run. The lab's servers answer in a few milliseconds.
LIMITS = {"timeout": 3.0, "total_timeout": 60.0}
CODE = "/run/collections"
# Where OpenSSL looks for an authority (c_rehash(1)).
_TRUSTED = '"/etc/ssl/certs/$(openssl x509 -noout -hash -in /run/fault.crt).0"'
Fault = Mapping[str, Any]


def read(path: Path) -> Any:
    """A file of a folder of faults."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def shell(container: str, script: str, text: str = "") -> str:
    """Run a script in a container; an error raises with what it said."""
    return podman("exec", "--interactive", container, "sh", "-ec", script, text=text).stdout


def begin(name: str, fault: Fault) -> None:
    """Put the network out of order, with no memory of earlier connections and of what NAT made of them."""
    if "trusts" in fault:
        authority = shell(f"{name}-gateway", f"cat {fault['trusts']}")
        shell(f"{name}-client", f"cat >/run/fault.crt; cp /run/fault.crt {_TRUSTED}", authority)
    rules = f"table inet fault {{\n{fault.get('rules', '')}}}\n"
    shell(f"{name}-gateway", f"nft -f -\n{fault.get('begin', '')}\nconntrack -F 2>/dev/null", rules)


def end(name: str, fault: Fault) -> None:
    """Put it in order again."""
    shell(f"{name}-gateway", f"nft delete table inet fault\n{fault.get('end', '')}")
    if "trusts" in fault:
        shell(f"{name}-client", f"rm {_TRUSTED}")


def targets(given: list[dict[str, Any]], fault: Fault) -> list[dict[str, Any]]:
    """What to probe: a fault's own targets take the place of those of the same requirements."""
    own: list[dict[str, Any]] = fault.get("targets", [])
    replaced = {target["requirement"] for target in own}
    return [target for target in given if target.get("requirement") not in replaced] + own


def ask(container: str, **asked: Any) -> Any:
    """Let a container do as a module does."""
    return json.loads(podman("exec", "--interactive", container, "python3", "/lab/agent.py", text=json.dumps(asked)).stdout)


def look(name: str, fault: Fault, given: list[dict[str, Any]]) -> dict[str, Any]:
    """What the client sees of the network, what the gateway says of itself, and what that means."""
    sys.path.insert(0, os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(CACHE / "collections")))
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._assess import assess
    from ansible_collections.webrtc.firewall.plugins.plugin_utils._checks import plan

    wanted = targets(given, fault)
    since = time.time()
    results = ask(f"{name}-client", do="probe", probes=list(plan(SERVICES, wanted, {}).probes), **LIMITS)
    gateway = ask(f"{name}-gateway", do="look", since=since, endpoints=sorted({result["endpoint"] for result in results}))
    evidence = {"vantage_points": {"client": {"results": results}}, "gateways": {"gateway": {"after": {"gateway": gateway}}}}
    assessment = assess(SERVICES, {}, evidence, wanted, "", "", fault.get("inspection_issuers", []))
    return {"results": results, "assessment": assessment}


def prepare(name: str) -> None:
    """Prove the isolation, copy the collection's code to where agent.py looks for it, and let the gateway speak freely.

    A gateway of Linux sends a client six ICMP errors, and then one a second (icmp_ratelimit): probes that are sent at once to closed
    ports would differ from run to run.
    """
    lab.check(name)
    lab.within(f"{name}-gateway", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted((REPO / "plugins" / "module_utils").rglob("*.py")):
            tar.add(path, f"ansible_collections/webrtc/firewall/{path.relative_to(REPO)}")
    for part in ("client", "gateway"):
        copied = CACHE / f"{name}.{os.getpid()}.tar"
        try:
            copied.write_bytes(packed.getvalue())
            podman("cp", str(copied), f"{name}-{part}:/run/code.tar")
        finally:
            copied.unlink(missing_ok=True)
        shell(f"{name}-{part}", f"mkdir -p {CODE}; tar -C {CODE} -xf /run/code.tar; rm /run/code.tar")


def each(name: str, folder: Path, chosen: list[str]) -> bool:
    """Look at each fault and say what is not as expected; whether all is."""
    paths = sorted((folder / "faults").glob("*.yml"))
    paths = [path for path in paths if not chosen or path.stem in chosen]
    unknown = set(chosen) - {path.stem for path in paths}
    if unknown or not paths:
        raise SystemExit(f"no fault {', '.join(sorted(unknown)) or 'at all'} in {folder}/faults")
    given, wrong = read(folder / "files" / "targets.yml"), False
    lab.check(name)
    for path in paths:
        fault, start = read(path), time.monotonic()
        try:
            begin(name, fault)
            seen = look(name, fault, given)
        finally:
            end(name, fault)
        found = differences(fault["expected"], seen)
        wrong = wrong or bool(found)
        print(
            f"{path.stem}: {fault['what']}: {'NOT AS EXPECTED' if found else 'as expected'} ({time.monotonic() - start:.1f} s)", flush=True
        )
        print("".join(f"    {line}\n" for line in found), end="", flush=True)
    return not wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("action", choices=["prepare", "all", "begin", "end", "compare"])
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--id")
    options = parser.parse_intermixed_args()
    if options.action == "all":
        sys.exit(not each(options.id, options.path, options.names))
    elif options.action == "compare":
        found = differences(read(options.path)["expected"], json.load(sys.stdin))
        print("\n".join(found))
        sys.exit(bool(found))
    elif options.action == "prepare":
        prepare(options.id)
    elif options.action == "begin":
        begin(options.id, read(options.path))
    else:
        end(options.id, read(options.path))


if __name__ == "__main__":
    main()
