"""Values have no memory: threads that share every public object get the answers that one thread gets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from parlin import (
    PAR,
    LeastSquares,
    PARLasso,
    PARNonconvex,
    PARRidge,
    Problem,
    certify,
    designs,
    exact_certificate,
    purify,
    solution_path,
    solve,
)
from parlin.packed import pack, unpack
from parlin.solvers import ADMM, FISTA, ProximalGradient, SemismoothNewton

THREADS = 8
N, D = 8, 30

Question = tuple[str, Callable[[], Any]]


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def penalties() -> dict[str, PAR]:
    return {
        "ridge": designs.ridge(0.25, 7).scaled(0.1),
        "lasso": designs.lasso(0.25, 7).scaled(0.05),
        "box": designs.integers(-1, 2).scaled(0.3),
        "sawtooth": designs.sawtooth(0.5, 4).scaled(0.2),
        "mcp": designs.rippled_mcp(0.5, 4).scaled(0.1),
    }


def losses() -> dict[str, LeastSquares]:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((N, D)), rng.standard_normal(N)
    return {
        "dense": LeastSquares(X, y),
        "weighted": LeastSquares(X, y, rng.random(N) + 0.5, fit_intercept=True),
        "sparse": LeastSquares(sparse.csc_array(np.where(np.abs(X) > 0.8, X, 0.0)), y, fit_intercept=True),
    }


def quick_questions(seed: int) -> list[Question]:
    """Questions that take microseconds, about objects made here; the same seed, the same questions."""
    rng = np.random.default_rng(seed)
    found: list[Question] = []
    for name, par in penalties().items():
        for _ in range(3):
            w = rng.choice([0.0, *par.levels, *rng.standard_normal(5)], 12)
            step = float(rng.uniform(0.1, 2.0))
            for method in ("value", "codes", "on_level", "subdifferential", "nearest_level", "conjugate"):
                found.append((f"{name}.{method}", partial(getattr(par, method), w)))
            found.append((f"{name}.prox", partial(par.prox, w, step)))
            found.append((f"{name}.prox left", partial(par.prox, w, step, ties="left")))
            found.append((f"{name}.distance", partial(par.distance, w[::-1], w)))
            found.append((f"{name}.fenchel_young", partial(par.fenchel_young, w, 0.01 * w)))
    for name, loss in losses().items():
        for _ in range(3):
            w = rng.standard_normal(D) * rng.integers(0, 2, D)
            for method in ("value", "gradient", "residual", "rounding_floor", "intercept"):
                found.append((f"{name}.{method}", partial(getattr(loss, method), w)))
            found.append((f"{name}.matvec", partial(loss.design.matvec, w)))
            for par in penalties().values():
                problem = Problem(loss, par)
                found.append((f"{name} objective", partial(problem.objective, w)))
                found.append((f"{name} violation", lambda p=problem, w=w: p.violation(p.loss.gradient(w), w)))
    return found


def slow_questions(seed: int) -> list[Question]:
    """Questions that solve something."""
    found: list[Question] = []
    for kind, loss in losses().items():
        for name, par in penalties().items():
            problem, label = Problem(loss, par), f"{kind} {name}"
            found.append((f"{label} solve", lambda p=problem: _facts(solve(p))))
            found.append((f"{label} start", problem.strength_max))
            for solver in (ProximalGradient(), FISTA(), ADMM(), SemismoothNewton()):
                if solver.unsupported(problem) is None:
                    run = f"{label} {type(solver).__name__}"
                    found.append((run, lambda p=problem, s=solver: _facts(solve(p, s, max_iter=60))))
            w = np.random.default_rng(seed).standard_normal(D).round(1)
            found.append((f"{label} certify", partial(certify, problem, w)))
            found.append((f"{label} purify", partial(purify, problem, w)))
            found.append((f"{label} pack", lambda par=par, w=w: unpack(pack(w, par))))
        found.append((f"{kind} exact", lambda p=problem: exact_certificate(p, np.zeros(D)).verdict))
        path = solution_path(loss, designs.ridge(0.25, 7), 1e-3)
        alphas = np.geomspace(path.alphas[0], 1e-3, 4)
        found.append((f"{kind} path", lambda path=path, alphas=alphas: (path.at(alphas), path.gaps)))
    return found


def _facts(result) -> tuple[Any, ...]:
    return result.w, result.status, result.passes, result.certificate


def answers_of_threads(questions: list[Question], n_each: int) -> list[str]:
    """The names of the questions that some thread got another answer to than one thread alone."""
    expected = [_as_bytes(ask()) for _, ask in questions]
    wrong: list[str] = []
    barrier = threading.Barrier(THREADS)

    def work(number: int) -> None:
        order = np.random.default_rng(number).integers(0, len(questions), n_each)
        barrier.wait()
        for k in order:
            name, ask = questions[k]
            try:
                if _as_bytes(ask()) != expected[k]:
                    wrong.append(name)
            except Exception as error:
                wrong.append(f"{name}: {error!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def _as_bytes(answer: Any) -> Any:
    if isinstance(answer, tuple):
        return tuple(_as_bytes(part) for part in answer)
    return answer.tobytes() if isinstance(answer, np.ndarray) else repr(answer)


def test_a_hundred_thousand_operations_on_shared_objects_give_no_wrong_answer():
    assert answers_of_threads(quick_questions(seed=1), n_each=100_000 // THREADS) == []


def test_solves_certificates_and_paths_of_shared_problems_are_those_of_one_thread():
    assert answers_of_threads(slow_questions(seed=2), n_each=60) == []


@pytest.mark.parametrize("round_", range(20))
def test_what_is_computed_at_first_need_does_not_depend_on_who_asks_first(round_):
    # The expected answers come from other objects, so that all threads ask new ones for the first time.
    expected = [_as_bytes(ask()) for _, ask in quick_questions(seed=round_)]
    questions = quick_questions(seed=round_)
    wrong: list[str] = []
    barrier = threading.Barrier(THREADS)

    def work() -> None:
        barrier.wait()
        for (name, ask), answer in zip(questions, expected, strict=True):
            if _as_bytes(ask()) != answer:
                wrong.append(name)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("model", [PARRidge(0.1), PARLasso(0.1), PARNonconvex(0.1, random_state=0)])
def test_models_fitted_side_by_side_on_the_same_arrays_are_those_fitted_alone(model):
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((15, 20)), rng.standard_normal(15)
    expected = model.fit(X, y).coef_.tobytes()
    questions = [("fit", lambda: type(model)(**model.get_params()).fit(X, y).coef_)]
    assert model.coef_.tobytes() == expected
    assert answers_of_threads(questions, n_each=5) == []
    fitted = [("predict", lambda: model.predict(X)), ("score", lambda: model.score(X, y))]
    assert answers_of_threads(fitted, n_each=50) == []
