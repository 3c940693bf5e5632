r"""Piecewise-affine penalties: the type `PAR`, its proximal map, and its sum over weighted coordinates."""

from parlin.penalty.par import PAR
from parlin.penalty.separable import SeparablePenalty

__all__ = ["PAR", "SeparablePenalty"]
