r"""What a loss is: a smooth function ``f(w)`` of a linear model, with what certificates need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from numpy.typing import ArrayLike

from parlin._types import FloatArray, IndexArray
from parlin.matrix import DesignMatrix

if TYPE_CHECKING:
    from parlin.losses.least_squares import LeastSquares


def coordinate_step(curvatures: FloatArray) -> float:
    """``1 / max_j curvature_j``, the longest step that is safe in every single coordinate; 1 if all are 0."""
    largest = float(curvatures.max())
    return 1.0 / largest if largest > 0 else 1.0


class Loss(Protocol):
    r"""A smooth ``f(w) = Σ_i s_i h_i(x_i'w + b) / Σ_i s_i`` with its intercept ``b`` minimised out.

    Everything that is returned is the caller's to keep: arrays are new or read-only.  A loss may be
    shared by threads.
    """

    design: DesignMatrix
    quadratic: bool  # f is a quadratic form, so that one factorisation of the Hessian serves all w

    @property
    def size(self) -> int:
        """The number of coefficients d."""
        ...

    # -- value and derivatives --------------------------------------------------------------------

    def value(self, w: ArrayLike) -> float:
        """f(w), nonnegative."""
        ...

    def gradient(self, w: ArrayLike) -> FloatArray:
        """The gradient of f at `w`, shape (d,)."""
        ...

    def value_and_gradient(self, w: ArrayLike) -> tuple[float, FloatArray]:
        """Both for the price of one pass over the data."""
        ...

    def value_near(self, w: FloatArray, point: FloatArray) -> float:
        """f(point), at the price of the columns in which it differs from `w`, the last point asked for."""
        ...

    @property
    def value_at_zero(self) -> float:
        """f(0), the scale against which gaps are reported."""
        ...

    @property
    def gradient_at_zero(self) -> FloatArray:
        """The gradient of f at 0, shape (d,)."""
        ...

    def intercept(self, w: ArrayLike) -> float:
        """The intercept that minimises f for these coefficients; 0 without one."""
        ...

    # -- curvature --------------------------------------------------------------------------------

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant of the gradient."""
        ...

    @property
    def coordinate_lipschitz(self) -> FloatArray:
        """Bounds on the second derivatives, shape (d,)."""
        ...

    @property
    def coordinate_step(self) -> float:
        """The longest step that is safe in every single coordinate."""
        ...

    def local_quadratic(self, w: ArrayLike) -> tuple[float, LeastSquares]:
        """A factor and a `LeastSquares` whose product has f's gradient and curvature at `w`."""
        ...

    # -- what certificates need -------------------------------------------------------------------

    @property
    def gradient_scale(self) -> FloatArray:
        """The size of each gradient entry that counts as large, shape (d,)."""
        ...

    @property
    def gradient_unit(self) -> float:
        """`gradient_scale` of a column of norm one."""
        ...

    def rounding_floor(self, w: FloatArray, by_rows: bool = False) -> FloatArray:
        """A bound on the rounding error of each gradient entry at `w`, shape (d,).

        From norms of columns alone; `by_rows` from what each row's own sums can lose, for two more passes.
        """
        ...

    def dual_point(self, w: ArrayLike, unpenalised: IndexArray) -> FloatArray:
        """Minus the derivative in ``Xw``, orthogonal to the unpenalised columns: feasible after scaling."""
        ...

    def fenchel_young(self, w: ArrayLike, nu: FloatArray) -> float:
        """``f(w) + f*(−X'ν) + <ν, Xw> >= 0`` for a dual point `nu`: the loss's part of the duality gap."""
        ...
