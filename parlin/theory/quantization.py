"""How much is quantized at a critical point."""

from __future__ import annotations

from parlin._arguments import whole


def quantization_floor(rank: int, n_features: int) -> float:
    r"""The least fraction of quantized coefficients at a critical point, ``max(0, 1 − rank/d)``.

    Source: [PAR] Theorem 1, with ``rank = n``; theory 3.2 and 3.4 for the rank.  Holds at every critical
    point for slopes that are not zero and a design in general position, and for *any* design at a point
    that `parlin.purify` returns.

    Parameters
    ----------
    rank : int >= 0
        The rank of the design, centred if there is an intercept; the number of samples bounds it.
    n_features : int >= 1

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.quantization_floor(20, 200)
    0.9
    >>> theory.quantization_floor(500, 200)
    0.0
    """
    rank = whole("rank", rank, low=0)
    n_features = whole("n_features", n_features, low=1)
    return max(0, n_features - rank) / n_features
