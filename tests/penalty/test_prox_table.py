"""Tables of the prox: ties, one step per coordinate, the closed-form index, the naive prox, and cost."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from parlin import PAR, designs
from parlin.penalty import prox as prox_module
from parlin.penalty.prox import ProxTable, apply_table, piece_index, prox_naive, prox_table
from tests import laws, random_par

ASYMMETRIC_W = PAR([-2.0, 0.0, 1.0], [-1.0, 2.0, -1.0, 1.0])


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


# -- the naive prox ---------------------------------------------------------------------------------


def test_the_naive_prox_minimises_in_rational_arithmetic():
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
