"""Named penalties: each is what its docstring says, in numbers that do not come from it."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from parlin import PAR, designs
from tests import laws, random_par
from tests.designs.cases import grid
from tests.random_par import DESIGNS, NAMED

INF = np.inf


# -- all of them ------------------------------------------------------------------------------------


def test_every_design_is_tried_by_every_law():
    assert set(DESIGNS) == set(designs.__all__)
    assert designs.__all__ == sorted(designs.__all__)


@pytest.mark.parametrize("name", designs.__all__)
def test_every_design_is_documented_in_a_sentence_and_returns_a_par(name):
    design = getattr(designs, name)
    assert inspect.getdoc(design).split("\n")[0].endswith(".")
    assert all(isinstance(par, PAR) for par in DESIGNS[name])


CLASSES = {
    "binary": "nonconvex",
    "box": "convex",
    "chords": "convex",
    "distance": "nonconvex",
    "integers": "convex",
    "lasso": "convex",
    "ridge": "convex",
    "mcp": "quasiconvex",
    "scad": "quasiconvex",
    "staircase": "quasiconvex",
    "sawtooth": "nonconvex",
    "rippled_mcp": "nonconvex",
    "rippled_scad": "nonconvex",
}


@pytest.mark.parametrize(("name", "par"), [(n, p) for n, p in NAMED if not n.startswith("from_function")])
def test_every_design_has_its_class(name, par):
    assert par.shape == CLASSES[name.rsplit("-", 1)[0]]


EVEN = ("lasso", "ridge", "mcp", "scad", "staircase", "sawtooth", "rippled_mcp", "rippled_scad")


@pytest.mark.parametrize(("name", "par"), [(n, p) for n, p in NAMED if n.rsplit("-", 1)[0] in EVEN])
def test_the_designs_on_a_symmetric_grid_are_even_to_the_last_bit(name, par):
    assert np.array_equal(par.levels, -par.levels[::-1])
    assert np.array_equal(par.slopes, -par.slopes[::-1])
    assert par.value(0.0) == 0.0
    assert 0.0 in par.quantization_levels


@pytest.mark.parametrize("name", EVEN)
@pytest.mark.parametrize("spacing", [0.5, 0.1, 1 / 3, 1e-6])
def test_the_designs_on_a_symmetric_grid_are_smallest_at_zero_though_their_values_round(name, spacing):
    # Along a sawtooth the rounded heights of the wells differ by 1e-16; the start of a solve depends on it.
    for m in (1, 3, 10, 40):
        par = getattr(designs, name)(spacing, m)
        assert par.minimiser() == 0.0
        assert 0.0 in par.convex_relative().quantization_levels


@pytest.mark.parametrize("name", ["ridge", "lasso", "staircase", "sawtooth", "rippled_mcp", "rippled_scad"])
@pytest.mark.parametrize("spacing", [0.5, 0.1, 1 / 3, 1e-6, 1e6])
def test_the_grid_is_where_coordinates_rest(name, spacing):
    par = getattr(designs, name)(spacing, 12)
    # The very floats k · spacing, so that what is quantized prints as what it is.
    assert np.array_equal(par.quantization_levels, grid(spacing, 12))


@pytest.mark.parametrize("name", ["mcp", "scad"])
@pytest.mark.parametrize("spacing", [0.25, 0.1, 1 / 3, 1e-6, 1e6])
def test_plain_concave_chords_rest_at_zero_alone(name, spacing):
    # Where the function is straight its chords are one: no kink comes from their rounding.
    par = getattr(designs, name)(spacing, 30)
    assert par.quantization_levels.tolist() == [0.0]
    assert par.slopes[-1] == 0.0


def test_scad_has_slope_one_up_to_the_knee_and_zero_from_its_end_on():
    par = designs.scad(0.1, 40, a=3.0, knee=1.05)
    right = par.slopes[par.slopes.size // 2 :]
    assert right[0] == 1.0 and right[-1] == 0.0
    assert np.all(np.diff(right) < 0)
    for m in range(1, 41):  # the end of the default is the last level up to a rounding
        for a in (2.5, 3.0, 3.7):
            assert designs.scad(0.1, m, a=a).slopes[-1] == 0.0
    assert par.levels[par.levels > 0][[0, -1]] == pytest.approx([1.0, 3.2])


@pytest.mark.parametrize("name", ["ridge", "lasso"])
@pytest.mark.parametrize("m", [0, 1, 5])
def test_a_bounded_grid_ends_in_a_box_at_its_last_level(name, m):
    open_par, boxed = (getattr(designs, name)(0.3, m, bounded=b) for b in (False, True))
    assert boxed.domain == (-0.3 * m, 0.3 * m)
    assert np.array_equal(boxed.levels, open_par.levels)
    assert np.array_equal(boxed.slopes[1:-1], open_par.slopes[1:-1])


# -- each of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", [0.5, 0.1])
def test_ridge_interpolates_half_the_square_and_its_slopes_are_close_to_x(spacing):
    par, m = designs.ridge(spacing, 8), 8
    np.testing.assert_allclose(par.value(par.levels), par.levels**2 / 2, rtol=1e-14, atol=1e-15)
    x = np.linspace(-(m + 1) * spacing, (m + 1) * spacing, 1001)
    for slope in par.subdifferential(x):  # theory 4
        assert np.all(np.abs(slope - x) <= spacing / 2 * (1 + 1e-12))
    beyond = (m + 1.01) * spacing
    assert abs(par.subdifferential(beyond)[0] - beyond) > spacing / 2


def test_lasso_has_slope_one_at_zero_and_grows_by_the_same_amount_at_every_level():
    par = designs.lasso(0.5, 3, growth=0.2)
    assert par.slopes[4:].tolist() == pytest.approx([1.0, 1.2, 1.4, 1.6], rel=1e-15)
    assert designs.lasso(0.5, 0) == PAR([0.0], [-1.0, 1.0])


def test_integers_interpolate_half_the_square_between_their_box_sides():
    par = designs.integers(-2, 5)
    assert par.levels.tolist() == list(range(-2, 6))
    assert par.domain == (-2.0, 5.0)
    assert np.array_equal(par.value(par.levels), par.levels**2 / 2)
    assert designs.integers(np.int64(0), np.int32(1)) == PAR([0.0, 1.0], [-INF, 0.5, INF])


def test_integers_away_from_zero_interpolate_up_to_a_constant():
    par = designs.integers(3, 6)
    assert np.array_equal(par.value(par.levels), (par.levels**2 - 9) / 2)


def test_box_is_its_indicator():
    par = designs.box(-1.0, 2.0)
    assert par.value([-1.5, -1.0, 0.3, 2.0, 2.5]).tolist() == [INF, 0.0, 0.0, 0.0, INF]


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.25, 3.0)])
def test_binary_is_the_distance_to_its_two_values(low, high):
    x = np.linspace(-4, 4, 401)
    par = designs.binary(low, high)
    distance = np.minimum(np.abs(x - low), np.abs(x - high))
    np.testing.assert_allclose(par.value(x) - par.value(low), distance, rtol=0, atol=1e-14)
    assert par.quantization_levels.tolist() == [low, high]


def test_sawtooth_is_the_distance_to_the_grid():
    x = np.linspace(-3, 3, 601)
    distance = np.min(np.abs(x[:, None] - grid(0.5, 4)), axis=1)
    np.testing.assert_allclose(designs.sawtooth(0.5, 4).value(x), distance, rtol=0, atol=1e-14)


@pytest.mark.parametrize("flat", [0.0, 0.3])
def test_staircase_rises_on_the_near_half_of_every_cell(flat):
    x, q = np.linspace(0, 2.0, 401), 0.5
    cell, t = np.divmod(x, q)
    height = cell * q * (1 + flat) / 2 + np.minimum(t, q / 2) + flat * np.maximum(t - q / 2, 0)
    np.testing.assert_allclose(designs.staircase(q, 4, flat=flat).value(x), height, rtol=0, atol=1e-14)


def mcp_function(x, b):
    x = np.minimum(np.abs(x), b)
    return x - x**2 / (2 * b)


def scad_function(x, a, knee):
    # The integral of min(1, max(0, (a knee − t)/((a − 1) knee))): Fan and Li (2001) over their λ.
    t = np.linspace(0.0, 1.0, 20_001)
    rate = np.clip((a * knee - np.abs(x)[..., None] * t) / ((a - 1) * knee), 0.0, 1.0)
    return np.abs(x) * np.sum((rate[..., 1:] + rate[..., :-1]) / 2 * np.diff(t), axis=-1)


@pytest.mark.parametrize(("m", "concavity"), [(6, None), (6, 1.0), (2, 4.0)])
@pytest.mark.parametrize("name", ["mcp", "rippled_mcp"])
def test_mcp_takes_the_values_of_mcp_on_its_grid(name, m, concavity):
    q = 0.25
    par, b = getattr(designs, name)(q, m, concavity=concavity), concavity or m * q
    x = grid(q, m)
    np.testing.assert_allclose(par.value(x), mcp_function(x, b), rtol=0, atol=1e-14)
    if concavity != 4.0 and name == "mcp":
        assert par.value(7 * b) == pytest.approx(b / 2, rel=1e-14)


@pytest.mark.parametrize(("m", "a", "knee"), [(8, 3.7, None), (8, 3.0, 0.5), (6, 2.5, 0.6)])
@pytest.mark.parametrize("name", ["scad", "rippled_scad"])
def test_scad_takes_the_values_of_scad_on_its_grid(name, m, a, knee):
    q = 0.25
    par = getattr(designs, name)(q, m, a=a, knee=knee)
    x = grid(q, m)
    np.testing.assert_allclose(par.value(x), scad_function(x, a, knee or m * q / a), rtol=0, atol=1e-8)


@pytest.mark.parametrize("par", [*DESIGNS["rippled_mcp"], *DESIGNS["rippled_scad"]])
def test_a_rippled_design_has_no_zero_slope_so_the_bound_on_quantization_applies(par):
    assert np.min(np.abs(par.slopes)) > 1e-9


@pytest.mark.parametrize(("m", "concavity", "ripple"), [(8, None, 0.2), (8, 1.0, 0.3), (3, 4.0, None)])
def test_the_slopes_of_rippled_mcp_stay_within_the_ripple_of_the_derivative(m, concavity, ripple):
    # Theory 6b with ε = h: every Clarke slope at x is within h of a derivative of MCP at x.
    q, b = 0.25, concavity or m * 0.25
    par = designs.rippled_mcp(q, m, concavity=concavity, ripple=ripple)
    h = ripple or (par.slopes[-1] - (1 - (m + 0.5) * q / b if b > m * q else 0.0))
    # MCP that goes on falling beyond the last level is followed for half a cell more.
    x = np.linspace(1e-9, (m + 0.5) * q if b > m * q else (m + 2) * q, 4001)
    derivative = np.maximum(0.0, 1 - x / b)
    for slope in par.subdifferential(x):
        assert np.all(np.abs(slope - derivative) <= h * (1 + 1e-9))


@pytest.mark.parametrize("m", [*range(1, 13), 15, 20, 40, 99, 100])
def test_the_default_ripple_is_always_possible(m):
    assert designs.rippled_mcp(0.1, m).quantization_levels.size == 2 * m + 1
    for a in (2.1, 3.0, 3.7, 10.0):
        assert designs.rippled_scad(0.1, m, a=a).quantization_levels.size == 2 * m + 1


# -- wrong parameters -------------------------------------------------------------------------------


ON_A_GRID = [getattr(designs, n) for n in EVEN]


@pytest.mark.parametrize("design", ON_A_GRID)
@pytest.mark.parametrize("spacing", [0.0, -1.0, np.nan, INF])
def test_a_spacing_that_is_no_positive_number_is_refused(design, spacing):
    with pytest.raises(ValueError, match="spacing must be finite and > 0, but is"):
        design(spacing, 3)


@pytest.mark.parametrize("design", ON_A_GRID)
@pytest.mark.parametrize("n_levels", [2.5, 2.0, "3", None])
def test_a_number_of_levels_that_is_no_whole_number_is_refused(design, n_levels):
    with pytest.raises(TypeError, match="n_levels must be a whole number, but is"):
        design(0.5, n_levels)


@pytest.mark.parametrize("design", ON_A_GRID)
def test_a_negative_number_of_levels_is_refused(design):
    with pytest.raises(ValueError, match="n_levels must be >= 0, but is -1; it counts the levels per side"):
        design(0.5, -1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: designs.lasso(0.5, 3, growth=0.0), "growth must be > 0"),
        (lambda: designs.lasso(0.5, 3, growth=-1.0), "growth must be > 0"),
        (lambda: designs.lasso(0.5, 3, growth=np.nan), "growth must be > 0"),
        (lambda: designs.staircase(0.5, 3, flat=1.0), r"flat must lie in \[0, 1\), but is 1.0"),
        (lambda: designs.staircase(0.5, 3, flat=-0.1), "flat must lie in"),
        (lambda: designs.box(1.0, 1.0), "strictly increasing"),
        (lambda: designs.box(2.0, 1.0), "strictly increasing"),
        (lambda: designs.box(-INF, 1.0), "levels must be finite"),
        (lambda: designs.binary(1.0, -1.0), "strictly increasing"),
        (lambda: designs.binary(1.0, 1.0), "strictly increasing"),
        (lambda: designs.integers(3, 3), "whole numbers low < high, but got 3 and 3"),
        (lambda: designs.integers(4, 3), "whole numbers low < high"),
        (lambda: designs.integers(0.0, 3), "whole numbers low < high"),
        (
            lambda: designs.mcp(0.5, 3, concavity=0.7),
            "concavity must be a positive multiple of spacing = 0.5",
        ),
        (lambda: designs.mcp(0.5, 3, concavity=-1.0), "concavity must be a positive multiple"),
        (lambda: designs.mcp(0.5, 3, concavity=np.nan), "concavity must be a positive multiple"),
        (lambda: designs.mcp(0.5, 3, concavity=INF), "concavity must be a positive multiple"),
        (lambda: designs.mcp(0.5, 0), "concavity must be a positive multiple"),
        (lambda: designs.scad(0.5, 3, a=2.0), "a must be > 2"),
        (lambda: designs.scad(0.5, 3, a=np.nan), "a must be > 2"),
        (lambda: designs.scad(0.5, 3, knee=0.0), "knee must be a positive finite number"),
        (lambda: designs.scad(0.5, 0), "knee must be a positive finite number"),
        (lambda: designs.rippled_mcp(0.25, 8, ripple=0.5), "ripple must lie strictly between"),
        (
            lambda: designs.rippled_mcp(0.25, 8, ripple=0.0625),
            "half the largest drop of the chord slopes, 0.0625",
        ),
        (lambda: designs.rippled_mcp(0.25, 8, ripple=np.nan), "ripple must lie strictly between"),
        (
            lambda: designs.rippled_mcp(0.4, 5, concavity=2.0, ripple=0.3),
            "chord slope of cell 3, which makes a slope zero",
        ),
    ],
)
def test_wrong_parameters_are_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- frozen values ----------------------------------------------------------------------------------


def test_frozen_slopes_of_the_concave_designs():
    # By hand: MCP chords 1 − (k + ½)/4 on four cells; the default ripple is the middle of (1/8, 1/2).
    assert designs.mcp(0.5, 4).slopes.tolist() == [
        0.0,
        -0.125,
        -0.375,
        -0.625,
        -0.875,
        0.875,
        0.625,
        0.375,
        0.125,
        0.0,
    ]
    rippled = designs.rippled_mcp(0.5, 4)
    right = [0.875, 0.625, 0.375, 0.125]
    expected = [m + sign * 0.3125 for m in right for sign in (1, -1)] + [0.3125]
    assert rippled.slopes[9:].tolist() == expected
    # SCAD with a = 3, knee = 1 on halves: 1, 1, then 1 − (x − 1)/2 at the middles 1.25, 1.75, 2.25, 2.75.
    scad = designs.scad(0.5, 6, a=3.0, knee=1.0)
    assert scad.slopes[scad.slopes >= 0].tolist() == [0.0, 1.0, 0.875, 0.625, 0.375, 0.125, 0.0]


def test_random_arguments_find_no_design_value_off_its_definition():
    for name, par in NAMED:
        x = random_par.telling_arguments(np.random.default_rng(41), par, 0.5, 1.0, 40)
        np.testing.assert_allclose(
            par.value(x), laws.value_by_definition(par, x), rtol=1e-12, atol=1e-12, err_msg=name
        )
