"""The compiled part of the build: optional, so that parlin installs without a C compiler as well."""

from pathlib import Path

import numpy as np
from setuptools import Extension, setup

KERNELS = Path("parlin", "_kernels")

setup(
    options={"build_ext": {"parallel": 4}},
    ext_modules=[
        Extension(
            f"parlin._kernels.{name.replace('/', '.')}",
            [f"{KERNELS}/{name}.pyx"],
            depends=sorted(map(str, KERNELS.glob("**/*.pxd"))),
            include_dirs=[np.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=["-O3", "-fno-trapping-math", "-ffp-contract=off"],
            optional=True,
        )
        for name in ("columns", "descent/descent", "levels", "optimality", "prox", "rows")
    ],
)
