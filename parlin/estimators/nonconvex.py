r"""PARNonconvex: critical points of nonconvex piecewise-affine penalties on a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from parlin import designs
from parlin._arguments import whole
from parlin._solve import Result, multi_start
from parlin._types import FloatArray
from parlin.estimators._base import Targets
from parlin.estimators._grid import GridModel
from parlin.estimators._relatives import lasso_coefficients
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.solvers.base import Solver

_PENALTIES = ("rippled_mcp", "rippled_scad", "mcp", "scad", "sawtooth", "staircase")


class PARNonconvex(GridModel):
    r"""Linear regression with a nonconvex penalty on a grid; the result is a certified critical point.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ψ(w_j)``.  Nothing claims that the point found is a
    global minimiser.  Source: [PAR] section 4.3.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
    penalty : str, default="rippled_mcp"
        A design with spacing and number of levels: "rippled_mcp", "rippled_scad", "mcp", "scad"
        (these two quantize only at 0), "sawtooth" or "staircase" (which has zero slopes).
    spacing : positive float or None
        The distance of neighbouring levels.  None: the largest coefficient of the Lasso at the same
        `alpha` divided by `n_levels`.
    n_levels : int >= 1, default=7
        Levels per side of 0.  MCP and SCAD become constant at the last one.
    n_starts : int >= 1, default=1
        The first start follows the strength down (see `parlin.solve`); the others are random
        levels.  The point of lowest objective is kept.
    fit_intercept : bool, default=True
    solver : "auto" or a solver from `parlin.solvers`
    tol : float, default=1e-8
        Bound on ``result_.certificate.residual`` and its ``prox_residual``, relative to the gradient at zero
        coefficients; see `parlin.solve`.
    max_iter : int, default=100000
    warm_start : bool, default=False
        Begin with the coefficients of the last fit (in place of the first start).
    random_state : int, RandomState or None
        For the random starts.

    Attributes
    ----------
    coef_, intercept_, levels_, codes_, quantization_rate_, penalty_, result_, n_iter_
        As for `PARRidge`.
    objectives_ : ndarray of shape (n_starts,) or (k, n_starts)
        The objective reached from each start: their spread says how nonconvex the problem is.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PARNonconvex
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((30, 100))
    >>> y = X[:, 0] - 0.5 * X[:, 1] + 0.05 * rng.standard_normal(30)
    >>> model = PARNonconvex(alpha=0.1, spacing=0.5, n_levels=4, n_starts=3, random_state=0).fit(X, y)
    >>> model.quantization_rate_, model.objectives_.shape
    (0.98, (3,))
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        penalty: str = "rippled_mcp",
        spacing: float | None = None,
        n_levels: int = 7,
        n_starts: int = 1,
        fit_intercept: bool = True,
        solver: Solver | str = "auto",
        tol: float = 1e-8,
        max_iter: int = 100_000,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.alpha = alpha
        self.penalty = penalty
        self.spacing = spacing
        self.n_levels = n_levels
        self.n_starts = n_starts
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state

    def _check_parameters(self) -> None:
        if self.n_levels is None:
            raise ValueError("n_levels must be a whole number >= 1: the shape of the penalty depends on it")
        super()._check_parameters()
        whole("n_starts", self.n_starts, low=1)
        if self.penalty not in _PENALTIES:
            raise ValueError(
                f"penalty must be one of {', '.join(_PENALTIES)}, but is {self.penalty!r}; "
                "for any other PAR use PARRegressor"
            )

    def _on_grid(self, spacing: float, n_levels: int) -> PAR:
        return getattr(designs, self.penalty)(spacing, n_levels)

    def _unquantized_coefficients(self, targets: Targets) -> FloatArray:
        return lasso_coefficients(targets, self.alpha)

    def _solve(
        self, targets: Targets, starts: list[FloatArray | None]
    ) -> tuple[PAR, list[Result], dict[str, Any]]:
        penalty = self._make_penalty(targets)
        random = check_random_state(self.random_state)
        pairs = zip(self._problems(targets, penalty), starts, strict=True)
        reached = [self._from_all_starts(problem, start, random) for problem, start in pairs]
        objectives = np.array([[result.certificate.objective for result in results] for results in reached])
        attributes = {"objectives_": objectives if objectives.shape[0] > 1 else objectives[0]}
        return penalty, [_lowest(results) for results in reached], attributes

    def _from_all_starts(
        self, problem: Problem, start: FloatArray | None, random: np.random.RandomState
    ) -> list[Result]:
        levels = problem.penalty.quantization_levels
        if levels.size == 0:  # at alpha = 0
            levels = np.zeros(1)
        drawn = [random.choice(levels, problem.size) for _ in range(self.n_starts - 1)]
        return multi_start(problem, [start, *drawn], self.solver, tol=self.tol, max_iter=self.max_iter)


def _lowest(results: list[Result]) -> Result:
    """The certified result of lowest objective; the lowest of all if none is certified."""
    certified = [result for result in results if result.status.is_success] or results
    return min(certified, key=lambda result: result.certificate.objective)
