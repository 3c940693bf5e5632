"""Problems of every kind and points of their domain, for the certificate and the gap."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, designs
from tests.cases import VALLEY_AT_A_QUARTER, W
from tests.kkt import Raw

WITH_GAP = {
    "even": designs.lasso(0.5, 4),
    "ridge": designs.ridge(0.5, 4),
    "asymmetric": VALLEY_AT_A_QUARTER,
    "box": designs.box(-1.0, 0.5),
    "box off 0": designs.box(0.5, 2.0),
    "bounded ridge": designs.ridge(0.5, 3, bounded=True),
    "half a box": PAR([0.0, 1.0], [-np.inf, 0.5, 2.0]),
    "one point": PAR([0.75], [-np.inf, np.inf]),
}
NONCONVEX_WITH_GAP = {"W": W, "sawtooth": designs.sawtooth(0.5, 3), "rippled": designs.rippled_mcp(0.5, 3)}
WITHOUT_GAP = {
    "no slope": PAR([], [0.0]),
    "flat left": PAR([0.0, 1.0], [0.0, 1.0, 2.0]),
    "flat right": PAR([-1.0, 0.0], [-2.0, -1.0, 0.0]),
    "flat both": PAR([-1.0, 0.0, 1.0], [0.0, -1.0, 1.0, 0.0]),
    "falling": PAR([0.0], [-3.0, -1.0]),
    "rising": PAR([0.0], [1.0, 3.0]),
    "box falling": PAR([0.0, 1.0], [-np.inf, -2.0, -1.0]),
}
DATA = ("dense", "intercept", "weights", "penalty weights", "sparse with all", "wide")


def raw_problem(kind: str, penalty: PAR, seed: int = 0) -> Raw:
    """Random data of the kind; tall unless it says wide, so that any penalty is allowed."""
    rng = np.random.default_rng((seed, DATA.index(kind)))
    n, d = (5, 9) if kind == "wide" else (13, 5)
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-1, 1, d)
    y = rng.standard_normal(n) + 1.0
    everything = kind == "sparse with all"
    if everything:
        X *= rng.random((n, d)) < 0.6
    omega = rng.uniform(0.5, 2.0, d)
    omega[[1, 3]] *= 0.0 if everything else 1.0
    return Raw(
        X,
        y,
        penalty.levels,
        penalty.slopes,
        intercept=everything or kind == "intercept",
        sample_weight=rng.uniform(0.2, 3.0, n) if everything or kind == "weights" else None,
        penalty_weights=omega if everything or kind == "penalty weights" else None,
    )


def build(raw: Raw) -> Problem:
    """The raw problem given to the library; sparse when half of X is zero."""
    X = sparse.csr_array(raw.X) if np.mean(raw.X == 0) > 0.2 else raw.X
    loss = LeastSquares(X, raw.y, raw.sample_weight, raw.intercept)
    return Problem(loss, PAR(raw.levels, raw.slopes), raw.penalty_weights)


def points(raw: Raw, seed: int = 0, count: int = 4) -> list[np.ndarray]:
    """Points of the domain: some coordinates on levels, some far off."""
    rng = np.random.default_rng((seed, 7))
    found = []
    for _ in range(count):
        w = 1.5 * rng.standard_normal(raw.X.shape[1])
        if raw.levels.size:
            on = rng.random(w.size) < 0.5
            w[on] = rng.choice(raw.levels, on.sum())
        low = raw.levels[0] if raw.slopes[0] == -np.inf else -np.inf
        high = raw.levels[-1] if raw.slopes[-1] == np.inf else np.inf
        found.append(np.clip(w, low, high))
    return found
