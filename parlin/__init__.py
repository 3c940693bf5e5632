r"""parlin: linear models whose coefficients equal levels of a grid exactly.

Names used throughout: ``X`` (n, d) design, ``y`` (n,) targets, ``w`` (d,) coefficients, ``lam`` a
strength, ``alpha`` the strength in estimator signatures, ``step`` a proximal step length, ``rho``
the ADMM parameter, ``q`` the spacing of the grid in formulas, ``levels`` and ``slopes`` of a `PAR`.
Sources: [PAR] arXiv 2508.11112, [PARQ] arXiv 2503.15748, [ProxQuant] arXiv 1810.00861.
"""

from parlin import designs, quantizers, solvers
from parlin._kernels import compiled
from parlin._solve import Result, Status, multi_start, solve
from parlin._version import __version__ as __version__
from parlin.certificates import Certificate, ExactCertificate, Proof, certify, exact_certificate
from parlin.estimators import PARLasso, PARNonconvex, PARRegressor, PARRidge, PARSGDRegressor
from parlin.losses import LeastSquares
from parlin.matrix import DesignMatrix
from parlin.path import Path, PathEnd, grid_path, par_path, solution_path
from parlin.penalty import PAR
from parlin.polishing import polish
from parlin.problem import Problem, alpha_max
from parlin.purification import purify

__all__ = [
    "PAR",
    "Certificate",
    "DesignMatrix",
    "ExactCertificate",
    "LeastSquares",
    "PARLasso",
    "PARNonconvex",
    "PARRegressor",
    "PARRidge",
    "PARSGDRegressor",
    "Path",
    "PathEnd",
    "Problem",
    "Proof",
    "Result",
    "Status",
    "alpha_max",
    "certify",
    "compiled",
    "designs",
    "exact_certificate",
    "grid_path",
    "multi_start",
    "par_path",
    "polish",
    "purify",
    "quantizers",
    "solution_path",
    "solve",
    "solvers",
]
