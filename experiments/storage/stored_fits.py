r"""Certified fits, packed, written and read back."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from experiments.measure.certified_point import CertifiedPoint, estimator_tolerance
from experiments.problems.real_data import Name, rows
from parlin import PAR, LeastSquares, PARLasso, PARRegressor, PARRidge, Problem, datasets, designs, theory
from parlin.packed import Packed, pack, unpack

FloatArray = NDArray[np.float64]
Layout = Literal["escape", "bitmap"]

LAYOUTS: tuple[Layout, ...] = ("escape", "bitmap")
FLOAT_BITS = (32, 64)
# The grids end here, in standard deviations of the target a unit of the feature.
REACH = 0.35
BITS = {"escape": theory.escape_code_bits, "bitmap": theory.bitmap_bits}
FREE_FRACTIONS = {"escape": theory.escape_free_share, "bitmap": theory.bitmap_free_share}


@dataclass(frozen=True, eq=False)
class Stored:
    """A fit as it was read back from the bytes written, in one layout and one type of float.

    Attributes
    ----------
    read : Packed
    n_bytes_written : int
        Size of all that was written, with the header.
    n_changed : int
        Coefficients that came back with other bits than they had.
    certified : bool
        Whether the fit is.
    """

    fit: CertifiedPoint
    float_bits: int
    read: Packed
    n_bytes_written: int
    n_changed: int
    certified: bool

    @property
    def shape(self) -> tuple[int, int]:
        """d and K."""
        return self.fit.w.size, self.fit.problem.penalty.levels.size

    @property
    def even(self) -> bool:
        """Whether the levels are multiples of a spacing: said by the fit, not by the packed bytes."""
        return self.fit.labels["kind"] != "PARRegressor"

    @property
    def coef(self) -> NDArray[np.floating]:
        """The coefficients as floats of these bits."""
        return self.fit.w.astype(f"f{self.float_bits // 8}")

    @property
    def free(self) -> int:
        """u, the coefficients that equal no level as floats of these bits."""
        levels = self.fit.problem.penalty.levels.astype(self.coef.dtype)
        return int(np.count_nonzero(~np.isin(self.coef, levels)))

    @property
    def rounded_changes(self) -> int:
        """Coefficients that change where codes of the nearest levels are all that is stored."""
        nearest = self.fit.problem.penalty.nearest_level(self.fit.w).astype(self.coef.dtype)
        return int(np.count_nonzero(nearest != self.coef))

    @property
    def n_bits(self) -> int:
        """Bits of the payload."""
        return self.read.n_bits

    @property
    def ratio(self) -> float:
        """Bits of plain floats over bits of the payload."""
        return self.float_bits * self.shape[0] / self.n_bits

    def theory_bits(self, uniform: bool) -> int:
        """What the formula of this layout gives."""
        d, k = self.shape
        return BITS[self.read.layout](d, self.free, k, self.float_bits, uniform)

    def largest_free(self, layout: Layout) -> int:
        """The largest u that theory allows for two times fewer bits."""
        return largest_free(*self.shape, self.float_bits, layout, self.even)


def largest_free(d: int, n_levels: int, float_bits: int, layout: Layout, uniform: bool = True) -> int:
    """How many of d coefficients may be off the levels so that the bits are at most half of floats'."""
    # The fraction is rounded, the number is whole.
    return math.floor(FREE_FRACTIONS[layout](d, n_levels, float_bits, uniform) * d + 1e-9)


def stored(
    fits: Iterable[CertifiedPoint],
    layouts: Iterable[Layout] = LAYOUTS,
    float_bits: Iterable[int] = FLOAT_BITS,
) -> list[Stored]:
    """Every fit in every layout and type of float, written and read."""
    layouts, float_bits = tuple(layouts), tuple(float_bits)
    result = []
    for fit in fits:
        certified = fit.certified
        for layout in layouts:
            result += [_through_a_file(fit, certified, layout, bits) for bits in float_bits]
    return result


def _through_a_file(fit: CertifiedPoint, certified: bool, layout: Layout, float_bits: int) -> Stored:
    coef = fit.w.astype(f"f{float_bits // 8}")
    file = io.BytesIO()
    size = file.write(pack(coef, fit.problem.penalty, layout).to_bytes())
    file.seek(0)
    read = Packed.from_bytes(file.read())
    bits = f"u{float_bits // 8}"
    n_changed = int(np.count_nonzero(unpack(read).view(bits) != coef.view(bits)))
    return Stored(fit, float_bits, read, size, n_changed, certified)


def table(kept: Sequence[Stored], *names: str) -> dict[str, list[Any]]:
    """What the figure and a reader of the evidence need to know of each point; all of it without names."""
    columns = {
        "data": [found.fit.labels["data"] for found in kept],
        "kind": [found.fit.labels["kind"] for found in kept],
        "alpha": [found.fit.labels["alpha"] for found in kept],
        "layout": [found.read.layout for found in kept],
        "d": [found.shape[0] for found in kept],
        "K": [found.shape[1] for found in kept],
        "F": [found.float_bits for found in kept],
        "free": [found.free for found in kept],
        "excess_over_cvxpy": [found.fit.excess for found in kept],
    }
    return {name: columns[name] for name in names or columns}


@cache
def real(name: Name) -> tuple[FloatArray, FloatArray]:
    """A design with standardised columns and the standardised target."""
    X, y = rows(name)
    return X, y - y.mean()


@cache
def gaussian(n: int, d: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """A normal design and a target of standard deviation 1 that all features and some noise make."""
    data = datasets.synthetic(n, d, seed=seed)
    return data.X, data.y / data.y.std()


class Model(NamedTuple):
    """An estimator and its penalty of unit strength."""

    name: str
    estimator: PARRidge | PARLasso | PARRegressor
    unit: PAR


def on_grid(levels_a_side: int) -> tuple[Model, Model]:
    """PARRidge and PARLasso with so many levels on either side of 0."""
    grid = {"spacing": REACH / levels_a_side, "n_levels": levels_a_side}
    options = grid | {"fit_intercept": False, "warm_start": True}
    return (
        Model("PARRidge", PARRidge(**options), designs.ridge(**grid)),
        Model("PARLasso", PARLasso(**options), designs.lasso(**grid)),
    )


def on_levels(levels: Iterable[float]) -> Model:
    """The regression with a kink at these levels, 0 first, and at their mirror images: slopes 1, 2, …"""
    levels = np.array(levels, dtype=float)
    unit = PAR.even(levels, 1.0 + np.arange(levels.size))
    return Model("PARRegressor", PARRegressor(penalty=unit, fit_intercept=False, warm_start=True), unit)


def fits(
    data: str,
    design: tuple[FloatArray, FloatArray],
    model: Model,
    alphas: Sequence[float],
    seed: int | None = None,
    compare: bool = False,
) -> Iterator[CertifiedPoint]:
    """Fits of one model, each begun where the last one ended; with `compare`, one is compared with cvxpy.

    Each is run until its gradient is exact relative to the smallest slope.
    """
    loss = LeastSquares(*design)
    for k, alpha in enumerate(alphas):
        problem = Problem(loss, model.unit.scaled(alpha))
        with warnings.catch_warnings():
            # A fit that does not get there will not be certified, which says the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.estimator.set_params(alpha=alpha, tol=estimator_tolerance(problem)).fit(*design)
        labels = {"data": data, "seed": seed, "kind": model.name, "alpha": alpha}
        fit = CertifiedPoint(problem, model.estimator.coef_, labels)
        yield fit.compared_with_cvxpy() if compare and k == (len(alphas) - 1) // 2 else fit
