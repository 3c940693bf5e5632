r"""Coefficients as codes of levels and a few floats: the bits of theory 9, written and read back.

The payload is the codebook, then the codes (most significant bit first, padded to a byte), then the
coefficients off the levels as floats, all little-endian.  In the "escape" layout every coefficient has
a code, that of its level or the one that says "off the levels"; in the "bitmap" layout one bit says
whether it is on a level, and only those that are have a code.

Both directions work in blocks: besides the file and the coefficients they need little memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin.packed.bits import BitWriter, blocks, code_length, from_bits, read_bits, to_bits
from parlin.packed.codebook import codebook_of, converted, levels_of
from parlin.packed.file import DTYPES, LAYOUTS, Layout, Packed, bytes_of
from parlin.penalty import PAR

_NOT_FINITE = "coef must be finite, but holds nan or infinity"


def pack(coef: ArrayLike, penalty: PAR, layout: Layout = "escape") -> Packed:
    r"""The coefficients as codes of the penalty's levels, and as floats where they equal none.

    Source: theory 9 on the storage claim of [PAR]; the payload has exactly the bits of
    `parlin.theory.escape_code_bits` or `parlin.theory.bitmap_bits`.

    Parameters
    ----------
    coef : array of shape (d,), float32 or float64, d >= 1
        Its dtype is kept.  A fit is float64; ``coef_.astype(np.float32)`` halves the floats.
    penalty : PAR
        Its levels, converted to that dtype, are the grid; levels that become equal count once.
    layout : {"escape", "bitmap"}, default="escape"

    Returns
    -------
    Packed

    Raises
    ------
    TypeError, ValueError
        For coefficients of another type or shape or not finite, a penalty without levels or with levels
        beyond the dtype, and an unknown layout.

    Notes
    -----
    Coefficients and levels are compared bit for bit, so that `unpack` gives back every bit.  Hence −0.0
    is not the level 0.0 and is stored as a float; add 0.0 to the coefficients first to have it count as 0.
    A grid ``k·q`` takes two floats where they reproduce it float for float, as they do the grids of
    `parlin.designs`; any other takes K floats, and so do grids of one or two levels.

    Examples
    --------
    >>> import numpy as np
    >>> from parlin import designs, theory
    >>> from parlin.packed import Packed, pack, unpack
    >>> coef = np.array([0.0, 0.5, -0.5, 0.0, 0.3, 0.0, 1.0, 0.0], dtype=np.float32)
    >>> packed = pack(coef, designs.ridge(0.5, 2))
    >>> packed.n_bits == theory.escape_code_bits(8, n_free=1, n_levels=5)
    True
    >>> packed.n_bytes, packed.n_bytes_with_header, coef.nbytes
    (15, 51, 32)
    >>> bool(np.all(unpack(Packed.from_bytes(packed.to_bytes())) == coef))
    True
    """
    if not isinstance(penalty, PAR):
        raise TypeError(f"penalty must be a PAR, such as a fit's penalty_, but is {penalty!r}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {LAYOUTS}, but is {layout!r}")
    coef = np.asarray(coef)
    if coef.dtype.name not in DTYPES:
        raise TypeError(f"coef must be float32 or float64, but is {coef.dtype}; convert it with astype")
    if coef.ndim != 1 or coef.size == 0:
        raise ValueError(
            f"coef must have shape (d,) with d >= 1, but has {coef.shape}; pack outputs one by one"
        )
    if not np.isfinite(coef).all():
        raise ValueError(_NOT_FINITE)
    coef = coef.astype(coef.dtype.name, copy=False)  # in the machine's byte order
    levels = converted(penalty.levels, coef.dtype)
    grid, codebook = codebook_of(penalty.levels, levels)
    # In the bitmap layout the codes begin in the byte in which the bitmap ends.
    tail = coef[coef.size - coef.size % 8 :] if layout == "bitmap" else coef[:0]
    bitmap, codes = BitWriter(_none()), BitWriter(_nearest(tail, levels)[1])
    floats = []
    for block in blocks(coef.size):
        part = coef[block]
        nearest, on_level = _nearest(part, levels)
        if layout == "escape":
            codes.write(to_bits(np.where(on_level, nearest, levels.size), code_length(levels.size + 1)))
        else:
            bitmap.write(on_level[: on_level.size - on_level.size % 8])
            codes.write(to_bits(nearest[on_level], code_length(levels.size)))
        floats.append(_little(part[~on_level]))
    codes.close()
    payload = b"".join((_little(codebook), *bitmap.parts, *codes.parts, *floats))
    n_bits = bitmap.n_bits + codes.n_bits + 8 * (codebook.nbytes + sum(map(len, floats)))
    return Packed(layout, coef.dtype.name, grid, coef.size, levels.size, n_bits, payload)


def unpack(packed: Packed) -> NDArray[np.floating]:
    """The coefficients that `pack` was given, bit for bit.

    Raises
    ------
    TypeError, ValueError
        If `packed` is none, or its payload does not fit what is said of it or holds what is not finite.
    """
    if not isinstance(packed, Packed):
        raise TypeError(f"packed must be what `pack` or `Packed.from_bytes` gave, but is {packed!r:.40}")
    d, k, dtype = packed.n_features, packed.n_levels, np.dtype(packed.dtype)
    # Before anything is as long as the header says: every coefficient has a bit at least.
    _require(packed, 1 <= d <= 8 * packed.n_bytes and 1 <= k < 2**53)
    data = memoryview(packed.payload)
    start = (2 if packed.uniform else k) * dtype.itemsize
    escape = packed.layout == "escape"
    width = code_length(k + 1) if escape else code_length(k)
    first = 8 * start + (0 if escape else d)
    _require(packed, first <= 8 * packed.n_bytes)
    n_codes = d if escape else _count(data, 8 * start, d)
    end = first + n_codes * width
    _require(packed, end <= 8 * packed.n_bytes)
    floats = data[bytes_of(end) :]
    n_free = len(floats) // dtype.itemsize
    _require(packed, len(floats) == n_free * dtype.itemsize and end + 8 * len(floats) == packed.n_bits)
    _require(packed, escape or n_codes + n_free == d)
    codebook = _from_little(data[:start], dtype)
    coef, taken = np.empty(d, dtype=dtype), 0
    for block in blocks(d):
        size = block.stop - block.start
        if escape:
            codes = _codes(data, first, width, size)
            on_level = codes != k
            codes = codes[on_level]
        else:
            on_level = read_bits(data, 8 * start + block.start, 8 * start + block.stop).astype(bool)
            codes = _codes(data, first, width, int(np.count_nonzero(on_level)))
        first += (size if escape else codes.size) * width
        free = slice(taken * dtype.itemsize, (taken + size - codes.size) * dtype.itemsize)
        taken += size - codes.size
        _require(packed, taken <= n_free and not (codes >= k).any())
        part = coef[block]
        part[on_level] = levels_of(packed.grid, k, codebook, codes)
        part[~on_level] = _from_little(floats[free], dtype)
    _require(packed, taken == n_free)
    if not (np.isfinite(coef).all() and np.isfinite(codebook).all()):
        raise ValueError(_NOT_FINITE)
    return coef


def _require(packed: Packed, fits: bool) -> None:
    if not fits:
        what = f"{packed.n_features} coefficients on {packed.n_levels} levels in layout {packed.layout!r}"
        raise ValueError(f"the payload does not hold {what}; use what `pack` or `from_bytes` gave")


def _nearest(
    coef: NDArray[np.floating], levels: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each coefficient a level that may equal it, and whether it does, bit for bit."""
    nearest = np.minimum(np.searchsorted(levels, coef), levels.size - 1)
    return nearest, (levels[nearest] == coef) & ((coef != 0.0) | ~np.signbit(coef))


def _codes(data: memoryview, begin: int, width: int, count: int) -> NDArray[np.intp]:
    if width == 0:  # a single level needs no bits
        return np.zeros(count, dtype=np.intp)
    return from_bits(read_bits(data, begin, begin + count * width), width)


def _count(data: memoryview, begin: int, size: int) -> int:
    """How many of `size` bits from `begin` on are ones."""
    return sum(
        int(np.count_nonzero(read_bits(data, begin + block.start, begin + block.stop)))
        for block in blocks(size)
    )


def _none() -> NDArray[np.bool_]:
    return np.empty(0, dtype=bool)


def _little(floats: NDArray[np.floating]) -> bytes:
    return floats.astype(floats.dtype.newbyteorder("<"), copy=False).tobytes()


def _from_little(data: memoryview, dtype: np.dtype) -> NDArray[np.floating]:
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype)
