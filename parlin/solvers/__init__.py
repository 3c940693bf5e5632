r"""Solvers: frozen sets of hyper-parameters with `init` and `step`; the only loop is `parlin.solve`.

Those of `parlin.solvers.stochastic` take gradients of batches; their schedules are there too.
"""

from parlin.solvers.admm import ADMM
from parlin.solvers.coordinate_descent import CoordinateDescent
from parlin.solvers.fista import FISTA
from parlin.solvers.proximal_gradient import ProximalGradient
from parlin.solvers.semismooth_newton import SemismoothNewton
from parlin.solvers.stochastic import (
    PARQ,
    AProx,
    BinaryRelax,
    LazyProx,
    ProxQuant,
    ProxSGD,
    StraightThrough,
)

__all__ = [
    "ADMM",
    "FISTA",
    "PARQ",
    "AProx",
    "BinaryRelax",
    "CoordinateDescent",
    "LazyProx",
    "ProxQuant",
    "ProxSGD",
    "ProximalGradient",
    "SemismoothNewton",
    "StraightThrough",
]
