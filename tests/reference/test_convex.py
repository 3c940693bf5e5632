"""The ground truth is true: it satisfies optimality conditions written out here, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso, Ridge

from parlin import PAR, LeastSquares, Problem, designs, reference
from tests import laws

INF = np.inf
N, D = 10, 6


def data(seed: int = 0, n: int = N, d: int = D):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X @ rng.standard_normal(d) + 0.3 * rng.standard_normal(n) + 1.0


def slack_of_optimality(X, y, s, par, omega, w, b) -> float:
    """The worst violation of 0 in ∇f(w)_j + ω_j ∂ψ at a level nearby, or at w itself: the KKT conditions."""
    p = s / s.sum()
    descent = X.T @ (p * (y - X @ w - b))
    worst = abs(float(p @ (y - X @ w - b))) if b else 0.0
    for j, (wj, gj) in enumerate(zip(w, descent, strict=True)):
        if omega[j] == 0:
            worst = max(worst, abs(gj))
            continue
        # An interior-point method comes near a level only: the interval there is a level's.
        level = par.levels[np.argmin(np.abs(par.levels - wj))] if par.levels.size else wj
        at = level if abs(level - wj) < 1e-5 else wj
        low, high = (omega[j] * float(side) for side in par.subdifferential(at))
        worst = max(worst, low - gj, gj - high)
    return worst


PENALTIES = {
    "ridge": designs.ridge(0.25, 8).scaled(0.3),
    "lasso": designs.lasso(0.25, 8).scaled(0.3),
    "box": designs.box(-0.5, 1.0),
    "integers": designs.integers(-1, 2).scaled(0.2),
    "asymmetric": PAR([-0.5, 0.1, 0.7], [-1.0, -0.1, 0.4, 2.0]).scaled(0.3),
    "one side": PAR([0.25, 1.0], [-INF, 0.1, 0.5]),
    "no level": PAR([], [0.2]),
    "one point": PAR([0.5], [-INF, INF]),
    "one level": PAR([0.0], [-0.3, 0.3]),
}


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("variant", ["plain", "weights, intercept", "sparse, some unpenalised"])
def test_the_reference_satisfies_the_optimality_conditions(name, variant):
    par, (X, y) = PENALTIES[name], data(1)
    s = np.random.default_rng(2).uniform(0.3, 2.0, N) if variant.startswith("weights") else np.ones(N)
    omega = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 0.0]) if variant.startswith("sparse") else np.ones(D)
    store = sparse.csr_array if variant.startswith("sparse") else np.asarray
    f = LeastSquares(store(X), y, s if variant.startswith("weights") else None, variant.startswith("weights"))
    problem = Problem(f, par, omega if variant.startswith("sparse") else None)
    solution = reference.solve_with_cvxpy(problem)
    assert solution.w.shape == (D,)
    assert (solution.intercept != 0) == variant.startswith("weights")
    assert slack_of_optimality(X, y, s, par, omega, solution.w, solution.intercept) <= 1e-6
    # Its objective is that of the very point, all terms written out.
    p = s / s.sum()
    by_hand = 0.5 * p @ (y - X @ solution.w - solution.intercept) ** 2
    by_hand += sum(
        o * laws.value_by_definition(par, wj) for o, wj in zip(omega, solution.w, strict=True) if o
    )
    assert solution.objective == pytest.approx(by_hand, rel=1e-9)
    low, high = par.domain
    penalised = solution.w[omega > 0]
    assert np.all((low <= penalised) & (penalised <= high))


@pytest.mark.parametrize("name", PENALTIES)
def test_one_coefficient_with_unit_design_is_the_prox(name):
    par = PENALTIES[name]
    for y in (-2.0, 0.3, 1.7):
        problem = Problem(LeastSquares([[1.0]], [y]), par)
        solution = reference.solve_with_cvxpy(problem)
        _, best = laws.Exact(par).minimisers(y, 1.0)
        assert solution.w[0] == pytest.approx(float(best[0]), abs=1e-6)
        height = 0.5 * (float(best[0]) - y) ** 2 + float(laws.value_by_definition(par, float(best[0])))
        size = max(abs(height), 0.5 * y**2)
        assert height - 1e-15 * size <= solution.objective <= height + 1e-8 * size


def test_one_level_is_the_lasso_of_scikit_learn_and_no_penalty_is_least_squares():
    X, y = data(3)
    peer = Lasso(alpha=0.2, tol=1e-14, max_iter=100_000).fit(X, y)
    ours = reference.solve_with_cvxpy(
        Problem(LeastSquares(X, y, fit_intercept=True), PAR([0.0], [-0.2, 0.2]))
    )
    np.testing.assert_allclose(ours.w, peer.coef_, atol=1e-6)
    assert ours.intercept == pytest.approx(peer.intercept_, abs=1e-6)
    plain = reference.solve_with_cvxpy(Problem(LeastSquares(X, y), PAR([], [0.0])))
    np.testing.assert_allclose(plain.w, np.linalg.lstsq(X, y, rcond=None)[0], atol=1e-6)
    free = reference.solve_with_cvxpy(Problem(LeastSquares(X, y), designs.ridge(0.5, 3), np.zeros(D)))
    np.testing.assert_allclose(free.w, plain.w, atol=1e-6)


def test_ridge_chords_come_as_close_to_ridge_as_theory_says():
    X, y = data(4)
    for spacing in (0.1, 0.05):
        par = designs.ridge(spacing, 60).scaled(0.5)
        ours = reference.solve_with_cvxpy(Problem(LeastSquares(X, y), par))
        peer = Ridge(alpha=0.5 * N, fit_intercept=False, tol=1e-14).fit(X, y)
        smallest = np.linalg.eigvalsh(X.T @ X / N)[0]
        bound = 0.5 / (0.5 + smallest) * np.sqrt(D) * spacing / 2  # theory 4.1
        assert np.linalg.norm(ours.w - peer.coef_) <= bound


@pytest.mark.parametrize("par", [designs.binary(), designs.staircase(0.5, 3), designs.rippled_mcp(0.5, 3)])
def test_the_reference_refuses_what_is_not_convex(par):
    with pytest.raises(ValueError, match=f"cvxpy solves convex problems only, but .* is {par.shape}"):
        reference.solve_with_cvxpy(Problem(LeastSquares(*data()), par))


def test_a_status_that_is_no_optimum_is_an_error(monkeypatch):
    import cvxpy as cp

    monkeypatch.setattr(cp.Problem, "status", property(lambda self: "infeasible"))
    with pytest.raises(RuntimeError, match=r"Clarabel ended with status 'infeasible' on a \(10, 6\) problem"):
        reference.solve_with_cvxpy(Problem(LeastSquares(*data()), designs.ridge(0.5, 3)))


def test_the_reference_does_not_use_the_prox_or_a_solver(monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("the reference must not share code with what it is compared with")

    for name in ("prox", "subdifferential", "conjugate", "fenchel_young"):
        monkeypatch.setattr(PAR, name, fail)
    problem = Problem(LeastSquares(*data()), designs.ridge(0.5, 3))
    assert reference.solve_with_cvxpy(problem).objective > 0
    assert reference.prox_brute_force(designs.binary(), [0.3], 0.5).shape == (1,)


def test_another_loss_is_refused_and_not_taken_for_least_squares():
    class Other:
        quadratic, size = False, 2
        design = LeastSquares([[1.0, 2.0]], [1.0]).design

    with pytest.raises(ValueError, match="must be LeastSquares, but is Other"):
        reference.solve_with_cvxpy(Problem(Other(), designs.ridge(0.5, 2)))
