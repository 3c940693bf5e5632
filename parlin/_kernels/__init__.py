r"""The inner loops: compiled where that is possible, otherwise in NumPy; the choice is made here.

The compiled ones are built at installation where a C compiler is found; `compiled` says whether they are
there.  Without them, or with the environment variable ``PARLIN_PURE=1``, `columns`, `levels`, `optimality`
and `rows` are those in NumPy, and there is no `Prox`, in whose place `parlin.penalty.prox.apply_table` is
used, and no `Descent`, without which everything works but `parlin.solvers.CoordinateDescent`.
"""

import os

__all__ = [
    "Descent", "Prox", "all_finite", "columns", "compiled", "extremes", "levels", "optimality", "rows",
]  # fmt: skip

try:
    if os.environ.get("PARLIN_PURE", "") not in ("", "0"):
        raise ImportError("PARLIN_PURE asks for pure Python")
    from parlin._kernels import columns, levels, optimality, rows
    from parlin._kernels.descent.descent import Descent
    from parlin._kernels.prox import Prox
except ImportError:
    from parlin._kernels import columns_numpy as columns
    from parlin._kernels import levels_numpy as levels
    from parlin._kernels import optimality_numpy as optimality
    from parlin._kernels import rows_numpy as rows

    Descent = Prox = None

all_finite, extremes = columns.all_finite, columns.extremes

compiled: bool = Descent is not None
