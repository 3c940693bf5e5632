r"""PARRidge: ridge regression whose penalty is interpolated on a grid."""

from __future__ import annotations

from parlin import designs
from parlin._types import FloatArray
from parlin.estimators._base import Targets
from parlin.estimators._grid import ConvexGridModel
from parlin.estimators._relatives import ridge_coefficients
from parlin.penalty import PAR
from parlin.solvers.base import Solver


class PARRidge(ConvexGridModel):
    r"""Ridge regression with coefficients on a grid: at least ``d − n`` of them, exactly.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ψ(w_j)`` where ψ interpolates ``x²/2`` on the grid
    ``0, ±spacing, …, ±n_levels·spacing``.  Source: [PAR] section 4.1.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The strength.  ``Ridge(alpha=n * alpha)`` is the unquantized estimator.
    spacing : positive float or None
        The distance of neighbouring levels.  None: the largest coefficient of the unquantized
        estimator divided by `n_levels`.
    n_levels : int >= 1 or None, default=7
        Levels per side of 0.  None (needs `spacing`): as many as the solution needs.
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
    coef_ : ndarray of shape (d,) or (k, d), float64
    intercept_ : float or ndarray of shape (k,)
    levels_ : ndarray of shape (K,)
        The grid.
    codes_ : ndarray of the shape of `coef_`
        Index of each coefficient's level, −1 off the grid.
    quantization_rate_ : float
        Fraction of coefficients that equal a level.
    penalty_ : PAR
        ψ, of unit strength.
    dual_gap_ : float or list of float
        Relative to ``max(f(0), |F|)``.
    result_ : Result or list of Result
        Status and certificate.
    n_iter_ : int
        The most iterations of any output.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, if `X` had string column names

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PARRidge
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((20, 200)), rng.standard_normal(20)
    >>> model = PARRidge(alpha=0.1, spacing=0.02, n_levels=15).fit(X, y)
    >>> bool(model.quantization_rate_ >= 1 - 20 / 200)
    True

    As the spacing shrinks, the fit becomes scikit-learn's Ridge:

    >>> from sklearn.linear_model import Ridge
    >>> fine = PARRidge(alpha=0.1, spacing=1e-5, n_levels=None).fit(X, y)
    >>> bool(np.allclose(fine.coef_, Ridge(alpha=20 * 0.1).fit(X, y).coef_, atol=1e-5))
    True
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        spacing: float | None = None,
        n_levels: int | None = 7,
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
        self.bounded = bounded
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def _on_grid(self, spacing: float, n_levels: int) -> PAR:
        return designs.ridge(spacing, n_levels, self.bounded)

    def _unquantized_coefficients(self, targets: Targets) -> FloatArray:
        return ridge_coefficients(targets, self.alpha)
