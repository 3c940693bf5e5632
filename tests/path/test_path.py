"""What a path says of itself: points between knots, rates, events, gaps, and what is outside."""

import pickle

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, certify, designs
from parlin.datasets import synthetic
from parlin.path import Path, solution_path
from parlin.path import path as module


@pytest.fixture(scope="module")
def path() -> Path:
    data = synthetic(10, 40, seed=7)
    return solution_path(LeastSquares(data.X, data.y), designs.ridge(0.25, 6), 0.01)


def test_between_knots_it_is_affine_and_on_knots_it_is_the_knot(path):
    knots = path.coefs.toarray()
    assert np.array_equal(path.at(path.alphas), knots)
    middle = 0.3 * path.alphas[1:] + 0.7 * path.alphas[:-1]
    np.testing.assert_allclose(path.at(middle), 0.3 * knots[1:] + 0.7 * knots[:-1], atol=1e-13)
    still = knots[1:] == knots[:-1]
    assert np.array_equal(path.at(middle)[still], knots[1:][still])


def test_shapes_follow_the_strengths(path):
    assert path.at(0.5).shape == (40,)
    assert path.at([0.5, 0.2]).shape == (2, 40)
    assert path.at(np.full((2, 3), 0.5)).shape == (2, 3, 40)
    assert path.quantization_rate([[0.5, 0.2]]).shape == (1, 2)
    assert path.coefs.shape == (path.n_segments + 1, 40)
    assert path.exact.shape == path.free.shape == path.residuals.shape == (path.n_segments,)
    assert len(path.events) == path.gaps.size == path.alphas.size


def test_the_rate_is_a_step_function(path):
    levels = path.problem.penalty.levels
    inside = 0.5 * (path.alphas[1:] + path.alphas[:-1])
    off = np.sum(~np.isin(path.at(inside), levels), axis=1)
    np.testing.assert_array_equal(path.quantization_rate(), 1.0 - off / 40)
    np.testing.assert_array_equal(path.quantization_rate(inside), 1.0 - off / 40)
    at_knots = path.quantization_rate(path.alphas)
    assert np.all(at_knots[1:] >= path.quantization_rate())
    assert np.all(at_knots[:-1] >= path.quantization_rate())


def test_events_account_for_every_change_of_the_free_set(path):
    inside = path.at(0.5 * (path.alphas[1:] + path.alphas[:-1]))
    free: set[int] = set()
    for k in range(path.n_segments):
        w = path.at(path.alphas[k])
        for event in path.events[k]:
            assert w[event.coordinate] == event.level
            if event.lands:
                free.remove(event.coordinate)
            else:
                free.add(event.coordinate)
        assert free == set(np.flatnonzero(~np.isin(inside[k], path.problem.penalty.levels)))


def test_above_the_first_knot_everything_rests(path):
    assert np.array_equal(path.at(10.0 * path.alphas[0]), np.zeros(40))
    assert path.alphas[0] == path.problem.strength_max()


def test_gaps_are_those_of_the_certificate(path):
    assert path.gaps.max() < 1e-14
    assert path.gaps.min() > -1e-15
    without = solution_path(LeastSquares([[1.0]], [2.0]), designs.box(-1.0, 1.0), alpha_start=1.0)
    assert without.gaps.size == 2
    one_sided = PAR([0.0], [-1.0, 0.0])
    assert np.isnan(solution_path(LeastSquares([[1.0]], [-2.0]), one_sided).gaps).all()


def test_it_can_be_printed_and_pickled(path):
    assert repr(path).startswith(f"Path({path.n_segments} segments, all exact, alpha from ")
    again = pickle.loads(pickle.dumps(path))
    assert np.array_equal(again.at(0.3), path.at(0.3))


def test_what_is_outside_is_an_error(path):
    with pytest.raises(ValueError, match=r"knows the strengths from 0\.01 to inf"):
        path.at(0.009)
    with pytest.raises(ValueError, match="knows the strengths"):
        path.quantization_rate([0.5, np.nan])


def test_the_coefficients_at_the_knots_do_not_depend_on_the_block_that_they_are_made_in(path, monkeypatch):
    again = pickle.loads(pickle.dumps(path))
    again.__dict__.pop("coefs", None)
    monkeypatch.setattr(module, "_BLOCK", 3)
    assert np.array_equal(again.coefs.toarray(), path.at(path.alphas))


def test_the_gaps_at_the_knots_are_those_of_certify(path):
    for k in range(0, path.n_segments, 7):
        problem = Problem(path.problem.loss, path.problem.penalty.scaled(path.alphas[k]))
        assert path.gaps[k] == certify(problem, path.at(path.alphas[k])).gap


def test_the_intercept_is_the_mean_residual_and_without_one_zero(path):
    assert path.intercept(0.3) == 0.0
    data = synthetic(10, 15, seed=8)
    loss = LeastSquares(data.X + 2.0, data.y - 7.0, fit_intercept=True)
    moved = solution_path(loss, designs.ridge(0.25, 6))
    for alpha in (0.5 * moved.alphas[0], 0.01):
        residual = data.y - 7.0 - (data.X + 2.0) @ moved.at(alpha)
        assert moved.intercept(alpha) == pytest.approx(residual.mean(), rel=1e-12)
