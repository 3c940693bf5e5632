r"""Ground truth that has no code in common with the solvers.

Convex programs by cvxpy, the prox by enumeration, and constants of a design.
"""

from parlin.reference.cone import Compatibility, compatibility_constant, restricted_eigenvalue_lower_bound
from parlin.reference.convex import ReferenceSolution, solve_with_cvxpy
from parlin.reference.enumeration import prox_brute_force

__all__ = [
    "Compatibility",
    "ReferenceSolution",
    "compatibility_constant",
    "prox_brute_force",
    "restricted_eigenvalue_lower_bound",
    "solve_with_cvxpy",
]
