r"""Packed coefficients as bytes: a header that says how to read the payload, and the payload."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal

Layout = Literal["escape", "bitmap"]
Grid = Literal["symmetric", "multiples", "table"]

LAYOUTS: tuple[Layout, ...] = ("escape", "bitmap")
DTYPES = ("float32", "float64")
_MAGIC = b"PARW"
_GRIDS: tuple[Grid, ...] = ("symmetric", "multiples", "table")
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
        kinds = LAYOUTS.index(self.layout), DTYPES.index(self.dtype), _GRIDS.index(self.grid)
        body = _BODY.pack(*kinds, self.n_features, self.n_levels, self.n_bits)
        checksum = zlib.crc32(self.payload, zlib.crc32(body))
        return b"".join((_START.pack(_MAGIC, checksum), body, self.payload))

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
        if len(payload) != bytes_of(n_bits):
            raise ValueError(f"the payload has {bytes_of(n_bits)} bytes, but {len(payload)} are given")
        if zlib.crc32(memoryview(data)[_START.size :]) != checksum:
            raise ValueError("the checksum does not match: the bytes were altered; write them again")
        known = LAYOUTS, DTYPES, _GRIDS
        if any(kind >= len(names) for kind, names in zip(kinds, known, strict=True)):
            raise ValueError(f"the header says kinds {kinds} of {known}; is the file of a later version?")
        return cls(*(names[kind] for kind, names in zip(kinds, known, strict=True)), d, k, n_bits, payload)


def bytes_of(n_bits: int) -> int:
    """The bytes that so many bits take."""
    return -(-n_bits // 8)
