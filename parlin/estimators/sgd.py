r"""PARSGDRegressor: quantized linear regression by stochastic gradients, on data or on a stream of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from parlin._types import FloatArray
from parlin.estimators._stochastic import StochasticModel
from parlin.losses import LeastSquares
from parlin.penalty import PAR
from parlin.solvers.stochastic import StepSize


class PARSGDRegressor(RegressorMixin, StochasticModel):
    r"""Linear regression with a piecewise-affine penalty, by stochastic gradients.

    Minimises ``‖y − Xw − b‖² / (2n) + alpha · Σ_j ψ(w_j)`` as `PARRegressor` does, from batches of rows, and
    on streams that do not fit memory (`partial_fit`).  Where the data do fit, `PARRegressor` is faster and
    ends with a certified solution.  "aprox" ends near a solution of a convex problem and holds the levels
    that it has; "straight_through", and at the end of their schedules "parq", "binary_relax" and
    "prox_quant", have all coefficients on levels; "prox_sgd" and "lazy_prox" need do neither.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
    penalty : PAR or None
        ψ of unit strength.  None is ``designs.lasso(0.5, 7)``.
    method : str, default="aprox"
        "aprox", "prox_sgd", "lazy_prox", "straight_through", "parq", "binary_relax" or "prox_quant", the
        solvers of `parlin.solvers.stochastic`.  The last three have a schedule over `max_iter` epochs.
    learning_rate : "auto", "constant", "invscaling" or a schedule, default="auto"
        "auto" is a constant step that no batch diverges with; "constant" is `eta0`; "invscaling" is
        ``eta0 / t^power_t`` for batch t; or an object such as `parlin.solvers.stochastic.InverseSqrt`.
    eta0 : positive float, default=0.01
    power_t : float >= 0, default=0.25
    batch_size : int, default=256
        Rows a batch.  With as many rows or fewer every step is in full batch, hence not random.
    max_iter : int, default=100
        Epochs of `fit` at most.
    tol : positive float or None, default=1e-4
        `fit` ends where ``result_.certificate.residual <= tol``, which stochastic steps seldom reach, or with
        `early_stopping` where the validation score stops rising by `tol`.  None runs all epochs.
    fit_intercept : bool, default=True
        The intercept is one more coefficient, without penalty: centre columns that are far from 0.
    shuffle : bool, default=True
    average : bool, default=False
        For "aprox": the mean of the coefficients, which no longer are on levels.
    keep : {"last", "best"}, default="last"
        "best" keeps the epoch of `fit` with the lowest objective (the highest validation score with
        `early_stopping`).
    early_stopping : bool, default=False
        Leave out a part of the data, and stop when the score on it does not rise.
    validation_fraction : float in (0, 1), default=0.1
    n_iter_no_change : int, default=5
        Epochs without a better score before an early stop.
    warm_start : bool, default=False
        Begin with the coefficients of the last fit.
    random_state : int, RandomState or None
    verbose : int, default=0
        Above 0, one printed line an epoch.
    callback : callable(iteration, state, certificate) -> bool, optional
        Called after every epoch of `fit`; a true answer ends it.

    Attributes
    ----------
    coef_ : ndarray of shape (d,)
    intercept_ : float
    penalty_ : PAR
        ψ, of unit strength.
    levels_, codes_, quantization_rate_
        As for `PARRegressor`.
    result_ : Result
        Of `fit`, with the intercept as the last coefficient.  Not after `partial_fit`.
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        Batches so far.

    Notes
    -----
    A weight k of a row is the same as the row k times, in distribution: such rows are drawn k times.  A
    weight that is no whole number is rounded up to copies of equal weight.  Weights of more than 16 on
    average count in proportion only.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import PARSGDRegressor, designs
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((5000, 8))
    >>> y = X @ np.array([1.0, -0.5, 0.0, 0.0, 0.5, 0.0, 1.0, 0.0]) + 0.1 * rng.standard_normal(5000)
    >>> model = PARSGDRegressor(0.1, penalty=designs.sawtooth(0.5, 4), batch_size=8, random_state=0)
    >>> for rows in np.array_split(np.arange(5000), 20):
    ...     model = model.partial_fit(X[rows], y[rows])
    >>> model.coef_.tolist()
    [1.0, -0.5, 0.0, 0.0, 0.5, 0.0, 1.0, 0.0]
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        penalty: PAR | None = None,
        method: str = "aprox",
        learning_rate: Literal["auto", "constant", "invscaling"] | StepSize = "auto",
        eta0: float = 0.01,
        power_t: float = 0.25,
        batch_size: int = 256,
        max_iter: int = 100,
        tol: float | None = 1e-4,
        fit_intercept: bool = True,
        shuffle: bool = True,
        average: bool = False,
        keep: Literal["last", "best"] = "last",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        callback: Callable[..., bool | None] | None = None,
    ) -> None:
        self.alpha = alpha
        self.penalty = penalty
        self.method = method
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.shuffle = shuffle
        self.average = average
        self.keep = keep
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.callback = callback

    def predict(self, X: ArrayLike) -> FloatArray:
        """The predictions ``X @ coef_ + intercept_``, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), reset=False)
        return safe_sparse_dot(X, self.coef_, dense_output=True) + self.intercept_

    def _loss(self, X: Any, y: FloatArray, weights: FloatArray) -> LeastSquares:
        return LeastSquares(X, y, weights)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
