# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send each requirement's traffic through a lab and compare what passed with what should. Exit status 0 if all is as expected.

prove.py --id ID [--from client|gateway] [--services vonage,liveavatar] [--tier recommended|minimum] [--without ID,ID]
         [--wildcards hostnames|any] [--baseline deny|open] [--refuse-other-resolvers] [--json]

With `--baseline open` everything must pass: before any rule is there, so that what is blocked later is the rules' doing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterable

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import lab  # noqa: E402
from expectations import MINIMUM, Row, inbound, other_resolvers, outbound, refusal, requirements  # noqa: E402
from podman import podman  # noqa: E402

INSIDE = {"client": ("10.99.0.2", "fd00:99::2"), "gateway": ("198.51.100.1", "2001:db8:51::1")}
# Unsolicited packets come from where the vendor's media would come from, never twice from the same port: conntrack
# remembers for a while what passed before there were rules.
SOURCES = {False: "216.147.0.1", True: "2001:db8:77::7"}
SOURCE_PORTS = range(10000, 50001)


def send(container: str, rows: list[Row]) -> list[dict[str, Any]]:
    """Run the probes of some rows in a container; verdicts in the rows' order."""
    ports = random.sample(SOURCE_PORTS, len(rows))
    sources = [{"source": [SOURCES[":" in row.address], port]} if row.inbound else {} for row, port in zip(rows, ports)]
    probes = [{**asdict(row), **source} for row, source in zip(rows, sources)]
    done = podman("exec", "--interactive", container, "python3", "/lab/probe.py", text=json.dumps(probes))
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)
    return verdicts


def prove(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows with what was expected and what was seen."""
    lab.check(options.id)
    parts = lab.containers(options.id)
    active = requirements(options.services, options.tier) - set(options.without)
    others = other_resolvers() if options.refuse_other_resolvers else []
    results = []
    for container, rows in ((parts[options.source], [*outbound(), *others]), (parts["far"], inbound(*INSIDE[options.source]))):
        expected = [row.expected(active, options.wildcards, options.baseline) for row in rows]
        expected = [refusal(row, options.source == "gateway") if row in others else want for row, want in zip(rows, expected)]
        seen = send(container, rows)
        # A busy machine may be late: what should have passed gets a second try, what should not have never does.
        late = [index for index, verdict in enumerate(seen) if expected[index] == "open" and verdict["seen"] != "open"]
        for index, verdict in zip(late, send(container, [rows[index] for index in late]) if late else []):
            seen[index] = verdict
        results += [{**verdict, "expected": want} for want, verdict in zip(expected, seen)]
    return results


def table(results: list[dict[str, Any]]) -> str:
    """The results as aligned columns."""
    lines = [("requirement", "sent", "expected", "seen", "verdict")]
    for result in results:
        over = result["transport"]
        kind = result["kind"] if result["kind"] == over else f"{result['kind']} over {over}"
        sent = f"{kind} to {result['address']}" + (f" port {result['port']}" if result["port"] else "")
        seen = f"{result['seen']}: {result['detail']}"
        lines.append((result["id"], sent, result["expected"], seen, "ok" if good(result) else "WRONG"))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    text = "\n".join("  ".join([cell.ljust(width) for cell, width in zip(line, widths)] + [line[4]]) for line in lines)
    wrong = sum(not good(result) for result in results)
    return f"{text}\n{len(results) - wrong} as expected, {wrong} wrong"


def good(result: dict[str, Any]) -> bool:
    """Whether what was seen is what was expected; a refusal is neither open nor blocked, and an error is never expected."""
    return bool(result["expected"] == result["seen"])


def names(text: str, known: Iterable[str], what: str) -> list[str]:
    """A list with commas; a name that is not known would make a proof of nothing."""
    given = [name for name in text.split(",") if name]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no {what}; known are {', '.join(sorted(known))}")
    return given


def services(text: str) -> list[str]:
    """Names of services."""
    return names(text, MINIMUM, "service")


def ids(text: str) -> list[str]:
    """Ids of requirements."""
    return names(text, requirements(MINIMUM, "recommended"), "requirement")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--id", required=True)
    parser.add_argument("--from", dest="source", choices=list(INSIDE), default="client")
    parser.add_argument("--services", type=services, default="vonage,liveavatar")
    parser.add_argument("--tier", choices=["recommended", "minimum"], default="recommended")
    parser.add_argument("--without", type=ids, default="", metavar="IDS", help="requirements that the site leaves out")
    parser.add_argument("--wildcards", choices=["hostnames", "any"], default="hostnames")
    parser.add_argument("--baseline", choices=["deny", "open"], default="deny")
    parser.add_argument("--refuse-other-resolvers", action="store_true", help="the site allows DNS to its resolvers alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        results = prove(options)
    except (lab.LabError, RuntimeError) as error:
        raise SystemExit(f"lab {options.id}: {error}") from None
    print(json.dumps(results, indent=1) if options.json else table(results))
    raise SystemExit(0 if results and all(map(good, results)) else 1)


if __name__ == "__main__":
    main()
