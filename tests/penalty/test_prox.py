"""The proximal map: exact for every piecewise-affine penalty, whichever path computes it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import PAR, designs
from tests import laws, random_par
from tests.random_par import NAMED, SEEDED

STEPS = (0.03, 0.4, 1.0, 7.0)


def around(par: PAR, step: float, seed: int = 0, count: int = 12) -> np.ndarray:
    """Levels, ends of what they trap, and random points, for a penalty of unit scale."""
    return random_par.telling_arguments(np.random.default_rng(seed), par, step, 1.0, count)


# -- random penalties -------------------------------------------------------------------------------


def test_the_prox_of_a_thousand_random_penalties_minimises_in_rational_arithmetic():
    kinds = set()
    for kind, par, step, v in random_par.trials(1000, seed=1, n_arguments=10):
        x = par.prox(v, step)
        laws.prox_minimises(par, v, step, x)
        kinds.add(kind)
    assert kinds == set(random_par.KINDS)


def test_the_prox_of_random_penalties_is_monotone_critical_and_lands_on_levels():
    quantized = 0
    for _, par, step, v in random_par.trials(1000, seed=2, n_arguments=40):
        x = par.prox(v, step)
        laws.monotone(v, x)
        laws.prox_is_critical(par, v, step, x)
        some = np.random.default_rng(0).choice(v.size, 3, replace=False)
        laws.prox_lands_on_levels(par, v[some], step, x[some])
        quantized += np.count_nonzero(np.isin(x, par.levels))
    assert quantized > 10_000  # the law would be empty if nothing were quantized


def test_the_prox_of_random_convex_penalties_is_firmly_nonexpansive_and_obeys_moreau():
    seen = 0
    for _, par, step, v in random_par.trials(600, seed=3, n_arguments=30):
        if par.shape == "convex":
            laws.firmly_nonexpansive(v, par.prox(v, step))
            laws.moreau(par, v, step)
            seen += 1
    assert seen > 200


@SEEDED
@given(random_par.pars(), random_par.arguments, random_par.powers_of_two)
def test_the_prox_minimises_where_pieces_tie_and_touch(par, v, step):
    x = par.prox(v, step)
    laws.prox_minimises(par, v, step, x)
    laws.prox_lands_on_levels(par, v, step, x)
    laws.prox_is_critical(par, v, step, x)
    laws.monotone(v, x)


@SEEDED
@given(random_par.pars(), random_par.arguments, random_par.powers_of_two)
def test_the_prox_of_a_mirrored_penalty_is_mirrored_and_ties_change_sides(par, v, step):
    mirrored = PAR(-par.levels[::-1], -par.slopes[::-1])
    laws.prox_minimises(par, v, step, par.prox(v, step, ties="left"))
    x, y = par.prox(v, step, ties="right"), -mirrored.prox(-v, step, ties="left")
    laws.prox_minimises(par, v, step, y)
    # The root of a crossing is rounded, so the two may part where both are minimisers to rounding.
    assert np.all((x == y) | (np.abs(x - y) > 1e-3))


@SEEDED
@given(random_par.pars(), random_par.arguments, random_par.powers_of_two, st.integers(-60, 60))
def test_units_that_are_powers_of_two_change_no_bit_of_the_prox(par, v, step, exponent):
    unit = 2.0**exponent
    scaled = PAR(unit * par.levels, unit * par.slopes)
    assert np.array_equal(scaled.prox(unit * v, step), unit * par.prox(v, step))


@SEEDED
@given(random_par.pars(), random_par.arguments, random_par.powers_of_two, random_par.powers_of_two)
def test_the_strength_and_the_step_are_one_factor(par, v, step, lam):
    assert np.array_equal(par.scaled(lam).prox(v, step), par.prox(v, lam * step))


def test_the_laws_notice_a_value_that_is_slightly_wrong():
    par, v, step = designs.sawtooth(0.5, 3), np.array([0.1, 0.3, 0.7]), 0.125
    x = par.prox(v, step)
    assert x.tolist() == [0.0, 0.425, 0.575]
    for wrong in ([1e-9, 0.425, 0.575], [0.0, 0.425 + 1e-7, 0.575], [0.0, 0.175, 0.575]):
        with pytest.raises(AssertionError):
            laws.prox_minimises(par, v, step, wrong)
    for wrong in ([5e-324, 0.425, 0.575], [0.0, 0.25, 0.575]):
        with pytest.raises(AssertionError):
            laws.prox_lands_on_levels(par, v, step, wrong)
    with pytest.raises(AssertionError):
        laws.prox_is_critical(par, v, step, [0.0, 0.425 + 1e-14, 0.575])
    with pytest.raises(AssertionError):
        laws.monotone(v, [0.0, 0.425, 0.42])
    with pytest.raises(AssertionError):
        laws.firmly_nonexpansive(v, [0.0, 0.2 + 1e-14, 0.4])


# -- designs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("name", "par"), NAMED)
def test_every_design_obeys_the_laws_of_the_prox(name, par, step):
    v = around(par, step)
    x = par.prox(v, step)
    laws.prox_minimises(par, v, step, x)
    laws.monotone(v, x)
    laws.prox_is_critical(par, v, step, x)
    laws.prox_lands_on_levels(par, v[::3], step, x[::3])
    if par.shape == "convex":
        laws.firmly_nonexpansive(v, x)
        laws.moreau(par, v, step)


@pytest.mark.parametrize(("name", "par"), NAMED)
def test_every_output_is_a_quantization_level_or_off_all_levels(name, par):
    v = np.random.default_rng(4).uniform(-5, 5, 2000)
    for step in STEPS:
        x = par.prox(v, step)
        on = np.isin(x, par.levels)
        assert np.array_equal(on, np.isin(x, par.quantization_levels))
        assert on.any()


def test_every_trapped_argument_of_a_convex_penalty_becomes_its_level_bit_for_bit():
    for _, par, step, _ in random_par.trials(300, seed=5):
        if par.shape != "convex" or par.levels.size == 0:
            continue
        low = np.where(np.isfinite(par.slopes[:-1]), par.slopes[:-1], par.slopes[1:] - 1)
        high = np.where(np.isfinite(par.slopes[1:]), par.slopes[1:], par.slopes[:-1] + 1)
        if par.levels.size == 1 and not np.isfinite(par.slopes).any():
            low, high = np.array([-1.0]), np.array([1.0])
        for fraction in (0.1, 0.5, 0.9):
            v = par.levels + step * ((1 - fraction) * low + fraction * high)
            # Where the interval is narrower than the rounding of its ends there is nothing to promise.
            wide = step * (high - low) > 1e3 * laws.EPS * (np.abs(par.levels) + step * np.abs(low + high))
            assert np.array_equal(par.prox(v, step)[wide], par.levels[wide])


# -- special cases ----------------------------------------------------------------------------------


def test_one_level_is_soft_thresholding():
    v = np.random.default_rng(6).standard_normal(1000)
    x = PAR([0.0], [-1.0, 1.0]).prox(v, 0.7)
    assert np.array_equal(x, np.sign(v) * np.maximum(np.abs(v) - 0.7, 0.0))


def test_no_level_is_a_shift_and_one_point_takes_everything():
    v = np.random.default_rng(7).standard_normal(100)
    assert np.array_equal(PAR([], [3.0]).prox(v, 0.5), v - 1.5)
    assert np.array_equal(PAR([], [0.0]).prox(v, 0.5), v)
    assert np.array_equal(PAR([0.3], [-np.inf, np.inf]).prox(v, 0.5), np.full(100, 0.3))


def test_a_box_is_projection_whatever_the_step():
    v = np.linspace(-3.0, 3.0, 61)
    for step in STEPS:
        assert np.array_equal(designs.box(-1.0, 2.0).prox(v, step), np.clip(v, -1.0, 2.0))


def test_ridge_chords_of_vanishing_spacing_shrink_like_ridge():
    v = np.random.default_rng(8).uniform(-2, 2, 500)
    for spacing in (0.1, 0.01, 0.001):
        x = designs.ridge(spacing, round(3 / spacing)).prox(v, 0.5)
        # Theory 4.1 with H = I/step: at most spacing/2 · step/(1 + step) from v/(1 + step).
        assert np.max(np.abs(x - v / 1.5)) <= 0.5 * spacing * (0.5 / 1.5) * (1 + 1e-12)


def test_the_distance_to_a_set_is_soft_thresholding_toward_its_nearest_point():
    # Theory 2.3, [ProxQuant] 'median'; the penalty is built here, not by a design.
    targets = np.array([-1.5, -0.5, 0.25, 1.75])
    levels = np.sort(np.concatenate((targets, (targets[1:] + targets[:-1]) / 2)))
    par = PAR(levels, np.resize([-1.0, 1.0], levels.size + 1))
    v = np.random.default_rng(9).uniform(-3, 3, 400)
    nearest = targets[np.argmin(np.abs(v[:, None] - targets), axis=1)]
    for step in (0.1, 0.3):
        expected = nearest + np.sign(v - nearest) * np.maximum(np.abs(v - nearest) - step, 0.0)
        np.testing.assert_allclose(par.prox(v, step), expected, rtol=0, atol=1e-15)


def test_a_step_of_half_the_widest_gap_rounds_to_the_nearest_level():
    # Theory 2.3: the hard quantizer, for v in [q_min − λ, q_max + λ].
    par = designs.sawtooth(0.5, 3)
    v = np.random.default_rng(10).uniform(-1.7, 1.7, 500)
    assert np.array_equal(par.prox(v, 0.25), 0.5 * np.round(v / 0.5))


@pytest.mark.parametrize("height", [0.1, 0.3, 0.49, 0.7, 1.3])
def test_the_staircase_has_its_closed_form(height):
    # Theory 2.3 for A = step and q = 1/2, away from the last level and from the jumps.
    q, v = 0.5, np.random.default_rng(11).uniform(-2.0, 2.0, 2000)
    size, sign = np.abs(v), np.sign(v)
    cell, t = np.divmod(size, q)
    if height <= q:
        inside = np.where(t < height, cell * q, np.where(t < (q + height) / 2, size - height, size))
        inside = np.where((t < height) & (t >= (q + height) / 2), size, inside)
        jump = np.abs(t - (q + height) / 2)
    else:
        inside = q * np.maximum(0.0, np.round((size - height / 2) / q))
        jump = np.abs((size - height / 2) / q % 1.0 - 0.5)
    clear = jump > 1e-9
    x = designs.staircase(q, 20).prox(v, height)
    np.testing.assert_allclose(x[clear], (sign * inside)[clear], rtol=0, atol=1e-15)


def test_the_soft_quantizer_of_parq_is_a_prox_of_ridge_chords():
    # Theory 2.3 (i): clip(c + ρ (p − c), q_k, q_{k+1}) = prox_{(ρ − 1) ψ}(ρ p), ψ the boxed chords of x²/2.
    grid = np.array([-1.0, -0.25, 0.5, 2.0])
    middle = (grid[1:] + grid[:-1]) / 2
    chords = PAR(grid, np.concatenate(([-np.inf], middle, [np.inf])))
    p = np.random.default_rng(12).uniform(-1.0, 2.0, 500)
    cell = np.clip(np.searchsorted(grid, p, side="right") - 1, 0, 2)
    for rho in (1.0 + 1e-9, 1.7, 30.0):
        expected = np.clip(middle[cell] + rho * (p - middle[cell]), grid[cell], grid[cell + 1])
        np.testing.assert_allclose(chords.prox(rho * p, rho - 1), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "par"), [(n, p) for n, p in NAMED if p.shape == "convex"][::2])
def test_cvxpy_finds_no_lower_value_than_the_convex_prox(name, par):
    import cvxpy as cp

    v, step = np.linspace(-3.0, 3.0, 9), 0.6
    finite = np.isfinite(par.slopes)
    anchor = np.concatenate((par.levels[:1], par.levels)) if par.levels.size else np.zeros(1)
    rise = np.concatenate(([0.0, 0.0], np.cumsum(par.slopes[1:-1] * np.diff(par.levels))))
    x, height = cp.Variable(v.size), cp.Variable(v.size)
    # ψ is the largest of its affine pieces.
    pieces = [
        height >= r + s * (x - a)
        for r, s, a in zip(rise[finite], par.slopes[finite], anchor[finite], strict=True)
    ]
    low, high = par.domain
    pieces += [x >= low] * bool(np.isfinite(low)) + [x <= high] * bool(np.isfinite(high))
    program = cp.Problem(cp.Minimize(cp.sum_squares(x - v) / 2 + step * cp.sum(height)), pieces)
    program.solve(solver="CLARABEL", tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    assert program.status == "optimal"
    ours = par.prox(v, step)
    shift = laws.value_by_definition(par, anchor[:1])[
        0
    ]  # our ψ is 0 at the origin, theirs at the first level
    objective = 0.5 * np.sum((ours - v) ** 2) + step * np.sum(laws.value_by_definition(par, ours) - shift)
    assert objective <= program.value + 1e-8 * max(abs(program.value), 0.5 * float(v @ v))


def test_frozen_values_of_the_prox():
    # Worked out by hand from the definition, ½(x − v)² + ψ(x), in the margin of each line.
    w = designs.binary()
    assert w.prox(0.6, 0.25) == 0.85  # pulled toward 1 by 0.25
    assert w.prox(0.6, 1.0) == 1.0  # arrives
    assert designs.lasso(1.0, 1, growth=1.0).prox(0.6, 0.25) == 0.35  # slope 1: pulled toward 0
    bent = PAR([1.0, 2.0], [0.0, 3.0, 1.0])  # concave kink at 2: from 1 (value 0) to 4 − 1 = 3 at v = 4
    # 1: ½ 9 = 4.5;  v − 1 = 3: ½ + 3 + 1 = 4.5, so v = 4 is the tie
    assert bent.prox(4.0, 1.0) == 3.0
    assert bent.prox(4.0, 1.0, ties="left") == 1.0
    assert bent.prox(np.nextafter(4.0, 0.0), 1.0) == 1.0


# -- defects of the authors' programs ---------------------------------------------------------------


def test_p1_the_sawtooth_prox_looks_at_the_levels():
    # The objectives quoted for z = 0.8, 0.320 at 1.0 and 0.195 at best, belong to strength 0.3.
    par = PAR.even([0.0, 1.0, 2.0, 3.0], [1.0, -1.0, 1.0, -1.0])
    x = float(par.prox(0.8, 0.3))
    assert x == 0.5
    assert 0.5 * (x - 0.8) ** 2 + 0.3 * float(par.value(x)) == pytest.approx(0.195, abs=1e-15)
    assert 0.5 * (1.0 - 0.8) ** 2 + 0.3 * float(par.value(1.0)) == pytest.approx(0.320, abs=1e-15)
    assert par.prox(0.8, 1.0) == 0.0


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0, 3.0])
def test_x1_the_binary_prox_at_exactly_zero_is_not_zero(strength):
    for ties, sign in (("right", 1.0), ("left", -1.0)):
        assert designs.binary().prox(0.0, strength, ties=ties) == sign * min(strength, 1.0)
        assert designs.binary().prox(-0.0, strength, ties=ties) == sign * min(strength, 1.0)


@pytest.mark.parametrize(
    "par", [designs.ridge(0.1, 100), designs.sawtooth(0.1, 30)], ids=["convex", "nonconvex"]
)
@pytest.mark.parametrize("steps", [1, 5, 40])
def test_p7_the_prox_runs_no_python_per_coordinate(par, steps):
    def calls(size: int) -> int:
        rng = np.random.default_rng(21)
        v = rng.uniform(-5, 5, size)
        step = np.resize(np.linspace(0.01, 0.02, steps), size) if steps > 1 else 0.01
        count = 0

        def tally(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        par.prox(v, step)  # the tables are made once
        sys.setprofile(tally)
        try:
            par.prox(v, step)
        finally:
            sys.setprofile(None)
        return count

    # A fixed number of calls, and one more per panel of a million entries.
    assert calls(20_000) <= calls(200) + 200
