"""The mathematics as functions: each takes what is to be tested and fails with what broke.

The reference here is exact: `Exact` reads the floats of a penalty as rationals and decides in
rational arithmetic, so that no tolerance is spent on the reference.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin import PAR, Problem

FloatArray = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
# How many roundings a formula of a few operations may lose.
FEW = 4


class Loss(Protocol):
    def value(self, w: ArrayLike) -> float: ...
    def gradient(self, w: ArrayLike) -> FloatArray: ...


class Exact:
    """A PAR in rational numbers, up to its additive constant: ψ = 0 at the first level (at 0 if none)."""

    def __init__(self, par: PAR) -> None:
        self.levels = [Fraction(b) for b in par.levels.tolist()]
        self.slopes = [Fraction(s) if np.isfinite(s) else None for s in par.slopes.tolist()]
        self.values = [Fraction(0)]
        for k in range(1, len(self.levels)):
            self.values.append(self.values[-1] + self.slopes[k] * (self.levels[k] - self.levels[k - 1]))

    def value(self, x: Fraction) -> Fraction | None:
        """ψ(x); None outside the domain."""
        k = bisect_left(self.levels, x)
        if k < len(self.levels) and self.levels[k] == x:
            return self.values[k]
        return self._on_cell(k, x)

    def _on_cell(self, k: int, x: Fraction) -> Fraction | None:
        slope = self.slopes[k]
        if slope is None:
            return None
        if not self.levels:
            return slope * x
        anchor = max(k - 1, 0)
        return self.values[anchor] + slope * (x - self.levels[anchor])

    def minimisers(self, v: float, step: float) -> tuple[Fraction, list[Fraction]]:
        """The minimum of ½(x − v)² + step ψ(x), and every x that attains it, in increasing order."""
        v, step = Fraction(v), Fraction(step)
        candidates = {b: p for b, p in zip(self.levels, self.values, strict=False)}
        for k, slope in enumerate(self.slopes):
            if slope is not None:
                x = v - step * slope
                inside = (k == 0 or x > self.levels[k - 1]) and (k == len(self.levels) or x < self.levels[k])
                if inside:
                    candidates[x] = self._on_cell(k, x)
        heights = {x: (x - v) ** 2 / 2 + step * p for x, p in candidates.items()}
        least = min(heights.values())
        return least, sorted(x for x, height in heights.items() if height == least)

    def excess(self, v: float, step: float, x: float) -> tuple[float, float, list[Fraction]]:
        """How far x is above the minimum, how far from the nearest minimiser, and all minimisers."""
        least, best = self.minimisers(v, step)
        exact = Fraction(x)
        height = self.value(exact)
        if height is None:
            return np.inf, np.inf, best
        above = (exact - Fraction(v)) ** 2 / 2 + Fraction(step) * height - least
        return float(above), float(min(abs(exact - b) for b in best)), best


def value_by_definition(par: PAR, x: ArrayLike) -> FloatArray:
    """ψ as the sum of slope × length over the cells between the origin and x; ψ(origin) = 0."""
    x = np.asarray(x, dtype=np.float64)[..., None]
    low, high = par.domain
    origin = min(max(0.0, low), high)
    edges = np.concatenate(([-np.inf], par.levels, [np.inf]))
    lengths = np.clip(x, edges[:-1], edges[1:]) - np.clip(origin, edges[:-1], edges[1:])
    finite = np.isfinite(par.slopes)
    total = (lengths[..., finite] * par.slopes[finite]).sum(axis=-1)
    return np.where(np.all((lengths == 0) | finite, axis=-1), total, np.inf)


# -- the proximal map -------------------------------------------------------------------------------


def prox_minimises(par: PAR, v: ArrayLike, step: float | ArrayLike, x: ArrayLike) -> None:
    """Each x minimises ½(x − v)² + step ψ(x), as well as if v had been off by a few roundings.

    The excess is measured relative to ``(|v| + |x| + step |s|) |x − x*|``, s the steepest slope between x
    and the minimiser x*: moving v by δ changes the difference of the objective at x and x* by δ |x − x*|,
    and v − step s itself cannot be stored better than to a rounding of the bracket.  This is stricter
    than any multiple of the objective: at x = x* no excess at all is allowed.
    """
    exact = Exact(par)
    v, step, x = (a.ravel() for a in np.broadcast_arrays(v, step, x))
    for vi, gamma, xi in zip(v.tolist(), step.tolist(), x.tolist(), strict=True):
        above, away, best = exact.excess(vi, gamma, xi)
        if above == 0.0:
            continue
        nearest = float(min(best, key=lambda b, xi=xi: abs(b - Fraction(xi))))
        size = abs(vi) + abs(xi) + gamma * _steepest_between(par, xi, nearest)
        bound = FEW * EPS * size * away
        assert above <= bound, (
            f"{par!r}: x = {xi!r} at v = {vi!r}, step = {gamma!r} is {above:.3g} above {best}"
        )


def _steepest_between(par: PAR, x: float, y: float) -> float:
    """The steepest finite slope of the cells that the open interval between x and y meets."""
    low, high = min(x, y), max(x, y)
    first = np.searchsorted(par.levels, low, side="right")
    slopes = par.slopes[first : np.searchsorted(par.levels, high, side="left") + 1]
    return float(np.max(np.abs(slopes[np.isfinite(slopes)]), initial=0.0))


def prox_lands_on_levels(par: PAR, v: ArrayLike, step: float, x: ArrayLike) -> None:
    """Where the minimiser is a level, and stays it when v moves by a few roundings, x is that very float.

    And no x is a level with a concave kink, where no minimiser can be.
    """
    exact = Exact(par)
    floats = dict(zip(exact.levels, par.levels.tolist(), strict=True))
    for vi, xi in zip(np.ravel(v).tolist(), np.ravel(x).tolist(), strict=True):
        _, best = exact.minimisers(vi, step)
        if len(best) == 1 and best[0] in floats:
            level = floats[best[0]]
            around = [abs(float(side)) for side in par.subdifferential(level) if np.isfinite(side)]
            slack = FEW * EPS * (abs(vi) + abs(level) + step * max(around, default=0.0))
            near = [exact.minimisers(vi + side * slack, step)[1] for side in (-1, 1)]
            if near == [best, best]:
                assert xi == level, f"{par!r}: prox({vi!r}, {step!r}) = {xi!r}, not the level {level!r}"
        concave = set(par.levels.tolist()) - set(par.quantization_levels.tolist())
        assert xi not in concave, f"{par!r}: prox({vi!r}, {step!r}) = {xi!r} is a concave kink"


def monotone(v: ArrayLike, x: ArrayLike) -> None:
    """The larger argument never has the smaller value."""
    order = np.argsort(v, kind="stable")
    fall = np.flatnonzero(np.diff(np.asarray(x)[order]) < 0)
    assert fall.size == 0, f"falls after v = {np.asarray(v)[order][fall]}"


def firmly_nonexpansive(v: ArrayLike, x: ArrayLike) -> None:
    """For a convex penalty: (x_i − x_j)² <= (v_i − v_j)(x_i − x_j), up to the rounding of v and x."""
    dv, dx = np.subtract.outer(v, v), np.subtract.outer(x, x)
    size = np.add.outer(np.abs(v), np.abs(v)) + np.add.outer(np.abs(x), np.abs(x))
    assert np.all(dx * (dx - dv) <= FEW * EPS * size * np.abs(dx))


def prox_is_critical(par: PAR, v: ArrayLike, step: float, x: ArrayLike) -> None:
    """(v − x)/step lies in the Clarke subdifferential at x, up to the rounding of v, x and step × slope."""
    v, x = np.asarray(v, dtype=np.float64), np.asarray(x, dtype=np.float64)
    low, high = (step * side for side in par.subdifferential(x))
    steep = np.where(np.isfinite(low), np.abs(low), 0) + np.where(np.isfinite(high), np.abs(high), 0)
    slack = FEW * EPS * (np.abs(v) + np.abs(x) + steep)
    bad = (v - x < low - slack) | (v - x > high + slack)
    assert not bad.any(), f"{par!r}: not critical at v = {v[bad]}, step = {step!r}"


def conjugate_par(par: PAR) -> PAR:
    """The conjugate of a convex PAR: levels and slopes trade places, and infinite slopes fall away."""
    left = [-np.inf] if np.isfinite(par.slopes[0]) else []
    right = [np.inf] if np.isfinite(par.slopes[-1]) else []
    finite = par.slopes[np.isfinite(par.slopes)]
    return PAR(finite, np.concatenate((left, par.levels, right)))


def moreau(par: PAR, v: ArrayLike, step: float) -> None:
    """Convex: v = prox_{step ψ}(v) + step prox_{ψ*/step}(v/step)."""
    v = np.asarray(v, dtype=np.float64)
    primal, dual = par.prox(v, step), step * conjugate_par(par).prox(v / step, 1 / step)
    size = np.abs(v) + np.abs(primal) + np.abs(dual)
    assert np.all(np.abs(v - primal - dual) <= FEW * EPS * size), f"{par!r}, step = {step!r}"


# -- convex analysis --------------------------------------------------------------------------------


def fenchel_young(par: PAR, w: ArrayLike, p: ArrayLike) -> None:
    """ψ(w) + ψ*(p) >= p w, with equality where p is a subgradient of a convex ψ at w."""
    w, p = np.asarray(w, dtype=np.float64)[:, None], np.asarray(p, dtype=np.float64)
    value, conjugate = par.value(w), par.conjugate(p)
    gap = value + conjugate - p * w
    finite = np.isfinite(value) & np.isfinite(conjugate)
    with np.errstate(invalid="ignore"):
        size = np.where(finite, np.abs(value) + np.abs(conjugate) + np.abs(p * w), 0.0)
    slack = FEW * EPS * (par.levels.size + 1) * np.max(size)
    assert np.all(gap >= -slack), f"{par!r}: negative by {np.min(gap)}"
    if par.shape == "convex":
        low, high = par.subdifferential(w)
        touching = (low <= p) & (p <= high) & finite
        assert np.all(gap[touching] <= slack), f"{par!r}: not tight at a subgradient"
    terms = par.fenchel_young(w, p)
    assert np.all(np.isfinite(terms) == finite)
    assert np.all(np.abs(terms[finite] - gap[finite]) <= slack), (
        f"{par!r}: the summed terms differ from the gap"
    )
    assert np.all(terms >= -slack)


def subgradient(par: PAR, w: ArrayLike, u: ArrayLike) -> None:
    """Convex: ψ(u) >= ψ(w) + g (u − w) for both ends g of the interval at w."""
    w, u = np.asarray(w, dtype=np.float64)[:, None], np.asarray(u, dtype=np.float64)
    inside = np.isfinite(par.value(w))
    at_w, at_u = np.where(inside, par.value(w), 0.0), par.value(u)
    for g in par.subdifferential(w):
        usable = np.isfinite(g) & inside
        rise = np.where(usable, g, 0.0) * (u - w)
        slack = FEW * EPS * (par.levels.size + 1) * (np.abs(at_w) + np.abs(rise))
        assert np.all((at_u >= at_w + rise - slack) | ~usable), f"{par!r}"


# -- losses and problems ----------------------------------------------------------------------------


def gradient_by_differences(loss: Loss, w: ArrayLike, length: float = 1e-3) -> None:
    """The gradient of a quadratic loss is its central difference, whatever the length, up to rounding."""
    w = np.asarray(w, dtype=np.float64)
    gradient = loss.gradient(w)
    for j, move in enumerate(length * np.eye(w.size)):
        ahead, behind = loss.value(w + move), loss.value(w - move)
        slack = 100 * EPS * (ahead + behind) / length
        assert abs((ahead - behind) / (2 * length) - gradient[j]) <= slack, f"coordinate {j}"


def descent(problem: Problem, w: FloatArray, step: float, lipschitz: float) -> None:
    """A proximal-gradient step lowers F by at least (1/(2 step) − L/2) ‖w⁺ − w‖², up to rounding."""
    after = problem.prox(w - step * problem.loss.gradient(w), step)
    before, later = problem.objective(w), problem.objective(after)
    promised = (0.5 / step - 0.5 * lipschitz) * float((after - w) @ (after - w))
    slack = 100 * EPS * (abs(before) + abs(later))
    assert later <= before - promised + slack, f"F went from {before!r} to {later!r}"
