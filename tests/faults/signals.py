"""Ctrl-C ends every public call within the running call of LAPACK, and fits afterwards have the same bits.

An alarm clock sends the signal at a moment that is known to the kernel, and its handler is that of Ctrl-C:
so a call that keeps the interpreter to itself cannot hide the wait.
"""

from __future__ import annotations

import functools
import signal
import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy import sparse

import parlin
from parlin import (
    PAR,
    LeastSquares,
    PARLasso,
    PARNonconvex,
    PARRegressor,
    PARRidge,
    PARSGDRegressor,
    Problem,
    alpha_max,
    certify,
    designs,
    exact_certificate,
    grid_path,
    par_path,
    polish,
    purify,
    quantizers,
    solution_path,
    solve,
    solvers,
)
from parlin.packed import pack, unpack
from parlin.reference import compatibility_constant, solve_with_cvxpy
from tests.faults.outcome import Outcome

NAME = "signals"
TRIES = 5
# Seconds: the running call of LAPACK may take so long.
ALLOWED = 0.7
# A call is interrupted in its first seconds.
LONGEST = 4.0

Call = Callable[[], object]


def run(tries: int, seed: int) -> Outcome:
    """Interrupt every call so many times."""
    rng = np.random.default_rng(seed)
    failures, worst, sent = [], {}, 0
    for name, call in calls().items():
        latencies, found = interrupted(call, tries, rng)
        sent += len(latencies)
        worst[name] = max(latencies, default=0.0)
        if worst[name] > ALLOWED:
            found.append(f"Ctrl-C took {worst[name]:.2f} s, allowed are {ALLOWED} s")
        failures += [f"{name}: {sentence}" for sentence in found]
    slowest_first = sorted(worst, key=lambda name: -worst[name])
    return Outcome(
        sent, tuple(failures), f"{len(worst)} calls, the worst {max(worst.values()):.3f} s",
        tuple(f"{worst[name]:.3f} s  {name}" for name in slowest_first),
    )  # fmt: skip


def interrupted(call: Call, tries: int, rng: np.random.Generator) -> tuple[list[float], list[str]]:
    """Seconds from the signal to the end of the call, for each try, and what went wrong besides."""
    expected, found = reference_bits(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        latencies = [_latency(call, LONGEST)]
        whole = min(time.perf_counter() - begin, LONGEST)
        latencies += [_latency(call, max(1e-4, rng.uniform(0.0, whole))) for _ in range(tries)]
        if reference_bits() != expected:
            found.append("a fit after a signal has other bits than before")
    return [seconds for seconds in latencies if seconds is not None], found


def _latency(call: Call, delay: float) -> float | None:
    """The wait for a signal that comes after `delay` seconds; None if the call was through."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        begin = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, delay)
        call()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    except KeyboardInterrupt:
        return time.perf_counter() - begin - delay
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    return None


def reference_bits() -> tuple[bytes, ...]:
    """Small fits, bit for bit."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 120))
    y = X[:, :5].sum(axis=1) + rng.standard_normal(40)
    loss = LeastSquares(X, y)
    chosen = [solvers.FISTA(), solvers.SemismoothNewton(), *([solvers.CoordinateDescent()] * parlin.compiled)]
    convex = [solve(Problem(loss, designs.ridge(0.1, 10).scaled(0.05)), solver) for solver in chosen]
    nonconvex = solve(Problem(loss, designs.rippled_mcp(0.2, 5).scaled(0.05)))
    return tuple(result.w.tobytes() for result in (*convex, nonconvex))


# -- the calls ---------------------------------------------------------------------------------------


@functools.cache
def _dense(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.asfortranarray(np.random.default_rng(3).standard_normal((n, d)))
    return X, X[:, :20].sum(axis=1) + np.random.default_rng(4).standard_normal(n)


@functools.cache
def _sparse(n: int, d: int, density: float) -> tuple[sparse.csc_array, np.ndarray]:
    X = sparse.random_array((n, d), density=density, rng=np.random.default_rng(5), format="csc")
    return X, X[:, :200].sum(axis=1) + np.random.default_rng(6).standard_normal(n)


CONVEX = designs.ridge(0.05, 40).scaled(1e-4)
NONCONVEX = designs.rippled_mcp(0.1, 20).scaled(1e-3)
TERNARY = designs.integers(-1, 1)
SIZES = {"1200x4000": (1200, 4000), "3000x9000": (3000, 9000), "9000x3000": (9000, 3000)}
DETERMINISTIC = (
    solvers.ProximalGradient(),
    solvers.FISTA(),
    solvers.ADMM(),
    solvers.SemismoothNewton(),
    *([solvers.CoordinateDescent()] * parlin.compiled),
)
STOCHASTIC = (
    solvers.ProxSGD(),
    solvers.AProx(),
    solvers.LazyProx(),
    solvers.ProxQuant(),
    solvers.StraightThrough(),
    solvers.BinaryRelax(),
    solvers.PARQ(),
)


def _solve(data: tuple, penalty: PAR, solver: object = "auto", intercept: bool = False, **options) -> object:
    return solve(Problem(LeastSquares(*data, fit_intercept=intercept), penalty), solver, tol=1e-12, **options)


@functools.cache
def calls() -> dict[str, Call]:
    """Every call that is interrupted, under its name."""
    found: dict[str, Call] = {}
    shapes: dict[str, Callable[[], tuple]] = {
        name: functools.partial(_dense, *shape) for name, shape in SIZES.items()
    }
    shapes["sparse 20000x60000"] = functools.partial(_sparse, 20000, 60000, 1e-3)
    shapes["sparse 3000x900"] = functools.partial(_sparse, 3000, 900, 0.05)
    for shape, data in shapes.items():
        for solver in DETERMINISTIC:
            for kind, psi in (("convex", CONVEX), ("nonconvex", NONCONVEX)):
                name = f"solve {type(solver).__name__} {kind} {shape}"
                found[name] = lambda data=data, psi=psi, solver=solver: _solve(data(), psi, solver)
                if solver.unsupported(Problem(LeastSquares([[1.0]], [1.0]), psi)) is not None:
                    del found[name]
        found[f"solve auto intercept {shape}"] = lambda data=data: _solve(data(), CONVEX, intercept=True)
        found |= {f"{name} {shape}": call for name, call in _of_data(data).items()}
    for solver in STOCHASTIC:
        for shape in ("1200x4000", "sparse 20000x60000"):
            found[f"solve {type(solver).__name__} {shape}"] = lambda solver=solver, data=shapes[shape]: (
                _solve(data(), TERNARY.scaled(1e-3), solver, max_passes=200)
            )
    return found | _alone()


def _of_data(data: Callable[[], tuple]) -> dict[str, Call]:
    """Calls on a design and its targets."""

    def quick(psi: PAR = CONVEX) -> tuple[Problem, np.ndarray]:
        problem = Problem(LeastSquares(*data()), psi)
        w = np.zeros(problem.size)
        w[:: max(1, problem.size // 400)] = 0.0123
        return problem, w

    return {
        "LeastSquares": lambda: LeastSquares(*data(), fit_intercept=True),
        "largest_singular_value": lambda: LeastSquares(*data()).lipschitz,
        "alpha_max": lambda: alpha_max(*data(), CONVEX),
        "certify": lambda: certify(*quick()),
        "polish": lambda: polish(*quick()),
        "purify": lambda: purify(*quick()),
        "par_path": lambda: par_path(*data(), CONVEX, alphas=20),
        "grid_path": lambda: grid_path(LeastSquares(*data()), NONCONVEX, [1.0, 0.1]),
        "solution_path": lambda: solution_path(LeastSquares(*data()), CONVEX),
        "PARRidge": lambda: PARRidge(alpha=1e-3).fit(*data()),
        "PARLasso": lambda: PARLasso(alpha=1e-3).fit(*data()),
        "PARRegressor": lambda: PARRegressor(alpha=1e-3, penalty=NONCONVEX).fit(*data()),
        "PARNonconvex": lambda: PARNonconvex(alpha=1e-2, n_starts=3, random_state=0).fit(*data()),
        "PARSGDRegressor": lambda: PARSGDRegressor(random_state=0, tol=None, max_iter=20).fit(*data()),
    }


def _alone() -> dict[str, Call]:
    """Calls on vectors or on small problems."""
    values = np.random.default_rng(7).standard_normal(1_000_000)
    X, y = np.random.default_rng(8).standard_normal((80, 300)), np.random.default_rng(9).standard_normal(80)
    small = Problem(LeastSquares(X, y), designs.ridge(0.05, 20).scaled(0.01))
    ternary = TERNARY.prox(values, 0.5)
    return {
        "optimal_levels": lambda: quantizers.optimal_levels(values, 64),
        "optimal_levels weighted": lambda: quantizers.optimal_levels(values, 16, sample_weight=abs(values)),
        "optimal_levels symmetric": lambda: quantizers.optimal_levels(values, 16, symmetric=True),
        "lloyd_levels": lambda: quantizers.lloyd_levels(values, np.linspace(-2, 2, 16)),
        "lsbq_levels": lambda: quantizers.lsbq_levels(values, 3),
        "uniform_levels": lambda: quantizers.uniform_levels(values, 16),
        "nearest": lambda: quantizers.nearest(values, np.linspace(-3, 3, 200)),
        "pack": lambda: pack(ternary, TERNARY),
        "unpack": lambda: unpack(pack(ternary, TERNARY)),
        "prox": lambda: designs.rippled_mcp(0.1, 50).prox(np.tile(values, 10), 0.1),
        "exact_certificate": lambda: exact_certificate(small, solve(small, tol=1e-12).w),
        "solve_with_cvxpy": lambda: solve_with_cvxpy(small),
        "compatibility_constant": lambda: compatibility_constant(X[:, :30], [0, 1, 2], 3.0),
    }
