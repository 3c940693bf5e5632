r"""What a solver is: `unsupported`, `init` and `step` on a state with `.w`, `.passes` and `.done`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from parlin._types import FloatArray
from parlin.penalty import PAR
from parlin.problem import Problem


@dataclass
class State:
    """Where a solver is.  Solvers extend it with what their next step needs."""

    w: FloatArray  # the iterate to be certified: always an output of the proximal map after a step
    passes: float  # passes over the data so far; one pass is one X @ w and one X.T @ r
    done: bool  # the solver has nothing left to do: no later step will change w

    # What stochastic solvers have fields for.
    ended: ClassVar[bool] = False  # done because a schedule is through
    penalty: ClassVar[PAR | None] = None  # in force, where that is not the problem's
    draws: ClassVar[bool] = False  # whether the iterates are random, so that no other solver goes on
    final: ClassVar[bool] = True  # whether the iterate is such as the method may end with
    keeps_best: ClassVar[bool] = True  # whether the best one that was checked is returned
    best: ClassVar[FloatArray | None] = None  # that iterate
    best_penalty: ClassVar[PAR | None] = None  # in force then

    def saved(self, solver: Solver) -> dict[str, Any] | None:
        """What resumes the run, as plain data; None where a start does all that."""
        return None


class Solver(Protocol):
    """The protocol of all solvers."""

    check_passes: ClassVar[float]  # passes between certificates, unless `solve` is told otherwise

    def unsupported(self, problem: Problem) -> str | None:
        """Why this solver cannot treat `problem`, as a sentence; None if it can."""
        ...

    def init(self, problem: Problem, w0: FloatArray) -> State:
        """The state before the first step; `w0` is not written to."""
        ...

    def step(self, problem: Problem, state: State) -> State:
        """The state after one iteration."""
        ...
