"""The check of segments accepts what is optimal at every strength in between, and nothing else."""

import numpy as np
import pytest

from parlin import PAR, LeastSquares, Problem, designs
from parlin.path.segments import Segments, check_segments

# One column, f(w) = ½ (4 − 2w)²: X'r = 8 − 4w, and the slopes of ridge(1, 3) are ½, 1½, 2½, 3½.
# w leaves 0 at α = 16, is on level 1 from 8 to 8/3, and would reach level 2 at 0.
ONE = Problem(LeastSquares([[2.0]], [4.0]), designs.ridge(1.0, 3))
KNOTS = np.array([16.0, 8.0, 8.0 / 3.0, 0.0])
COEFS = np.array([[0.0], [1.0], [1.0], [2.0]])


def test_the_hand_solved_path_is_exact():
    checked = check_segments(ONE, KNOTS, COEFS, 1e-9)
    assert checked.exact.all()
    assert checked.residuals.max() < 1e-15
    assert checked.free.tolist() == [1, 0, 1]
    np.testing.assert_allclose(checked.correlation, [0.0], atol=1e-14)


@pytest.mark.parametrize(
    ("alphas", "coefs"),
    [
        ([16.0, 8.0 / 3.0], [[0.0], [1.0]]),  # across a kink, though both ends are minimisers
        ([16.0, 8.0], [[0.0], [1.0 - 1e-8]]),  # not a minimiser below
        ([16.1, 8.0], [[0.0], [1.0]]),  # nor above
        ([8.0, 2.0], [[1.0], [1.0]]),  # stays on a level for too long
        ([17.0, 16.0], [[0.0], [1e-6]]),  # moves though it should rest
    ],
)
def test_what_is_not_optimal_in_between_is_not_exact(alphas, coefs):
    checked = check_segments(ONE, np.array(alphas), np.array(coefs), 1e-9)
    assert not checked.exact.any()
    assert checked.residuals.min() > 1e-10


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_box_side_holds_down_to_strength_zero(sign):
    box = PAR([-1.0, 0.0, 1.0], [-np.inf, -1.0, 1.0, np.inf])
    problem = Problem(LeastSquares([[2.0]], [sign * 4.0]), box)
    # X'r = 8 − 4w: leaves 0 at α = 8, meets the side 1 at 4, and is held there.
    checked = check_segments(problem, np.array([8.0, 4.0, 0.0]), sign * np.array([[0.0], [1.0], [1.0]]), 1e-9)
    assert checked.exact.all()
    assert checked.free.tolist() == [1, 0]


def test_weights_count_in_the_slopes_and_free_ones_have_none():
    # The columns do not interact, X'r = (4 − 2w₁, 2 − w₂): with ω = (2, 0) and slope 1 the first is
    # (4 − 2α)/2 and the second 2 throughout.
    X = np.array([[2.0, 0.0], [0.0, np.sqrt(2.0)]])
    loss = LeastSquares(X, [4.0, 2.0 * np.sqrt(2.0)])
    problem = Problem(loss, PAR([0.0], [-1.0, 1.0]), [2.0, 0.0])
    alphas = np.array([2.0, 1.0])
    checked = check_segments(problem, alphas, np.array([[0.0, 2.0], [1.0, 2.0]]), 1e-9)
    assert checked.exact.all()
    assert checked.free.tolist() == [1]
    assert not check_segments(problem, alphas, np.array([[0.0, 2.0], [1.5, 2.0]]), 1e-9).exact.any()
    assert not check_segments(problem, alphas, np.array([[0.0, 2.0], [1.0, 2.1]]), 1e-9).exact.any()


def test_no_rounding_is_allowed_for_a_point_that_fits_worse_than_the_start():
    loss = LeastSquares([[1.0, 1.0]], [1.0])
    problem = Problem(loss, PAR([0.0], [-1.0, 1.0]))
    far = np.array([[1e17, -1e17 + 64.0]] * 2)  # X'r is small against the rounding errors out there
    assert not check_segments(problem, np.array([0.5, 0.4]), far, 1e-9).exact.any()


def test_nothing_that_overflows_is_exact():
    problem = Problem(LeastSquares([[1.0]], [1e150]), designs.ridge(1.0, 1))
    with np.errstate(over="ignore", invalid="ignore"):
        checked = check_segments(problem, np.array([1e200, 1e199]), np.full((2, 1), 1e200), 1e-9)
    assert not checked.exact.any()


def test_segments_are_kept_up_to_the_first_that_is_not_exact():
    segments = Segments(ONE, 16.0, np.array([0.0]), 1e-9)
    segments.add(8.0, np.array([1.0]), ["first"])
    segments.add(2.0, np.array([1.0]), ["too long"])
    segments.add(0.0, np.array([2.0]), [])
    assert segments.check() is None
    assert segments.alphas == [16.0, 8.0]
    assert segments.events == [(), ("first",)]
    assert segments.alpha == 8.0
    segments.add(2.0, np.array([1.0]), [])
    assert segments.check(accept=True) is not None
    assert segments.exact == [True, False]
    keys, values = segments.changes()
    assert keys.tolist() == [0, 1]  # one coordinate: given at knot 0, changed at knot 1, and not since
    assert values.tolist() == [0.0, 1.0]
