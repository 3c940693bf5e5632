r"""Early stopping: whether the score on rows that were left out still rises."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.extmath import safe_sparse_dot

from parlin._types import FloatArray


class EarlyStopping:
    """Asked after every epoch; `best` are the coefficients of the best score so far, `stopped` tells the end.

    Parameters
    ----------
    X, y, weights : the rows that were left out
    tol : float
        A score counts as better if it is by more than this.
    patience : int
        Epochs without a better score before the end.
    """

    def __init__(self, X: Any, y: FloatArray, weights: FloatArray, tol: float, patience: int) -> None:
        self._data, self._tol, self._patience = (X, y, weights), tol, patience
        self._best_score, self._reference, self._waited = -np.inf, -np.inf, 0
        self.best: FloatArray | None = None
        self.stopped = False

    def is_over(self, w: FloatArray, has_intercept: bool) -> bool:
        """Whether the score has not risen for long, `w` being the coefficients, the intercept last."""
        X, y, weights = self._data
        coef, intercept = (w[:-1], w[-1]) if has_intercept else (w, 0.0)
        score = -np.inf
        if np.isfinite(w).all():
            predicted = safe_sparse_dot(X, coef, dense_output=True) + intercept
            score = -float(np.average((y - predicted) ** 2, weights=weights)) if y.size < 2 else float(
                r2_score(y, predicted, sample_weight=weights)
            )  # fmt: skip
        if self.best is None or score > self._best_score:
            self.best, self._best_score = w.copy(), score
        if score > self._reference + self._tol:
            self._reference, self._waited = score, 0
        else:
            self._waited += 1
        self.stopped = self._waited >= self._patience
        return self.stopped
