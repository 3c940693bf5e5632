"""Processes that work are killed at random moments of a run; it loses what they were at, and nothing else."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.faults import copies
from tests.faults.copies import FIRST, SECOND
from tests.faults.outcome import Outcome

NAME = "kills"
TRIES = 200


def run(tries: int, seed: int) -> Outcome:
    """Kill a process that works in each of so many runs of two experiments."""
    draw = random.Random(seed)
    failures, lost, killed = [], 0, 0
    with copies.copy() as root:
        started = time.monotonic()
        copies.verify(root, FIRST, SECOND, "--smoke")
        usual = time.monotonic() - started
        for attempt in range(tries):
            shutil.rmtree(root / ".cache")
            # Half of the kills come soon after a process has appeared: to start takes most of a run's time.
            early = draw.random() < 0.5
            wait, times = draw.uniform(0, 1.0 if early else usual), draw.choice((1, 2)) if early else 1
            this = copies.start(root, FIRST, SECOND, "--smoke")
            hit = _kill_a_worker(this, wait, times)
            code, shown = copies.finish(this)
            died = shown.count("killed by SIGKILL")
            killed, lost = killed + hit, lost + died
            problem = copies.wrong(code, shown, (FIRST, SECOND), codes=(1,) if died else (0,))
            problem = problem or _losses(shown, died, hit)
            if problem:
                failures.append(f"try {attempt}, killed after {wait:.2f} s: {problem}")
    return Outcome(tries, tuple(failures), f"{killed} processes killed, {lost} experiments lost")


def _losses(shown: str, died: int, hit: int) -> str:
    holding = [name for name in (FIRST, SECOND) if f"{name}: HOLDS" in shown]
    if died > hit or len(holding) != 2 - died:
        return f"{hit} killed, {died} died in the table, {holding} hold"
    return ""


def _kill_a_worker(this: subprocess.Popen[str], wait: float, times: int) -> int:
    """Some time after a process has appeared, kill it, and so again; how many were killed before the end."""
    hit = 0
    for _ in range(times):
        worker = None
        while this.poll() is None and worker is None:
            time.sleep(0.005)
            worker = _worker(this.pid)
        if worker is None:
            return hit
        time.sleep(wait)
        try:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
            hit += 1
        except ProcessLookupError:
            pass
        finally:
            os.close(worker)
    return hit


def _worker(parent: int) -> int | None:
    """A descriptor of a process that works for the parent, if there is one; what tracks resources is none."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not _works_for(parent, entry):
            continue
        try:
            opened = os.pidfd_open(int(entry.name))
        except OSError:
            continue
        if _works_for(parent, entry):  # a number may be another process's by now, a descriptor may not
            return opened
        os.close(opened)
    return None


def _works_for(parent: int, entry: Path) -> bool:
    try:
        state, its_parent = (entry / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[:2]
        return (
            int(its_parent) == parent and state != "Z" and b"spawn_main" in (entry / "cmdline").read_bytes()
        )
    except OSError:
        return False
