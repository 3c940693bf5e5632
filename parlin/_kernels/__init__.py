r"""The compiled loops, imported in this one place; `compiled` says whether they are there.

They are built at installation where a C compiler is found.  Without them, or with the environment
variable ``PARLIN_PURE=1``, everything works but `parlin.solvers.CoordinateDescent`.
"""

import os

try:
    if os.environ.get("PARLIN_PURE", "") not in ("", "0"):
        raise ImportError("PARLIN_PURE asks for pure Python")
    from parlin._kernels import columns, optimality
    from parlin._kernels.descent.descent import Descent
    from parlin._kernels.prox import Prox
except ImportError:
    Descent = Prox = columns = optimality = None

compiled: bool = Descent is not None
