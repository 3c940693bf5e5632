r"""The one `fit` of all estimators: data to problems, problems to certified coefficients."""

from __future__ import annotations

import math
import warnings
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from parlin.loss import LeastSquares
from parlin.matrix import DesignMatrix
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.samples import positive_rows
from parlin.solve import Result, solve

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Targets:
    """The data of one fit: a shared design and one column of targets per output."""

    design: DesignMatrix
    columns: FloatArray  # (n, number of outputs)

    def losses(self) -> list[LeastSquares]:
        """One least-squares loss per output on the shared design."""
        return [LeastSquares(self.design, column) for column in self.columns.T]


class PARLinearModel(MultiOutputMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """Common part of the estimators; a subclass says which penalty the data and parameters mean."""

    @abstractmethod
    def _make_penalty(self, targets: Targets) -> PAR:
        """The penalty of unit strength; raises ValueError for parameters that cannot be right."""

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None):
        """Fit the model; every quantized coefficient equals a level float for float.

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
        y : array of shape (n,) or (n, k)
            Several outputs are fitted one by one on the shared design.
        sample_weight : array of shape (n,), optional
            Nonnegative; a weight k is the same as the row k times.

        Returns
        -------
        self : fitted estimator

        Raises
        ------
        ValueError
            For invalid data or parameters.

        Warns
        -----
        ConvergenceWarning
            When a solution is not certified to `tol`.
        """
        self._check_parameters()
        X, y = validate_data(
            self, X, y, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32),
            multi_output=True, y_numeric=True,
        )  # fmt: skip
        y = np.asarray(y, dtype=np.float64)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        X, kept, sample_weight = positive_rows(X, y, sample_weight)
        design = DesignMatrix(X, sample_weight, centre=self.fit_intercept)
        targets = Targets(design, kept.reshape(kept.shape[0], -1))

        starts = self._starts(targets.columns.shape[1], design.shape[1])
        penalty, results = self._solve(targets, starts)
        losses = targets.losses()
        coef = np.stack([result.w for result in results])
        intercept = np.array([loss.intercept(result.w) for loss, result in zip(losses, results, strict=True)])
        for result in results:
            self._warn_unless_certified(result)

        several = y.ndim == 2
        self.penalty_ = penalty
        self.levels_ = penalty.levels
        self.coef_ = coef if several else coef[0]
        self.intercept_ = intercept if several else float(intercept[0])
        self.codes_ = penalty.codes(self.coef_)
        self.quantization_rate_ = float(np.mean(self.codes_ >= 0))
        self.result_ = results if several else results[0]
        self.n_iter_ = max(1, *(result.n_iter for result in results))
        if penalty.shape == "convex":
            gaps = [result.certificate.gap for result in results]
            self.dual_gap_ = gaps if several else gaps[0]
        elif hasattr(self, "dual_gap_"):  # of an earlier fit with a convex penalty
            del self.dual_gap_
        return self

    def predict(self, X: ArrayLike) -> FloatArray:
        """The predictions ``X @ coef_ + intercept_``, shape (n,) or (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), reset=False)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_

    # -- pieces of fit ----------------------------------------------------------------------------

    def _solve(self, targets: Targets, starts: list[FloatArray | None]) -> tuple[PAR, list[Result]]:
        """The unit penalty and one result per output."""
        penalty = self._make_penalty(targets)
        strength = penalty.scaled(self.alpha)
        losses = targets.losses()
        problems = [Problem(loss, strength) for loss in losses]
        return penalty, [self._solve_one(p, start) for p, start in zip(problems, starts, strict=True)]

    def _solve_one(self, problem: Problem, start: FloatArray | None) -> Result:
        return solve(problem, self.solver, w0=start, tol=self.tol, max_iter=self.max_iter)

    def _starts(self, n_outputs: int, n_features: int) -> list[FloatArray | None]:
        previous = getattr(self, "coef_", None) if self.warm_start else None
        if previous is None or np.atleast_2d(previous).shape != (n_outputs, n_features):
            return [None] * n_outputs
        return list(np.atleast_2d(previous))

    def _check_parameters(self) -> None:
        check_number("alpha", self.alpha, low=0.0, remedy="alpha=0 is the unpenalised fit")
        check_number("tol", self.tol, low=0.0, strict=True, remedy="1e-8 is the default")
        check_integer("max_iter", self.max_iter, low=1)
        check_flag("fit_intercept", self.fit_intercept)
        check_flag("warm_start", self.warm_start)
        if self.solver != "auto" and isinstance(self.solver, str):
            raise ValueError(
                f"solver must be 'auto' or such as parlin.solvers.FISTA(), but is {self.solver!r}"
            )

    def _warn_unless_certified(self, result: Result) -> None:
        if result.status.is_success:
            return
        warnings.warn(
            f"{type(self).__name__} is not certified after {result.n_iter} iterations "
            f"({result.status.name}): {result.status.value}. The residual is "
            f"{result.certificate.residual:.2e}, tol = {self.tol:.2e}; both are relative to the largest "
            "gradient entry at zero coefficients. Standardising the columns of X may help too.",
            ConvergenceWarning,
            stacklevel=3,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def check_number(name: str, value: object, low: float, strict: bool = False, remedy: str = "") -> None:
    """Raise a ValueError or TypeError unless `value` is a finite real number above `low`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, but is {value!r}")
    if not math.isfinite(value) or value < low or (strict and value == low):
        relation = ">" if strict else ">="
        raise ValueError(
            f"{name} must be finite and {relation} {low:g}, but is {value!r}; {remedy}".rstrip("; ")
        )


def check_flag(name: str, value: object) -> None:
    """Raise a TypeError unless `value` is true or false."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, but is {value!r}")


def check_integer(name: str, value: object, low: int) -> None:
    """Raise a ValueError or TypeError unless `value` is a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, but is {value!r}")
    if value < low:
        raise ValueError(f"{name} must be >= {low}, but is {value!r}")
