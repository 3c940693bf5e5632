r"""The speed of this checkout compared with another one, cell by cell: ``python -m benchmarks.paired OTHER``.

Two versions of one package do not go well into one process: compiled modules are registered under their full
names, and the libraries below would share one state.  So each version has a process of its own, which lives
long and has every instance of a cell in memory; the two take turns on request, one works while the other
waits for its input.  Turns are short and come in fours, here-there-there-here, so that whatever slows the
machine down slows both.  Time is that of the processor.

Where the memory of a process happens to lie makes its loops faster or slower by some per cent as long as it
lives; so both processes are replaced several times.

The ratio of a cell is the median over its pairs; the interval around it, by order statistics, covers the
true median with 99 % if pairs are independent.  A cell is slower when its interval lies above 1.03.  What the
machine itself makes of two equal versions is seen with ``OTHER`` a copy of this checkout.
"""

from __future__ import annotations

import argparse
import math
import os
import pickle
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.instances import FULL, QUICK, Instance, Size, instances

ROOT = Path(__file__).parent.parent
SERVER = Path(__file__).with_name("timed_solves.py").resolve()
SLOWER = 1.03
COVERAGE = 0.99
# A turn repeats its calls until they take about so long.
TURN_SECONDS = 0.004
# Pairs of double turns in one life of the processes, and lives.
PAIRS, LIVES = 8, 5
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Comparison:
    """The times of this checkout over those of the other one in one cell."""

    cell: str
    ratio: float
    low: float
    high: float
    seconds: float  # of one call, here

    @property
    def is_slower(self) -> bool:
        """Whether the whole interval lies above `SLOWER`."""
        return self.low > SLOWER


class Version:
    """A process with the library of a checkout, which solves what it is told and says how long it took."""

    def __init__(self, checkout: Path, python: str | None = None) -> None:
        own = checkout.resolve() / ".venv" / "bin" / "python"
        python = python or (str(own) if own.exists() else sys.executable)
        self._process = subprocess.Popen(
            [python, str(SERVER)],
            cwd=checkout, env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(checkout.resolve())},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def load(self, problems: Sequence[tuple]) -> None:
        """The draws of a cell: designs, targets, levels and slopes."""
        self._ask(problems)

    def seconds(self, repeats: int) -> float:
        """The time of the processor for one call on every draw, so often repeated."""
        return self._ask(repeats)

    def _ask(self, question: object) -> float:
        pickle.dump(question, self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Version:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def compare(
    here: Callable[[], Version], there: Callable[[], Version], sizes: Sequence[Size], pairs: int, lives: int
) -> list[Comparison]:
    """All cells of the sizes; `here` and `there` start the processes."""
    ratios: dict[tuple, list[float]] = defaultdict(list)
    seconds: dict[tuple, list[float]] = defaultdict(list)
    for _ in range(lives):
        with here() as one, there() as other:
            for size in sizes:
                for cell, draws in groupby(sorted(instances(size), key=_cell), _cell):
                    problems = [(i.X, i.y, i.penalty.levels, i.penalty.slopes) for i in draws]
                    for ratio, time_here in _pairs(one, other, problems, pairs):
                        ratios[cell].append(ratio)
                        seconds[cell].append(time_here / len(problems))
    return [
        Comparison(", ".join(map(str, cell)), *median_interval(values), min(seconds[cell]))
        for cell, values in ratios.items()
    ]


def _cell(instance: Instance) -> tuple:
    return instance.cell


def _pairs(
    here: Version, there: Version, problems: Sequence[tuple], pairs: int
) -> Iterator[tuple[float, float]]:
    """Ratios of the times of pairs of turns, and the time of one repetition here."""
    for version in (here, there):
        version.load(problems)
        version.seconds(1)
    repeats = max(1, round(TURN_SECONDS / max(here.seconds(1), 1e-6)))
    for _ in range(pairs):
        first, before = here.seconds(repeats), there.seconds(repeats)
        after, last = there.seconds(repeats), here.seconds(repeats)
        yield (first + last) / (before + after), min(first, last) / repeats


def median_interval(values: Sequence[float], coverage: float = COVERAGE) -> tuple[float, float, float]:
    """The median, and the narrowest symmetric pair of order statistics that covers the true one.

    Raises
    ------
    ValueError
        If the values are too few for the coverage.
    """
    ordered, n = sorted(values), len(values)
    k, outside = -1, 0.0  # the chance that at most k values lie below the median, doubled
    while outside + 2 * math.comb(n, k + 1) / 2**n <= 1 - coverage:
        k += 1
        outside += 2 * math.comb(n, k) / 2**n
    if k < 0:
        raise ValueError(f"{n} values do not give an interval of {coverage:.0%}")
    middle = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
    return middle, ordered[k], ordered[n - 1 - k]


def report(found: Sequence[Comparison]) -> str:
    """A line a cell, the slowest first, and the geometric mean."""
    lines = [f"{'ratio':>6} {'99 % interval':>16} {'here, ms':>9}  cell"]
    for one in sorted(found, key=lambda c: -c.ratio):
        lines.append(
            f"{one.ratio:6.3f}   [{one.low:.3f}, {one.high:.3f}] {1e3 * one.seconds:9.3f}  {one.cell}"
            + ("  SLOWER" if one.is_slower else "")
        )
    mean = math.exp(sum(math.log(one.ratio) for one in found) / len(found))
    slower = sum(one.is_slower for one in found)
    return "\n".join([*lines, f"geometric mean {mean:.4f} over {len(found)} cells, {slower} slower"])


def main() -> int:
    """0 if no cell is slower."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired", description=__doc__)
    parser.add_argument("other", type=Path, help="the root of the other checkout, built in place")
    parser.add_argument("--python", help="its interpreter (default: its .venv, otherwise this one)")
    parser.add_argument("--full", action="store_true", help="all sizes of the benchmark, not the quick ones")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="in one life of the processes")
    parser.add_argument("--lives", type=int, default=LIVES, help="of the processes")
    options = parser.parse_args()
    found = compare(
        lambda: Version(ROOT, sys.executable),
        lambda: Version(options.other, options.python),
        FULL if options.full else QUICK,
        options.pairs,
        options.lives,
    )
    print(report(found))
    return int(any(one.is_slower for one in found))


if __name__ == "__main__":
    sys.exit(main())
