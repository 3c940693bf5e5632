r"""Normal equations on many sparse columns of which few meet in a row: a factor without fill.

A dense factor of m columns has m² entries, and conjugate gradients need as many steps as the condition
number says: thousands for differences of neighbours, say, whose Gram matrix is a band.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from parlin._types import FloatArray, IndexArray
from parlin.matrix import DesignMatrix

# Up to so many entries a row of the Gram matrix, its factor is sparse too, whatever the pattern is like.
_ENTRIES_PER_ROW = 8.0


def sparse_solver(
    design: DesignMatrix, chosen: IndexArray, scale: FloatArray, shift: float
) -> Callable[[FloatArray], FloatArray] | None:
    """What solves ``(shift I + B'B) x = b``, B the chosen columns times their scales; None if not sparse.

    Centring takes a matrix of rank one from the Gram matrix of what is stored, which the formula of
    Sherman and Morrison puts into the solution.  Also None where the matrix is singular to rounding.
    """
    if not design.is_sparse:
        return None
    B = sparse.csc_array(design.X[:, chosen])
    meetings = float(np.sum(np.bincount(B.indices, minlength=B.shape[0]).astype(np.float64) ** 2))
    if meetings > 4.0 * _ENTRIES_PER_ROW * chosen.size:
        return None
    B = sparse.diags_array(design.root_weights) @ B @ sparse.diags_array(scale)
    gram = sparse.csc_array(B.T @ B + shift * sparse.eye_array(chosen.size))
    if gram.nnz > _ENTRIES_PER_ROW * chosen.size:
        return None
    try:
        symmetric = {"SymmetricMode": True}
        factor = splu(gram, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
    except RuntimeError:  # exactly singular
        return None
    if not design.centre:
        return factor.solve
    means = design.centres[chosen] * scale
    towards = factor.solve(means)
    left = 1.0 - float(means @ towards)
    if not left > 0.0:
        return None
    return lambda b: (x := factor.solve(b)) + towards * (float(means @ x) / left)
