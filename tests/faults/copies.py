"""A copy of the project in a folder of its own, and runs of experiments in it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Both are quick and have several claims.
FIRST, SECOND = "parq_quantizers", "parq_schedule_shapes"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="parlin-faults-") as name:
        yield Path(name)


@contextlib.contextmanager
def copy() -> Iterator[Path]:
    """A copy of library, experiments and figures, outside version control, that is gone afterwards."""
    with folder() as root:
        for name in ("parlin", "experiments", "figures"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        yield root


def command(*arguments: str) -> list[str]:
    """The command line of the experiments, one process at a time."""
    return [sys.executable, "-m", "experiments", *arguments, "--jobs", "1"]


def start(root: Path, *arguments: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """A run in the copy, in a session of its own; `before` happens in its process first."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP")}
    return subprocess.Popen(
        command(*arguments), cwd=root, env=os.environ | threads | {"PYTHONPATH": str(root)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=before,
    )  # fmt: skip


def finish(run: subprocess.Popen[str], seconds: float = 300.0) -> tuple[int | None, str]:
    """The exit code and what was shown; None for a run that hangs, which is then ended."""
    try:
        shown, _ = run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        run.kill()
        shown, _ = run.communicate()
        return None, shown
    return run.returncode, shown


def verify(root: Path, *arguments: str, before: Callable[[], None] | None = None) -> tuple[int | None, str]:
    """The exit code of a run in the copy, and what it showed."""
    return finish(start(root, *arguments, before=before))


def wrong(code: int | None, shown: str, names: tuple[str, ...], codes: tuple[int, ...]) -> str:
    """What is wrong with the end of any run, whatever happened to it; empty if all is well."""
    if code is None:
        return "it hangs"
    if "Traceback" in shown:
        return f"a traceback: {shown.rstrip().splitlines()[-1]}"
    if code not in codes:
        return f"exit code {code}: {shown.rstrip().splitlines()[-2:]}"
    rows = [name for name in names if re.search(rf"^ {name} +(ERROR)?\s*$", shown, flags=re.MULTILINE)]
    if rows != list(names) or "not verifiable here" not in shown:
        return f"no table of {names}"
    return ""
