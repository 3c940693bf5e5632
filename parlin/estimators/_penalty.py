r"""The penalty that an estimator is given as data."""

from __future__ import annotations

from parlin import designs
from parlin.penalty import PAR


def given_penalty(penalty: object) -> PAR:
    """The penalty of unit strength, ``designs.lasso(0.5, 7)`` for None; a TypeError if it is no PAR."""
    if penalty is None:
        return designs.lasso(0.5, 7)
    if not isinstance(penalty, PAR):
        raise TypeError(f"penalty must be a PAR or None, but is {penalty!r}; see parlin.designs")
    return penalty
