r"""The fit of estimators by stochastic gradients: epochs over data, or a pass over a part of a stream."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, validate_data

from parlin._arguments import at_least_zero, flag, positive, whole
from parlin._solve import Status, solve
from parlin._threads import steady_blas
from parlin._types import FloatArray
from parlin.estimators._copies import copies
from parlin.estimators._early_stopping import EarlyStopping
from parlin.estimators._penalty import given_penalty
from parlin.losses import Loss
from parlin.problem import Problem
from parlin.solvers.stochastic import (
    PARQ,
    AProx,
    BinaryRelax,
    InversePower,
    LazyProx,
    ProxQuant,
    ProxSGD,
    StraightThrough,
)
from parlin.solvers.stochastic.base import StochasticSolver

METHODS: dict[str, type[StochasticSolver]] = {
    "aprox": AProx,
    "prox_sgd": ProxSGD,
    "lazy_prox": LazyProx,
    "straight_through": StraightThrough,
    "parq": PARQ,
    "binary_relax": BinaryRelax,
    "prox_quant": ProxQuant,
}
# These have a schedule over the epochs of a fit, which a stream does not have.
SCHEDULED = ("parq", "binary_relax", "prox_quant")
ROUNDING = ("straight_through", *SCHEDULED)
_DIVERGED = (
    "the coefficients diverge: the step size is too large for these data; use learning_rate='auto', a "
    "smaller eta0, or scale the columns of X"
)


def _has_no_schedule(model: StochasticModel) -> bool:
    if model.method in SCHEDULED:
        raise AttributeError(f"method={model.method!r} has a schedule over the epochs of fit, a stream none")
    return True


class StochasticModel(BaseEstimator, metaclass=ABCMeta):
    """Common part of the estimators by stochastic gradients; a subclass says which loss they minimise."""

    @abstractmethod
    def _loss(self, X: Any, y: FloatArray, weights: FloatArray) -> Loss:
        """The loss of these rows."""

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model in at most `max_iter` epochs.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
        y : array of shape (n,)
        sample_weight : array of shape (n,), optional
            Nonnegative.

        Returns
        -------
        self : fitted estimator

        Raises
        ------
        ValueError
            For invalid data or parameters, and where the steps diverge.

        Warns
        -----
        ConvergenceWarning
            When `tol` is met by neither the residual nor an early stop within `max_iter` epochs.
        """
        self._check_parameters()
        start = self._last_coefficients() if self.warm_start else None
        X, y, weights = self._validated(X, y, sample_weight, reset=True)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self._seed, watch = seed, None
        if self.early_stopping:
            kept = np.flatnonzero(weights)
            if kept.size < 2:
                raise ValueError("early_stopping=True needs two or more rows of positive weight")
            X, y, weights = X[kept], y[kept], weights[kept]
            parts = train_test_split(X, y, weights, test_size=self.validation_fraction, random_state=seed)
            X, held_X, y, held_y, weights, held_weights = parts
            watch = EarlyStopping(held_X, held_y, held_weights, self.tol or 0.0, self.n_iter_no_change)
        X, y, weights = copies(X, y, weights)
        problem = self._problem(X, y, weights)
        solver = self._solver(seed, self.max_iter)
        if start is None or start.size != problem.size:
            start = np.zeros(problem.size)
        tol = None if self.tol is None or self.early_stopping else self.tol
        result = solve(
            problem, solver, w0=start, tol=tol, max_iter=self.max_iter, check_passes=1e-9,
            callback=self._callback(watch),
        )  # fmt: skip
        if result.status is Status.NOT_FINITE:
            raise ValueError(_DIVERGED)
        w = result.w if watch is None or self.keep == "last" else watch.best
        self._set_coefficients(w)
        self.result_, self.n_iter_ = result, max(1, result.n_iter)
        self._saved, self.t_ = result.state, result.state["t"]
        if watch is not None and self.keep == "best":
            self._saved = None  # a stream goes on from these coefficients
        told = self.n_iter_ < self.max_iter  # by the early stop or the callback
        converged = result.status.is_success or (told and result.status is Status.COMPLETED)
        if self.tol is not None and not converged and self.method not in SCHEDULED:
            warnings.warn(
                f"{type(self).__name__} did not reach tol = {self.tol:.2e} in {self.n_iter_} epochs: the "
                f"residual is {result.certificate.residual:.2e}. Raise max_iter, let the step size fall "
                "(learning_rate=InverseSqrt(...)), or set tol=None, which runs all epochs and does not warn.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    @available_if(_has_no_schedule)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """One pass over more rows, which are not kept; parameters and errors as for `fit`.

        Rows of weight 0 change nothing, not even the count of batches; weights below 1 count in relation to
        the largest of their part.  A pickled model goes on bit for bit
        as the model itself would.  Not there for methods with a schedule.
        """
        self._check_parameters()
        first = not hasattr(self, "coef_")
        X, y, weights = self._validated(X, y, sample_weight, reset=first, zero_weights=True)
        if first:
            self._seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
            self._saved, self.t_ = None, 0
        elif self._fitted_with != self._fixed():
            raise ValueError(
                "alpha, penalty, method and fit_intercept cannot change along a stream; fit again, or use "
                "another model"
            )
        w = np.zeros(X.shape[1] + self.fit_intercept) if first else self._last_coefficients()
        if not weights.any():
            self._set_coefficients(w)
            return self
        X, y, weights = copies(X, y, weights)
        problem = self._problem(X, y, weights)
        solver = self._solver(self._seed, None)
        with steady_blas(X.size):
            state = solver.init(problem, w)
        if self._saved is not None:
            begun, state = state, solver.on_other_rows(problem, self._saved)
            if (state.total is None) == self.average:
                raise ValueError("average cannot change along a stream; fit again, or use another model")
            # Of automatic steps the least, with which no part of the stream diverges.
            steps = [begun.step_size, state.step_size] if self.learning_rate == "auto" else [begun.step_size]
            state.step_size = min(steps, key=lambda schedule: schedule.step(1))
        with steady_blas(X.size):
            state = solver.step(problem, state)
        if not np.isfinite(state.w).all():
            raise ValueError(_DIVERGED)
        self._set_coefficients(state.w)
        self._saved, self.t_, self.n_iter_ = state.saved(solver), state.t, 1
        self.__dict__.pop("result_", None)  # of an earlier fit
        return self

    # -- pieces of fit ----------------------------------------------------------------------------

    def _validated(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, reset: bool,
        zero_weights: bool = False,
    ) -> tuple[Any, FloatArray, FloatArray]:  # fmt: skip
        X, y = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), y_numeric=True,
            reset=reset,
        )  # fmt: skip
        # Some versions of scikit-learn refuse weights that are all zero, which a stream may have.
        nothing = zero_weights and sample_weight is not None and not np.asarray(sample_weight).any()
        weights = _check_sample_weight(
            None if nothing else sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if nothing:
            weights = np.zeros_like(weights)
        if sparse.issparse(X):
            X = X.tocsr()
        return X, np.asarray(y, dtype=np.float64), weights

    def _problem(self, X: Any, y: FloatArray, weights: FloatArray) -> Problem:
        """The problem with the intercept as one more coefficient, of penalty weight 0."""
        penalty_weights = None
        if self.fit_intercept:
            ones = np.ones((X.shape[0], 1))
            X = sparse.hstack((X, ones), format="csr") if sparse.issparse(X) else np.hstack((X, ones))
            penalty_weights = np.append(np.ones(X.shape[1] - 1), 0.0)
        return Problem(
            self._loss(X, y, weights), given_penalty(self.penalty).scaled(self.alpha), penalty_weights
        )

    def _solver(self, seed: int, epochs: int | None) -> StochasticSolver:
        step = self.learning_rate
        if step == "constant":
            step = self.eta0
        elif step == "invscaling":
            step = InversePower(self.eta0, self.power_t)
        options: dict[str, Any] = {"average": True} if self.average else {}
        kind = METHODS[self.method]
        solver = kind(step, self.batch_size, random_state=seed, shuffle=self.shuffle, **options)
        return replace(solver, epochs=epochs, keep=self.keep if epochs is not None else "last")

    def _callback(self, watch: EarlyStopping | None) -> Callable[..., bool] | None:
        if watch is None and self.callback is None and self.verbose <= 0:
            return None  # certificates that nobody asks for are not made

        def after_epoch(iteration: int, state: Any, certificate: Any) -> bool:
            if iteration == 0:
                return False
            if self.verbose > 0:
                print(
                    f"epoch {iteration}: objective {certificate.objective:.6g}, residual "
                    f"{certificate.residual:.2g}, quantized {certificate.on_level} of {certificate.size}"
                )
            stop = watch is not None and watch.is_over(state.w, self.fit_intercept)
            return bool(self.callback is not None and self.callback(iteration, state, certificate)) or stop

        return after_epoch

    def _set_coefficients(self, w: FloatArray) -> None:
        self._fitted_with = self._fixed()
        self.coef_ = w[:-1].copy() if self.fit_intercept else w.copy()
        self.intercept_ = float(w[-1]) if self.fit_intercept else 0.0
        self.penalty_ = given_penalty(self.penalty)
        self.levels_ = self.penalty_.levels
        self.codes_ = self.penalty_.codes(self.coef_)
        self.quantization_rate_ = float(np.mean(self.codes_ >= 0))

    def _fixed(self) -> tuple[object, ...]:
        """What a latent vector is about."""
        return self.alpha, given_penalty(self.penalty), self.method, self.fit_intercept

    def _last_coefficients(self) -> FloatArray | None:
        if not hasattr(self, "coef_"):
            return None
        return np.append(self.coef_, self.intercept_) if self._fitted_with[-1] else self.coef_.copy()

    def _check_parameters(self) -> None:
        at_least_zero("alpha", self.alpha, remedy="alpha=0 is the unpenalised fit")
        given_penalty(self.penalty)
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, but is {self.method!r}")
        rates = ("auto", "constant", "invscaling")
        rate = self.learning_rate
        if not (rate in rates if isinstance(rate, str) else callable(getattr(rate, "step", None))):
            raise ValueError(
                f"learning_rate must be a schedule or one of {', '.join(rates)}, but is "
                f"{self.learning_rate!r}; a constant step is eta0"
            )
        positive("eta0", self.eta0)
        at_least_zero("power_t", self.power_t)
        if self.alpha == 0 and self.method in ROUNDING:
            raise ValueError(
                f"alpha=0 leaves no penalty for method={self.method!r} to take levels from; use any alpha > 0"
            )
        whole("batch_size", self.batch_size, low=1)
        whole("max_iter", self.max_iter, low=1)
        whole("n_iter_no_change", self.n_iter_no_change, low=1)
        whole("verbose", self.verbose, low=0)
        if not (self.callback is None or callable(self.callback)):
            raise TypeError(f"callback must be a function or None, but is {self.callback!r}")
        if self.tol is not None:
            positive("tol", self.tol, remedy="None runs max_iter epochs")
        for name in ("fit_intercept", "shuffle", "average", "early_stopping", "warm_start"):
            flag(name, getattr(self, name))
        if self.average and self.method != "aprox":
            raise ValueError("average=True is for method='aprox' alone")
        if self.early_stopping and self.method in SCHEDULED:
            raise ValueError(f"early_stopping=True would cut off the schedule of method={self.method!r}")
        if self.keep not in ("last", "best"):
            raise ValueError(f"keep must be 'last' or 'best', but is {self.keep!r}")
        if not 0.0 < positive("validation_fraction", self.validation_fraction) < 1.0:
            raise ValueError(f"validation_fraction must lie in (0, 1), but is {self.validation_fraction!r}")
