"""How far ridge regression is from the truth on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from parlin._arguments import at_least_zero, positive, whole


def expected_ridge_error(
    eigenvalues: ArrayLike, components: ArrayLike, noise: float, n_samples: int, alpha: float
) -> float:
    r"""The mean of ``‖w_ridge − w*‖²`` over the noise, ``Σ_i (σ² h_i/n + α² c_i²) / (h_i + α)²``, exactly.

    Source: theory 4.4.  Holds for ``y = X w* + ξ`` with X fixed and ξ of mean 0 and covariance ``σ² I``;
    the law of the noise does not matter otherwise.

    Parameters
    ----------
    eigenvalues : array-like, shape (d,)
        All eigenvalues ``h_i >= 0`` of ``X'X/n``, those that are 0 included.
    components : array-like, shape (d,)
        ``c_i = <v_i, w*>``, the truth along the unit eigenvectors, in the order of `eigenvalues`.
    noise : float >= 0
        The standard deviation σ.
    n_samples : int >= 1
    alpha : float > 0

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.expected_ridge_error([1.0, 0.0], [2.0, 3.0], noise=2.0, n_samples=4, alpha=1.0)
    10.25
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    along = np.asarray(components, dtype=np.float64)
    if values.ndim != 1 or values.shape != along.shape:
        raise ValueError(
            "eigenvalues and components must be two vectors of one length, but have the shapes "
            f"{values.shape} and {along.shape}"
        )
    if not (np.all(np.isfinite(along)) and np.all(np.isfinite(values)) and np.all(values >= 0)):
        raise ValueError("eigenvalues must be finite and >= 0, components finite")
    noise, alpha = at_least_zero("noise", noise), positive("alpha", alpha)
    n_samples = whole("n_samples", n_samples, low=1)
    # Quotients first, so that no square over- or underflows before its time.
    bias = alpha / (values + alpha) * along
    spread = np.sqrt(values / n_samples) / (values + alpha) * noise
    return float(np.sum(bias**2 + spread**2))
