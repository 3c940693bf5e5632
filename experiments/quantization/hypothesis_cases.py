r"""Critical points of problems that keep or drop a hypothesis of the quantization theorem.

Every function returns the points together with the count that each of them is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from experiments.quantization.critical_points import CriticalPoint, FloatArray, find
from parlin import PAR, LeastSquares, Problem, designs
from parlin.datasets import synthetic

Seeds = Sequence[int]

ABSOLUTE = PAR([0.0], [-1.0, 1.0])
NONZERO_SLOPES = {
    "ridge chords": designs.ridge(0.5, 6),
    "lasso chords": designs.lasso(0.5, 6),
    "sawtooth": designs.sawtooth(0.5, 6),
    "rippled MCP": designs.rippled_mcp(0.5, 6),
}
# Each with its tilted version: no level moves, but a flat middle needs a kink at 0 to be tilted.
ZERO_SLOPES = {
    "staircase": (designs.staircase(0.5, 20), designs.staircase(0.5, 20, flat=0.1)),
    "max(|x| − 1, 0)": (PAR([-1.0, 1.0], [-1.0, 0.0, 1.0]), PAR.even([0.0, 1.0], [0.1, 1.0])),
    "grid ±½, ±3/2": (
        designs.from_function(lambda x: 0.5 * x * x, [-1.5, -0.5, 0.5, 1.5]),
        PAR.even([0.0, 0.5, 1.5], [0.1, 1.0, 2.0]),
    ),
}
FLAT_GRID, FLAT_HALF_WIDTH = "grid ±½, ±3/2", 0.5
RANK = 4


def regression(n: int, d: int, seed: int, entries: str = "normal") -> tuple[FloatArray, FloatArray]:
    """A design and targets of mean square 1."""
    data = synthetic(n, d, seed=seed, entries=entries, rank=RANK)
    return data.X, data.y / np.sqrt(np.mean(data.y**2))


def start(d: int, seed: int) -> FloatArray:
    """A normal start, independent of `regression` with the same seed."""
    return np.random.default_rng([seed, d, 1]).standard_normal(d)


def zero_slopes(n: int, d: int, seeds: Seeds, strength: float, tilted: bool) -> list[CriticalPoint]:
    """Penalties with a slope 0, compared with n + 1, or tilted ones."""
    points = []
    for name, versions in ZERO_SLOPES.items():
        penalty = versions[tilted].scaled(strength)
        for seed in seeds:
            problem = Problem(LeastSquares(*regression(n, d, seed)), penalty)
            # Far from 0, so that many coordinates begin on the flat parts of the staircase.
            begin = None if penalty.shape == "convex" else 3 * start(d, seed)
            points.append(find(name, seed, n + 1, problem, begin, compare=True))
    return points


def scale_sweep(
    n: int, d: int, seed: int, strength: float, scales: Sequence[float], tilted: bool
) -> list[CriticalPoint]:
    """The grid without 0, on targets of growing size."""
    X, y = regression(n, d, seed)
    penalty = ZERO_SLOPES[FLAT_GRID][tilted].scaled(strength)
    return [find(FLAT_GRID, seed, n, Problem(LeastSquares(X, scale * y), penalty)) for scale in scales]


def largest_interpolated_scale(n: int, d: int, seed: int) -> float:
    """The largest t with ``Xw = ty`` for some w in the flat middle cell of the grid without 0."""
    X, y = regression(n, d, seed)
    bounds = [(-FLAT_HALF_WIDTH, FLAT_HALF_WIDTH)] * d + [(0.0, None)]
    equal = np.column_stack((X, -y))
    program = linprog(np.append(np.zeros(d), -1.0), A_eq=equal, b_eq=np.zeros(n), bounds=bounds)
    return float(program.x[-1])


def two_inputs(second: float, seeds: Seeds, strength: float) -> list[CriticalPoint]:
    """One sample ``(1, second)`` and the slopes 1, 2: from a critical point for the sample (1, 2)."""
    penalty = PAR.even([0.0, 1.0], [1.0, 2.0]).scaled(strength)
    points = []
    for seed in seeds:
        w = np.random.default_rng([seed, 2]).uniform((0.0, 1.0), (1.0, 2.0))
        problem = Problem(LeastSquares([[1.0, second]], [w @ (1.0, 2.0) + strength]), penalty)
        points.append(find(f"X = [1, {second:g}]", seed, 2, problem, w, compare=seed == seeds[0]))
    return points


def low_rank(n: int, d: int, seeds: Seeds, strengths: Sequence[float], signs: bool) -> list[CriticalPoint]:
    """A design of low rank, normal or with a ±1 factor on the side of the features."""
    points = []
    for (name, penalty), strength in ((item, s) for item in NONZERO_SLOPES.items() for s in strengths):
        for seed in seeds:
            X, y = regression(n, d, seed, "low rank")
            if signs:
                rng = np.random.default_rng([seed, n, d])
                # Eighths, so that the product is exact and its rank the same in rational arithmetic.
                X = np.round(8 * rng.standard_normal((n, RANK))) / 8 @ rng.choice([-1.0, 1.0], (RANK, d))
            problem, begin = Problem(LeastSquares(X, y), penalty.scaled(strength)), start(d, seed)
            points.append(find(f"low rank, {name}", seed, RANK, problem, begin, compare=seed == seeds[0]))
    return points


def unpenalised(
    n: int, d: int, seeds: Seeds, strength: float, n_columns: int, kept: bool
) -> list[CriticalPoint]:
    """An intercept, or two or more unpenalised columns; where they are not `kept`, all is penalised."""
    points = []
    weights = (np.arange(d) >= n_columns).astype(float) if kept and n_columns > 1 else None
    for name in ("lasso chords", "sawtooth"):
        penalty = NONZERO_SLOPES[name].scaled(strength)
        for seed in seeds:
            X, y = regression(n, d, seed)
            problem = Problem(LeastSquares(X, y, fit_intercept=kept and n_columns == 1), penalty, weights)
            label = "intercept" if n_columns == 1 else f"{n_columns} unpenalised"
            begin, compare = start(d, seed), seed == seeds[0]
            points.append(find(f"{label}, {name}", seed, n - n_columns, problem, begin, compare))
    return points


def several_outputs(
    n: int, d: int, seeds: Seeds, strength: float, n_outputs: int, doubled: bool
) -> list[CriticalPoint]:
    """All outputs in one problem, compared with n times their number, and each of them with n."""
    points = []
    for name in ("lasso chords", "sawtooth"):
        penalty = NONZERO_SLOPES[name]
        for seed in seeds:
            X, _ = regression(n, d, seed)
            X = doubled_columns(X) if doubled else X
            Y = np.random.default_rng([seed, n_outputs, 3]).standard_normal((n_outputs, n))
            joint = Problem(LeastSquares(np.kron(np.eye(n_outputs), X), Y.ravel()), penalty.scaled(strength))
            label, begin = f"{n_outputs} outputs, {name}", start(n_outputs * d, seed)
            together = find(label, seed, n * n_outputs, joint, begin, compare=seed == seeds[0])
            points.append(together)
            for y, w in zip(Y, together.w.reshape(n_outputs, d), strict=True):
                # The mean over all entries of Y gives each output the weight 1/n_outputs.
                single = Problem(LeastSquares(X, y), penalty.scaled(strength * n_outputs))
                points.append(CriticalPoint(single, w, {"name": f"one of {label}", "seed": seed}, bound=n))
    return points


def weighted(n: int, d: int, seeds: Seeds, strength: float, marginal: bool) -> list[CriticalPoint]:
    """Penalty weights drawn beforehand, or the `marginal` correlations ``|X_j'y|/n`` of the data."""
    points = []
    for name, penalty in {"absolute value": ABSOLUTE, "sawtooth": NONZERO_SLOPES["sawtooth"]}.items():
        for seed in seeds:
            X, y = regression(n, d, seed)
            drawn = np.exp(np.random.default_rng([seed, 4]).standard_normal(d))
            weights = np.abs(X.T @ y) / n if marginal else drawn
            problem = Problem(LeastSquares(X, y), penalty.scaled(strength), weights)
            begin = start(d, seed)
            points.append(find(f"weights, {name}", seed, n, problem, begin, compare=seed == seeds[0]))
    return points


def doubled_columns(X: FloatArray) -> FloatArray:
    """A design of the same shape in which every column occurs twice."""
    return np.repeat(X[:, : X.shape[1] // 2], 2, axis=1)


def degenerate(n: int, d: int, seeds: Seeds, strength: float) -> list[CriticalPoint]:
    """Entries ±1, and normal entries with every column twice."""
    points = []
    for seed in seeds:
        X, y = regression(n, d, seed)
        signs = regression(n, d, seed, "sign")[0]
        for name, design in (("entries ±1", signs), ("columns doubled", doubled_columns(X))):
            problem = Problem(LeastSquares(design, y), ABSOLUTE.scaled(strength))
            points.append(find(name, seed, n, problem, start(d, seed), compare=seed == seeds[0]))
    return points


def one_hot(seeds: Seeds, strength: float, n_factors: int = 3, n_categories: int = 4) -> list[CriticalPoint]:
    """Dummies of all categories of several factors, with an intercept: one rank too many for each factor."""
    points = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 5])
        draws = rng.integers(0, n_categories, (n_factors, 40))
        X = np.hstack([np.eye(n_categories)[draw] for draw in draws])
        y = X @ (2 * rng.standard_normal(X.shape[1])) + 0.1 * rng.standard_normal(X.shape[0])
        problem = Problem(LeastSquares(X, y, fit_intercept=True), ABSOLUTE.scaled(strength))
        begin, rank = start(X.shape[1], seed), n_factors * (n_categories - 1)
        points.append(find("one-hot", seed, rank, problem, begin, compare=seed == seeds[0]))
    return points
