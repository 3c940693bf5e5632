"""How likely the noise is small enough for bounds on sparse estimates, and the strength that makes it so."""

from __future__ import annotations

import math

from parlin._arguments import positive, whole


def noise_event_probability(threshold: float, noise: float, n_samples: int, n_features: int) -> float:
    r"""A lower bound on the probability that ``‖X'ξ‖_∞/n <= t``, ``(2Φ(t √n/σ) − 1)^d``.

    Source: theory 5 by the union bound ``1 − 2d exp(−n t²/(2σ²))``; Šidák's inequality gives this one,
    which is never smaller.  Holds for ``ξ ~ N(0, σ² I)`` and columns with ``‖X_j‖² <= n``; attained, for
    ``d <= n``, by orthogonal columns with ``‖X_j‖² = n``.

    Parameters
    ----------
    threshold : float > 0
        t: ``α a_0/2`` for `lasso_distance`, ``α (½ − ε)`` for `amenable_distance`.
    noise : float > 0
        The standard deviation σ.
    n_samples, n_features : int >= 1

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> round(theory.noise_event_probability(0.5, noise=1.0, n_samples=100, n_features=1), 7)
    0.9999994
    """
    ratio = positive("threshold", threshold) / positive("noise", noise)
    ratio *= math.sqrt(whole("n_samples", n_samples, low=1))
    ratio /= math.sqrt(2)
    # Near 1 what is missing has more digits than the probability.
    n_features = whole("n_features", n_features, low=1)
    if ratio < 1:
        return math.erf(ratio) ** n_features
    return math.exp(n_features * math.log1p(-math.erfc(ratio)))


def lasso_alpha(
    noise: float, n_samples: int, n_features: int, failure: float, slope_at_zero: float = 1.0
) -> float:
    r"""A strength at which the event of `lasso_distance` has probability at least ``1 − δ``.

    Source: theory 5: ``α = (2σ/a_0) √(2 log(2d/δ)/n)``.  Holds for ``ξ ~ N(0, σ² I)`` and columns with
    ``‖X_j‖² <= n``.

    Parameters
    ----------
    noise : float > 0
        The standard deviation σ.
    n_samples, n_features : int >= 1
    failure : float in (0, 1)
        δ.
    slope_at_zero : float > 0, default=1
        ``a_0``, the slope right of 0.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> alpha = theory.lasso_alpha(1.0, n_samples=100, n_features=50, failure=0.05)
    >>> theory.noise_event_probability(alpha / 2, 1.0, 100, 50) >= 0.95
    True
    """
    failure = positive("failure", failure)
    if not failure < 1:
        raise ValueError(f"failure must be < 1, but is {failure!r}")
    n_samples = whole("n_samples", n_samples, low=1)
    logarithm = math.log(2 * whole("n_features", n_features, low=1) / failure)
    return (
        2 * positive("noise", noise) / positive("slope_at_zero", slope_at_zero)
        * math.sqrt(2 * logarithm / n_samples)
    )  # fmt: skip
