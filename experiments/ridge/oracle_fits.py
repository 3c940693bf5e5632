r"""Ridge in closed form at the strength that an oracle chooses, and what PAR-ridge makes of it.

One eigendecomposition of ``X'X/n`` gives ridge at every strength and its exact mean error over the noise.
The oracle knows that error, so it knows the truth: nobody has its strength in practice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.measure.certified_point import CertifiedPoint, solve_to_slopes
from experiments.measure.ridge import ridge_coefs
from experiments.ridge.counterpart import RIDGE, Pair, counterpart_error
from parlin import LeastSquares, Problem, designs, theory
from parlin.datasets import Entries, synthetic

FloatArray = NDArray[np.float64]

FLOAT_BITS = 32
# Neighbours differ by a sixteenth; the mean error is flat at its minimum.
_STRENGTHS = np.geomspace(1e-5, 10.0, 230)


@dataclass(frozen=True, eq=False)
class LinearModel:
    """One draw of ``y = X w* + ξ``: design, standard normal truth and normal noise."""

    X: FloatArray
    y: FloatArray
    truth: FloatArray
    noise: float

    @classmethod
    def draw(cls, n: int, d: int, noise: float, seed: int, entries: Entries = "normal") -> LinearModel:
        """The same for the same arguments."""
        data = synthetic(n, d, seed=seed, entries=entries, noise=noise)
        return cls(data.X, data.y, data.coef, noise)

    @cached_property
    def loss(self) -> LeastSquares:
        """The loss of the draw."""
        return LeastSquares(self.X, self.y)

    @cached_property
    def spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues of ``X'X/n`` from small to large, and the eigenvectors as columns."""
        n, d = self.X.shape
        values, vectors = np.linalg.eigh(self.X.T @ self.X / n)
        values[: max(d - n, 0)] = 0.0  # these are 0 but for rounding
        return np.maximum(values, 0.0), vectors

    @property
    def curvature(self) -> float:
        """The smallest eigenvalue of ``X'X/n``."""
        return float(self.spectrum[0][0])

    def expected_error(self, alpha: float) -> float:
        """The mean of ``‖w_ridge − w*‖²`` over the noise, for this design and truth."""
        values, vectors = self.spectrum
        return theory.expected_ridge_error(values, vectors.T @ self.truth, self.noise, len(self.y), alpha)

    @cached_property
    def oracle_alpha(self) -> float:
        """The strength of least expected error among many."""
        return float(_STRENGTHS[np.argmin([self.expected_error(alpha) for alpha in _STRENGTHS])])

    def ridge(self, alpha: float) -> FloatArray:
        """The ridge solution."""
        return ridge_coefs(self.loss, alpha)[0]

    def squared_error(self, w: FloatArray) -> float:
        """``‖w − w*‖²``."""
        return float(np.sum((w - self.truth) ** 2))


@dataclass(frozen=True)
class Fit:
    """PAR-ridge, ridge and its roundings on one draw; errors are ``‖w − w*‖²``.

    `expected` is the mean of `ridge` over the noise, `rounded` the error of ridge rounded to the grid of
    PAR-ridge, and `equal_bits` that of ridge rounded to the finest grid that takes no more bits than
    PAR-ridge. `excess` is the objective minus that of cvxpy, relative, None where they are not compared.
    """

    alpha: float
    expected: float
    ridge: float
    rounded: float
    equal_bits: float
    par: float
    distance: float
    bound: float
    quantization_rate: float
    bits: float  # per coefficient
    critical: bool
    covered: bool
    excess: float | None

    @property
    def certified(self) -> bool:
        """Whether both points are what they are called, on a grid that covers the solution."""
        return self.critical and self.covered

    @property
    def error_gap(self) -> float:
        """By how much the distances of PAR-ridge and of ridge from the truth differ."""
        return abs(self.par**0.5 - self.ridge**0.5)

    @property
    def relative_gap(self) -> float:
        """`error_gap` in units of the distance of ridge from the truth."""
        return self.error_gap / self.ridge**0.5

    @property
    def relative_rounded_gap(self) -> float:
        """The same for ridge rounded to the grid."""
        return abs(self.rounded**0.5 / self.ridge**0.5 - 1)


def fit(
    model: LinearModel, alpha: float, spacing: float, n_levels: int | None = None, compare: bool = False
) -> Fit:
    """The fits at one strength; the grid has the levels that theory asks for unless their number is given."""
    d = model.truth.size
    ridge = model.ridge(alpha)
    if n_levels is None:
        n_levels = theory.covering_levels(float(np.abs(ridge).max()), d, spacing)
    problem = Problem(model.loss, designs.ridge(spacing, n_levels).scaled(alpha))
    point = CertifiedPoint(problem, solve_to_slopes(problem).w)
    error = counterpart_error(model.loss, alpha, RIDGE, ridge)
    pair = Pair(point, ridge, error, RIDGE, alpha, spacing, n_levels)
    pair = pair.compared_with_cvxpy() if compare else pair
    bits = _stored_bits(problem, pair.w, spacing)
    return Fit(
        alpha=alpha,
        expected=model.expected_error(alpha),
        ridge=model.squared_error(ridge),
        rounded=model.squared_error(problem.penalty.nearest_level(ridge)),
        equal_bits=model.squared_error(_rounded_within(ridge, bits)),
        par=model.squared_error(pair.w),
        distance=pair.distance,
        bound=theory.ridge_distance(d, spacing, alpha, model.curvature),
        quantization_rate=pair.point.rate,
        bits=bits / d,
        critical=pair.certified,
        covered=pair.covered,
        excess=pair.excess,
    )


def _stored_bits(problem: Problem, w: FloatArray, spacing: float) -> int:
    """The bits of the escape code whose levels reach as far as the quantized coefficients."""
    quantized = w[problem.on_level(w)]
    reach = int(np.rint(np.abs(quantized) / spacing).max(initial=0.0))
    return theory.escape_code_bits(w.size, w.size - quantized.size, 2 * reach + 1, FLOAT_BITS)


def _rounded_within(w: FloatArray, bits: int) -> FloatArray:
    """The coefficients on the finest even grid up to the largest of them that takes so many bits."""
    codebook = theory.escape_code_bits(1, 0, 1, FLOAT_BITS) - 1
    n_levels = 2 ** max((bits - codebook) // w.size - 1, 0) - 1
    if n_levels == 0:
        return np.zeros_like(w)
    spacing = float(np.abs(w).max()) / n_levels
    return np.rint(w / spacing) * spacing
