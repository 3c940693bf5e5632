r"""Numbers as rows of bits, the most significant first, and rows of bits as bytes, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]  # or of bool: an entry a bit

# So many numbers at a time: their bits, an entry each, stay in the cache.
BLOCK = 1 << 14


def code_length(n_symbols: int) -> int:
    """The bits that tell so many symbols apart."""
    return (n_symbols - 1).bit_length()


def to_bits(codes: NDArray[np.integer], width: int) -> Bits:
    """Each code as `width` bits, in one row."""
    word = _word(width)
    bits = np.unpackbits(codes.astype(word).view(np.uint8).reshape(codes.size, word.itemsize), axis=1)
    return bits[:, 8 * word.itemsize - width :].reshape(-1)


def from_bits(bits: Bits, width: int) -> NDArray[np.intp]:
    """The codes of a row of bits; `width` is not zero."""
    codes = np.zeros(bits.size // width, _word(width).newbyteorder("="))
    for column in bits.reshape(-1, width).T:
        codes <<= 1
        codes |= column
    return codes.astype(np.intp)


def _word(width: int) -> np.dtype:
    """A type of numbers that has so many bits, the most significant byte first."""
    return next(np.dtype(f">u{size}") for size in (1, 2, 4, 8) if width <= 8 * size)


class BitWriter:
    """Rows of bits one after the other; only the last byte is padded."""

    def __init__(self, rest: Bits) -> None:
        self.parts: list[bytes] = []
        self.n_bits = 0
        self._rest = rest

    def write(self, bits: Bits) -> None:
        if self._rest.size:
            bits = np.concatenate((self._rest, bits))
        whole = bits.size - bits.size % 8
        self.parts.append(np.packbits(bits[:whole]).tobytes())
        self._rest = bits[whole:].copy()
        self.n_bits += whole

    def close(self) -> None:
        self.n_bits += self._rest.size
        self.parts.append(np.packbits(self._rest).tobytes())


def read_bits(data: memoryview, begin: int, end: int) -> Bits:
    """The bits from `begin` to `end`, counted from the first byte of `data`."""
    first = begin // 8
    bits = np.unpackbits(np.frombuffer(data[first : -(-end // 8)], np.uint8))
    return bits[begin - 8 * first : end - 8 * first]


def blocks(size: int) -> Iterator[slice]:
    """What so many numbers are split into."""
    return (slice(begin, min(begin + BLOCK, size)) for begin in range(0, size, BLOCK))
