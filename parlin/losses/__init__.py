r"""Smooth losses of a linear model: the protocol `Loss` and its members."""

from parlin.losses.base import Loss
from parlin.losses.least_squares import LeastSquares

__all__ = ["LeastSquares", "Loss"]
