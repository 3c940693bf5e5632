r"""Errors of PAR-Lasso, and its distance from the Lasso.

Throughout ``y = X w* + ξ``, S is the support of ``w*`` with s members, and ``D = w − w*``.  Where the event
on the noise fails nothing is claimed.
"""

from __future__ import annotations

import math

from parlin._arguments import at_least_zero, positive, whole


def lasso_cone(slope_at_zero: float, largest_slope: float) -> float:
    r"""How much of the error can be off the support: ``‖D_{S^c}‖_1 <= c_0 ‖D_S‖_1``, ``c_0 = 1 + 2A/a_0``.

    Source: theory 5.1 and 6a; the hypotheses are those of `lasso_distance`.

    Parameters
    ----------
    slope_at_zero : float > 0
        ``a_0``.
    largest_slope : float >= 0
        A.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.lasso_cone(1.0, 1.0)
    3.0
    """
    slope_at_zero = positive("slope_at_zero", slope_at_zero)
    return 1 + 2 * at_least_zero("largest_slope", largest_slope) / slope_at_zero


def lasso_distance(
    n_nonzero: int, alpha: float, curvature: float, slope_at_zero: float = 1.0, largest_slope: float = 1.0
) -> float:
    r"""The largest ``‖D‖_2`` there can be on the event, ``α (A + a_0/2) √s/κ``.

    Source: [PAR] Theorem 5, with the constants of theory 5.1; theory 6a.  Holds for least squares where
    ``‖X'ξ‖_∞/n <= α a_0/2``, for

    * every minimiser with an even convex PAR: ``a_0 > 0`` is the slope right of 0 and A the largest over
      S of the smallest ``|slope|`` at ``w*_j``;
    * every Clarke-critical point with an even PAR of any shape, if its slopes right of 0 are in ``[a_0, A]``.

    Parameters
    ----------
    n_nonzero : int >= 0
        s.
    alpha : float > 0
    curvature : float > 0
        κ: the restricted eigenvalue on the cone of `lasso_cone`, or what was observed,
        ``‖XD‖²/(n ‖D‖²)``.
    slope_at_zero : float > 0, default=1
    largest_slope : float >= 0, default=1

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Notes
    -----
    Criticality gives ``D'HD = <X'ξ/n, D> − α <z, D>`` with z the slopes at w.  On S, ``z_j D_j >= −A |D_j|``;
    off S, ``z_j D_j >= a_0 |D_j|``.  So ``κ ‖D‖² <= α (A + a_0/2) ‖D_S‖_1 − (α a_0/2) ‖D_{S^c}‖_1``.
    The spacing enters by way of A alone.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.lasso_distance(4, alpha=0.125, curvature=0.5)
    0.75
    """
    root = math.sqrt(whole("n_nonzero", n_nonzero, low=0))
    return _force(alpha, slope_at_zero, largest_slope) * root / positive("curvature", curvature)


def lasso_l1_distance(
    n_nonzero: int, alpha: float, curvature: float, slope_at_zero: float = 1.0, largest_slope: float = 1.0
) -> float:
    r"""The largest ``‖D‖_1`` there can be on the event, ``(1 + c_0) α (A + a_0/2) s/κ``.

    Source: theory 5.1 and 6a; parameters and hypotheses as in `lasso_distance`, and the compatibility
    constant ``φ²`` (`parlin.reference.compatibility_constant`) may stand for κ.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.lasso_l1_distance(4, alpha=0.125, curvature=0.5)
    6.0
    """
    n_nonzero, curvature = whole("n_nonzero", n_nonzero, low=0), positive("curvature", curvature)
    force = _force(alpha, slope_at_zero, largest_slope)
    return (1 + lasso_cone(slope_at_zero, largest_slope)) * force * n_nonzero / curvature


def lasso_prediction_distance(
    n_nonzero: int, alpha: float, curvature: float, slope_at_zero: float = 1.0, largest_slope: float = 1.0
) -> float:
    r"""The largest ``‖XD‖_2/√n`` there can be on the event, ``α (A + a_0/2) √(s/κ)``.

    Source: theory 5.1 and 6a; parameters and hypotheses as in `lasso_distance`, and the compatibility
    constant ``φ²`` (`parlin.reference.compatibility_constant`) may stand for κ.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.lasso_prediction_distance(4, alpha=0.125, curvature=0.25)
    0.75
    """
    n_nonzero, curvature = whole("n_nonzero", n_nonzero, low=0), positive("curvature", curvature)
    return _force(alpha, slope_at_zero, largest_slope) * math.sqrt(n_nonzero / curvature)


def swapped_prediction_distance(alpha: float, slope_error: float, l1_distance: float) -> float:
    r"""The largest ``‖X (w_ψ − w_p)‖_2/√n`` there can be for two penalties, ``√(α ε ‖w_ψ − w_p‖_1)``.

    Source: theory 5.2.  Holds for least squares, any convex p, and any critical point with any ψ whose
    slopes at its coefficients are within ε of slopes of p there.  No such bound holds for ``‖w_ψ − w_p‖``
    itself: with nearly collinear columns it need not go to 0 with ε.

    Parameters
    ----------
    alpha : float > 0
    slope_error : float >= 0
        ε.
    l1_distance : float >= 0
        ``‖w_ψ − w_p‖_1``.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.swapped_prediction_distance(0.5, slope_error=0.25, l1_distance=2.0)
    0.5
    """
    slope_error = at_least_zero("slope_error", slope_error)
    return math.sqrt(positive("alpha", alpha) * slope_error * at_least_zero("l1_distance", l1_distance))


def _force(alpha: float, slope_at_zero: float, largest_slope: float) -> float:
    """``α (A + a_0/2)``, the largest gradient entry on the support."""
    slope_at_zero = positive("slope_at_zero", slope_at_zero)
    largest_slope = at_least_zero("largest_slope", largest_slope)
    return positive("alpha", alpha) * (largest_slope + slope_at_zero / 2)
