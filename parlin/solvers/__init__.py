r"""Solvers: frozen sets of hyper-parameters with `init` and `step`; the only loop is `parlin.solve`."""

from parlin.solvers.admm import ADMM
from parlin.solvers.coordinate_descent import CoordinateDescent
from parlin.solvers.fista import FISTA
from parlin.solvers.proximal_gradient import ProximalGradient
from parlin.solvers.semismooth_newton import SemismoothNewton

__all__ = ["ADMM", "FISTA", "CoordinateDescent", "ProximalGradient", "SemismoothNewton"]
