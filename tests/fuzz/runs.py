"""What one call of the library gave: a result in numbers, or what it raised, warned of and took."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import parlin
from parlin import Problem, solve, solvers
from parlin.solvers.stochastic.base import StochasticSolver
from tests.fuzz.cases import Case, FloatArray

HOME = Path(parlin.__file__).parent
SOLVERS: dict[str, Any] = {
    name: getattr(solvers, name)()
    for name in solvers.__all__
    if not issubclass(getattr(solvers, name), StochasticSolver)
}
# Those that end by themselves have a budget that none of these problems should need; first-order methods
# may well need more than theirs, which is no fault.
THOROUGH = ("auto", "CoordinateDescent", "SemismoothNewton")
BUDGET, SHORT = 10_000, 300


@dataclass(frozen=True, eq=False)
class Run:
    """The outcome of one solver on one case."""

    solver: str
    stage: str = "solve"  # what was being done when it ended: "problem", "solve", "certificate"
    status: str = ""
    success: bool = False
    w: FloatArray | None = None
    objective: float = np.nan
    gap: float | None = None
    residual: float = np.nan
    prox_residual: float = np.nan
    seconds: float = 0.0
    warned: tuple[str, ...] = ()
    error: str = ""
    refused: bool = False  # the error is a sentence of the library's own
    problem: Problem | None = field(default=None, repr=False)


def run_solver(case: Case, solver: str, problem: Problem | None = None) -> Run:
    """The run of a solver, "auto" or a key of `SOLVERS`, with the seconds of this process that it took."""
    stage, budget = "problem", BUDGET if solver in THOROUGH else SHORT
    begin = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            problem = case.problem() if problem is None else problem
            stage = "solve"
            method = "auto" if solver == "auto" else SOLVERS[solver]
            result = solve(problem, method, w0=case.w0, tol=case.tol, max_iter=budget)
            stage = "certificate"
            repr(result)
            certificate = result.certificate
        except Exception as error:
            said, refused = describe(error)
            seconds = time.process_time() - begin
            warned = tuple(_warning(each) for each in caught)
            return Run(
                solver, stage, error=said, refused=refused, seconds=seconds, warned=warned, problem=problem
            )
    return Run(
        solver, "", result.status.name, result.status.is_success, result.w, certificate.objective,
        certificate.gap, certificate.residual, certificate.prox_residual, time.process_time() - begin,
        tuple(_warning(each) for each in caught), problem=problem,
    )  # fmt: skip


def supports(case: Case, solver: str, problem: Problem) -> bool:
    """Whether the solver says that it can treat the problem."""
    return solver == "auto" or SOLVERS[solver].unsupported(problem) is None


def describe(error: Exception) -> tuple[str, bool]:
    """The error in one line, and whether it is a sentence that the library itself raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = bool(frames) and Path(frames[-1].filename).is_relative_to(HOME)
    sentence = type(error) in (ValueError, TypeError) and len(str(error).split()) >= 4
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return f"{type(error).__name__} in {place}: {error}"[:300], own and sentence


def quietly(function: Callable[[], Any]) -> tuple[Any, str, bool, tuple[str, ...]]:
    """The value, the error in a line, whether it is a refusal, and the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value, said, refused = function(), "", False
        except Exception as error:
            value, (said, refused) = None, describe(error)
    return value, said, refused, tuple(_warning(each) for each in caught)


def _warning(message: warnings.WarningMessage) -> str:
    return f"{message.category.__name__}: {message.message}"[:200]
