"""What only a fresh process can tell: peak memory, and the first fit after import.

``python -m benchmarks.fresh_process <what> <arguments>`` prints one JSON number or object.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.instances import WARM_UP, Instance, Size, instances
from benchmarks.methods import METHODS
from parlin import LeastSquares, PARLasso, Problem, certify, designs

ROOT = Path(__file__).parent.parent
LAYOUTS = ("columns", "rows", "sparse")


def ask(*arguments: object) -> dict:
    """The answer of a fresh process with one thread."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.fresh_process", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def first_fit() -> dict:
    """Milliseconds of the first fit and of the second, 20 × 200; importing is done already."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 200))
    y = X[:, :5].sum(axis=1)
    model = PARLasso(alpha=0.01, spacing=0.1, n_levels=15)
    seconds = []
    for _ in range(2):
        begin = time.process_time()
        model.fit(X, y)
        seconds.append(time.process_time() - begin)
    return {"first_ms": 1000 * seconds[0], "second_ms": 1000 * seconds[1]}


def memory(name: str, layout: str, n: int, d: int, fraction: float) -> dict:
    """Peak memory of one solve beyond the data, and the size of the data, in megabytes."""
    method = next(method for method in METHODS if method.name == name)
    for size in WARM_UP:  # compilers and buffers take their memory before
        for instance in instances(size):
            if method.applies(instance):
                method.bind(instance)(1e-3)
    X, y = _data(layout, n, d)
    penalty = designs.ridge(0.1, 15)
    strength_max = float(np.abs(X.T @ y).max()) / n / float(penalty.slopes[penalty.slopes > 0][0])
    size = Size(n, d, 1, density=0.5 if layout == "sparse" else 1.0)
    instance = Instance(size, layout, "PAR-ridge", fraction, 0, X, y, strength_max)
    before = _peak()
    w = method.bind(instance)(1e-9)
    extra = _peak() - before
    stored = X.data.nbytes + X.indices.nbytes if layout == "sparse" else X.nbytes
    problem = Problem(LeastSquares(X, y), instance.penalty)
    free = problem.unquantized(w).size
    return {"data_mb": stored / 1e6, "extra_mb": extra / 1e6, "free": free, "gap": certify(problem, w).gap}


def _data(layout: str, n: int, d: int) -> tuple[np.ndarray | sparse.csc_matrix, np.ndarray]:
    """Data drawn in place: a temporary copy would hide the peak of the solve."""
    rng = np.random.default_rng(0)
    if layout == "sparse":
        per_column = max(1, n // 1000)
        indices = rng.integers(0, n, d * per_column).astype(np.int32)
        indptr = np.arange(0, d * per_column + 1, per_column, dtype=np.int32)
        X = sparse.csc_matrix((rng.standard_normal(d * per_column), indices, indptr), shape=(n, d))
        X.sum_duplicates()
    else:
        X = np.empty((n, d) if layout == "rows" else (d, n))
        rng.standard_normal(out=X)
        X = X if layout == "rows" else X.T
    return X, np.asarray(X[:, : d // 20] @ rng.standard_normal(d // 20))


def _peak() -> int:
    """The peak of this process so far, in bytes."""
    if sys.platform.startswith("linux"):  # where ru_maxrss begins with the peak of the parent
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return 1024 * int(status["VmHWM"].removesuffix("kB"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "first-fit":
        answer = first_fit()
    else:
        method_name, layout, rows, columns, strength = arguments
        answer = memory(method_name, layout, int(rows), int(columns), float(strength))
    print(json.dumps(answer))
