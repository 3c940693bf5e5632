"""Data sets that come with scikit-learn, scaled the one way that all experiments use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from parlin import datasets

FloatArray = NDArray[np.float64]
Name = Literal["diabetes", "digits"]


@cache
def rows(name: Name) -> tuple[FloatArray, FloatArray]:
    """A design with standardised columns, and the target divided by its standard deviation."""
    data = {"diabetes": datasets.diabetes_cubic, "digits": datasets.digits}[name]()
    return data.X, data.y / data.y.std()


@dataclass(frozen=True)
class Study:
    """A data set and how it is cut into rows to train on and rows to test on.

    With `few`, each training set is one fold and the test set all others, so that no two training sets
    share a row; otherwise it is the usual other way round. Only the first `used` folds are run. `seed`
    shuffles the rows.
    """

    data: Name
    folds: int
    few: bool
    used: int
    seed: int = 0

    @cached_property
    def n(self) -> int:
        """The number of rows in the first training set; others may have one row less or more."""
        return next(self.cuts())[0].size

    def rows(self) -> tuple[FloatArray, FloatArray]:
        """The design as it is stored, and the target divided by its standard deviation."""
        return rows(self.data)

    def cuts(self) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows to train on and rows to test on."""
        cuts = KFold(self.folds, shuffle=True, random_state=self.seed).split(self.rows()[0])
        for rest, fold in islice(cuts, self.used):
            yield (fold, rest) if self.few else (rest, fold)
