"""The distance of PAR-regularized from ridge-regularized coefficients, and of strongly convex relatives."""

from __future__ import annotations

import math

from parlin._arguments import at_least_zero, finite, positive, whole


def ridge_distance(n_features: int, spacing: float, alpha: float, curvature: float = 0.0) -> float:
    r"""The largest distance ``‖w_PAR − w_ridge‖₂`` there can be, ``α/(α + μ) · √d q/2``.

    Source: [PAR] Theorem 4, which has ``√d q/2``; theory 4.1.  Holds for any convex loss with curvature
    at least μ and ridge chords on a grid that covers the solution (see `ridge_reach`), or that ends in
    a box at its last level if ``w_ridge`` is held in the same box.

    Parameters
    ----------
    n_features : int >= 1
        The number d of coefficients.
    spacing : float > 0
        The distance q of neighbouring levels.
    alpha : float > 0
        The strength; at 0 neither solution need be unique.
    curvature : float >= 0, default=0
        The smallest eigenvalue μ of ``X'X/n``, or any lower bound of it: 0 gives the source's bound.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Notes
    -----
    Let ``e = g − w_PAR`` with ``αg = −∇f(w_PAR)``.  Least squares gives
    ``w_PAR − w_ridge = −α (H + αI)⁻¹ e``, and a chord's slope is within ``q/2`` of the point, so
    ``|e_j| <= q/2``.
    In one dimension the bound is attained, at the ends of every interval of data that one level attracts.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.ridge_distance(16, 0.5, alpha=1.0)
    1.0
    >>> theory.ridge_distance(16, 0.5, alpha=1.0, curvature=3.0)
    0.25
    """
    n_features = whole("n_features", n_features, low=1)
    spacing, alpha = positive("spacing", spacing), positive("alpha", alpha)
    curvature = at_least_zero("curvature", curvature)
    return alpha / (alpha + curvature) * math.sqrt(n_features) * spacing / 2


def ridge_prediction_distance(n_features: int, spacing: float, alpha: float) -> float:
    r"""The largest ``‖X (w_PAR − w_ridge)‖₂ / √n`` there can be, ``√(α d) q/4``.

    Source: theory 4.1, from the same identity as `ridge_distance` and ``α √h/(α + h) <= √α/2``; the
    hypotheses are the same, for least squares.  It vanishes with the strength, whatever the rank of X.

    Parameters
    ----------
    n_features : int >= 1
    spacing : float > 0
    alpha : float > 0

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.ridge_prediction_distance(16, 0.5, alpha=4.0)
    1.0
    """
    n_features = whole("n_features", n_features, low=1)
    spacing, alpha = positive("spacing", spacing), positive("alpha", alpha)
    return math.sqrt(alpha * n_features) * spacing / 4


def ridge_reach(spacing: float, n_levels: int) -> float:
    r"""How far out ridge chords stay within ``q/2`` of the slope of ``x²/2``: up to ``(m + 1) q``.

    Source: theory 4.2.  The last chord goes on beyond the last level ``m q`` with slope ``(m + ½) q``.
    ``max|w_PAR| <= ridge_reach(q, m)`` is the check, made after solving, that the grid covers the solution.

    Parameters
    ----------
    spacing : float > 0
    n_levels : int >= 0
        The number m of levels on either side of 0.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.ridge_reach(0.5, 3)
    2.0
    """
    return (whole("n_levels", n_levels, low=0) + 1) * positive("spacing", spacing)


def covering_levels(largest_ridge: float, n_features: int, spacing: float) -> int:
    r"""The number of levels a side that surely covers the solution, known before solving it.

    Source: theory 4.2: any m with ``m q > max|w_ridge| + √d q/2`` will do.  A smaller margin, such as
    one cell, will not: the distance of one coefficient may be as large as that of all.

    Parameters
    ----------
    largest_ridge : float >= 0
        ``max_j |w_ridge,j|`` at the same strength.
    n_features : int >= 1
    spacing : float > 0

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.covering_levels(0.75, n_features=16, spacing=0.5)
    4
    """
    largest_ridge = at_least_zero("largest_ridge", largest_ridge)
    n_features = whole("n_features", n_features, low=1)
    return math.floor(largest_ridge / positive("spacing", spacing) + math.sqrt(n_features) / 2) + 1


def chord_slope_error(spacing: float, largest_curvature: float) -> float:
    r"""How far a chord's slope is from the derivative it replaces, ``M q/2`` at most.

    Source: theory 4.3.  Holds for the chords on cells of length q of any p with ``|p″| <= M``, and on
    a level for every slope between those of its two chords: a chord's slope is the mean of p′ over the cell.

    Parameters
    ----------
    spacing : float > 0
    largest_curvature : float >= 0
        A bound M of ``|p″|`` on the grid.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.chord_slope_error(0.5, largest_curvature=3.0)
    0.75
    """
    return positive("spacing", spacing) * at_least_zero("largest_curvature", largest_curvature) / 2


def strongly_convex_distance(
    n_features: int, slope_error: float, alpha: float, modulus: float, curvature: float = 0.0
) -> float:
    r"""The largest distance ``‖w_ψ − w_p‖₂`` there can be, ``α ε √d / (α m + μ)``.

    Source: theory 4.3.  Holds for any convex loss with curvature at least μ, any p with ``p − (m/2) x²``
    convex, and any ψ whose slopes at a coefficient of the solution are within ε of a slope of p there.
    For ridge chords, ``ε = q/2`` and ``m = 1``, it is `ridge_distance`.

    Parameters
    ----------
    n_features : int >= 1
    slope_error : float >= 0
        The ε of above, for instance from `chord_slope_error`.
    alpha : float > 0
    modulus : float
        The modulus m of strong convexity of p; negative for a weakly convex p.
    curvature : float >= 0, default=0
        The smallest eigenvalue μ of ``X'X/n``, or any lower bound of it.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain, or if ``α m + μ`` is not positive: then there is no bound.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.strongly_convex_distance(16, 0.25, alpha=1.0, modulus=1.0)
    1.0
    """
    n_features = whole("n_features", n_features, low=1)
    slope_error, alpha = at_least_zero("slope_error", slope_error), positive("alpha", alpha)
    convexity = alpha * finite("modulus", modulus) + at_least_zero("curvature", curvature)
    if not convexity > 0:
        raise ValueError(
            f"alpha * modulus + curvature must be > 0, but is {convexity:g}; without strong convexity the "
            "two solutions can be any distance apart"
        )
    return alpha * slope_error * math.sqrt(n_features) / convexity
