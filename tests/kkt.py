"""An independent reference for certificates: the definition, from raw arrays, in plain numpy.

Nothing of the library is used.  Sums are made in extended precision where the platform has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Raw:
    """Minimise ``Σ s_i (y_i − x_i'w − b)² / (2 Σ s_i) + Σ_j ω_j ψ(w_j)`` as nothing but arrays."""

    X: np.ndarray
    y: np.ndarray
    levels: np.ndarray
    slopes: np.ndarray
    intercept: bool = False
    sample_weight: np.ndarray | None = None
    penalty_weights: np.ndarray | None = None

    def residual(self, w, b=None):
        """``y − Xw − b`` and the normalised weights; the best b unless it is given."""
        X = np.asarray(self.X.toarray() if hasattr(self.X, "toarray") else self.X, dtype=np.longdouble)
        s = np.ones(len(X)) if self.sample_weight is None else np.asarray(self.sample_weight)
        s = np.asarray(s, dtype=np.longdouble) / np.sum(s, dtype=np.longdouble)
        r = np.asarray(self.y, dtype=np.longdouble) - X @ np.asarray(w, dtype=np.longdouble)
        if b is None:
            b = s @ r if self.intercept else 0.0
        return X, s, r - b

    def clarke(self, w):
        """The ends of the interval of slopes at each coordinate, one coordinate after the other."""
        ends = []
        for j, x in enumerate(w):
            k = int(np.sum(self.levels < x))
            on = k < len(self.levels) and self.levels[k] == x
            pair = (self.slopes[k], self.slopes[k + 1]) if on else (self.slopes[k], self.slopes[k])
            omega = 1.0 if self.penalty_weights is None else self.penalty_weights[j]
            ends.append((omega * min(pair), omega * max(pair)) if omega > 0 else (0.0, 0.0))
        return np.array(ends).T

    def descent(self, w, b=None):
        """``−∂_j f(w)``: the correlation of each column with the residual."""
        X, s, r = self.residual(w, b)
        return X.T @ (s * r)

    def distances(self, w, b=None):
        """How far each ``−∂_j f(w)`` is from the slopes allowed at ``w_j``."""
        low, high = self.clarke(w)
        g = self.descent(w, b)
        return np.maximum(np.maximum(low - g, g - high), 0.0).astype(np.float64)

    def norms(self):
        """``‖X_j‖`` about its mean if there is an intercept, and ``‖y‖`` likewise."""
        X, s, y = self.residual(np.zeros(np.shape(self.X)[1]))
        centred = X - s @ X if self.intercept else X
        norms, raw = (np.sqrt(s @ A**2).astype(np.float64) for A in (centred, X))
        # A constant column leaves nothing but rounding when it is centred.
        return np.where(norms > 1e-14 * raw, norms, 0.0), float(np.sqrt(s @ y**2))

    def violation(self, w, b=None):
        """The largest distance in units of ``‖X_j‖ ‖y‖``, which no gradient of f at 0 exceeds."""
        norms, size = self.norms()
        distances = self.distances(w, b)
        distances = np.where((norms == 0) & (distances <= 1e-14 * size), 0.0, distances)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.max(np.where(distances == 0.0, 0.0, distances / (norms * size))))

    def penalty(self, x):
        """ψ(x), with ψ = 0 at the point of its domain nearest to 0, by adding slope times width."""
        low = self.levels[0] if self.slopes[0] == -np.inf else -np.inf
        high = self.levels[-1] if self.slopes[-1] == np.inf else np.inf
        if not low <= x <= high:
            return np.inf
        origin = min(max(0.0, low), high)
        cuts = sorted({origin, x, *(b for b in self.levels if min(origin, x) < b < max(origin, x))})
        total = 0.0
        for left, right in pairwise(cuts):
            total += self.slopes[int(np.sum(self.levels <= left))] * (right - left)
        return total if x >= origin else -total

    def objective(self, w, b=None):
        """F(w) with the best intercept."""
        _, s, r = self.residual(w, b)
        omega = np.ones(len(w)) if self.penalty_weights is None else self.penalty_weights
        return float(s @ r**2) / 2 + sum(
            o * self.penalty(float(x)) for o, x in zip(omega, w, strict=True) if o > 0
        )

    def unquantized(self, w):
        """The penalised coordinates that equal no level, float for float."""
        omega = np.ones(len(w)) if self.penalty_weights is None else np.asarray(self.penalty_weights)
        return np.flatnonzero(~np.isin(w, self.levels) & (omega > 0))


# Written out so that the solution is known: the residual y − Xw is (1, −1, 1, 1), its products with
# the columns are (1, 3, −3, 4, −2), and ¼ of these are the slopes at 0, 1, −1, 3/2, −1/2: strictly
# inside their intervals at the levels, and the two free columns are independent, so it is unique.
FOUR_BY_FIVE = Raw(
    X=np.array([[2.0, 1, -1, 0, 1], [1, 0, 2, -1, 1], [0, 1, 0, 2, 0], [0, 1, 0, 1, -2]]),
    y=np.array([2.5, -5.0, 5.0, 4.5]),
    levels=np.array([-2.0, -1, 0, 1, 2]),
    slopes=np.array([-1.5, -1, -0.5, 0.5, 1, 1.5]),
)
SOLUTION = np.array([0.0, 1.0, -1.0, 1.5, -0.5])
MINIMUM = 2.75
