# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the stages of the tests, one job more at a time than there are cores: ``jobs.py STAGE...``.

What a job prints goes to .cache/logs/NAME.log and is shown if the job fails. The last line says how much passed and failed: the single
tests of a job that runs pytest, and one for any other job.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPO = Path(__file__).resolve().parents[2]
CACHE = REPO / ".cache"
TOOLS = REPO / "tests" / "tools"
# Two at a time left a quarter of two cores idle, as every job waits for firewalls and for time to pass now and then.
WORKERS = int(os.environ.get("JOBS", "0")) or (os.cpu_count() or 1) + 1
# Nothing here takes that long: a job that hangs ends with an error instead. More policies than usual may take more.
LIMIT = 45 * 60 * max(1.0, int(os.environ.get("POLICIES", "200")) / 200)


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: what it is called in the report and in the logs.
        command: the command and its arguments.
        venv: the environment below .cache that it runs in.
        after: the name of a job that must have passed before.
    """

    name: str
    command: tuple[str, ...]
    venv: str = "venv"
    after: str = ""


@dataclass
class Running:
    """A job that has been started."""

    job: Job
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    start: float


@dataclass(frozen=True)
class Result:
    """What became of a job: how many tests passed and failed, and what it printed."""

    passed: int
    failed: int
    text: str


def script(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of the scripts beside this file."""
    return (str(TOOLS / f"{name}.sh"), *arguments)


def pythons() -> list[tuple[str, str]]:
    """Use and version of each Python that `make setup` has looked for."""
    rows = (line.split() for line in (CACHE / "pythons").read_text().splitlines())
    return [(use, version) for use, version, _path in rows]


def sanity_jobs() -> list[Job]:
    """ansible-test with the oldest and with the newest ansible-core."""
    jobs = [Job("sanity", script("sanity"))]
    if "newest" in dict(pythons()):
        jobs.append(Job("sanity-newest-core", script("sanity"), venv="newest"))
    return jobs


def unit_jobs() -> list[Job]:
    """The unit tests on every Python found."""
    jobs = []
    for use, version in pythons():
        if use == "target":
            jobs.append(Job(f"unit-python{version}", script("unit", "target"), venv=f"python{version}"))
        elif use == "newest":
            jobs.append(Job(f"unit-python{version}-newest-core", script("unit"), venv="newest"))
        elif use == "main":
            jobs.append(Job(f"unit-python{version}", script("unit")))
    return jobs


def golden_jobs() -> list[Job]:
    """Rulesets on real kernels: a job a backend, one a file that takes long, and one for the rest."""
    files = sorted(path.name for path in REPO.glob("tests/golden/test_*.py"))
    apart = ("daemons", "iptables", "firewalld", "ufw", "live", "concurrent", "no_room", "killed", "probe", "gateway_info", "livekit")
    groups = {name: [file for file in files if file.startswith((f"test_{name}.", f"test_{name}_"))] for name in apart}
    rest = [file for file in files if not any(file in group for group in groups.values())]
    jobs = {"golden": rest, **{f"golden-{name.replace('_', '-')}": group for name, group in groups.items() if group}}
    return [Job(name, script("golden", *(f"tests/golden/{file}" for file in group)), after="images") for name, group in jobs.items()]


def differential_jobs() -> list[Job]:
    """Random policies on all backends: a job a file of tests. POLICIES in the environment says how many."""
    files = sorted(REPO.glob("tests/differential/test_*.py"))
    return [Job(f"differential-{path.stem[5:]}", script("golden", str(path)), after="images") for path in files]


def molecule_jobs() -> list[Job]:
    """One job a scenario."""
    names = sorted(path.parent.name for path in REPO.glob("extensions/molecule/*/molecule.yml"))
    if not names:
        sys.exit("There is no scenario below extensions/molecule.")
    return [Job(f"molecule-{name}", script("molecule", name), after="images") for name in names]


def demo_jobs() -> list[Job]:
    """The demo with the oldest and with the newest ansible-core."""
    command = (str(REPO / "tests" / "lab" / "demo"),)
    newest = [Job("demo-newest-core", command, venv="newest", after="images")] if "newest" in dict(pythons()) else []
    return [Job("demo", command, after="images"), *newest]


def jobs_of(stages: list[str]) -> list[Job]:
    """The jobs of some stages, in the order of the stages."""
    table = {
        "images": lambda: [Job("images", (sys.executable, str(REPO / "tests" / "lab" / "images"), "build"))],
        "demo": demo_jobs,
        "lint": lambda: [Job("lint", script("lint"))],
        "sanity": sanity_jobs,
        "unit": unit_jobs,
        "golden": golden_jobs,
        "differential": differential_jobs,
        "browser": lambda: [Job("browser", script("golden", "tests/browser"))],
        "build": lambda: [Job("build", script("build"))],
        "molecule": molecule_jobs,
    }
    return [job for stage in stages for job in table[stage]()]


def say_what_is_missing(stages: list[str]) -> None:
    """Say plainly what cannot be run on this machine."""
    found = pythons()
    if {"unit", "sanity"} & set(stages):
        for version in (version for use, version in found if use == "missing"):
            print(f"not run: Python {version} was found neither on PATH nor below ~/.pyenv/versions")
        if "newest" not in dict(found):
            print("not run: the newest ansible-core, which needs Python 3.12 or 3.13")


def start(job: Job) -> Running:
    """Start a job in a process group of its own, so that it can be ended with all its children."""
    log = (CACHE / "logs" / f"{job.name}.log").open("wb")
    environment = {**os.environ, "VENV": str(CACHE / job.venv), "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    process = subprocess.Popen(
        job.command, cwd=REPO, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    return Running(job, process, log, time.monotonic())


def finish(running: Running) -> Result:
    """Read the outcome of a job that has ended, and print its line."""
    running.log.close()
    text = Path(running.log.name).read_text(errors="replace")
    passed, failed = counts(text) or (int(running.process.returncode == 0), 0)
    if running.process.returncode != 0:
        failed = max(failed, 1)
    seconds = time.monotonic() - running.start
    print(f"{'FAILED' if failed else 'ok':<7} {running.job.name:<32} {seconds:6.1f} s  {passed} passed, {failed} failed", flush=True)
    return Result(passed, failed, text)


def counts(text: str) -> tuple[int, int] | None:
    """The figures of pytest's last line, or None where the job was not pytest."""
    lines = [line for line in text.splitlines() if re.search(r"\d+ (passed|failed|errors?)\b.* in [\d.]+s", line)]
    if not lines:
        return None
    figures = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", lines[-1])}
    return figures.get("passed", 0), figures.get("failed", 0) + figures.get("error", 0)


def causes(text: str) -> list[str]:
    """The lines of a log that say what went wrong: pytest's summary, Ansible's failed tasks with their names, and errors of linters."""
    found, task = [], ""
    for line in text.splitlines():
        if line.startswith(("TASK [", "RUNNING HANDLER [")):
            task = line.rstrip(" *")
        elif re.match(r"fatal: |failed: |\[ERROR\]: Task failed", line):
            found += [f"{task} {line}"[:500]]
        elif re.match(r"FAILED |ERROR:? \S|E  ", line):
            found += [line[:300]]
    # What came first is the cause of what came later; the last lines of a summary name the tests.
    return found if len(found) <= 12 else [*found[:6], "...", *found[-6:]]


def run(jobs: list[Job]) -> dict[str, Result]:
    """Run all jobs, as many at a time as there are workers, in their order."""
    waiting = list(jobs)
    running: list[Running] = []
    results: dict[str, Result] = {}
    try:
        while waiting or running:
            for job in [job for job in waiting if job.after in results and results[job.after].failed]:
                waiting.remove(job)
                print(f"FAILED  {job.name}: not run, since {job.after} failed")
                results[job.name] = Result(0, 1, "")
            # A job whose predecessor is not part of this run does not wait for it.
            ready = [job for job in waiting if job.after in results or job.after not in {other.name for other in jobs}]
            for job in ready[: WORKERS - len(running)]:
                waiting.remove(job)
                running.append(start(job))
            time.sleep(0.1)
            for entry in [entry for entry in running if time.monotonic() - entry.start > LIMIT]:
                os.killpg(entry.process.pid, signal.SIGTERM)
            for entry in [entry for entry in running if entry.process.poll() is not None]:
                running.remove(entry)
                results[entry.job.name] = finish(entry)
    finally:
        for entry in running:
            os.killpg(entry.process.pid, signal.SIGTERM)
            entry.process.wait(timeout=60)
    return results


def main(stages: list[str]) -> int:
    """Run the stages and report.

    Args:
        stages: names of stages.

    Returns:
        The exit status.
    """
    began = time.monotonic()
    say_what_is_missing(stages)
    results = run(jobs_of(stages))
    for name, result in results.items():
        if result.failed:
            print(f"\n=== {name} failed; the end of .cache/logs/{name}.log:")
            print("\n".join(result.text.splitlines()[-100:]))
    for name, result in results.items():
        if result.failed:
            print(f"\n=== {name}, in short:", *causes(result.text), sep="\n")
    passed, failed = sum(one.passed for one in results.values()), sum(one.failed for one in results.values())
    print(f"\n{len(results)} jobs in {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
