r"""The one `fit` of all estimators: data to problems, problems to certified coefficients."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from parlin._arguments import at_least_zero, flag, positive, whole
from parlin._cached import cached_property
from parlin._solve import Result, Status, solve
from parlin._threads import steady_blas
from parlin._types import FloatArray
from parlin.losses import LeastSquares
from parlin.losses.samples import positive_rows
from parlin.matrix import DesignMatrix
from parlin.penalty import PAR
from parlin.problem import Problem


@dataclass(frozen=True)
class Targets:
    """The data of one fit: a shared design and one column of targets per output."""

    design: DesignMatrix
    columns: FloatArray  # (n, number of outputs)

    @cached_property
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
        with steady_blas(design.X.size):
            penalty, results, others = self._solve(targets, starts)
            pairs = zip(targets.losses, results, strict=True)
            intercept = np.array([loss.intercept(result.w) for loss, result in pairs])
            # The certificates in place of the arrays that they are made of.
            results = [replace(result, _check=result.certificate) for result in results]
        coef = np.stack([result.w for result in results])
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
        else:  # of an earlier fit with a convex penalty
            self.__dict__.pop("dual_gap_", None)
        for name, value in others.items():
            setattr(self, name, value)
        return self

    def predict(self, X: ArrayLike) -> FloatArray:
        """The predictions ``X @ coef_ + intercept_``, shape (n,) or (n, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=(np.float64, np.float32), reset=False)
        return safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_

    # -- pieces of fit ----------------------------------------------------------------------------

    def _solve(
        self, targets: Targets, starts: list[FloatArray | None]
    ) -> tuple[PAR, list[Result], dict[str, Any]]:
        """The unit penalty, one result per output, and fitted attributes of the subclass's own."""
        penalty = self._make_penalty(targets)
        problems = self._problems(targets, penalty)
        return penalty, [self._solve_one(p, start) for p, start in zip(problems, starts, strict=True)], {}

    def _problems(self, targets: Targets, penalty: PAR) -> list[Problem]:
        """One problem per output, the strength inside its penalty."""
        strength = penalty.scaled(self.alpha)
        return [Problem(loss, strength) for loss in targets.losses]

    def _solve_one(self, problem: Problem, start: FloatArray | None) -> Result:
        return solve(problem, self.solver, w0=start, tol=self.tol, max_iter=self.max_iter)

    def _starts(self, n_outputs: int, n_features: int) -> list[FloatArray | None]:
        previous = getattr(self, "coef_", None) if self.warm_start else None
        if previous is None or np.atleast_2d(previous).shape != (n_outputs, n_features):
            return [None] * n_outputs
        results = self.result_ if isinstance(self.result_, list) else [self.result_]
        # A fit that failed seeds none.
        usable = [result.status.is_success or result.status is Status.MAX_ITER for result in results]
        pairs = zip(np.atleast_2d(previous), usable, strict=True)
        return [w if good and np.isfinite(w).all() else None for w, good in pairs]

    def _check_parameters(self) -> None:
        at_least_zero("alpha", self.alpha, remedy="alpha=0 is the unpenalised fit")
        positive("tol", self.tol, remedy="1e-8 is the default")
        whole("max_iter", self.max_iter, low=1)
        flag("fit_intercept", self.fit_intercept)
        flag("warm_start", self.warm_start)
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
