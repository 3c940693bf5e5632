r"""What all stochastic solvers share: a step is one epoch of batches, and a run can be saved and resumed.

Every method is a latent vector, gradients of batches taken at the coefficients, and a map from the latent
vector to the coefficients.  The solvers differ in the map alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields, is_dataclass
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from parlin._arguments import flag, positive, whole
from parlin._kernels import rows as kernels
from parlin._kernels.rows_numpy import Map
from parlin._types import FloatArray
from parlin._version import __version__
from parlin.losses import LeastSquares
from parlin.penalty import PAR
from parlin.problem import Problem
from parlin.solvers.base import State
from parlin.solvers.stochastic.batches import Batches
from parlin.solvers.stochastic.schedules import Constant, StepSize

# Entries of the data that are read before Python looks whether the user wants to stop.
_ENTRIES_AT_ONCE = 1 << 23
_LONGEST_STEP = 1e300

Saved = dict[str, Any]


@dataclass(kw_only=True)
class StochasticState(State):
    """Where a stochastic solver is."""

    draws: ClassVar[bool] = True

    latent: FloatArray
    gamma: float  # the sum of the step sizes so far
    t: int  # batches so far
    epoch: int
    generator: np.random.Generator
    step_size: StepSize
    batches: Batches
    keeps_best: bool
    final: bool = False  # whether the coefficients are such as the method may end with
    ended: bool = False
    penalty: PAR | None = None  # in force, where that is not the problem's
    best: FloatArray | None = None  # of the coefficients seen at checks, with keeps_best
    best_penalty: PAR | None = None  # that was in force then
    total: FloatArray | None = None  # the sum of the coefficients of all batches, for their mean
    rows: Any = None  # the kernel with the map of this epoch

    def saved(self, solver: StochasticSolver) -> Saved:
        """All that `StochasticSolver.resume` needs besides the problem, as plain data."""
        return {
            "version": __version__,
            "solver": solver.identity(),
            "passes": self.passes,
            "latent": self.latent.copy(),
            "gamma": self.gamma,
            "t": self.t,
            "epoch": self.epoch,
            "generator": self.generator.bit_generator.state,
            "step_size": self.step_size,
            "penalty": self.penalty,
            "best": self.best,
            "best_penalty": self.best_penalty,
            "total": None if self.total is None else self.total.copy(),
            "w": self.w.copy(),
            "shape": (self.batches.y.size, self.latent.size),
        }


@dataclass(frozen=True)
class StochasticSolver:
    """Common parameters of the stochastic solvers; see `parlin.solvers.stochastic`."""

    step_size: StepSize | float | Literal["auto"] = "auto"
    batch_size: int = 256
    epochs: int | None = 100
    replace: bool = False
    keep: Literal["last", "best"] = "last"
    random_state: int = 0
    shuffle: bool = True

    #: Whether the number of epochs decides what happens in each of them.
    scheduled: ClassVar[bool] = False
    #: Whether the map follows a step from the coefficients themselves, not from the latent vector.
    eager: ClassVar[bool] = False

    @property
    def check_passes(self) -> float:
        """Passes between certificates: every epoch where the best iterate is kept, else every tenth."""
        return 1.0 if self.keep == "best" else 10.0

    # -- what a method decides ------------------------------------------------------------------------

    def map(self, problem: Problem, state: StochasticState) -> Map:
        """The map of the epoch to come; it may put another penalty in force."""
        raise NotImplementedError

    def renews(self, state: StochasticState) -> bool:
        """Whether the epoch to come has another map than the last one."""
        return False

    def amounts(self, state: StochasticState, rates: FloatArray, gammas: FloatArray) -> FloatArray:
        """What the map is given before the first of m batches, before the second one, …, and at the end.

        `rates` are the m step sizes, `gammas` their m + 1 sums.  Shape (m + 1,).  An eager map is given the
        last m, after the batches.
        """
        raise NotImplementedError

    # -- the protocol of solvers ----------------------------------------------------------------------

    def unsupported(self, problem: Problem) -> str | None:
        """Why this solver cannot treat `problem`, as a sentence; None if it can."""
        if not isinstance(problem.loss, LeastSquares):
            return f"{type(self).__name__} needs the loss LeastSquares"
        if problem.loss.design.is_sparse and problem.loss.design.centre:
            return (
                f"{type(self).__name__} cannot centre sparse rows; in place of fit_intercept=True give X a "
                "column of ones with penalty weight 0"
            )
        if not problem.loss.design.is_countable:
            return f"{type(self).__name__} counts rows and stored entries with 32 bits, and these are more"
        if self.keep not in ("last", "best"):
            return f"keep must be 'last' or 'best', but is {self.keep!r}"
        step = self.step_size
        is_schedule = not isinstance(step, type) and callable(getattr(step, "step", None))
        if not (step == "auto" if isinstance(step, str) else isinstance(step, Real) or is_schedule):
            return f"step_size must be 'auto', a positive number or a schedule, but is {step!r}"
        return self._bad_number()

    def _bad_number(self) -> str | None:
        try:
            if isinstance(self.step_size, Real):
                positive("step_size", self.step_size)
            whole("batch_size", self.batch_size, low=1)
            if self.epochs is not None:
                whole("epochs", self.epochs, low=1)
            flag("replace", self.replace)
            flag("shuffle", self.shuffle)
            whole("random_state", self.random_state, low=0)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def init(self, problem: Problem, w0: FloatArray) -> StochasticState:
        """The state before the first epoch: the latent vector is `w0`."""
        batches = self._batches(problem)
        return StochasticState(
            w=problem.clip(w0),
            passes=0.0,
            done=False,
            latent=np.array(w0, dtype=np.float64),
            gamma=0.0,
            t=0,
            epoch=0,
            generator=np.random.default_rng([self.random_state, 1]),
            step_size=self._step_size(batches),
            batches=batches,
            keeps_best=self.keep == "best",
        )

    def resume(self, problem: Problem, saved: Saved) -> StochasticState:
        """The state that `StochasticState.saved` saved, or the reason why it does not fit."""
        if not isinstance(saved, dict) or "version" not in saved:
            raise TypeError("state must be `Result.state` of an earlier run")
        n, d = problem.loss.design.shape
        for name, here in (("version", __version__), ("solver", self.identity()), ("shape", (n, d))):
            if saved.get(name) != here:
                raise ValueError(
                    f"the state was saved with the {name} {saved.get(name)}, but this run has {here}; a "
                    "state resumes the same run only"
                )
        missing = {"latent", "gamma", "t", "epoch", "generator", "step_size", "w", "n_iter"} - set(saved)
        if missing:
            raise ValueError(f"the state lacks {', '.join(sorted(missing))}; use `Result.state` as it is")
        state = self._restored(problem, saved, self._batches(problem))
        state.ended = state.done = self._is_over(state)
        return state

    def on_other_rows(self, problem: Problem, saved: Saved) -> StochasticState:
        """The saved state, to go on with other rows of the same columns: the next part of a stream."""
        return self._restored(problem, saved, self._batches(problem, saved["t"]))

    def _restored(self, problem: Problem, saved: Saved, batches: Batches) -> StochasticState:
        generator = np.random.default_rng()
        generator.bit_generator.state = saved["generator"]
        total = saved["total"]
        return StochasticState(
            w=saved["w"].copy(),
            passes=saved["passes"],
            done=False,
            latent=saved["latent"].copy(),
            gamma=saved["gamma"],
            t=saved["t"],
            epoch=saved["epoch"],
            generator=generator,
            step_size=saved["step_size"],
            batches=batches,
            keeps_best=self.keep == "best",
            penalty=saved["penalty"],
            best=saved["best"],
            best_penalty=saved["best_penalty"],
            total=None if total is None else total.copy(),
        )

    def step(self, problem: Problem, state: StochasticState) -> StochasticState:
        """The state after one more epoch; arrays of the last one are used again."""
        if self._is_over(state):
            state.ended = state.done = True
            return state
        batches = state.batches
        if state.rows is None or self.renews(state):
            state.rows = kernels.Rows(
                batches.X, problem.size, batches.y, batches.weights, self.map(problem, state)
            )
        rows = state.rows
        begins, ends, picked = batches.draw(state.generator)
        rates = step_sizes(state.step_size, state.t, batches.count)
        gammas = np.cumsum(np.concatenate(([state.gamma], rates)))
        amounts = self.amounts(state, rates, gammas)
        scaled = batches.factor * rates
        # What a map of all coefficients costs comes on top of the entries.
        every = problem.size if self.eager or state.total is not None else 0
        for part in _parts((ends - begins) * max(_entries_per_row(problem), 1.0) + every):
            bounds = begins[part], ends[part]
            if self.eager:
                rows.eager(*bounds, scaled[part], amounts[1:][part], state.latent, picked)
            else:
                rows.lazy(*bounds, scaled[part], amounts[:-1][part], state.latent, state.total, picked)
        state.gamma, state.t = float(gammas[-1]), state.t + batches.count
        state.epoch += 1
        state.passes += 1.0
        state.w = self._coefficients(state, float(amounts[-1]))
        state.final = self.is_final(state)
        state.ended = state.done = self._is_over(state)
        return state

    def is_final(self, state: StochasticState) -> bool:
        """Whether these coefficients, after an epoch, are such as the method may end with."""
        return True

    def _coefficients(self, state: StochasticState, amount: float) -> FloatArray:
        return state.latent.copy() if self.eager else state.rows.mapped(state.latent, amount)

    def identity(self) -> str:
        """The class and the parameters that decide where a run goes, callables by their name."""
        parameters = (field.name for field in fields(self) if self.scheduled or field.name != "epochs")
        named = ", ".join(f"{name}={_name(getattr(self, name))}" for name in parameters)
        return f"{type(self).__name__}({named})"

    def _batches(self, problem: Problem, *part: int) -> Batches:
        seed = (self.random_state, 0, *part)
        return Batches(problem.loss, self.batch_size, self.replace, seed, self.shuffle)

    def _step_size(self, batches: Batches) -> StepSize:
        if self.step_size == "auto":
            bound = batches.curvature()
            return Constant(min(0.5 / bound, _LONGEST_STEP) if bound > 0 else 1.0)
        return Constant(float(self.step_size)) if isinstance(self.step_size, Real) else self.step_size

    def _is_over(self, state: StochasticState) -> bool:
        return self.epochs is not None and state.epoch >= self.epochs


def _entries_per_row(problem: Problem) -> float:
    X = problem.loss.design.X
    return X.nnz / X.shape[0] if problem.loss.design.is_sparse else float(X.shape[1])


def _parts(costs: FloatArray) -> list[slice]:
    """Runs of batches of bounded cost, so that a run can be interrupted."""
    whole = np.cumsum(costs) // _ENTRIES_AT_ONCE
    cuts = np.flatnonzero(np.diff(whole)) + 1
    return [slice(a, b) for a, b in itertools.pairwise((0, *cuts.tolist(), costs.size))]


def step_sizes(schedule: StepSize, t: int, count: int) -> FloatArray:
    """The step sizes of the `count` batches after t, or the error that says what is wrong with them."""
    rates = np.asarray(schedule.step(np.arange(t + 1.0, t + count + 1)), dtype=np.float64)
    if rates.shape != (count,) or not (np.isfinite(rates) & (rates > 0)).all():
        raise ValueError(
            f"{schedule!r}.step must give a finite number > 0 for each entry of an array of batch numbers"
        )
    return rates


def _name(value: object) -> str:
    """What a parameter is called: the same in another process."""
    if isinstance(value, str | Real | None) or is_dataclass(value):
        return repr(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
