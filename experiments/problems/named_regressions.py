"""Random regressions in which half of the coefficients are not 0, each with the words that name it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from parlin.datasets import Regression, synthetic


class NamedRegression(NamedTuple):
    """A data set, and what tables call it by."""

    design: str
    seed: int
    data: Regression


def named_regressions(designs: Sequence[tuple[int, int, str]], seeds: Sequence[int]) -> list[NamedRegression]:
    """One data set for each (rows, columns, law of the entries) and seed."""
    return [
        NamedRegression(
            f"{n} × {d} {entries}", seed, synthetic(n, d, seed=seed, entries=entries, n_nonzero=d // 2)
        )
        for (n, d, entries), seed in product(designs, seeds)
    ]
