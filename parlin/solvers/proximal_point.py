r"""Proximal points of a quadratic loss with a convex penalty, by semismooth Newton on the dual.

Source: Li, Sun and Toh 2018 (SIAM J. Optim. 28, 433–458), written there for the lasso.  The proximal
point of a centre ``c`` is

    argmin_w  ½ ‖y − Xw‖² + Ψ(w) + Σ_j (w_j − c_j)² / (2 σ_j),        σ_j = σ / ‖X_j‖².          (1)

Its dual is smooth and strongly convex, and the dual minimiser ``ν`` is the root of

    G(ν) = ν − (y − X w(ν)),        w(ν)_j = prox_{σ_j ψ}(c_j + σ_j X_j'ν).                       (2)

The derivative of a prox is 0 where its value is a level and 1 elsewhere, so the generalised Jacobian
``I + X_J diag(σ_J) X_J'`` has the columns J off the levels only: a Newton system is as large as the
smaller of |J| and n.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg

from parlin._cached import cached_property
from parlin._kernels.columns_numpy import products_of_columns
from parlin.problem import Problem
from parlin.solvers.base import FloatArray
from parlin.solvers.sparse_factor import sparse_solver

# More Newton systems than this say that σ is too large for the distance to the solution.
_MAX_NEWTON = 30
# ‖G‖ relative to what the proximal term leaves of the optimality condition.
_INNER = 0.5
# |φ'| at the end of a line search, relative to its start, and the trial lengths it may take.
_LINE, _MAX_TRIALS = 0.1, 40
# Moves of a prox's argument below this, relative to it, are rounding.
_ROUNDING = 1e-12
# A system is factorised if that takes no more than so many products with X, and otherwise solved by
# conjugate gradients, to so much and with so many products.
_FACTOR_PRODUCTS, _CG_TOLERANCE, _CG_PRODUCTS = 1000, 1e-2, 200
# Newton solves with one factor on the free coordinates.
_REFINEMENTS = 3


class QuadraticModel:
    """A factor times a problem with a quadratic loss and a convex penalty: its proximal points."""

    def __init__(self, problem: Problem, factor: float) -> None:
        self.problem, self.factor, self.design = problem, factor, problem.loss.design
        self.seen = problem.loss.coordinate_lipschitz > 0
        self.norms = np.where(self.seen, self.design.column_norms, 1.0)
        self.passes = 0.0  # over the data, a Newton system by its columns

    @cached_property
    def gram(self) -> FloatArray | None:
        """The Gram matrix of the columns at unit length where it is the smaller one; otherwise None."""
        n, d = self.design.shape
        if d > n or not self._fits(d):
            return None
        self.passes += 1.0
        return self.design.gram() / self.norms / self.norms[:, None]

    def prox(self, v: FloatArray, steps: FloatArray) -> FloatArray:
        """The proximal map with a step for each coordinate, the identity on zero columns."""
        weights, active = self.problem.penalty_weights, self.problem.penalised & self.seen
        steps = steps if weights is None else steps * weights
        w = v.copy()
        w[active] = self.problem.penalty.prox(v[active], steps[active])
        return w

    def proximal_point(self, centre: FloatArray, sigma: float, slack: FloatArray) -> tuple[FloatArray, bool]:
        """The solution of (1), and whether it is one to half the proximal term's gradient or to `slack`."""
        loss, design, weights = self.problem.loss, self.design, self.design.weights
        enough = float(np.min((slack / self.norms)[self.seen], initial=math.inf))
        steps = np.where(self.seen, sigma / self.norms**2, 0.0)
        nu = loss.residual(centre)
        v = centre + steps * design.rmatvec(nu)
        w, move = self.prox(v, steps), np.zeros_like(v)
        self.passes += 1.0
        for _ in range(_MAX_NEWTON):
            G = nu - loss.residual(w)
            self.passes += 1.0
            # X_j'G and (w_j − c_j)/σ_j make up the optimality residual: inexact solve and finite σ.
            left = float(np.max(np.abs(w - centre) * self.norms)) / sigma
            if math.sqrt(G @ (weights * G)) <= max(_INNER * left, enough):
                return w, True
            direction = self._direction(G, steps * self._jacobian(v, w, move, steps))
            if direction is None:
                break
            correlation = design.rmatvec(direction)
            slope, curvature = direction @ (weights * G), direction @ (weights * direction)
            if not (slope < 0 and np.all(np.isfinite(correlation))):
                break
            length, w = self._search(v, w, correlation, steps, slope, curvature)
            nu, move = nu + length * direction, length * steps * correlation
            v = v + move
        return w, False

    def _jacobian(self, v: FloatArray, w: FloatArray, move: FloatArray, steps: FloatArray) -> FloatArray:
        """The derivative of the prox at `v`, or its mean over half the last move to either side.

        The mean is what keeps Newton from crossing a fine grid level by level: it sees the levels as
        densely as the iteration does, and turns into the derivative as the moves vanish.
        """
        mean = np.where(self.problem.on_level(w), 0.0, 1.0)
        half = 0.5 * np.abs(move)
        wide = half > _ROUNDING * np.abs(v)
        if wide.any():
            rise = self.prox(v + half, steps) - self.prox(v - half, steps)
            np.divide(rise, 2.0 * half, out=mean, where=wide)
        return np.clip(mean, 0.0, 1.0)

    def _direction(self, G: FloatArray, diagonal: FloatArray) -> FloatArray | None:
        """``−(I + B B')⁻¹ G`` with ``B = X_J diag(diagonal_J)^½``; None if the factorisation fails."""
        design, root = self.design, np.sqrt(self.design.weights)
        n, d = design.shape
        J = np.flatnonzero(diagonal)
        if J.size == 0:
            return -G
        scale = np.sqrt(diagonal[J])
        try:
            if self.gram is not None:
                self.passes += 1.0
                lengths = scale * self.norms[J]
                factor = _factor(lengths[:, None] * self.gram[np.ix_(J, J)] * lengths, 1.0)
                z = np.zeros(d)
                z[J] = scale * _solve(factor, scale * design.rmatvec(G)[J])
                return design.matvec(z) - G
            if not self._fits(J.size):
                solve = sparse_solver(design, J, scale, 1.0)
                if solve is None:
                    return self._conjugate_gradients(G, diagonal)
                self.passes += 1.0
                z = np.zeros(d)
                z[J] = scale * solve(scale * design.rmatvec(G)[J])
                return design.matvec(z) - G
            self.passes += J.size / d
            B = design.columns(J) * scale
            if J.size > n:
                return -_solve(_factor(products_of_columns(B.T), 1.0), root * G) / root
            return B @ _solve(_factor(products_of_columns(B), 1.0), B.T @ (root * G)) / root - G
        except LinAlgError:
            return None

    def _fits(self, columns: int) -> bool:
        n, X = self.design.shape[0], self.design.X
        entries = X.nnz if self.design.is_sparse else X.size
        return n * columns * min(n, columns) <= _FACTOR_PRODUCTS * entries

    def _conjugate_gradients(self, G: FloatArray, diagonal: FloatArray) -> FloatArray:
        design, root = self.design, np.sqrt(self.design.weights)

        def apply(u: FloatArray) -> FloatArray:
            self.passes += 1.0
            return u + root * design.matvec(diagonal * design.rmatvec(u / root))

        operator = LinearOperator((G.size, G.size), matvec=apply, dtype=np.float64)
        return -cg(operator, root * G, rtol=_CG_TOLERANCE, maxiter=_CG_PRODUCTS)[0] / root

    def _search(
        self,
        v: FloatArray,
        w: FloatArray,
        correlation: FloatArray,
        steps: FloatArray,
        slope: float,
        curvature: float,
    ) -> tuple[float, FloatArray]:
        """A length at which the dual objective φ is nearly least along the direction, and the w there.

        ``φ'(t) = slope + t curvature + correlation'(w(t) − w(0))`` is increasing, piecewise linear and
        free of products with X; for an unchanged J it vanishes at t = 1.
        """
        low, at_low, high, at_high = 0.0, slope, math.inf, math.inf
        length = 1.0
        for _ in range(_MAX_TRIALS):
            trial = self.prox(v + length * steps * correlation, steps)
            at = slope + length * curvature + float(correlation @ (trial - w))
            if abs(at) <= _LINE * -slope:
                break
            if at < 0:
                low, at_low = length, at
            else:
                high, at_high = length, at
            if high == math.inf:
                length *= 2.0
            else:  # regula falsi, kept away from both ends
                length = low + (high - low) * min(max(at_low / (at_low - at_high), 0.1), 0.9)
        return length, trial

    def free_minimiser(self, w: FloatArray) -> FloatArray | None:
        """The minimiser over the off-level coordinates of `w`, without cells, and one proximal step.

        This is (1) with σ = ∞ and J known: where J is the right one, the end.  None if J is too large.
        """
        problem, penalty, loss = self.problem, self.problem.penalty, self.problem.loss
        n, d = self.design.shape
        J = np.flatnonzero(~problem.on_level(w) & self.seen)
        if not 0 < J.size <= 2 * n:
            return None
        norms, inside = self.norms[J], problem.penalised[J]
        slopes = np.where(inside, penalty.subdifferential(w[J])[0], 0.0)
        if problem.penalty_weights is not None:
            slopes *= problem.penalty_weights[J]
        # The shift makes dependent columns harmless; the accuracy it costs, the repeats recover.
        shift = 8 * np.finfo(np.float64).eps * J.size
        if self.gram is None and not self._fits(J.size):
            solve = sparse_solver(self.design, J, 1.0 / norms, shift)
        else:
            if self.gram is not None:
                gram = self.gram[np.ix_(J, J)]
            else:
                self.passes += J.size / d
                B = self.design.columns(J) / norms
                gram = products_of_columns(B)
            try:
                solve = partial(_solve, _factor(gram, shift))
            except LinAlgError:
                return None
        if solve is None:
            return None
        x = w.copy()
        for _ in range(_REFINEMENTS):
            x[J] -= solve((loss.gradient(x)[J] + slopes) / norms) / norms
        # Columns of length one have ‖X‖² <= d, so this step is short enough on any design.
        steps = np.where(self.seen, 1.0 / (d * self.norms**2), 0.0)
        self.passes += _REFINEMENTS + 1.0
        return self.prox(x - steps * loss.gradient(x), steps)


def _factor(matrix: FloatArray, shift: float) -> tuple[FloatArray, bool]:
    matrix[np.diag_indices_from(matrix)] += shift
    return cho_factor(matrix, overwrite_a=True, check_finite=False)


def _solve(factor: tuple[FloatArray, bool], b: FloatArray) -> FloatArray:
    return cho_solve(factor, b, check_finite=False)
