"""Names of the array types in signatures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
SparseMatrix = sparse.spmatrix | sparse.sparray
MatrixLike = ArrayLike | SparseMatrix
