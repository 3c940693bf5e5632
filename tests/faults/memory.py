"""Fitted models hold no data, and packing takes little more memory than what is packed."""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
from scipy import sparse

from parlin import (
    PAR,
    LeastSquares,
    PARLasso,
    PARNonconvex,
    PARRegressor,
    PARRidge,
    PARSGDRegressor,
    Problem,
    designs,
    grid_path,
    solve,
)
from parlin.packed import Packed, pack, unpack
from tests.faults.outcome import Outcome

NAME = "memory"
TRIES = 1
BINARY = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
# Bytes that twenty models may keep together, whatever the data.
ALLOWED = 5_000_000
MODELS = 20
# Of the larger of file and coefficients.
PEAK = 3.0


def run(tries: int, seed: int) -> Outcome:
    """Weigh what models keep and what packing takes, of so many random data."""
    failures = []
    for attempt in range(tries):
        found = kept_by_models(seed + attempt) + peaks_of_packing(seed + attempt)
        failures += [f"try {attempt}: {sentence}" for sentence in found]
    return Outcome(tries, tuple(failures))


def kept_by_models(seed: int, n: int = 6000, d: int = 2000) -> list[str]:
    """The models and results that keep too much of 96 MB."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = X[:, :10].sum(axis=1) + rng.standard_normal(n)
    X32, S = X.astype(np.float32), sparse.csc_array(np.where(abs(X) > 1.5, X, 0.0))
    makers: dict[str, Callable[[object], object]] = {
        "PARRegressor, nonconvex": lambda X: PARRegressor(alpha=0.3, penalty=BINARY).fit(X, y),
        "PARRegressor, convex": lambda X: PARRegressor(alpha=0.3).fit(X, y),
        "PARNonconvex": lambda X: PARNonconvex(alpha=0.3, spacing=0.3, random_state=0).fit(X, y),
        "PARRidge": lambda X: PARRidge(alpha=0.3, spacing=0.1).fit(X, y),
        "PARLasso": lambda X: PARLasso(alpha=0.3, spacing=0.1).fit(X, y),
        "PARSGDRegressor": lambda X: PARSGDRegressor(max_iter=1, tol=None).fit(X, y),
        "solve": lambda X: solve(Problem(LeastSquares(X, y), BINARY.scaled(0.3))),
        "grid_path": lambda X: grid_path(LeastSquares(X, y), BINARY, [0.3])[0],
    }
    found = []
    for storage, data in {
        "float32": X32,
        "C order": X,
        "Fortran order": np.asfortranarray(X),
        "sparse": S,
    }.items():
        for name, make in makers.items():
            # One model tells for the others, which are made alike.
            size = MODELS * _kept(lambda make=make, data=data: make(data))
            if size > ALLOWED:
                found.append(f"{MODELS} times {name} of {storage} data keep {size / 1e6:.1f} MB")
    return found


def _kept(make: Callable[[], object]) -> int:
    """The bytes that one more of what is made keeps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make()
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            kept = make()
            gc.collect()
            after = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    del kept
    return after - before


def peaks_of_packing(seed: int, d: int = 1_000_000) -> list[str]:
    """The vectors whose packing or unpacking takes too much."""
    rng = np.random.default_rng(seed)
    levels = np.unique(rng.standard_normal(d))
    vectors = {
        "three levels": (rng.choice([-1.0, 0.0, 1.0], d), designs.integers(-1, 1)),
        "255 levels": (rng.integers(-127, 128, d).astype(float), designs.integers(-127, 127)),
        "all distinct": (rng.standard_normal(d), designs.ridge(0.25, 3)),
        "all zero": (np.zeros(d), designs.ridge(0.25, 3)),
        "half free": (np.where(rng.random(d) < 0.5, 0.25, rng.standard_normal(d)), designs.ridge(0.25, 3)),
        "as many levels": (
            rng.choice(levels, d),
            PAR(levels, np.arange(levels.size + 1.0) - levels.size // 2),
        ),
    }
    found = []
    for name, (coef, penalty) in vectors.items():
        for dtype in (np.float64, np.float32):
            for layout in ("escape", "bitmap"):
                peak = _packing_peak(coef.astype(dtype), penalty, layout)
                if peak > PEAK:
                    found.append(
                        f"{name} in {np.dtype(dtype)}, layout {layout}: the peak is {peak:.1f} times the "
                        "larger of file and coefficients"
                    )
    return found


def _packing_peak(coef: np.ndarray, penalty: PAR, layout: str) -> float:
    data = pack(coef, penalty, layout).to_bytes()
    actions: list[Callable[[], object]] = [
        lambda: pack(coef, penalty, layout),
        lambda: unpack(Packed.from_bytes(data)),
    ]
    peaks = []
    for action in actions:
        tracemalloc.start()
        action()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return max(peaks) / max(coef.nbytes, len(data))
