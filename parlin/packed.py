r"""Coefficients as codes of levels and a few floats: the bits of theory 9, written and read back.

The payload is the codebook, then the codes (most significant bit first, padded to a byte), then the
coefficients off the levels as floats, all little-endian.  In the "escape" layout every coefficient has
a code, that of its level or the one that says "off the levels"; in the "bitmap" layout one bit says
whether it is on a level, and only those that are have a code.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parlin.penalty import PAR

Layout = Literal["escape", "bitmap"]
Grid = Literal["symmetric", "multiples", "table"]

_MAGIC = b"PARW"
_LAYOUTS: tuple[Layout, ...] = ("escape", "bitmap")
_GRIDS: tuple[Grid, ...] = ("symmetric", "multiples", "table")
_DTYPES = ("float32", "float64")
_START = struct.Struct("<4sI")  # magic, checksum of all that follows
_BODY = struct.Struct("<BBBxQQQ")  # layout, dtype, grid, a spare byte, d, K, bits of the payload
_HEADER_BYTES = _START.size + _BODY.size


@dataclass(frozen=True)
class Packed:
    r"""Packed coefficients: the payload and what is needed to read it.

    Parameters
    ----------
    layout : {"escape", "bitmap"}
    dtype : {"float32", "float64"}, the type of the coefficients
    grid : {"symmetric", "multiples", "table"}
        How the codebook tells the levels: ``k·q`` with as many on either side of 0, where its two floats
        add up to q; ``k·q`` from its first float on, q being its second; one float for each level.
    n_features : int
        d.
    n_levels : int
        K.
    n_bits : int
        Bits of the payload before they are rounded up to a byte: exactly `parlin.theory.escape_code_bits`
        or `parlin.theory.bitmap_bits`, with ``uniform`` as here.
    payload : bytes

    Notes
    -----
    The theory counts the payload.  `to_bytes` puts a header of 36 bytes before it, whatever the
    coefficients; `n_bytes_with_header` is the size of both.
    """

    layout: Layout
    dtype: str
    grid: Grid
    n_features: int
    n_levels: int
    n_bits: int
    payload: bytes = field(repr=False)

    @property
    def uniform(self) -> bool:
        """Whether two floats tell the levels."""
        return self.grid != "table"

    @property
    def n_bytes(self) -> int:
        """The bytes of the payload."""
        return len(self.payload)

    @property
    def n_bytes_with_header(self) -> int:
        """The bytes that `to_bytes` gives."""
        return _HEADER_BYTES + self.n_bytes

    def to_bytes(self) -> bytes:
        """The header, which says how to read the payload, and the payload."""
        kinds = _LAYOUTS.index(self.layout), _DTYPES.index(self.dtype), _GRIDS.index(self.grid)
        body = _BODY.pack(*kinds, self.n_features, self.n_levels, self.n_bits) + self.payload
        return _START.pack(_MAGIC, zlib.crc32(body)) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Packed:
        """What `to_bytes` was called on.

        Raises
        ------
        TypeError, ValueError
            If the bytes are none, not those of packed coefficients, cut short or altered.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data must be bytes, such as a file's, but is {data!r:.60}")
        data = bytes(data)
        if data[:4] != _MAGIC:
            raise ValueError(f"packed coefficients begin with {_MAGIC!r}, but these bytes with {data[:4]!r}")
        if len(data) < _HEADER_BYTES:
            raise ValueError(f"the header has {_HEADER_BYTES} bytes, but only {len(data)} are given")
        _, checksum = _START.unpack_from(data)
        *kinds, d, k, n_bits = _BODY.unpack_from(data, _START.size)
        payload = data[_HEADER_BYTES:]
        if len(payload) != _bytes(n_bits):
            raise ValueError(f"the payload has {_bytes(n_bits)} bytes, but {len(payload)} are given")
        if zlib.crc32(data[_START.size :]) != checksum:
            raise ValueError("the checksum does not match: the bytes were altered; write them again")
        known = _LAYOUTS, _DTYPES, _GRIDS
        if any(kind >= len(names) for kind, names in zip(kinds, known, strict=True)):
            raise ValueError(f"the header says kinds {kinds} of {known}; is the file of a later version?")
        return cls(*(names[kind] for kind, names in zip(kinds, known, strict=True)), d, k, n_bits, payload)


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
    if layout not in _LAYOUTS:
        raise ValueError(f"layout must be one of {_LAYOUTS}, but is {layout!r}")
    coef = np.asarray(coef)
    if coef.dtype.name not in _DTYPES:
        raise TypeError(f"coef must be float32 or float64, but is {coef.dtype}; convert it with astype")
    if coef.ndim != 1 or coef.size == 0:
        raise ValueError(
            f"coef must have shape (d,) with d >= 1, but has {coef.shape}; pack outputs one by one"
        )
    if not np.isfinite(coef).all():
        raise ValueError("coef must be finite, but holds nan or infinity")
    coef = coef.astype(coef.dtype.name, copy=False)  # in the machine's byte order
    levels = _converted(penalty.levels, coef.dtype)
    nearest = np.minimum(np.searchsorted(levels, coef), levels.size - 1)
    on_level = (levels[nearest] == coef) & ((coef != 0.0) | ~np.signbit(coef))
    if layout == "escape":
        codes = _to_bits(np.where(on_level, nearest, levels.size), _code_length(levels.size + 1))
    else:
        numbers = _to_bits(nearest[on_level], _code_length(levels.size))
        codes = np.concatenate((on_level.astype(np.uint8), numbers))
    grid, codebook = _codebook(penalty.levels, levels)
    parts = _little(codebook), np.packbits(codes).tobytes(), _little(coef[~on_level])
    n_bits = codes.size + 8 * (len(parts[0]) + len(parts[2]))
    return Packed(layout, coef.dtype.name, grid, coef.size, levels.size, n_bits, b"".join(parts))


def unpack(packed: Packed) -> NDArray[np.floating]:
    """The coefficients that `pack` was given, bit for bit; ValueError if the payload does not fit."""
    if not isinstance(packed, Packed):
        raise TypeError(f"packed must be what `pack` or `Packed.from_bytes` gave, but is {packed!r:.40}")
    d, k, dtype = packed.n_features, packed.n_levels, np.dtype(packed.dtype)
    # Before anything is as long as the header says: every coefficient has a bit at least.
    _require(packed, 1 <= d <= 8 * packed.n_bytes and 1 <= k < 2**53)
    start = (2 if packed.uniform else k) * dtype.itemsize
    bits = np.unpackbits(np.frombuffer(packed.payload[start:], np.uint8))
    if packed.layout == "escape":
        on_level, first, width = np.ones(d, dtype=bool), 0, _code_length(k + 1)
    else:
        on_level, first, width = bits[:d].astype(bool), d, _code_length(k)
    n_codes = np.count_nonzero(on_level)
    end = first + n_codes * width
    _require(packed, on_level.size == d and end <= bits.size)
    codes = _from_bits(bits[first:end], n_codes, width)
    if packed.layout == "escape":
        on_level = codes != k
        codes = codes[on_level]
    floats = packed.payload[start + _bytes(end) :]
    n_free = d - codes.size
    _require(packed, len(floats) == n_free * dtype.itemsize and (codes < k).all())
    _require(packed, 8 * (start + len(floats)) + end == packed.n_bits)
    coef = np.empty(d, dtype=dtype)
    coef[on_level] = _levels(packed.grid, k, _from_little(packed.payload[:start], dtype), codes)
    coef[~on_level] = _from_little(floats, dtype)
    return coef


def _require(packed: Packed, fits: bool) -> None:
    if not fits:
        what = f"{packed.n_features} coefficients on {packed.n_levels} levels in layout {packed.layout!r}"
        raise ValueError(f"the payload does not hold {what}; use what `pack` or `from_bytes` gave")


# -- levels -----------------------------------------------------------------------------------------


def _converted(levels: NDArray[np.float64], dtype: np.dtype) -> NDArray[np.floating]:
    """The distinct levels in this dtype, in increasing order, none of them −0.0."""
    if levels.size == 0:
        raise ValueError("penalty has no level, so there is nothing to code; store the floats as they are")
    with np.errstate(over="ignore"):
        converted = np.unique(levels.astype(dtype) + dtype.type(0.0))
    if not np.isfinite(converted).all():
        raise ValueError(f"a level of the penalty is too large for {dtype}; pack float64 coefficients")
    return converted


def _codebook(exact: NDArray[np.float64], levels: NDArray[np.floating]) -> tuple[Grid, NDArray[np.floating]]:
    """The floats that tell the levels, two of them if two suffice, and how they tell it.

    The spacing comes from the levels before conversion, where its rounding cannot be seen.
    """
    if levels.size > 2:
        # Next to 0, if 0 is a level, the difference is the spacing itself and not rounded.
        lower = min(int(np.searchsorted(exact, 0.0)), exact.size - 2)
        with np.errstate(all="ignore"):
            spacing = exact[lower + 1] - exact[lower]
            high = levels.dtype.type(spacing)
            # One float32 would be too coarse: k times it rounds to other floats than k·q does.
            low = levels.dtype.type(spacing - np.float64(high))
        for grid, floats in (("symmetric", [high, low]), ("multiples", [levels[0], high])):
            codebook = np.array(floats, dtype=levels.dtype)
            if np.array_equal(_levels(grid, levels.size, codebook, np.arange(levels.size)), levels):
                return grid, codebook
    return "table", levels


def _levels(
    grid: Grid, n_levels: int, codebook: NDArray[np.floating], codes: NDArray[np.intp]
) -> NDArray[np.floating]:
    """The levels with these codes that the codebook tells; products are float64 and rounded once."""
    if grid == "table":
        return codebook[codes]
    first, second = codebook.astype(np.float64)
    with np.errstate(all="ignore"):
        if grid == "symmetric":
            spacing, start = first + second, -(n_levels - 1) / 2
        else:
            spacing, start = second, np.rint(first / second)
        return ((start + codes) * spacing + 0.0).astype(codebook.dtype)


# -- bits -------------------------------------------------------------------------------------------


def _code_length(n_symbols: int) -> int:
    return (n_symbols - 1).bit_length()


def _bytes(n_bits: int) -> int:
    return -(-n_bits // 8)


def _to_bits(codes: NDArray[np.intp], width: int) -> NDArray[np.uint8]:
    """Each code as `width` bits, the most significant first, in one row."""
    return (codes[:, None] >> np.arange(width)[::-1] & 1).astype(np.uint8).reshape(-1)


def _from_bits(bits: NDArray[np.uint8], n_codes: int, width: int) -> NDArray[np.intp]:
    return bits.reshape(n_codes, width) @ (np.intp(1) << np.arange(width)[::-1])


def _little(floats: NDArray[np.floating]) -> bytes:
    return floats.astype(floats.dtype.newbyteorder("<")).tobytes()


def _from_little(data: bytes, dtype: np.dtype) -> NDArray[np.floating]:
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype)
