"""The problems that are timed: sizes, designs, penalties and strengths, all seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from parlin import PAR, LeastSquares, Problem, designs
from parlin.datasets import synthetic

FloatArray = NDArray[np.float64]
Design = FloatArray | sparse.csc_matrix

CORRELATIONS = {"gaussian": 0.0, "AR(0.95)": 0.95, "AR(0.99)": 0.99}
PENALTIES = {
    "PAR-ridge": designs.ridge(0.1, 15),
    "PAR-lasso": designs.lasso(0.1, 15),
    "one level": PAR([0.0], [-1.0, 1.0]),  # the lasso itself
}
FRACTIONS = (0.5, 0.1, 0.01)


@dataclass(frozen=True)
class Size:
    """A shape, and what is measured there.

    Attributes
    ----------
    n, d : int
    seeds : int
        How many draws of every design.
    density : float
        Below 1 the design is sparse.
    designs, penalties, fractions : tuple
        Their product is the cells.
    working_sets : tuple of int
        The first working sets of skglm that compete here.
    slow : tuple of (design, penalty)
        Where the slow peers run too, on the first draw.
    limit : float
        Seconds after which a slow peer is given up.
    """

    n: int
    d: int
    seeds: int
    density: float = 1.0
    designs: tuple[str, ...] = tuple(CORRELATIONS)
    penalties: tuple[str, ...] = tuple(PENALTIES)
    fractions: tuple[float, ...] = FRACTIONS
    working_sets: tuple[int, ...] = (10, 100)
    slow: tuple[tuple[str, str], ...] = ()
    limit: float = 2.0

    @property
    def name(self) -> str:
        """What it is called in every table."""
        return f"{self.n} × {self.d}" + (" sparse" if self.density < 1.0 else "")


@dataclass(frozen=True)
class Instance:
    """One least-squares problem, as the arrays that every method starts from."""

    size: Size
    design: str
    penalty_name: str
    fraction: float  # of the strength from which on every coefficient is zero
    seed: int
    X: Design
    y: FloatArray
    strength_max: float

    @property
    def penalty(self) -> PAR:
        """The penalty with its strength, a new object every time: nothing is cached in it."""
        return PENALTIES[self.penalty_name].scaled(self.fraction * self.strength_max)

    def problem(self) -> Problem:
        """The problem, built from the arrays: nothing is left of an earlier solve."""
        return Problem(LeastSquares(self.X, self.y), self.penalty)

    @property
    def cell(self) -> tuple[str, str, str, float]:
        """All draws of one cell are summed up together."""
        return self.size.name, self.design, self.penalty_name, self.fraction

    @property
    def with_slow_peers(self) -> bool:
        """Whether the slow peers run here."""
        return self.seed == 0 and (self.design, self.penalty_name) in self.size.slow


def instances(size: Size) -> Iterator[Instance]:
    """All cells of a size, seed by seed; a design is drawn once for all of its cells."""
    for seed in range(size.seeds):
        for design in size.designs:
            X, y = draw(size, design, seed)
            for name in size.penalties:
                strength_max = Problem(LeastSquares(X, y), PENALTIES[name]).strength_max()
                for fraction in size.fractions:
                    yield Instance(size, design, name, fraction, seed, X, y, strength_max)


def draw(size: Size, design: str, seed: int) -> tuple[Design, FloatArray]:
    """A design in column order and its targets; few of the true coefficients are not zero."""
    if size.density < 1.0:
        rng = np.random.default_rng(seed)
        X = sparse.random(size.n, size.d, size.density, format="csc", random_state=rng)
        coef = np.where(rng.random(size.d) < 50 / size.d, rng.standard_normal(size.d), 0.0)
        return X, X @ coef + 0.1 * rng.standard_normal(size.n)
    correlation = CORRELATIONS[design]
    data = synthetic(
        size.n, size.d, seed=seed, entries="ar" if correlation else "normal", correlation=correlation,
        n_nonzero=max(size.d // 20, min(5, size.d)),
    )  # fmt: skip
    return np.asfortranarray(data.X), data.y


_SLOW = (("gaussian", "PAR-ridge"), ("AR(0.95)", "PAR-lasso"))
_TWO = ("PAR-ridge", "PAR-lasso")
FULL = (
    Size(20, 200, 5, slow=_SLOW, limit=1.0),
    Size(100, 1000, 5, slow=_SLOW, limit=3.0),
    Size(500, 5000, 5, penalties=_TWO, slow=_SLOW[:1], limit=5.0),
    Size(500, 5000, 1, penalties=("one level",)),
    Size(1000, 50_000, 1, penalties=_TWO, working_sets=(100,)),
    Size(5000, 500, 5),
    Size(10_000, 100_000, 2, density=1e-3, designs=("sparse",), working_sets=(100, 1000)),
)
QUICK = (
    Size(20, 200, 2, slow=_SLOW[:1], limit=0.5),
    Size(100, 1000, 1, slow=_SLOW[:1], limit=0.5),
    Size(500, 5000, 1, designs=("gaussian",), penalties=("PAR-ridge",)),
)
WARM_UP = (
    Size(5, 12, 1, designs=("gaussian",), fractions=(0.1,), slow=_SLOW[:1]),
    Size(12, 5, 1, designs=("gaussian",), fractions=(0.1,)),
    Size(20, 30, 1, density=0.3, designs=("sparse",), fractions=(0.1,)),
)
