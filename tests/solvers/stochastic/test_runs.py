"""Runs of stochastic solvers: seeds, resuming, the best iterate, schedules that end, and bad input."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from parlin import LeastSquares, Problem, Status, certify, designs, quantizers, solve
from parlin.solvers import FISTA
from parlin.solvers.stochastic import (
    PARQ,
    AProx,
    BinaryRelax,
    InverseSqrt,
    ProxQuant,
    ProxSGD,
    StraightThrough,
)
from tests.solvers.stochastic.cases import SOLVERS, STORED, D, N, problem

each_solver = pytest.mark.parametrize("name", SOLVERS)


@each_solver
@pytest.mark.parametrize("stored", ["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_seed_gives_the_same_bits_and_another_one_others(name, stored, weighted):
    p = problem(stored=STORED[stored], weighted=weighted)
    results = [solve(p, SOLVERS[name], tol=None) for _ in range(2)]
    assert np.array_equal(results[0].w, results[1].w)
    assert results[0].status is Status.COMPLETED and results[0].n_iter >= 5
    latents = [
        solve(p, replace(SOLVERS[name], random_state=seed), tol=None, max_iter=2).state["latent"]
        for seed in (0, 1)
    ]
    assert not np.array_equal(*latents)


@each_solver
def test_storage_changes_rounding_only(name):
    found = [
        solve(problem(stored=STORED[s]), SOLVERS[name], tol=None, max_iter=2).w
        for s in STORED
        if s != "float32"
    ]
    for w in found[1:]:
        np.testing.assert_allclose(w, found[0], rtol=0, atol=1e-10)


@each_solver
def test_sample_weights_of_one_and_any_unit_change_nothing(name):
    plain = solve(problem(), SOLVERS[name], tol=None).w
    heavy = solve(problem(sample_weight=np.full(N, 8.0)), SOLVERS[name], tol=None).w
    np.testing.assert_allclose(heavy, plain, rtol=0, atol=1e-12)


@each_solver
@pytest.mark.parametrize("split", [1, 3, 5])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(name, split):
    p, solver = problem(weighted=True), SOLVERS[name]
    whole = solve(p, solver, tol=None)
    first = solve(p, solver, tol=None, max_iter=split)
    assert first.status is Status.COMPLETED
    saved = pickle.loads(pickle.dumps(first.state))
    rest = solve(p, solver, tol=None, state=saved)
    assert np.array_equal(rest.w, whole.w)
    assert rest.passes == whole.passes and rest.penalty == whole.penalty
    # The state is the earlier run's own, whatever the later one does.
    again = solve(p, solver, tol=None, state=first.state)
    assert np.array_equal(again.w, whole.w)


@each_solver
def test_a_run_that_is_through_stays_where_it_is(name):
    p, solver = problem(), SOLVERS[name]
    whole = solve(p, solver)
    after = solve(p, solver, state=whole.state)
    assert np.array_equal(after.w, whole.w) and after.n_iter == whole.n_iter
    assert after.status is whole.status is Status.COMPLETED


@each_solver
def test_threads_do_not_disturb_each_other(name):
    p, solver = problem(), SOLVERS[name]
    expected, found = solve(p, solver, tol=None).w, []
    threads = [threading.Thread(target=lambda: found.append(solve(p, solver, tol=None).w)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(w, expected) for w in found)


@each_solver
def test_results_are_certified_as_any_other_point(name):
    p = problem()
    result = solve(p, SOLVERS[name], tol=None)
    own = p.with_penalty(result.penalty)
    assert result.certificate == certify(own, result.w)
    assert (result.penalty == p.penalty) == ("found anew" not in name)


def test_the_best_iterate_is_the_best_of_those_checked():
    p = problem()
    seen = []
    solver = StraightThrough(0.5, 16, epochs=30, keep="best")
    result = solve(p, solver, tol=None, callback=lambda _, s, c: seen.append((c.objective, s.w.copy())))
    best, w = min(seen[1:], key=lambda entry: entry[0])
    assert len(seen) == 31 and result.certificate.objective == best
    assert np.array_equal(result.w, w)
    last = solve(p, replace(solver, keep="last"), tol=None)
    assert last.certificate.objective > best
    # A resumed run remembers the best one of before.
    half = solve(p, solver, tol=None, max_iter=15)
    rest = solve(p, solver, tol=None, state=half.state)
    assert rest.certificate.objective == best


@pytest.mark.parametrize("name", ["PARQ", "BinaryRelax", "ProxQuant", "StraightThrough"])
def test_the_best_iterate_of_a_method_that_rounds_is_on_levels_whatever_the_start(name):
    p = problem(designs.distance(0.5 * np.arange(-4, 5)).scaled(1e-3))
    free = np.linalg.lstsq(p.loss.design.X, p.loss.y, rcond=None)[0]
    assert p.objective(free) < p.objective(p.penalty.nearest_level(free))
    result = solve(p, replace(SOLVERS[name], keep="best"), w0=free, tol=None)
    assert p.on_level(result.w).all()


def test_a_run_may_converge_before_its_epochs_are_through():
    p = problem(designs.ridge(0.5, 4).scaled(0.3))
    result = solve(p, ProxSGD(0.9 / p.loss.lipschitz, N, epochs=5000), tol=1e-6)
    assert result.status is Status.CONVERGED and result.n_iter < 5000
    endless = solve(p, AProx(0.1, 16, epochs=None), max_iter=7)
    assert endless.status is Status.MAX_ITER and endless.n_iter == 7


def test_levels_found_anew_are_those_of_the_latent_vector_and_in_force():
    X = np.random.default_rng(0).standard_normal((60, 30))
    loss = LeastSquares(X, X @ np.repeat([-1.3, 0.2, 0.9], 10))
    p = Problem(loss, designs.distance([0.0, 1.0]).scaled(0.01))
    solver = PARQ(0.02, 20, epochs=60, quantizer=lambda v: quantizers.optimal_levels(v, 3))
    result = solve(p, solver, tol=None)
    levels = result.penalty.quantization_levels
    before = solve(p, solver, tol=None, max_iter=59).state["latent"]
    assert np.array_equal(levels, quantizers.optimal_levels(before, 3)) and np.isin(result.w, levels).all()
    assert result.penalty == designs.distance(levels, 0.01)


def test_unpenalised_coefficients_are_never_rounded():
    p = problem(weighted=True)
    for name, solver in SOLVERS.items():
        w = solve(p, solver, tol=None).w
        assert not p.penalty.on_level(w[p.unpenalised]).any(), name


def test_the_least_strength_at_which_rounded_coefficients_are_critical_is_the_largest_gradient():
    p = problem(designs.distance(0.5 * np.arange(-4, 5)))
    w = solve(p, StraightThrough(0.05, 16, keep="best"), tol=None).w
    least = p.critical_strength(w)
    assert least == np.abs(p.loss.gradient(w)).max()
    assert certify(p.with_penalty(p.penalty.scaled(least * (1 + 1e-9))), w).residual == 0.0
    assert certify(p.with_penalty(p.penalty.scaled(least * 0.9)), w).residual > 1e-3


def test_the_critical_strength_at_the_start_is_the_largest_strength():
    for penalty in (designs.ridge(0.5, 4), designs.lasso(0.25, 4), designs.integers(-1, 2)):
        p = problem(penalty)
        assert p.critical_strength(p.start()) == pytest.approx(p.strength_max(), rel=1e-14)
    p = problem(designs.ridge(0.5, 4))
    assert p.critical_strength(np.full(D, 0.3)) == np.inf


@pytest.mark.parametrize("check_passes", [None, 1.0, 3.0, 5.0])
@pytest.mark.parametrize("split", [1, 4, 7])
def test_where_a_run_was_stopped_does_not_show_whenever_points_are_checked(check_passes, split):
    p = problem()
    for seed in range(6):
        for solver in (
            StraightThrough(0.5, 16, epochs=9, keep="best", random_state=seed),
            PARQ(0.5, 16, epochs=9, hard_epochs=6, keep="best", random_state=seed, quantizer=three_levels),
        ):
            options = {"tol": None, "check_passes": check_passes}
            whole = solve(p, solver, **options)
            first = solve(p, solver, max_iter=split, **options)
            rest = solve(p, solver, state=first.state, **options)
            assert np.array_equal(rest.w, whole.w) and rest.penalty == whole.penalty
            assert (rest.n_iter, rest.passes) == (whole.n_iter, whole.passes)
    convex = problem(designs.ridge(0.5, 4).scaled(0.3))
    solver = ProxSGD(0.5 / convex.loss.lipschitz, N, epochs=None)
    whole = solve(convex, solver, tol=1e-4, check_passes=check_passes)
    first = solve(convex, solver, tol=1e-4, check_passes=check_passes, max_iter=split)
    rest = solve(convex, solver, tol=1e-4, check_passes=check_passes, state=first.state)
    assert np.array_equal(rest.w, whole.w) and rest.n_iter == whole.n_iter


def three_levels(values):
    return quantizers.optimal_levels(values, 3)


def test_a_state_fits_the_same_run_in_another_process_and_longer_runs_without_a_schedule():
    """What a state is compared with names callables, and has no address in it."""
    solver = PARQ(0.1, quantizer=three_levels)
    assert "three_levels" in solver.identity() and "0x" not in solver.identity()
    assert "lambda" in PARQ(quantizer=lambda v: v).identity()
    p = problem()
    state = solve(p, AProx(0.1, 16, epochs=3), tol=None).state
    longer = solve(p, AProx(0.1, 16, epochs=6), tol=None, state=state)
    assert np.array_equal(longer.w, solve(p, AProx(0.1, 16, epochs=6), tol=None).w)
    with pytest.raises(ValueError, match="with the solver"):
        solve(p, replace(solver, epochs=50), state=solve(p, solver, max_iter=2).state)
    with pytest.raises(ValueError, match="the state lacks"):
        solve(p, AProx(0.1, 16, epochs=6), state={k: v for k, v in state.items() if k != "latent"})


def test_the_best_iterate_is_compared_without_the_constant_of_its_penalty():
    X = np.random.default_rng(1).standard_normal((200, 4))
    calls = []

    def quantizer(values):
        calls.append(0)
        return np.array([3.0, 4.0]) if len(calls) == 9 else np.array([0.8, 1.0, 1.2])

    p = Problem(LeastSquares(X, X @ [1.0, 1.2, 0.8, 1.1]), designs.distance([0.8, 1.0, 1.2]).scaled(20.0))
    solver = PARQ(0.1, 50, epochs=12, hard_epochs=6, keep="best", quantizer=quantizer)
    result = solve(p, solver, tol=None)
    assert p.loss.value(result.w) < 0.1 and np.isin(result.w, result.penalty.levels).all()


def test_a_quantizer_may_change_what_it_is_given_and_is_not_asked_of_infinities():
    def sorting(values):
        values.sort()
        return quantizers.optimal_levels(values, 3)

    p = problem()
    found = [solve(p, PARQ(0.03, 16, epochs=6, quantizer=q), tol=None).w for q in (three_levels, sorting)]
    assert np.array_equal(*found)
    assert solve(p, PARQ(1e200, 16, epochs=6, quantizer=three_levels)).status is Status.NOT_FINITE
    free = problem().with_penalty(p.penalty)
    nothing = Problem(free.loss, p.penalty, np.zeros(D))
    assert (
        solve(nothing, PARQ(0.03, 16, epochs=6, quantizer=three_levels), tol=None).status is Status.COMPLETED
    )


# -- extremes and bad input ---------------------------------------------------------------------------


@each_solver
@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (5, 1), (3, 40)])
def test_small_and_wide_data(name, n, d):
    rng = np.random.default_rng(0)
    p = Problem(
        LeastSquares(rng.standard_normal((n, d)), rng.standard_normal(n)), designs.binary().scaled(0.1)
    )
    result = solve(p, replace(SOLVERS[name], step_size="auto"), tol=None)
    assert np.isfinite(result.w).all() and result.status is Status.COMPLETED


@each_solver
def test_a_design_of_zeros_moves_nothing(name):
    p = Problem(LeastSquares(np.zeros((4, 3)), np.ones(4)), designs.distance([0.0, 1.0]).scaled(0.1))
    result = solve(p, replace(SOLVERS[name], step_size="auto"), tol=None)
    assert np.isfinite(result.w).all()


@each_solver
@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scales_of_the_targets_do_no_harm(name, scale):
    X = np.random.default_rng(0).standard_normal((30, 4))
    levels = scale * np.linspace(-1, 1, 5)
    p = Problem(LeastSquares(X, scale * X[:, 0]), designs.distance(levels, slope=scale))
    solver = replace(SOLVERS[name], step_size="auto")
    small = Problem(LeastSquares(X, X[:, 0]), designs.distance(np.linspace(-1, 1, 5)))
    np.testing.assert_allclose(
        solve(p, solver, tol=None).w / scale, solve(small, solver, tol=None).w, rtol=0, atol=1e-12
    )


def test_a_diverging_step_is_not_finite_and_no_silent_nan():
    p = problem(designs.ridge(0.5, 4).scaled(0.3))
    for solver in (ProxSGD(1e3, 16), AProx(1e3, 16)):
        result = solve(p, solver, max_iter=2000)
        assert result.status is Status.NOT_FINITE or np.isfinite(result.w).all()
    assert solve(p, ProxSGD(1e3, 16, epochs=400)).status is Status.NOT_FINITE


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (ProxSGD(0.0), "step_size must be finite and > 0"),
        (ProxSGD(-1.0), "step_size must be finite and > 0"),
        (AProx(np.nan), "step_size must be finite and > 0"),
        (AProx("fast"), "step_size must be 'auto'"),
        (AProx(None), "step_size must be 'auto'"),
        (AProx([0.1]), "step_size must be 'auto'"),
        (AProx(InverseSqrt), "step_size must be 'auto'"),
        (PARQ(epochs=1, warmup_epochs=1), "warmup_epochs must be less"),
        (AProx(batch_size=0), "batch_size must be >= 1"),
        (AProx(batch_size=1.5), "batch_size must be a whole number"),
        (AProx(epochs=0), "epochs must be >= 1"),
        (AProx(keep="first"), "keep must be 'last' or 'best'"),
        (AProx(average="yes"), "average must be True or False"),
        (AProx(random_state=-1), "random_state must be >= 0"),
        (AProx(replace=1), "replace must be True or False"),
        (PARQ(warmup_epochs=60), "together"),
        (PARQ(steepness=0.0), "steepness must be"),
        (PARQ(center=2.0), "center must lie"),
        (PARQ(quantizer=3), "quantizer must be a function"),
        (BinaryRelax(refit_every=0), "refit_every must be >= 1"),
        (ProxQuant(rate=-1.0), "rate must be"),
        (ProxQuant(freeze=1.5), "freeze must lie"),
        (ProxQuant(epochs=None), "epochs must be"),
        (ProxQuant(epochs=1), "leaves none of epochs = 1 to train in"),
        (ProxQuant(epochs=6, freeze=0.1), "leaves none of epochs = 6"),
    ],
)
def test_parameters_that_make_no_sense_are_named(solver, message):
    with pytest.raises(ValueError, match=message):
        solve(problem(), solver)


def test_problems_that_cannot_be_treated_are_named():
    centred = problem(stored=sparse.csr_array, fit_intercept=True)
    with pytest.raises(ValueError, match="a column of ones with penalty weight 0"):
        solve(centred, AProx())
    concave = problem(designs.ridge(0.5, 0, bounded=False).scaled(0.1))
    assert solve(concave, AProx(epochs=2)).w.shape == (D,)
    flat = problem(type(concave.penalty)([], [0.0]))
    for solver in (StraightThrough(), PARQ(), ProxQuant()):
        with pytest.raises(ValueError, match="no level to round to"):
            solve(flat, solver)


def test_a_state_that_does_not_fit_is_refused():
    p, solver = problem(), AProx(0.1, 16, epochs=6)
    state = solve(p, solver, tol=None, max_iter=2).state
    for other, bad, message in (
        (replace(solver, step_size=0.2), state, "with the solver"),
        (solver, state | {"version": "0.0"}, "with the version 0.0"),
        (solver, state | {"shape": (3, 4)}, "with the shape"),
    ):
        with pytest.raises(ValueError, match=message):
            solve(p, other, state=bad)
    with pytest.raises(TypeError, match=r"Result\.state"):
        solve(p, solver, state=[1, 2])
    with pytest.raises(ValueError, match="not both"):
        solve(p, solver, state=state, w0=np.zeros(D))
    with pytest.raises(ValueError, match=r"give others w0=result\.w"):
        solve(p, FISTA(), state=state)
    assert solve(p, FISTA()).state is None


def test_an_intercept_of_dense_rows_is_centred():
    X = np.random.default_rng(0).standard_normal((80, 5)) + 1e3
    p = Problem(LeastSquares(X, X @ np.ones(5) + 7, fit_intercept=True), designs.lasso(0.5, 4).scaled(1e-3))
    result = solve(p, AProx(0.02, 16, epochs=300), tol=None)
    np.testing.assert_allclose(result.w, solve(p).w, atol=0.02)


def test_numbers_of_any_type_are_step_sizes_and_schedules_must_give_positive_arrays():
    p = problem()
    assert np.array_equal(solve(p, AProx(np.float64(0.125)), tol=None).w, solve(p, AProx(0.125), tol=None).w)
    assert np.isfinite(solve(p, AProx(np.float32(0.1)), tol=None).w).all()

    class Wrong:
        def __init__(self, answer):
            self.answer = answer

        def step(self, t):
            return self.answer(t)

    for answer in (lambda t: 0.1, lambda t: -t, lambda t: t * np.inf):
        with pytest.raises(ValueError, match="finite number > 0 for each entry"):
            solve(p, AProx(Wrong(answer)))


def test_a_weight_that_overflows_with_the_step_is_a_large_weight():
    p = Problem(LeastSquares([[1.0]], [0.5]), designs.box(-1.0, 1.0), [1e308])
    for solver in (AProx(1.0, epochs=3), ProxSGD(10.0, epochs=3)):
        assert np.isfinite(solve(p, solver, tol=None).w).all()


def test_data_of_tiny_scale_have_an_automatic_step():
    X, y = np.random.default_rng(0).standard_normal((20, 3)), np.ones(20)
    p = Problem(LeastSquares(1e-160 * X, y), designs.distance([-1.0, 1.0]))
    assert np.isfinite(solve(p, AProx(epochs=3), tol=None).w).all()
