"""Errors of the critical points of penalties that follow MCP, SCAD or another amenable one."""

from __future__ import annotations

import math

from parlin._arguments import at_least_zero, finite, positive, whole


def amenable_distance(n_nonzero: int, alpha: float, curvature: float, concavity: float) -> float:
    r"""The largest ``‖D‖_2`` there can be on the event, ``(3/2) α √s / (κ − ¾ α μ_p)``.

    Source: [PAR], nonconvex penalties, with the constants of theory 6b.  Holds where
    ``‖X'ξ‖_∞/n <= α (½ − ε)``, for every Clarke-critical point with a PAR whose slopes are within ``ε < ½``
    of those of p: even, concave and nondecreasing right of 0, ``p(0) = 0``, ``p′(0+) = 1``, and
    ``p + μ_p x²/2`` convex (MCP, SCAD, and the absolute value with ``μ_p = 0``).

    Parameters
    ----------
    n_nonzero : int >= 0
        s.
    alpha : float > 0
    curvature : float > 0
        κ: ``‖XD‖²/(n ‖D‖²)`` of the very point, or the smallest eigenvalue of ``X'X/n``.  A restricted
        eigenvalue does not do: to lie in the cone a point needs this curvature already.
    concavity : float >= 0
        ``μ_p``, for instance from `mcp_concavity` or `scad_concavity`.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain, or if κ is at most ``¾ α μ_p``: then there is no bound.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.amenable_distance(4, alpha=0.25, curvature=1.0, concavity=theory.mcp_concavity(0.75))
    1.0
    """
    alpha, n_nonzero = positive("alpha", alpha), whole("n_nonzero", n_nonzero, low=0)
    convexity = positive("curvature", curvature) - 0.75 * alpha * at_least_zero("concavity", concavity)
    if not convexity > 0:
        raise ValueError(
            f"curvature − ¾ alpha · concavity must be > 0, but is {convexity:g}; a penalty more concave "
            "than the loss is curved can have critical points anywhere"
        )
    return 1.5 * alpha * math.sqrt(n_nonzero) / convexity


def mcp_concavity(reach: float) -> float:
    """The ``μ_p`` of the minimax concave penalty ``x − x²/(2b)``, constant from b on: ``1/b``.

    Source: theory 6b.  `reach` is ``b > 0``, the `concavity` of `designs.mcp`.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.mcp_concavity(4.0)
    0.25
    """
    return 1 / positive("reach", reach)


def scad_concavity(knee: float, a: float = 3.7) -> float:
    """The ``μ_p`` of SCAD, ``1/((a − 1) knee)``: its slope is 1 up to `knee` and falls to 0 at ``a · knee``.

    Source: theory 6b.  ``knee > 0`` and ``a > 1``, as in `designs.scad`.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.scad_concavity(2.0, a=3.0)
    0.25
    """
    a = finite("a", a)
    if not a > 1:
        raise ValueError(f"a must be > 1, but is {a!r}")
    return 1 / ((a - 1) * positive("knee", knee))
