"""What each method is, by its formula in a loop, and the identities between methods."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, designs, solve
from parlin.solvers import ProximalGradient
from parlin.solvers.stochastic import (
    PARQ,
    AProx,
    BinaryRelax,
    Constant,
    InverseSqrt,
    LazyProx,
    ProxQuant,
    ProxSGD,
    StraightThrough,
    inverse_slope,
)
from tests.solvers.stochastic.cases import D, N, data, problem

FULL = N  # the batch of all rows
RIDGE = designs.ridge(0.5, 4).scaled(0.3)


def run(problem, solver, w0=None):
    """The coefficients after every epoch of a full-batch run."""
    found = []
    w0 = np.zeros(problem.size) if w0 is None else w0
    solve(
        problem,
        solver,
        w0=w0,
        tol=None,
        check_passes=1e-9,
        callback=lambda _, s, __: found.append(s.w.copy()),
    )
    return found


def iterates(problem, mapping, eta, count, w0=None):
    """``u⁺ = u − η_t ∇f(map_t(u))``, the maps from t = 0 on."""
    u = np.zeros(problem.size) if w0 is None else np.array(w0)
    found = [mapping(u, 0)]
    for t in range(1, count + 1):
        u = u - eta(t) * problem.loss.gradient(found[-1])
        found.append(mapping(u, t))
    return found


def nearest(problem):
    return lambda u, t: problem.penalty.nearest_level(u)


@pytest.mark.parametrize("penalty", [RIDGE, designs.sawtooth(0.5, 4).scaled(0.1)])
def test_prox_sgd_in_full_batch_is_proximal_gradient(penalty):
    p = problem(penalty)
    step = 0.9 / p.loss.lipschitz
    ours = run(p, ProxSGD(step, FULL, epochs=40))
    result = solve(p, ProximalGradient(step_size=step), w0=np.zeros(D), tol=None, max_iter=40)
    np.testing.assert_allclose(ours[-1], result.w, rtol=0, atol=1e-14)


@pytest.mark.parametrize("steps", [Constant(0.2), InverseSqrt(0.3)])
def test_aprox_is_its_formula_in_full_batch(steps):
    p = problem(RIDGE)

    def mapping(u, t):
        return p.penalty.prox(u, float(steps.total(t))) if t else u

    expected = iterates(p, mapping, steps.step, 30)
    np.testing.assert_allclose(run(p, AProx(steps, FULL, epochs=30)), expected, rtol=0, atol=1e-13)


def test_aprox_on_ridge_chords_is_soft_rounding_of_a_decayed_latent():
    """Theory 8.3 (ii): ``w = T_{1 + αγ}(u / (1 + αγ))``."""
    alpha = 0.3
    p = problem(designs.ridge(0.5, 4, bounded=True).scaled(alpha))
    levels = p.penalty.quantization_levels
    eta, u = 0.2, np.zeros(D)
    for t, w in enumerate(run(p, AProx(eta, FULL, epochs=30))):
        rho = 1 + alpha * eta * t
        z = u / rho
        cell = np.clip(np.searchsorted(levels, z), 1, levels.size - 1)
        low, high = levels[cell - 1], levels[cell]
        middle = 0.5 * (low + high)
        soft = np.clip(middle + rho * (z - middle), low, high)
        np.testing.assert_allclose(w, soft, rtol=0, atol=1e-14 * max(rho, 10))
        u = u - eta * p.loss.gradient(w)


def test_the_mean_of_aprox_is_the_mean_of_its_coefficients():
    p = problem(RIDGE)
    last = run(p, AProx(0.2, FULL, epochs=20))
    mean = run(p, AProx(0.2, FULL, epochs=20, average=True))
    np.testing.assert_allclose(mean[-1], np.mean(last[:-1], axis=0), rtol=0, atol=1e-14)
    # With a start outside every cell the first coefficients are the start itself.
    np.testing.assert_allclose(mean[1], last[0], rtol=0, atol=0)


def test_lazy_prox_and_straight_through_are_their_formulas():
    p = problem(designs.distance(0.5 * np.arange(-4, 5)).scaled(0.2))
    lazy = iterates(p, lambda u, t: p.penalty.prox(u, 0.7), lambda t: 0.1, 25)
    np.testing.assert_allclose(run(p, LazyProx(0.1, FULL, epochs=25, strength=0.7))[1:], lazy[1:], atol=1e-13)
    hard = iterates(p, nearest(p), lambda t: 0.1, 25)
    assert np.array_equal(run(p, StraightThrough(0.1, FULL, epochs=25))[1:], hard[1:])


def test_straight_through_is_lazy_prox_on_the_distance_at_half_the_widest_gap():
    """Theory 2.3: the prox of the distance is the nearest level, inside the outer ones."""
    levels = np.array([-8.0, -0.5, 0.25, 9.0])
    p = problem(designs.distance(levels))
    hard = run(p, StraightThrough(0.05, 16, epochs=10))
    lazy = run(p, LazyProx(0.05, 16, epochs=10, strength=0.5 * np.diff(levels).max()))
    assert np.array_equal(hard[1:], lazy[1:])


@pytest.mark.parametrize("levels", [(-1.0, 1.0), (-1.0, 0.0, 1.0)])
@pytest.mark.parametrize("kind", [StraightThrough, LazyProx])
def test_rounding_a_latent_vector_is_dual_averaging_over_all_vectors_of_levels(kind, levels):
    """[ProxQuant]: ``w_{t+1}`` minimises ``<Σ η g, w> + ‖w − u_0‖²/2`` over all of Q^6, every time."""
    X, y = data(seed=3, n=30, d=6)
    p = Problem(LeastSquares(X, y), designs.distance(levels))
    u0 = np.random.default_rng(4).standard_normal(6)
    every = np.array(list(itertools.product(levels, repeat=6)))
    summed, flips = np.zeros(6), 0
    options = {"strength": 2.0**10} if kind is LazyProx else {}  # far more than half the widest gap
    found = run(p, kind(2.0**-4, FULL, epochs=60, **options), u0)
    for w, after in itertools.pairwise([p.penalty.nearest_level(u0), *found[1:]]):
        summed = summed + 2.0**-4 * p.loss.gradient(w)
        heights = every @ summed + 0.5 * np.sum((every - u0) ** 2, axis=1)
        reached = after @ summed + 0.5 * np.sum((after - u0) ** 2)
        assert reached <= heights.min() + 1e-12
        flips += np.count_nonzero(after != w)
    assert flips > 5


@pytest.mark.parametrize("center", [0.2, 0.5, 0.8])
def test_parq_is_its_formula_and_ends_as_straight_through_bit_for_bit(center):
    p = problem(designs.chords([-1.0, -0.25, 0.5, 2.0]).scaled(0.1))
    solver = PARQ(0.1, FULL, epochs=30, warmup_epochs=4, hard_epochs=10, center=center)
    found = run(p, solver)
    levels = p.penalty.quantization_levels

    def mapping(u, t):
        if t < 4:
            return u
        inverse = inverse_slope((t - 4) / 16, 10.0, center)
        cell = np.clip(np.searchsorted(levels, u), 1, levels.size - 1)
        low, high = levels[cell - 1], levels[cell]
        middle = 0.5 * (low + high)
        if inverse == 0.0:
            return np.where(u < middle, low, high)
        return np.clip(middle + (u - middle) / inverse, low, high)

    u = np.zeros(D)
    for t in range(30):
        w = mapping(u, t)
        u = u - 0.1 * p.loss.gradient(w)
        # At the end of an epoch the map is that of its end.
        expected = mapping(u, t + 1) if t + 1 != 4 else u
        np.testing.assert_allclose(found[t + 1], expected, rtol=0, atol=1e-10)
    half = solve(p, solver, w0=np.zeros(D), tol=None, max_iter=20)
    rest = run(p, StraightThrough(0.1, FULL, epochs=10), half.state["latent"])
    assert np.array_equal(found[21:], rest[1:])


def test_binary_relax_blends_and_ends_on_levels():
    p = problem(designs.distance([-1.0, 0.0, 1.5]))
    found = run(p, BinaryRelax(0.1, FULL, epochs=20, hard_epochs=5))

    def mapping(u, t):
        blend = 1.0 - inverse_slope(t / 15)
        near = p.penalty.nearest_level(u)
        return near if blend == 1.0 else (1 - blend) * u + blend * near

    np.testing.assert_allclose(found[1:], iterates(p, mapping, lambda t: 0.1, 20)[1:], rtol=0, atol=1e-12)
    assert p.on_level(found[-1]).all() and not p.on_level(found[5]).all()


def test_prox_quant_takes_eager_steps_of_growing_strength_and_freezes():
    p = problem(designs.distance(0.5 * np.arange(-4, 5)))
    found = run(p, ProxQuant(0.1, FULL, epochs=20, rate=3.0, freeze=0.8))
    w = np.zeros(D)
    for t in range(1, 17):
        if t < 16:
            w = p.penalty.prox(w - 0.1 * p.loss.gradient(w), 0.1 * 3.0 * t / 20)
            np.testing.assert_allclose(found[t], w, rtol=0, atol=1e-13)
    # Nothing is left to move once all coefficients are frozen.
    assert len(found) == 17 and np.array_equal(found[-1], p.penalty.nearest_level(found[15]))


def test_prox_quant_freezes_zero_to_a_level_and_trains_what_is_not_penalised_on():
    """Their freezing takes the sign, which of 0 is 0 and no level (defect X3)."""
    X = np.zeros((4, 2))
    X[:, 1] = 1.0
    p = Problem(LeastSquares(X, np.full(4, 5.0)), designs.binary(), [1.0, 0.0])
    found = run(p, ProxQuant(0.25, 4, epochs=40, rate=0.0, freeze=0.5))
    assert np.sign(found[10][0]) == 0.0 and found[-1][0] == 1.0
    assert abs(found[-1][1] - 5.0) < abs(found[20][1] - 5.0) < 5.0


def test_after_the_schedule_nothing_of_it_is_left():
    """Defect D5: theirs goes on with a stale slope, and a weight decay that ends above 0."""
    p = problem(designs.chords([-1.0, -0.25, 0.5, 2.0]).scaled(0.1))
    solver = PARQ(0.1, FULL, epochs=12, hard_epochs=4)
    state = solver.init(p, np.zeros(D))
    for _ in range(8):
        state = solver.step(p, state)
    assert np.all(np.isinf(solver.amounts(state, np.ones(3), np.arange(4.0))))
    before, w = state.latent.copy(), state.w
    state = solver.step(p, state)
    np.testing.assert_allclose(state.latent, before - 0.1 * p.loss.gradient(w), rtol=0, atol=1e-15)


def test_the_prox_of_the_binary_penalty_at_zero_is_not_zero():
    """Defect X1: theirs takes the sign of 0, which is 0; the two minimisers are ±min(λ, 1)."""
    for strength in (0.25, 1.0, 3.0):
        theirs = np.sign(0.0) * min(strength, 1.0)
        ours = designs.binary().prox(np.zeros(1), strength)[0]
        assert abs(ours) == min(strength, 1.0) and theirs == 0.0

        def height(x, strength=strength):
            return 0.5 * x**2 + strength * min(abs(x - 1.0), abs(x + 1.0))

        assert height(ours) < height(theirs)


def test_an_eager_prox_of_adaptive_steps_is_no_proximal_step_in_their_metric():
    """Defect X4: with steps of their own per coordinate the prox must use them as well; ours has one step."""
    X, y = data(seed=5)
    p = Problem(LeastSquares(X, y), designs.lasso(0.5, 6).scaled(0.3))
    scale = np.geomspace(0.1, 1.0, D)  # what an adaptive method divides the step by
    step = 0.05
    best = solve(p).w
    gradient = p.loss.gradient(best)
    theirs = p.penalty.prox(best - step / scale * gradient, step)
    ours = p.penalty.prox(best - step * gradient, step)
    right = p.penalty.prox(best - step / scale * gradient, step / scale)
    np.testing.assert_allclose(ours, best, atol=1e-10)
    np.testing.assert_allclose(right, best, atol=1e-10)
    assert np.abs(theirs - best).max() > 1e-3


def test_proximal_steps_rest_at_a_level_as_the_theorem_says():
    """C15/noise: convex, inside α times the subdifferential; nonconvex, for short steps only."""
    convex = PAR([0.0], [-1.0, 1.0]).scaled(10.0)
    assert all(convex.prox(np.array([step * 9.0]), step)[0] == 0.0 for step in (1.0, 0.1, 0.01))
    sawtooth = designs.sawtooth(0.5, 16).scaled(10.0)
    moved = [sawtooth.prox(np.array([step * 9.0]), step)[0] != 0.0 for step in (1.0, 0.1, 0.01)]
    assert moved == [True, True, False]
