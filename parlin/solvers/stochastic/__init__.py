r"""Stochastic solvers: gradients of batches, and a map that keeps coefficients on levels.

All have one skeleton, a latent vector u, gradients at the coefficients w and a map from u to w, and one set
of parameters (see `ProxSGD`).  They run in `parlin.solve`, one iteration being one epoch; ``Result.state``
resumes a run bit for bit.  Their coefficients are certified as any others: a fixed step
leaves them at a distance from critical points, so that `tol` is seldom met and the status is COMPLETED when
the epochs are through.
"""

from parlin.solvers.stochastic.aprox import AProx
from parlin.solvers.stochastic.binary_relax import BinaryRelax
from parlin.solvers.stochastic.lazy_prox import LazyProx
from parlin.solvers.stochastic.parq import PARQ
from parlin.solvers.stochastic.prox_quant import ProxQuant
from parlin.solvers.stochastic.prox_sgd import ProxSGD
from parlin.solvers.stochastic.schedules import (
    Constant,
    InversePower,
    InverseSqrt,
    InverseTime,
    StepSize,
    homotopy,
    inverse_slope,
)
from parlin.solvers.stochastic.straight_through import StraightThrough

__all__ = [
    "PARQ",
    "AProx",
    "BinaryRelax",
    "Constant",
    "InversePower",
    "InverseSqrt",
    "InverseTime",
    "LazyProx",
    "ProxQuant",
    "ProxSGD",
    "StepSize",
    "StraightThrough",
    "homotopy",
    "inverse_slope",
]
