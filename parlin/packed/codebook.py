r"""The levels in a file: two floats where these reproduce a grid float for float, otherwise each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parlin.packed.bits import BLOCK
from parlin.packed.file import Grid


def converted(levels: NDArray[np.float64], dtype: np.dtype) -> NDArray[np.floating]:
    """The distinct levels in this dtype, in increasing order, none of them −0.0."""
    if levels.size == 0:
        raise ValueError("penalty has no level, so there is nothing to code; store the floats as they are")
    with np.errstate(over="ignore"):
        found = levels.astype(dtype)
    found += dtype.type(0.0)
    if not (np.isfinite(found[0]) and np.isfinite(found[-1])):
        raise ValueError(f"a level of the penalty is too large for {dtype}; pack float64 coefficients")
    distinct = np.append(True, found[1:] > found[:-1])
    return found if distinct.all() else found[distinct]


def codebook_of(
    exact: NDArray[np.float64], levels: NDArray[np.floating]
) -> tuple[Grid, NDArray[np.floating]]:
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
            if _tells(grid, codebook, levels):
                return grid, codebook
    return "table", levels


def _tells(grid: Grid, codebook: NDArray[np.floating], levels: NDArray[np.floating]) -> bool:
    """Whether the codebook tells these levels float for float."""
    for begin in range(0, levels.size, BLOCK):
        block = levels[begin : begin + BLOCK]
        codes = np.arange(begin, begin + block.size)
        if not np.array_equal(levels_of(grid, levels.size, codebook, codes), block):
            return False
    return True


def levels_of(
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
