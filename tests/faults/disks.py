"""Runs that cannot write: folders that are read-only, disks and files that are full."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults import copies
from tests.faults.copies import FIRST, SECOND
from tests.faults.outcome import Outcome

NAME = "disks"
TRIES = 20

_SMOKE, _EVIDENCE = ".cache/smoke", ".cache/smoke/evidence"


def run(tries: int, seed: int) -> Outcome:
    """Take away the room for what a small run writes, in each of so many tries, and give it back."""
    draw = random.Random(seed)
    failures, ways = [], _ways()
    with copies.copy() as root:
        for attempt in range(tries):
            way = list(ways)[attempt % len(ways)]
            shutil.rmtree(root / ".cache", ignore_errors=True)
            if draw.random() < 0.5:  # something is there already, which must stay as it is
                copies.verify(root, SECOND, "--smoke")
            problem = ways[way](root, draw) or _afterwards(root)
            if problem:
                failures.append(f"try {attempt}, {way}: {problem}")
    return Outcome(tries, tuple(failures), ", ".join(ways))


def _ways() -> dict[str, Callable[[Path, random.Random], str]]:
    ways = {"a limit on the size of files": _small_files, "output to /dev/full": _full_output}
    if os.geteuid() != 0:
        return ways | {"folders without permission to write": _forbidden}
    if _can_mount():
        return ways | {"a small tmpfs": _full_disk, "a tmpfs that is read-only": _read_only_disk}
    return ways


def _small_files(root: Path, draw: random.Random) -> str:
    """Larger files than so many bytes fail to grow, with "File too large" in place of a full disk's words."""
    size = draw.randrange(100, 4000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return _ends_well(root, "File too large", before=limit)


def _full_output(root: Path, draw: random.Random) -> str:
    """What is shown finds no room, so that there is a line on the error output alone."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            copies.command(FIRST, "--smoke"), cwd=root, env=os.environ | {"PYTHONPATH": str(root)},
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    one = done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "No space left" in done.stderr
    return "" if one else f"exit code {done.returncode}: {done.stderr}"


def _forbidden(root: Path, draw: random.Random) -> str:
    place = root / draw.choice((".cache", _SMOKE, _EVIDENCE, ".cache/verify/smoke"))
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o555)
    try:
        return _ends_well(root, "Permission denied")
    finally:
        place.chmod(0o755)


def _full_disk(root: Path, draw: random.Random) -> str:
    with _mounted(root / draw.choice((".cache", _SMOKE)), f"size={draw.choice((8, 16, 32, 48))}k"):
        return _ends_well(root, "No space left on device")


def _read_only_disk(root: Path, draw: random.Random) -> str:
    with _mounted(root / draw.choice((".cache", _SMOKE, _EVIDENCE, ".cache/verify/smoke")), "size=1m,ro"):
        return _ends_well(root, "Read-only file system")


def _ends_well(root: Path, why: str, before: Callable[[], None] | None = None) -> str:
    """What is wrong with a run that cannot write; it needs the table, and one line that names a file."""
    code, shown = copies.verify(root, FIRST, "--smoke", before=before)
    problem = copies.wrong(code, shown, (FIRST,), codes=(1,))
    lines = [line for line in shown.splitlines() if line.startswith("Could not be written: .cache/")]
    if not problem and (len(lines) != 1 or FIRST not in lines[0] or why not in lines[0]):
        problem = f"not one line that names the file and says {why!r}: {shown}"
    if not problem and f"{FIRST}: HOLDS" not in shown:
        problem = "the verdict is lost"
    return problem or ("something is left" if list(root.rglob(".*.tmp")) else "")


def _afterwards(root: Path) -> str:
    """What is wrong with the next run, which has room again."""
    code, shown = copies.verify(root, FIRST, "--smoke")
    problem = copies.wrong(code, shown, (FIRST,), codes=(0,))
    return f"afterwards, {problem}" if problem else ""


def _can_mount() -> bool:
    with copies.folder() as place, contextlib.suppress(OSError, subprocess.CalledProcessError):
        with _mounted(place, "size=16k"):
            return True
    return False


@contextlib.contextmanager
def _mounted(place: Path, options: str) -> Iterator[None]:
    """A file system in memory at the place, with nothing in it, which hides what was there."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
