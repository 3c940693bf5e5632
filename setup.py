"""The compiled part of the build: optional, so that parlin installs without a C compiler as well."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "parlin._kernels.descent",
            ["parlin/_kernels/descent.pyx"],
            extra_compile_args=["-O3"],
            optional=True,
        )
    ]
)
