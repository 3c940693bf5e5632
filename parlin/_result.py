r"""What a run ends with: the reason, the point, its certificate, and the checks on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from parlin._cached import cached_property
from parlin._types import FloatArray
from parlin.certificates.certificate import Certificate, complete
from parlin.certificates.stopping import StoppingCheck
from parlin.penalty import PAR
from parlin.solvers.base import State

Callback = Callable[[int, State, Certificate], bool | None]
RelativeTo = Literal["gradient", "slopes"]


class Status(Enum):
    """Why a run ended, as a sentence."""

    CONVERGED = (
        "the residual is below the tolerance, and so is the duality gap of a convex penalty where there is "
        "one, or the proximal residual of another"
    )
    ROUNDING = (
        "the residual is within the rounding errors of the gradient, which here are larger than the "
        "tolerance: no float64 computation of it could tell the point from a solution; nor could one of the "
        "duality gap of a convex penalty, where there is one"
    )
    COMPLETED = (
        "the run ended where it was told to: by its schedule or its epochs, by its budget with tol=None, or "
        "by the callback"
    )
    MAX_ITER = (
        "the budget of iterations or passes ended before the tolerance was reached; raise max_iter, "
        "loosen tol, or try another solver"
    )
    STALLED = (
        "the solver has come to rest above the tolerance; the data are badly scaled or the tolerance is "
        "below what float64 allows"
    )
    NOT_FINITE = (
        "an iterate became infinite or NaN; the step size or rho may be too extreme, or the data overflow"
    )

    @property
    def is_success(self) -> bool:
        """Whether the point counts as certified."""
        return self in (Status.CONVERGED, Status.ROUNDING)


@dataclass(frozen=True)
class Record:
    """One line of a run's history: the numbers of the check that decided whether to go on."""

    iteration: int
    passes: float
    seconds: float
    objective: float
    residual: float
    strict_residual: float
    quantization_rate: float


@dataclass(frozen=True)
class Result:
    """What a run ended with: the point, why it ended, and the certificate of that very point.

    A result owns all that its certificate is made of: it neither changes with the data nor keeps them.

    Attributes
    ----------
    w : ndarray of shape (d,)
    status : Status
    n_iter : int
        All iterations, those that found the default start included, and those of a run that was resumed.
    passes : float
        All passes over the data that solvers made; those of checks and certificates are not counted.
    seconds : float
        Wall time of the whole call.
    certificate : Certificate
        All that `certify` can prove about the point.
    history : tuple of Record
        A record for every check of the run; the last one is of the returned point.
    penalty : PAR
        The penalty that the certificate is about: that of the problem, unless the solver found its levels
        anew.
    state : dict or None
        Of a stochastic solver: ``solve(problem, solver, state=result.state)`` goes on bit for bit as if the
        run had never ended.  Plain data that can be pickled, for this version of parlin alone.
    lower_objective : float or None
        The lowest objective of a check, where the point returned has a higher one: only a stochastic solver
        that keeps its last iterate returns such a point.
    """

    w: FloatArray
    status: Status
    n_iter: int
    passes: float
    seconds: float
    _earlier: tuple[Record, ...]
    _check: StoppingCheck | Certificate  # the second where the point is not finite, and after pickling
    penalty: PAR
    state: dict[str, Any] | None = None
    lower_objective: float | None = None

    @property
    def message(self) -> str:
        """Why the run ended, as a sentence, and whether a better point was seen than the one returned."""
        if self.lower_objective is None:
            return self.status.value
        return f"{self.status.value}; an earlier iterate had the lower objective {self.lower_objective:.6g}"

    @cached_property
    def certificate(self) -> Certificate:
        """All that `certify` can prove about the point, made when it is first asked for."""
        return complete(self._check) if isinstance(self._check, StoppingCheck) else self._check

    @property
    def history(self) -> tuple[Record, ...]:
        """A record for every check of the run; the last one is of the returned point."""
        c = self.certificate
        numbers = c.objective, c.residual, c.strict_residual, c.quantization_rate
        return (*self._earlier, Record(self.n_iter, self.passes, self.seconds, *numbers))

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_check": self.certificate}

    def __repr__(self) -> str:
        c = self.certificate
        return (
            f"Result({self.status.name}, n_iter={self.n_iter}, objective={c.objective:.6g}, "
            f"residual={c.residual:.2g}, quantized {c.on_level} of {c.size})"
        )
