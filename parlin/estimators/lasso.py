r"""PARLasso: the lasso with a kink at every level of a grid."""

from __future__ import annotations

from parlin import designs
from parlin._arguments import positive
from parlin._types import FloatArray
from parlin.estimators._base import Targets
from parlin.estimators._grid import ConvexGridModel
from parlin.estimators._relatives import lasso_coefficients
from parlin.penalty import PAR
from parlin.solvers.base import Solver


class PARLasso(ConvexGridModel):
    r"""The lasso with a kink at every level of a grid: sparse, with some nonzeros on levels as well.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ψ(w_j)`` where ψ is even with slope
    ``1 + growth·k`` between the levels ``k·spacing`` and ``(k + 1)·spacing``.  Source: [PAR]
    section 4.2.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The strength, on the scale of scikit-learn's ``Lasso(alpha)``, the unquantized estimator.
    spacing : positive float or None
        The distance of neighbouring levels.  None: the largest coefficient of the unquantized
        estimator divided by `n_levels`.
    n_levels : int >= 1 or None, default=7
        Levels per side of 0.  None (needs `spacing`): as many as the solution needs.
    growth : positive float, default=0.05
        How much the slope rises from cell to cell.  It holds few nonzeros on levels: see Notes.
    bounded : bool, default=False
        Forbid coefficients beyond the last level.
    fit_intercept : bool, default=True
    solver : "auto" or a solver from `parlin.solvers`
    tol : float, default=1e-8
        Bound on ``result_.certificate.residual``, relative to the gradient at zero coefficients, and on its
        ``gap``, both up to rounding errors; see `parlin.solve`.
    max_iter : int, default=100000
    warm_start : bool, default=False
        Begin with the coefficients of the last fit.

    Attributes
    ----------
    coef_, intercept_, levels_, codes_, quantization_rate_, penalty_, dual_gap_, result_, n_iter_
        As for `PARRidge`.

    Notes
    -----
    Most quantized coefficients are zeros, and `quantization_rate_` counts them.  The slopes rise by `growth`
    from cell to cell, which holds few of the nonzero coefficients on levels, in a tuned fit often none.
    `PARRidge` and `PARNonconvex` put nonzero coefficients on levels.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PARLasso
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 20))
    >>> y = X[:, 0] - 0.5 * X[:, 1] + 0.1 * rng.standard_normal(50)
    >>> model = PARLasso(alpha=0.1, spacing=0.25, n_levels=8).fit(X, y)
    >>> bool(np.mean(model.coef_ == 0) >= 0.8)
    True

    With an endless first cell it is scikit-learn's Lasso:

    >>> from sklearn.linear_model import Lasso
    >>> coarse = PARLasso(alpha=0.1, spacing=100.0, n_levels=1).fit(X, y)
    >>> bool(np.allclose(coarse.coef_, Lasso(alpha=0.1, tol=1e-10).fit(X, y).coef_))
    True
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        spacing: float | None = None,
        n_levels: int | None = 7,
        growth: float = 0.05,
        bounded: bool = False,
        fit_intercept: bool = True,
        solver: Solver | str = "auto",
        tol: float = 1e-8,
        max_iter: int = 100_000,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.spacing = spacing
        self.n_levels = n_levels
        self.growth = growth
        self.bounded = bounded
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def _check_parameters(self) -> None:
        super()._check_parameters()
        positive("growth", self.growth, remedy="at 0 only the level 0 is a kink")

    def _on_grid(self, spacing: float, n_levels: int) -> PAR:
        return designs.lasso(spacing, n_levels, self.growth, self.bounded)

    def _unquantized_coefficients(self, targets: Targets) -> FloatArray:
        return lasso_coefficients(targets, self.alpha)
