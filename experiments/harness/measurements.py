"""Points of a claim: a measured number, its bound, and whether an independent check certifies the point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.harness.json_values import plain

Relation = Literal["<=", ">=", "=="]


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurements:
    """What is measured where a relation is checked; the arrays are read-only copies of what is given.

    Parameters
    ----------
    measured, bound : array-like of float, shape (n_points,)
        One entry for each point; a scalar bound serves every point.
    certified : array-like of bool, shape (n_points,)
        True where an independent check certifies the point.

    Raises
    ------
    ValueError
        If the shapes differ or `certified` does not hold booleans.
    """

    measured: NDArray[np.float64]
    bound: NDArray[np.float64]
    certified: NDArray[np.bool_]

    def __post_init__(self) -> None:
        measured = np.array(self.measured, dtype=np.float64)
        certified = np.array(self.certified)
        if certified.size and certified.dtype != np.bool_:
            raise ValueError(f"certified must be booleans, one a point; got dtype {certified.dtype}")
        if measured.ndim != 1 or certified.shape != measured.shape:
            raise ValueError(
                "measured and certified must be one-dimensional and of one length; "
                f"got shapes {measured.shape} and {certified.shape}"
            )
        bound = np.array(np.broadcast_to(np.asarray(self.bound, dtype=np.float64), measured.shape))
        for name, array in (("measured", measured), ("bound", bound), ("certified", certified.astype(bool))):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True where the point is certified and its numbers are finite."""
        return self.certified & np.isfinite(self.measured) & np.isfinite(self.bound)

    def slack(self, relation: Relation) -> NDArray[np.float64]:
        """Room that the relation leaves, as a fraction of |bound| (absolute where the bound is 0)."""
        with np.errstate(invalid="ignore", over="ignore"):
            room = self.bound - self.measured
            room = {"<=": room, ">=": -room, "==": -np.abs(room)}[relation]
            return room / np.where(self.bound == 0, 1.0, np.abs(self.bound))

    def points_to_json(self) -> dict[str, list[Any]]:
        """The three arrays as lists; 0 and 1 stand for false and true to keep the file small."""
        return {
            "measured": plain(self.measured),
            "bound": plain(self.bound),
            "certified": self.certified.astype(int).tolist(),
        }


def points_from_json(record: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The three arrays that `points_to_json` wrote, with nan for numbers that were not finite."""
    arrays = {name: np.array(record[name], dtype=np.float64) for name in ("measured", "bound")}
    return arrays | {"certified": np.array(record["certified"], dtype=bool)}
