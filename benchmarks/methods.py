"""Ours and the peers, each as a function from a setting to coefficients, with its best options.

Packages of the [bench] extra are imported where they are used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks import proximal_gradient
from benchmarks.instances import Instance
from benchmarks.quadratic_program import epigraph_form, segment_form
from parlin import solve
from parlin.solvers import FISTA, CoordinateDescent
from parlin.solvers.base import Solver
from parlin.solvers.semismooth_newton import SemismoothNewton

FloatArray = NDArray[np.float64]
Run = Callable[[float], FloatArray]

OURS = "parlin"
OURS_GAP, THEIRS_GAP = 1e-12, 1e-8


@dataclass(frozen=True)
class Method:
    """A way to solve an instance.

    Attributes
    ----------
    name : str
    bind : callable(instance) -> run
        Untimed preparation; ``run(setting)`` is what is timed.
    gap : float
        The relative duality gap that its points must have.
    settings : tuple of float
        Tolerances from the loosest to the tightest, each a factor of √10 from the next unless said
        otherwise.  Empty: the setting is the number of iterations.
    iterates : callable(instance) -> iterator, optional
        Fast iterates that are also those of `run`; their gap finds the number of iterations.
    applies : callable(instance) -> bool
    slow : bool
        Runs only on `Instance.with_slow_peers`, and is given up at `Size.limit`.
    variant : str
        Of several variants of one name the fastest on the first draw of a cell counts.
    """

    name: str
    bind: Callable[[Instance], Run]
    gap: float = THEIRS_GAP
    settings: tuple[float, ...] = ()
    iterates: Callable[[Instance], Iterator[FloatArray]] | None = None
    applies: Callable[[Instance], bool] = lambda instance: instance.penalty_name != "one level"
    slow: bool = False
    variant: str = ""


def _tolerances(first: int, last: int, per_decade: int = 2) -> tuple[float, ...]:
    return tuple(10.0 ** (-k / per_decade) for k in range(first * per_decade, last * per_decade + 1))


def _parlin(instance: Instance) -> Run:
    return lambda tol: solve(instance.problem(), CoordinateDescent(), tol=tol).w


def _anderson(first_working_set: int) -> Callable[[Instance], Run]:
    def bind(instance: Instance) -> Run:
        from skglm.datafits import Quadratic
        from skglm.solvers import AndersonCD
        from skglm.utils.jit_compilation import compiled_clone

        from benchmarks.skglm_penalty import compiled

        datafit, penalty = compiled_clone(Quadratic()), compiled(instance.penalty)

        def run(tol: float) -> FloatArray:
            solver = AndersonCD(
                max_iter=300, p0=first_working_set, fit_intercept=False, tol=tol * instance.strength_max
            )
            return solver.solve(instance.X, instance.y, datafit, penalty, run_checks=False)[0]

        return run

    return bind


def _gram(instance: Instance) -> Run:
    from skglm.solvers import GramCD

    from benchmarks.skglm_penalty import compiled

    penalty = compiled(instance.penalty)

    def run(tol: float) -> FloatArray:
        solver = GramCD(
            max_iter=100_000, use_acc=True, greedy_cd=False, fit_intercept=False,
            tol=tol * instance.strength_max,
        )  # fmt: skip
        return solver.solve(instance.X, instance.y, None, penalty, run_checks=False)[0]

    return run


def _scikit_learn(instance: Instance) -> Run:
    from sklearn.linear_model import lasso_path

    strength = [float(instance.penalty.slopes[-1])]

    def run(tol: float) -> FloatArray:
        _, coef, _ = lasso_path(  # takes the Gram matrix where n > d
            instance.X, instance.y, alphas=strength, tol=tol, max_iter=100_000, copy_X=False,
            check_input=False,
        )  # fmt: skip
        return coef[:, 0]

    return run


def _clarabel(instance: Instance) -> Run:
    import clarabel

    program = epigraph_form(instance.X, instance.y, instance.penalty)
    upper = sparse.triu(program.P, format="csc")
    n_inequalities = program.b.size - program.n_equalities
    cones = [clarabel.ZeroConeT(program.n_equalities), clarabel.NonnegativeConeT(n_inequalities)]

    def run(tol: float) -> FloatArray:
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        # supernodal factors pay on large programs only
        settings.direct_solve_method = "faer" if instance.size.d > 2000 else "qdldl"
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
        settings.time_limit = 10 * instance.size.limit  # far beyond what is counted
        solver = clarabel.DefaultSolver(upper, program.q, program.A, program.b, cones, settings)
        return np.array(solver.solve().x)[: instance.size.d]

    return run


def _osqp(instance: Instance) -> Run:
    import osqp

    program = segment_form(instance.X, instance.y, instance.penalty)
    lower = np.full(program.b.size, -np.inf)
    lower[: program.n_equalities] = program.b[: program.n_equalities]

    def run(tol: float) -> FloatArray:
        solver = osqp.OSQP()
        solver.setup(
            program.P, program.q, program.A, lower, program.b, eps_abs=tol, eps_rel=tol, polishing=True,
            verbose=False, max_iter=10_000_000, time_limit=instance.size.limit,
        )  # fmt: skip
        return solver.solve().x[: instance.size.d]

    return run


def _proximal(name: str, make_prox: Callable[..., proximal_gradient.Prox], accelerated: bool) -> Method:
    def start(instance: Instance, step: float, make: Callable[..., proximal_gradient.Prox]) -> Iterator:
        prox = make(instance.penalty, step)
        return proximal_gradient.iterates(instance.X, instance.y, prox, step, accelerated)

    def iterates(instance: Instance) -> Iterator[FloatArray]:
        return start(instance, proximal_gradient.longest_step(instance.X), proximal_gradient.vectorised)

    def bind(instance: Instance) -> Run:
        step = proximal_gradient.longest_step(instance.X)  # not timed
        return lambda count: next(islice(start(instance, step, make_prox), int(count), None))

    return Method(name, bind, slow=True, iterates=iterates)


def _one_level(instance: Instance) -> bool:
    return instance.penalty_name == "one level"


METHODS = (
    Method(OURS, _parlin, gap=OURS_GAP, settings=(1e-8, 1e-10, 1e-12, 1e-13), applies=lambda _: True),
    *(
        Method(
            "skglm AndersonCD", _anderson(size), settings=_tolerances(2, 12), variant=f"p0={size}",
            applies=lambda instance, size=size: (
                instance.penalty_name != "one level" and size in instance.size.working_sets
            ),
        )
        for size in (10, 100, 1000)
    ),
    Method(
        "skglm GramCD", _gram, settings=_tolerances(2, 12),
        applies=lambda instance: instance.size.n > instance.size.d and not _one_level(instance),
    ),
    Method("scikit-learn Lasso", _scikit_learn, settings=_tolerances(2, 15), applies=_one_level),
    Method(
        "scikit-learn Lasso to 1e-12", _scikit_learn, gap=OURS_GAP, settings=_tolerances(5, 18),
        applies=_one_level,
    ),
    Method("Clarabel", _clarabel, settings=_tolerances(6, 9, per_decade=1), slow=True),
    Method("OSQP", _osqp, settings=_tolerances(5, 9, per_decade=1), slow=True),
    _proximal("FISTA, NumPy", proximal_gradient.vectorised, accelerated=True),
    _proximal("FISTA, Python loop", proximal_gradient.looped, accelerated=True),
    _proximal("proximal gradient, Python loop", proximal_gradient.looped, accelerated=False),
)  # fmt: skip


def _to_gap(solver: Solver) -> Callable[[Instance], Run]:
    """`solve` until its certificate has the gap; the setting is the gap."""

    def bind(instance: Instance) -> Run:
        def run(gap: float) -> FloatArray:
            end = time.perf_counter() + instance.size.limit
            return solve(
                instance.problem(), solver, tol=None,
                callback=lambda _, state, c: c.gap <= gap or time.perf_counter() > end,
            ).w  # fmt: skip

        return run

    return bind


SOLVERS = tuple(
    Method(type(solver).__name__, _to_gap(solver), settings=(THEIRS_GAP,), slow=True)
    for solver in (CoordinateDescent(), SemismoothNewton(), FISTA())
)
