r"""Squared losses of models that are not linear in their weights, with a certificate of critical points.

The library's losses and its certificate know linear models alone.  Here the output is nonlinear in the
weights; criticality, strictness and the rank of the Jacobian are measured on the same penalties (`PAR`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.measure import certified_point
from parlin import PAR, LeastSquares, Problem

FloatArray = NDArray[np.float64]

# A symmetric matrix counts as positive definite, and a Jacobian as having full column rank, from this
# ratio of the smallest to the largest eigen- or singular value on: far above rounding, about 1e-15.
RANK_RATIO = 1e-8


class SquaredErrorLoss(ABC):
    r"""``f(w) = ‖output(w) − y‖² / (2n)`` for a vector w of weights."""

    @abstractmethod
    def residual(self, w: FloatArray) -> FloatArray:
        """``output(w) − y``, shape (n,)."""

    @abstractmethod
    def jacobian(self, w: FloatArray) -> FloatArray:
        """The derivatives of the outputs, shape (n, d)."""

    @abstractmethod
    def curvature(self, w: FloatArray, multipliers: FloatArray) -> FloatArray:
        """The Hessian of ``multipliers @ output(w)``, shape (d, d)."""

    @abstractmethod
    def value_and_gradient(self, w: FloatArray) -> tuple[float, FloatArray]:
        """f and its gradient in one pass, without the Jacobian."""

    def hessian(self, w: FloatArray) -> FloatArray:
        """The second derivatives of f, shape (d, d)."""
        residual, jacobian = self.residual(w), self.jacobian(w)
        return (jacobian.T @ jacobian + self.curvature(w, residual)) / residual.size


@dataclass(frozen=True)
class Activation:
    """An activation with its derivatives as functions of its value."""

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    bend: Callable[[FloatArray], FloatArray]


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda a: 1.0 - a * a, lambda a: -2.0 * a * (1.0 - a * a)),
    "identity": Activation(np.positive, np.ones_like, np.zeros_like),
}


class TwoLayerNetwork(SquaredErrorLoss):
    r"""The network ``x ↦ Σ_k v_k σ(x'W_k)`` with given output weights v, as a function of the first layer.

    The weights are the entries of W (p, h) row by row: weight ``j·h + k`` leads from input j to neuron k.

    Parameters
    ----------
    X : array of shape (n, p)
    y : array of shape (n,)
    output_weights : array of shape (h,)
        The output weights v.
    activation : {"tanh", "identity"}
        With "identity" the model is linear in W.
    """

    def __init__(
        self,
        X: FloatArray,
        y: FloatArray,
        output_weights: FloatArray,
        activation: Literal["tanh", "identity"] = "tanh",
    ) -> None:
        self.X, self.y, self.output_weights = X, y, output_weights
        self.activation = ACTIVATIONS[activation]
        self.shape = (X.shape[1], output_weights.size)

    def _activations(self, w: FloatArray) -> FloatArray:
        return self.activation.value(self.X @ w.reshape(self.shape))

    def residual(self, w: FloatArray) -> FloatArray:
        return self._activations(w) @ self.output_weights - self.y

    def jacobian(self, w: FloatArray) -> FloatArray:
        sensitivity = self.activation.slope(self._activations(w)) * self.output_weights
        return (self.X[:, :, None] * sensitivity[:, None, :]).reshape(self.y.size, w.size)

    def curvature(self, w: FloatArray, multipliers: FloatArray) -> FloatArray:
        bend = self.activation.bend(self._activations(w)) * self.output_weights * multipliers[:, None]
        within = np.einsum("ij,il,ik->kjl", self.X, self.X, bend)
        p, h = self.shape
        full = np.zeros((p, h, p, h))
        for k in range(h):  # two neurons have no common term
            full[:, k, :, k] = within[k]
        return full.reshape(w.size, w.size)

    def value_and_gradient(self, w: FloatArray) -> tuple[float, FloatArray]:
        activations = self._activations(w)
        residual = activations @ self.output_weights - self.y
        n = residual.size
        backward = self.activation.slope(activations) * self.output_weights * residual[:, None]
        return float(residual @ residual) / (2 * n), (self.X.T @ backward).ravel() / n

    def off_level_by_neuron(self, penalty: PAR, w: FloatArray) -> NDArray[np.intp]:
        """How many weights of each neuron equal no level, shape (h,)."""
        return np.count_nonzero(~penalty.on_level(w.reshape(self.shape)), axis=0)


def random_network(
    n: int,
    p: int,
    h: int,
    *,
    seed: int,
    entries: Literal["normal", "sign", "repeated"] = "normal",
    activation: Literal["tanh", "identity"] = "tanh",
) -> tuple[TwoLayerNetwork, FloatArray]:
    """A network with normal targets and output weights, and normal weights of the first layer.

    Its inputs are normal, or ±1, or normal with the first sample's inputs occurring twice.
    """
    rng = np.random.default_rng([n, p, h, seed])
    X = rng.choice([-1.0, 1.0], (n, p)) if entries == "sign" else rng.standard_normal((n, p))
    if entries == "repeated":
        X[1] = X[0]
    network = TwoLayerNetwork(X, rng.standard_normal(n), rng.standard_normal(h), activation)
    return network, rng.standard_normal(p * h)


def excess_over_cvxpy(network: TwoLayerNetwork, penalty: PAR, w: FloatArray) -> float:
    """The objective at `w` minus cvxpy's, relative, for a network that is linear in its weights."""
    problem = Problem(LeastSquares(network.jacobian(w), network.y), penalty)
    return certified_point.excess_over_cvxpy(problem, w)


@dataclass(frozen=True)
class Criticality:
    r"""What holds at one point, recomputed from the loss, the penalty and the point alone.

    Attributes
    ----------
    off_level : int
        The number u of weights that equal no level.
    relative_distance : float
        The largest distance of ``−∂_j f`` from the Clarke interval, relative to the smallest nonzero
        |slope|: 0 at a critical point.
    jacobian_rank : int
        The rank of ``J_U``, the Jacobian's columns of the off-level weights.
    smallest_eigenvalue : float
        The smallest eigenvalue of f's Hessian on the off-level weights; inf if there are none.
    strict : bool
        Whether second-order conditions make the critical point a strict local minimum: that Hessian is
        positive definite, and every weight on a level has ``−∂_j f`` strictly between the slopes to its
        left and to its right (so never on a concave kink).
    """

    off_level: int
    relative_distance: float
    jacobian_rank: int
    smallest_eigenvalue: float
    strict: bool

    @property
    def critical(self) -> bool:
        """Whether the point is critical up to 1e-8 of the smallest slope."""
        return self.relative_distance <= certified_point.TOLERANCE


def criticality(loss: SquaredErrorLoss, penalty: PAR, w: FloatArray) -> Criticality:
    """How critical the point `w` is, of ``f(w) + Σ_j ψ(w_j)``.

    Notes
    -----
    The gradient is ``J'r/n`` from the Jacobian, not the one that training uses.
    """
    residual, jacobian = loss.residual(w), loss.jacobian(w)
    gradient = jacobian.T @ residual / residual.size
    free = ~penalty.on_level(w)
    slopes = np.abs(penalty.slopes)
    slope = float(slopes[np.isfinite(slopes) & (slopes > 0)].min())
    left = penalty.slopes[np.searchsorted(penalty.levels, w[~free], side="left")]
    right = penalty.slopes[np.searchsorted(penalty.levels, w[~free], side="right")]
    # At a concave kink left > right, so that one of the two is negative whatever the gradient.
    room = np.minimum(-gradient[~free] - left, right + gradient[~free])
    smallest, definite = np.inf, True
    if free.any():
        spectrum = np.linalg.eigvalsh(loss.hessian(w)[np.ix_(free, free)])
        smallest, definite = float(spectrum[0]), bool(spectrum[0] > RANK_RATIO * np.abs(spectrum).max())
    return Criticality(
        off_level=int(np.count_nonzero(free)),
        relative_distance=float(np.max(penalty.distance(gradient, w))) / slope,
        jacobian_rank=int(np.linalg.matrix_rank(jacobian[:, free], rtol=RANK_RATIO)) if free.any() else 0,
        smallest_eigenvalue=smallest,
        strict=definite and bool(np.all(room > RANK_RATIO * slope)),
    )
