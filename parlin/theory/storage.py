"""Bits that quantized coefficients take, and where that is half of what floats take."""

from __future__ import annotations

from parlin._arguments import finite, whole


def escape_code_bits(
    n_features: int, n_free: int, n_levels: int, float_bits: int = 32, uniform: bool = True
) -> int:
    r"""The bits of the escape layout, ``d ⌈log2(K + 1)⌉ + u F + codebook``.

    Source: [PAR] on storage; theory 9.  Every coefficient has a code, that of its level or the one that
    says "off the levels"; those off the levels follow as floats.  `parlin.packed` writes exactly these bits.

    Parameters
    ----------
    n_features : int >= 1
        d.
    n_free : int in 0..d
        u, the coefficients off the levels.
    n_levels : int >= 1
        K, all levels together.
    float_bits : int >= 1, default=32
        F.
    uniform : bool, default=True
        A uniform grid is two floats, any other one K.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.escape_code_bits(200, n_free=20, n_levels=15)
    1504
    """
    d, u, k, f = _counts(n_features, n_free, n_levels, float_bits)
    return d * _code_length(k + 1) + u * f + _codebook(k, f, uniform)


def bitmap_bits(
    n_features: int, n_free: int, n_levels: int, float_bits: int = 32, uniform: bool = True
) -> int:
    r"""The bits of the bitmap layout, ``d + (d − u) ⌈log2 K⌉ + u F + codebook``.

    Source: theory 9.  One bit a coefficient says whether it is on a level; parameters as in
    `escape_code_bits`.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.bitmap_bits(200, n_free=20, n_levels=16)
    1624
    """
    d, u, k, f = _counts(n_features, n_free, n_levels, float_bits)
    return d + (d - u) * _code_length(k) + u * f + _codebook(k, f, uniform)


def escape_free_share(
    n_features: int, n_levels: int, float_bits: int = 32, uniform: bool = True, ratio: float = 2.0
) -> float:
    r"""The largest fraction ``u/d`` at which the escape layout is `ratio` times smaller than floats.

    Source: theory 9: ``1/ρ − (⌈log2(K + 1)⌉ + codebook/d)/F``.  Negative where no fit is that small.
    ``u <= n`` makes it a promise for designs with ``n/d`` up to this fraction.

    Parameters
    ----------
    n_features, n_levels, float_bits, uniform
        As in `escape_code_bits`.
    ratio : float >= 1, default=2
        ρ.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.escape_free_share(200, n_levels=15)
    0.365
    """
    d, _, k, f = _counts(n_features, 0, n_levels, float_bits)
    return 1 / _ratio(ratio) - (_code_length(k + 1) + _codebook(k, f, uniform) / d) / f


def bitmap_free_share(
    n_features: int, n_levels: int, float_bits: int = 32, uniform: bool = True, ratio: float = 2.0
) -> float:
    r"""The largest fraction ``u/d`` at which the bitmap layout is `ratio` times smaller than floats.

    Source: theory 9: ``(F/ρ − 1 − ⌈log2 K⌉ − codebook/d) / (F − ⌈log2 K⌉)``; parameters as in
    `escape_free_share`.  The codes of a level must be shorter than a float.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.bitmap_free_share(32, n_levels=4)
    0.36666666666666664
    """
    d, _, k, f = _counts(n_features, 0, n_levels, float_bits)
    code = _code_length(k)
    if not code < f:
        raise ValueError(f"float_bits must be > {code}, the bits of a level's code, but is {float_bits!r}")
    return (f / _ratio(ratio) - 1 - code - _codebook(k, f, uniform) / d) / (f - code)


def _counts(n_features: int, n_free: int, n_levels: int, float_bits: int) -> tuple[int, int, int, int]:
    d, u = whole("n_features", n_features, low=1), whole("n_free", n_free, low=0)
    if u > d:
        raise ValueError(f"n_free must be <= n_features = {d}, but is {n_free!r}")
    return d, u, whole("n_levels", n_levels, low=1), whole("float_bits", float_bits, low=1)


def _ratio(ratio: float) -> float:
    if not finite("ratio", ratio) >= 1:
        raise ValueError(f"ratio must be >= 1, but is {ratio!r}")
    return float(ratio)


def _code_length(n_symbols: int) -> int:
    """``⌈log2 n⌉`` in whole numbers."""
    return (n_symbols - 1).bit_length()


def _codebook(n_levels: int, float_bits: int, uniform: bool) -> int:
    return (2 if uniform else n_levels) * float_bits
