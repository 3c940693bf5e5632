"""The proximal map: exact for every piecewise-affine penalty, whichever path computes it."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlin import PAR, designs
from parlin.penalty import prox as prox_module
from parlin.penalty.prox import ProxTable, apply_table, piece_index, prox_naive, prox_table
from tests import laws, random_par
from tests.random_par import NAMED, SEEDED

STEPS = (0.03, 0.4, 1.0, 7.0)
ASYMMETRIC_W = PAR([-2.0, 0.0, 1.0], [-1.0, 2.0, -1.0, 1.0])


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
    landed = 0
    for _, par, step, v in random_par.trials(1000, seed=2, n_arguments=40):
        x = par.prox(v, step)
        laws.monotone(v, x)
        laws.prox_is_critical(par, v, step, x)
        some = np.random.default_rng(0).choice(v.size, 3, replace=False)
        laws.prox_lands_on_levels(par, v[some], step, x[some])
        landed += np.count_nonzero(np.isin(x, par.levels))
    assert landed > 10_000  # the law would be empty if nothing landed


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
        for share in (0.1, 0.5, 0.9):
            v = par.levels + step * ((1 - share) * low + share * high)
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


# -- ties -------------------------------------------------------------------------------------------


def test_ties_go_where_they_are_told():
    w = designs.binary()
    assert w.prox(0.0, 0.25, ties="right") == 0.25
    assert w.prox(0.0, 0.25, ties="left") == -0.25
    assert abs(w.prox(0.0, 0.25, ties="toward_zero")) == 0.25


def test_ties_toward_zero_take_the_minimiser_nearer_to_zero():
    # Of the W with wells −2 (depth 4) and 1 (depth 1) and step γ >= 2 both wells are minimisers at v = γ − ½:
    # ½(v + 2)² − 4γ = ½(v − 1)² − γ.  The well 1 is nearer to 0 although v > 0.
    for par, sign in ((ASYMMETRIC_W, 1.0), (PAR([-1.0, 0.0, 2.0], [-1.0, 1.0, -2.0, 1.0]), -1.0)):
        for step in (2.0, 4.0):
            v = sign * (step - 0.5)
            assert {float(par.prox(v, step, ties="left")), float(par.prox(v, step))} == {-2 * sign, sign}
            assert par.prox(v, step, ties="toward_zero") == sign


@pytest.mark.parametrize("m", [3, 60])  # thresholds searched, and indexed in closed form
def test_ties_go_where_they_are_told_on_grids_of_any_size(m):
    peaks, step = 0.5 * np.arange(-m, m) + 0.25, 0.125
    par = designs.sawtooth(0.5, m)
    assert np.array_equal(par.prox(peaks, step, ties="left"), peaks - step)
    assert np.array_equal(par.prox(peaks, step, ties="right"), peaks + step)
    inward = par.prox(peaks, step, ties="toward_zero")
    assert np.array_equal(inward, np.sign(peaks) * (np.abs(peaks) - step))


def test_ties_of_many_different_steps_go_to_the_right():
    for steps in (np.linspace(0.1, 0.9, 5), np.linspace(0.1, 0.9, 50)):
        assert np.array_equal(designs.binary().prox(np.zeros(steps.size), steps), steps)


@pytest.mark.parametrize("v", [-1.25, -0.75, 0.0, 0.75, 1.25])
def test_ties_toward_zero_are_even_for_an_even_penalty(v):
    par = designs.sawtooth(0.5, 3)  # the concave kinks are ties
    x, y = par.prox(v, 0.1, ties="toward_zero"), par.prox(-v, 0.1, ties="toward_zero")
    assert abs(x) == abs(y)
    assert abs(x) == min(abs(par.prox(v, 0.1, ties="left")), abs(par.prox(v, 0.1, ties="right")))


@pytest.mark.parametrize("ties", ["right", "left", "toward_zero"])
def test_ties_are_minimisers_whichever_way_they_go(ties):
    for _, par, step, v in random_par.trials(120, seed=13, n_arguments=6):
        thresholds = prox_table(par.levels, par.slopes, step, par.shape == "convex").thresholds
        v = np.concatenate((v, thresholds))[:10]
        laws.prox_minimises(par, v, step, par.prox(v, step, ties=ties))


# -- one step per coordinate ------------------------------------------------------------------------


@pytest.mark.parametrize("distinct", [1, 3, 16, 17, 40])
def test_steps_per_coordinate_equal_one_step_at_a_time(distinct):
    # Random arguments: at a tie, or within a rounding of one, both answers may be right.
    for number, (_, par, step, _) in enumerate(random_par.trials(120, seed=14)):
        rng = np.random.default_rng((15, number))
        steps = step * rng.uniform(0.5, 2.0, distinct)[rng.integers(0, distinct, 40)]
        reach = np.max(np.abs(par.levels), initial=0.0) + step * np.max(
            np.abs(par.slopes), initial=0.0, where=np.isfinite(par.slopes)
        )
        v = (
            rng.uniform(-reach, reach, 40)
            if number % 2
            else rng.choice(np.append(par.levels, 0.0), 40) * 1.01
        )
        one_at_a_time = np.array([par.prox(vi, s) for vi, s in zip(v, steps, strict=True)])
        assert np.array_equal(par.prox(v, steps), one_at_a_time), f"{par!r}"


@pytest.mark.parametrize("distinct", [3, 40])
def test_steps_per_coordinate_minimise_in_rational_arithmetic(distinct):
    for number, (_, par, step, v) in enumerate(random_par.trials(240, seed=16, n_arguments=10)):
        steps = step * np.random.default_rng((17, number)).uniform(0.5, 2.0, distinct)
        # The many steps come with the telling arguments; the padding only makes them many.
        many = np.concatenate((np.full(v.size, step), steps))
        x = par.prox(np.concatenate((v, np.zeros(distinct))), many)[: v.size]
        laws.prox_minimises(par, v, step, x)
        laws.monotone(v, x)


@pytest.mark.parametrize(
    "par",
    [
        PAR([-1e6, -1.0, 0.0, 1.0, 2.0], [-2e6, -1e6, 1.0, -1.0, 1.0, -0.9]),
        PAR([-2.0, -1.0, 0.0, 1.0, 1e6], [0.9, -1.0, 1.0, -1.0, 1e6, 2e6]),
        PAR([0.0, 1e6, 1e6 + 1, 1e6 + 2, 1e6 + 3], [-2e6, -1e6, 1.0, -1.0, 1.0, -0.9]),
        PAR([-1e6 - 3, -1e6 - 2, -1e6 - 1, -1e6, 0.0], [0.9, -1.0, 1.0, -1.0, 1e6, 2e6]),
    ],
    ids=["left", "right", "down to the right", "down to the left"],
)
@pytest.mark.parametrize("distinct", [4, 40])
def test_steps_per_coordinate_are_exact_next_to_a_high_wall(par, distinct):
    # Across the wall ψ changes by 1e12, so values of ψ have errors of 1e-4; the wells have depths of 1.
    wells = par.levels[np.abs(np.diff(par.levels, prepend=np.inf)) < 2]
    v = wells.mean() + np.linspace(-3.0, 3.0, 40)
    steps = np.resize(np.linspace(0.3, 0.31, distinct), 40)
    laws.prox_minimises(par, v, steps, par.prox(v, steps))


@pytest.mark.parametrize("distinct", [4, 40])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_steps_per_coordinate_are_exact_across_a_high_wall(distinct, sign):
    # Of the wells 1 (depth 0) and 3.3 (depth 3.7) behind a fall of 3e11 both are minimisers at the v with
    # ½(3.3 − v)² − ½(1 − v)² = 3.7 γ, which is on this side of the fall.
    par = PAR([0.0, 1.0, 2.1, 3.3, 4.0], [0.9, -1e12 / 3, 1.0, -4.0, 5.0, -0.9])
    steps = np.resize(np.linspace(0.85, 1.1, distinct), 40)
    v = (9.89 - 7.4 * steps) / 4.6 + np.linspace(-1e-6, 1e-6, 40)
    assert np.all(v < 1)
    if sign < 0:
        par, v = PAR(-par.levels[::-1], -par.slopes[::-1]), -v
    x = par.prox(v, steps)
    assert len(set(x.tolist())) == 2
    laws.prox_minimises(par, v, steps, x)


def test_steps_per_coordinate_broadcast_like_numpy():
    par, rng = designs.sawtooth(0.5, 3), np.random.default_rng(18)
    v, steps = rng.uniform(-2, 2, (6, 5)), rng.uniform(0.1, 1.0, 5)
    expected = np.column_stack([par.prox(v[:, j], steps[j]) for j in range(5)])
    assert np.array_equal(par.prox(v, steps), expected)
    assert np.array_equal(par.prox(v.T, steps[:, None]), expected.T)


# -- closed-form index ------------------------------------------------------------------------------


def uniform_tables() -> dict[str, ProxTable]:
    """Tables with a closed-form index: one or two progressions, and with one or two odd gaps between them."""
    tables = {}
    for spacing in (0.1, 1 / 3, 1e-6, 7e5):
        for name, par in (
            ("ridge", designs.ridge(spacing, 400)),
            ("box", designs.ridge(spacing, 400, bounded=True)),
            ("lasso", designs.lasso(spacing, 400, growth=0.07)),
            ("sawtooth", designs.sawtooth(spacing, 150)),
            ("staircase", designs.staircase(spacing, 150, flat=0.1)),
            ("rippled", designs.rippled_mcp(spacing, 150)),
        ):
            for step in (0.01 * spacing, 0.3 * spacing, 0.9):
                table = prox_table(par.levels, par.slopes, step, par.shape == "convex")
                tables[f"{name}, spacing {spacing:g}, step {step:g}"] = table
    for odd in ([], [0.5], [37.0], [0.25, 3.0], [3.0, 0.25, 7.0], [5.0, 5.0, 5.0, 0.1, 5.0]):
        gaps = np.concatenate((np.full(60, 0.1), odd, np.full(80, 0.1)))
        tables[f"gaps {odd}"] = bare_table(np.cumsum(gaps) - 5.0)
    # Gaps that drift by almost as much as counts as equal.
    drift = 0.1 * (1 + 0.9e-9 * np.linspace(0, 1, 100_000))
    tables["drift"] = bare_table(np.cumsum(drift))
    return tables


def bare_table(thresholds: np.ndarray) -> ProxTable:
    pieces = np.zeros(thresholds.size + 1)
    return ProxTable(thresholds, pieces, pieces, pieces, prox_module._uniform_index(thresholds))


TABLES = uniform_tables()


def test_the_closed_form_index_is_used_for_uniform_grids():
    used = [name for name, table in TABLES.items() if table.uniform is not None]
    assert {name.split(",")[0].split(" ")[0] for name in used} >= {"ridge", "box", "lasso", "gaps", "drift"}
    assert len(used) > len(TABLES) / 2


@pytest.mark.parametrize("name", TABLES)
def test_the_closed_form_index_equals_the_search_bit_for_bit(name):
    table = TABLES[name]
    t = table.thresholds[:: max(1, table.thresholds.size // 3000)]
    rng = np.random.default_rng(19)
    reach = t[-1] - t[0]
    v = np.concatenate(
        (
            t,
            np.nextafter(t, -np.inf),
            np.nextafter(t, np.inf),
            (t[1:] + t[:-1]) / 2,
            rng.uniform(t[0] - reach, t[-1] + reach, 3000),
            rng.uniform(t[0], t[-1], 3000),
            [0.0, -0.0, 1e300, -1e300, 5e-324],
        )
    )
    assert np.array_equal(piece_index(table, v), np.searchsorted(table.thresholds, v, side="right"))
    searched = table._replace(uniform=None)
    assert np.array_equal(apply_table(table, v), apply_table(searched, v))


def test_the_closed_form_index_equals_the_search_at_infinity_and_nan():
    v = np.array([np.inf, -np.inf, np.nan])
    for name, table in TABLES.items():
        searched = np.searchsorted(table.thresholds, v, side="right")
        assert np.array_equal(piece_index(table, v), searched), name


# One step, a few different ones, and more than there are tables for.
@pytest.mark.parametrize("step", [0.5, np.resize([0.5, 0.6], 21), np.linspace(0.5, 0.6, 21)])
@pytest.mark.parametrize("m", [3, 100])  # short tables are searched, long ones indexed in closed form
@pytest.mark.parametrize("boxed", [False, True])
@pytest.mark.parametrize("convex", [True, False])
def test_infinite_and_undefined_arguments_are_mapped_like_any_other(step, m, boxed, convex):
    par = designs.ridge(0.1, m) if convex else designs.sawtooth(0.1, m)
    if boxed:
        par = PAR(par.levels, np.concatenate(([-np.inf], par.slopes[1:-1], [np.inf])))
    low, high = par.domain
    v = np.resize([np.inf, -np.inf, np.nan], 21)
    assert np.array_equal(par.prox(v, step), np.resize([high, low, np.nan], 21), equal_nan=True)


@pytest.mark.parametrize("step", [0.5, np.linspace(0.5, 1.0, 20)])
def test_an_undefined_argument_stays_undefined(step):
    v = np.full(20, np.nan)
    for par in (PAR([2.0], [-np.inf, np.inf]), designs.binary(), designs.box(0.0, 1.0), PAR([], [1.0])):
        assert np.isnan(par.prox(v, step)).all()


# -- the naive twin ---------------------------------------------------------------------------------


def test_the_naive_twin_minimises_in_rational_arithmetic():
    # Its values are plain sums from the first level, so penalties of one scale are its domain.
    for number in range(200):
        rng = np.random.default_rng((20, number))
        kind = random_par.KINDS[number % 8]
        par, step = random_par.random_par(rng, kind, max_levels=12), float(rng.uniform(0.05, 3.0))
        exact = laws.Exact(par)
        for v in random_par.telling_arguments(rng, par, step, 1.0, 6).tolist():
            x, height = prox_naive(par.levels, par.slopes, v, step)
            least, _ = exact.minimisers(v, step)
            above, _, _ = exact.excess(v, step, x)
            assert above <= 1e-12
            assert height == pytest.approx(float(least), rel=1e-12, abs=1e-12)


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


# -- cost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["convex", "convex, a step each", "nonconvex", "irregular"])
def test_a_hundred_thousand_levels_and_a_million_points_stay_below_200_megabytes(shape):
    rng = np.random.default_rng(22)
    if shape.startswith("convex"):
        par = designs.ridge(0.1, 50_000)
    elif shape == "nonconvex":
        par = designs.sawtooth(0.1, 25_000)
    else:
        levels = np.cumsum(rng.uniform(0.05, 0.15, 100_000)) - 5000.0
        par = PAR(levels, np.cumsum(rng.uniform(0.0, 1.0, 100_001)) - 5e4)
    v = rng.standard_normal(1_000_000) * 3000
    step = rng.uniform(0.2, 0.4, v.size) if "each" in shape else 0.3
    assert par.levels.size >= 100_000
    tracemalloc.start()
    try:
        x = par.prox(v, step)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
    some = rng.choice(v.size, 4, replace=False)
    for vi, xi, gamma in zip(v[some], x[some], np.broadcast_to(step, v.shape)[some], strict=True):
        laws.prox_minimises(around_level(par, xi), vi, gamma, xi)


def around_level(par: PAR, x: float, width: int = 40) -> PAR:
    """`par` with the levels around x alone; of a convex penalty or a sawtooth they decide the prox."""
    k = int(np.searchsorted(par.levels, x))
    first, last = max(k - width, 0), min(k + width, par.levels.size)
    return PAR(par.levels[first:last], par.slopes[first : last + 1])
