"""Settings that the certificate accepts, and times taken in turns."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.instances import Instance
from benchmarks.methods import Method, Run
from parlin import Problem, certify

FloatArray = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)

# Calls are repeated, in turns, until this much time has gone into a method, and at most so often.
_REPEAT_SECONDS, _MOST_REPEATS = 0.06, 100
# Below so many seconds they are repeated at least so often: the first one finds the data in no cache.
_SHORT, _LEAST_REPEATS = 1.0, 2
# A call longer than this is not tried at a looser tolerance once it is accepted.
_LONG = 30.0
# Half a decade of the tolerance is at least this factor of the gap, so closer ones are not loosened.
_NEXT = 3.0
# A limit on the clock is met with this fraction of it on the processor, which others may use too.
_MET = 0.5
# So many iterations give the rate of a method whose whole run would take too long.
_SAMPLE = 50


@dataclass(frozen=True)
class Measurement:
    """One method on one instance."""

    size: str
    design: str
    penalty: str
    fraction: float
    seed: int
    method: str
    variant: str
    outcome: str  # "timed"; "scaled" from some iterations; "limit": a lower bound; "wrong": no time
    seconds: float | None  # of the processor: the least of the repetitions
    gap: float | None  # of the point, relative, by `certify`; None if there is no point
    setting: float | None


@dataclass(frozen=True)
class _Trial:
    """A call, and whether its point is accepted."""

    method: Method
    run: Run
    outcome: str
    seconds: float
    gap: float
    setting: float


def processor_seconds(run: Run, setting: float) -> tuple[FloatArray, float]:
    """What the call returns and the time of the processor that it took."""
    begin = time.process_time()
    w = run(setting)
    return w, time.process_time() - begin


def least_times(calls: Mapping[Key, Callable[[], object]], repeats: int) -> dict[Key, float]:
    """The least processor time of each call, all of them taking turns."""
    least = dict.fromkeys(calls, math.inf)
    for _ in range(repeats):
        for key, call in calls.items():
            begin = time.process_time()
            call()
            least[key] = min(least[key], time.process_time() - begin)
    return least


def gap_of(problem: Problem, w: FloatArray) -> float:
    """The relative duality gap by `parlin.certify`; inf for a point that is none."""
    return certify(problem, w).gap if np.all(np.isfinite(w)) else math.inf


class Bench:
    """Measures instance after instance, and remembers the settings of a cell for its next draw."""

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = methods
        self._known: dict[tuple, tuple[str, float]] = {}  # (method, cell): variant and setting
        self._last: dict[tuple, float] = {}  # (method, penalty, fraction): setting

    def measure(self, instance: Instance) -> list[Measurement]:
        """Every method that applies to the instance: checked first, then timed in turns."""
        problem = instance.problem()
        trials = [self._check(method, instance, problem) for method in self._chosen(instance)]
        seconds = _in_turns([trial for trial in trials if trial.outcome == "timed"])
        best: dict[str, Measurement] = {}
        for trial in trials:
            least = seconds.get(id(trial), trial.seconds)
            made = _measurement(instance, trial, least)
            other = best.get(made.method)
            if other is None or _rank(made) < _rank(other):
                best[made.method] = made
                self._known[made.method, instance.cell] = made.variant, trial.setting
        return list(best.values())

    def _chosen(self, instance: Instance) -> Iterator[Method]:
        for method in self._methods:
            variant, _ = self._known.get((method.name, instance.cell), (method.variant, None))
            if (
                method.applies(instance)
                and variant == method.variant
                and (instance.with_slow_peers or not method.slow)
            ):
                yield method

    def _check(self, method: Method, instance: Instance, problem: Problem) -> _Trial:
        run = method.bind(instance)
        if method.iterates is not None:
            return _count_iterations(method, instance, problem, run)
        _, setting = self._known.get((method.name, instance.cell), (None, None))
        place = method.name, instance.penalty_name, instance.fraction
        if setting is None:
            setting = self._last.get(place, method.settings[(len(method.settings) - 1) // 2])
        trial = _loosest(method, run, problem, method.settings.index(setting), instance.size.limit)
        self._last[place] = trial.setting
        return trial


def _loosest(method: Method, run: Run, problem: Problem, start: int, limit: float) -> _Trial:
    """The loosest tolerance whose point is accepted, searched from that of index `start`."""
    settings, k, loosest_right = method.settings, start, 0

    def attempt(k: int) -> _Trial:
        w, seconds = processor_seconds(run, settings[k])
        gap = gap_of(problem, w)
        return _Trial(method, run, "timed" if gap <= method.gap else "wrong", seconds, gap, settings[k])

    found = attempt(k)
    while found.outcome == "wrong":
        if method.slow and found.seconds > _MET * limit:
            return replace(found, outcome="limit")
        if k + 1 == len(settings):
            return found
        loosest_right = k + 1
        # The gap falls no faster than the square of the tolerance, two settings a decade.
        k = min(k + max(1, int(math.log10(min(found.gap, 1.0) / method.gap))), len(settings) - 1)
        found = attempt(k)
    while k > loosest_right and found.gap <= method.gap / _NEXT and found.seconds <= _LONG:
        looser = attempt(k - 1)
        if looser.outcome == "wrong":
            break
        k, found = k - 1, looser
    return found


def _count_iterations(method: Method, instance: Instance, problem: Problem, run: Run) -> _Trial:
    """The number of iterations until the gap is reached, and their time or a lower bound of it."""
    limit = instance.size.limit
    iterations, gap = _first_passage(method, instance, problem, limit)
    some = min(iterations, _SAMPLE)
    w, seconds = processor_seconds(run, some)
    if some < iterations:
        seconds *= iterations / some
        if gap > method.gap or seconds > limit:
            outcome = "scaled" if gap <= method.gap else "limit"
            return _Trial(method, run, outcome, seconds, gap, iterations)
        w, seconds = processor_seconds(run, iterations)
    gap = gap_of(problem, w)
    return _Trial(method, run, "timed" if gap <= method.gap else "wrong", seconds, gap, iterations)


def _first_passage(method: Method, instance: Instance, problem: Problem, limit: float) -> tuple[int, float]:
    """The first tenth iteration with the gap asked for, or the last one before the limit; and its gap."""
    end = time.perf_counter() + limit
    for iteration, w in enumerate(method.iterates(instance)):
        if iteration % 10 == 0:
            gap = gap_of(problem, w)
            if gap <= method.gap or time.perf_counter() > end:
                return iteration, gap
    raise AssertionError("the iterates do not end")


def _in_turns(trials: Sequence[_Trial]) -> dict[int, float]:
    """The least seconds of each trial, by its id, every method once before any a second time."""
    least = {id(trial): trial.seconds for trial in trials}
    repeats = {id(trial): _repeats(trial.seconds) for trial in trials}
    gc.collect()
    with _no_collection():
        for turn in range(max(repeats.values(), default=0)):
            for trial in trials:
                if turn < repeats[id(trial)]:
                    _, seconds = processor_seconds(trial.run, trial.setting)
                    least[id(trial)] = min(least[id(trial)], seconds)
    return least


def _repeats(seconds: float) -> int:
    """How often a call that took so long is made again."""
    least = _LEAST_REPEATS if seconds < _SHORT else 0
    return max(least, min(_MOST_REPEATS, int(_REPEAT_SECONDS / seconds)))


def _measurement(instance: Instance, trial: _Trial, seconds: float) -> Measurement:
    return Measurement(
        *instance.cell, instance.seed, trial.method.name, trial.method.variant, trial.outcome,
        None if trial.outcome == "wrong" else seconds, trial.gap, trial.setting,
    )  # fmt: skip


def _rank(measurement: Measurement) -> tuple[bool, float]:
    """Points that are right before wrong ones, then the faster."""
    return measurement.outcome == "wrong", measurement.seconds or math.inf


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
