r"""Smooth losses of a linear model: the protocol `Loss`, in `base`, and its members.

To add one: a file here with all that `Loss` asks for, and its name below.
"""

from parlin.losses.base import Loss
from parlin.losses.least_squares import LeastSquares

__all__ = ["LeastSquares", "Loss"]
