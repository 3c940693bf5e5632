"""The compiled part of the build: optional, so that parlin installs without a C compiler as well."""

import hashlib
from pathlib import Path

import numpy as np
from setuptools import Extension, setup

KERNELS = Path("parlin", "_kernels")
MARKS = Path("build", "kernels")


def mark(name: str) -> str:
    """A C file that says which sources the module is built from, so that the module says it too.

    `experiments.harness.experiment.stale_builds` looks for it. It is written only if it changes: then the
    module is built again, whatever the clock says of its sources.
    """
    digest = hashlib.sha256()
    for file in [KERNELS / f"{name}.pyx", *sorted(KERNELS.rglob("*.pxd"))]:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(KERNELS).as_posix()} {len(content)}\n".encode() + content)
    text = f'const char parlin_built_from[] = "built from sources {digest.hexdigest()}";\n'
    path = MARKS / f"{name}_sources.c"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        # Cython goes by the clock, and would take what it made of other sources for this one's.
        (KERNELS / f"{name}.c").unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.as_posix()


setup(
    options={"build_ext": {"parallel": 4}},
    ext_modules=[
        Extension(
            f"parlin._kernels.{name.replace('/', '.')}",
            [f"{KERNELS}/{name}.pyx", mark(name)],
            depends=sorted(map(str, KERNELS.glob("**/*.pxd"))),
            include_dirs=[np.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=["-O3", "-fno-trapping-math", "-ffp-contract=off"],
            optional=True,
        )
        for name in ("columns", "descent/descent", "levels", "optimality", "prox", "rows")
    ],
)
