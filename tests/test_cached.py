"""What is computed at first need is kept without a lock: no fork inherits one that is held."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from subprocess import run

import pytest

from parlin._cached import cached_property

ROOT = Path(__file__).parent.parent


class Slow:
    """Counts how often its attribute is computed; all threads that compute meet first."""

    def __init__(self, threads: int) -> None:
        self.barrier = threading.Barrier(threads)
        self.made: list[object] = []

    @cached_property
    def value(self) -> object:
        """A new object."""
        self.barrier.wait(timeout=20)
        self.made.append(object())
        return self.made[-1]


def test_it_is_computed_once_and_kept():
    subject = Slow(1)
    assert subject.value is subject.value
    assert len(subject.made) == 1 and vars(subject)["value"] is subject.value
    del subject.value
    assert subject.value is subject.made[1]


def test_threads_that_compute_at_once_see_one_object():
    subject = Slow(2)
    seen: list[object] = []
    threads = [threading.Thread(target=lambda: seen.append(subject.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(subject.made) == 2 and len(seen) == 2
    assert seen[0] is seen[1] is subject.value


def test_the_class_has_the_descriptor_with_its_docstring():
    assert isinstance(Slow.value, cached_property) and Slow.value.__doc__ == "A new object."


def test_an_error_is_not_kept():
    class Failing:
        times = 0

        @cached_property
        def value(self) -> int:
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            return 3

    subject = Failing()
    with pytest.raises(KeyboardInterrupt):
        _ = subject.value
    assert subject.value == 3


def test_the_library_uses_no_other():
    # functools.cached_property holds a lock for all instances up to Python 3.11.
    kinds = {".py", ".pyx", ".pxd"}
    files = [file for file in (ROOT / "parlin").rglob("*") if file.suffix in kinds]
    assert len(files) > 60
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "functools.cached_property" not in text, file
        imports = [line for line in text.splitlines() if line.startswith("from functools import")]
        assert not any("cached_property" in line for line in imports), file


FORKS = """
import os, signal, sys, threading, warnings
import numpy as np
from parlin import PARRegressor

rng = np.random.default_rng(0)
X, y = rng.standard_normal((60, 300)), rng.standard_normal(60)

def fit():
    return PARRegressor(alpha=0.1).fit(X, y).coef_.tobytes()

expected, through = fit(), threading.Event()

def loop():
    while not through.is_set():
        fit()

threads = [threading.Thread(target=loop) for _ in range(2)]
for thread in threads:
    thread.start()
warnings.simplefilter("ignore", DeprecationWarning)  # that a fork beside threads is a danger
for k in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends a child that waits for ever
        os._exit(0 if fit() == expected else 3)
    print(os.waitpid(child, 0)[1], flush=True)
through.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_beside_fitting_threads_fits():
    done = run([sys.executable, "-c", FORKS, "8"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0"] * 8
