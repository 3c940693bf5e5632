r"""PARRegressor: linear regression with any piecewise-affine penalty."""

from __future__ import annotations

from parlin.estimators._base import PARLinearModel, Targets
from parlin.estimators._penalty import given_penalty
from parlin.penalty import PAR
from parlin.solvers.base import Solver


class PARRegressor(PARLinearModel):
    r"""Linear regression with the penalty given as data.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ψ(w_j)`` for any `PAR` ψ.  For a nonconvex one the
    result is a certified critical point, nothing more.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
    penalty : PAR or None
        ψ of unit strength.  None is ``designs.lasso(0.5, 7)``.
    fit_intercept : bool, default=True
    solver : "auto" or a solver from `parlin.solvers`
    tol : float, default=1e-8
        Bound on ``result_.certificate.residual``, relative to the gradient at zero coefficients, and on its
        ``gap`` (convex penalties) or ``prox_residual`` (others); see `parlin.solve`.
    max_iter : int, default=100000
    warm_start : bool, default=False
        Begin with the coefficients of the last fit.

    Attributes
    ----------
    coef_, intercept_, levels_, codes_, quantization_rate_, penalty_, result_, n_iter_
        As for `PARRidge`.
    dual_gap_ : float, None or list
        Only for a convex penalty; None if its outer slopes allow no gap.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PAR, PARRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((40, 10))
    >>> y = X @ rng.choice([-1.0, 1.0], 10)
    >>> binary = PAR([-1.0, 0.0, 1.0], [-1.0, 1.0, -1.0, 1.0])
    >>> set(PARRegressor(alpha=0.5, penalty=binary).fit(X, y).coef_.tolist())
    {1.0, -1.0}
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        penalty: PAR | None = None,
        fit_intercept: bool = True,
        solver: Solver | str = "auto",
        tol: float = 1e-8,
        max_iter: int = 100_000,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.penalty = penalty
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def _check_parameters(self) -> None:
        super()._check_parameters()
        given_penalty(self.penalty)

    def _make_penalty(self, targets: Targets) -> PAR:
        return given_penalty(self.penalty)
