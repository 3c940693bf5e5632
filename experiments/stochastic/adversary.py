r"""Gradients and comparators that are sought to make the regret of AProx large.

Candidates are kept in stacks: of P candidates with T steps in dimension d, gradients have the shape
(P, T, d), comparators (P, d).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.measure.prox_by_enumeration import is_prox
from parlin import PAR, theory

FloatArray = NDArray[np.float64]
# Of the entries of drawn gradients, and of comparators.
LARGEST = 4.0
Strengths = Literal["sums", "steps"]
"""What the proximal map grows with: the sum of the step sizes, which is AProx, or the last one alone."""


@dataclass(frozen=True)
class Game:
    """A penalty, a start in its domain and step sizes; the adversary chooses the rest."""

    penalty: PAR
    start: FloatArray
    steps: FloatArray
    strengths: Strengths

    def points(self, gradients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The latent points ``u_1 … u_{T+1}`` and the points ``w_1 … w_{T+1}``, shape (…, T + 1, d)."""
        moved = -np.cumsum(self.steps[:, None] * gradients, axis=-2)
        latent = self.start + np.concatenate((np.zeros_like(moved[..., :1, :]), moved), axis=-2)
        points = latent.copy()
        for t, strength in enumerate(self.amounts()):
            points[..., t + 1, :] = self.penalty.prox(latent[..., t + 1, :], float(strength))
        return latent, points

    def amounts(self) -> FloatArray:
        """The strengths of the T proximal maps."""
        return np.cumsum(self.steps) if self.strengths == "sums" else self.steps

    def clip(self, comparators: FloatArray) -> FloatArray:
        """Comparators in the domain of the penalty, and of limited size."""
        return np.clip(np.clip(comparators, -LARGEST, LARGEST), *self.penalty.domain)

    def regret(self, gradients: FloatArray, comparators: FloatArray) -> FloatArray:
        """``Σ_t η_t [<g_t, w_t − v> + Ψ(w_{t+1}) − Ψ(v)]`` of every candidate."""
        _, points = self.points(gradients)
        ahead = np.sum(gradients * (points[..., :-1, :] - comparators[..., None, :]), axis=-1)
        values = self.penalty.value(points[..., 1:, :]).sum(axis=-1)
        against = self.penalty.value(comparators).sum(axis=-1)
        return np.sum(self.steps * (ahead + values - against[..., None]), axis=-1)

    def scale(self, gradients: FloatArray, comparators: FloatArray) -> FloatArray:
        """``‖v − u_1‖²/2 + Σ_t η_t² ‖g_t‖²/2``, of many candidates at once, for the search alone."""
        squares = np.sum(gradients**2, axis=-1)
        far = np.sum((comparators - self.start) ** 2, axis=-1)
        return 0.5 * far + 0.5 * np.sum(self.steps**2 * squares, axis=-1)


@dataclass(frozen=True)
class Play:
    """Gradients and a comparator in a game."""

    game: Game
    gradients: FloatArray
    comparator: FloatArray

    @property
    def regret(self) -> float:
        """The left-hand side of theory 8.1."""
        return float(self.game.regret(self.gradients, self.comparator))

    @property
    def bound(self) -> float:
        """What theory says that it is at most."""
        distance = float(np.linalg.norm(self.comparator - self.game.start))
        return theory.regret_bound(distance, self.game.steps, np.linalg.norm(self.gradients, axis=1))

    @property
    def kinks_met(self) -> int:
        """How many entries of ``w_2 … w_{T+1}`` are on levels, or in another cell than the one before."""
        _, points = self.game.points(self.gradients)
        levels = self.game.penalty.levels
        cells = np.searchsorted(levels, points, side="left") + np.searchsorted(levels, points, side="right")
        return int(np.sum((cells[1:] != cells[:-1]) | self.game.penalty.on_level(points[1:])))

    @property
    def certified(self) -> bool:
        """Whether every point is a prox value by enumeration."""
        latent, points = self.game.points(self.gradients)
        return all(
            bool(is_prox(self.game.penalty, latent[t + 1], float(strength), points[t + 1]).all())
            for t, strength in enumerate(self.game.amounts())
        )


def random_game(seed: int, n_steps: int, strengths: Strengths) -> Game:
    """Up to three coefficients, a convex PAR of two to six levels with or without a box, varied steps."""
    rng = np.random.default_rng([seed, n_steps])
    size, count = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    levels = np.sort(rng.uniform(-2, 2, count))
    slopes = np.sort(rng.uniform(-2, 2, count + 1))
    if seed % 2:
        slopes[0], slopes[-1] = -np.inf, np.inf
    penalty = PAR(levels, slopes)
    start = np.clip(rng.standard_normal(size), *penalty.domain)
    return Game(penalty, start, 0.3 * rng.uniform(0.2, 1.0, n_steps), strengths)


def draw(game: Game, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Random candidates; every other comparator is the last point itself, which is the best one."""
    gradients = rng.uniform(-LARGEST, LARGEST, (count, game.steps.size, game.start.size))
    comparators = game.clip(game.start + rng.standard_normal((count, game.start.size)))
    comparators[::2] = game.points(gradients[::2])[1][:, -1]
    return gradients, comparators


def drawn(game: Game, seed: int) -> Play:
    """Gradients and a comparator drawn blindly."""
    gradients, comparators = draw(game, 2, np.random.default_rng([seed, 7]))
    return Play(game, gradients[1], comparators[1])


def climbed(game: Game, seed: int, generations: int, litter: int = 40) -> Play:
    """Where hill climbing on the ratio of regret and bound ends: the best of changed copies survives.

    Gradients are drawn with entries of at most 4 and changed in steps of at most about 1, without a limit.
    """
    rng = np.random.default_rng([seed, 8])

    def ratios(gradients: FloatArray, comparators: FloatArray) -> FloatArray:
        return game.regret(gradients, comparators) / (game.scale(gradients, comparators) + 1e-12)

    gradients, comparators = draw(game, 5 * litter, rng)
    found = ratios(gradients, comparators)
    best = int(np.argmax(found))
    g, v, top, width = gradients[best], comparators[best], float(found[best]), 0.5
    for _ in range(generations):
        changes = width * rng.standard_normal((litter, *g.shape)) * rng.integers(0, 2, (litter, *g.shape))
        gradients = g + changes
        comparators = game.clip(v + width * rng.standard_normal((litter, v.size)))
        comparators[: litter // 2] = game.points(gradients[: litter // 2])[1][:, -1]
        found = ratios(gradients, comparators)
        best = int(np.argmax(found))
        if found[best] > top:
            g, v, top, width = gradients[best], comparators[best], float(found[best]), min(1.3 * width, 1.0)
        else:
            width = max(0.7 * width, 1e-4)
    return Play(game, g, v)
