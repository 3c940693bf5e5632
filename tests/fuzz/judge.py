"""What is wrong with an outcome, by kind, judged in rational numbers and not by the library's certificates.

An objective is compared in units of the scale: the larger of f(0) and the least objective known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from parlin import certify, purify
from tests.fuzz.cases import Case, FloatArray
from tests.fuzz.exact import ExactProblem, Rational, as_float
from tests.fuzz.optimum import difference, minimum
from tests.fuzz.runs import Run, quietly

ABOVE_BEST = "CONVERGED above the best point known"
ABOVE_BEST_WITHOUT_GAP = "CONVERGED above the best point known, where no gap exists"
ROUNDING = "ROUNDING though a better float64 point exists"
WORSE_THAN_START = "worse than its start"
GAP_TOO_SMALL = "gap below the true one"
GAP_IMPOSSIBLE = "gap negative or NaN"
GAP_ABOVE_TOL = "CONVERGED with a gap above tol"
OBJECTIVE = "the certificate's objective is not F(w)"
CRITICAL = "nonconvex success at a concave kink or above tol"
WARNING = "warning"
FOREIGN = "foreign exception"
REFUSED = "refused at an ordinary size"
SLOW = "slow"
FREE = "more free coefficients than the rank"
PURIFY = "purify leaves one too many or raises the objective"
STALLS = "ends without success where SemismoothNewton succeeds"
NO_SUCCESS = "no success at an ordinary size, though a float64 point is optimal"
NOT_FINITE = "success at a point that is not finite"
START_STAYS = "a start that is not finite stays"

WORTH = 1e-6  # of the scale: what a better point must be better by
NOISE = 1e-9  # of the scale: what two equal objectives may differ by
SECONDS = 1.0
# Where sizes are such that a refusal, in a sentence, is an answer.
MAY_REFUSE = ("large", "absurd")


class Finding(NamedTuple):
    """A fault: its kind, the solver or function it is of, and numbers."""

    kind: str
    subject: str
    detail: str = ""


@dataclass(eq=False)
class Reference:
    """What is known about a case without the library's word for it."""

    exact: ExactProblem
    least: Rational | None  # the minimum of a convex case
    best: Rational | None  # the least objective of a float64 point that is known
    best_point: FloatArray | None
    start: Rational | None  # F at the start, if it is feasible and the run is bound to it
    loss_at_start: Rational  # at a finite start, otherwise at the penalty's minimiser

    @property
    def scale(self) -> Rational:
        """What differences of objectives are measured by; where that is 0, what the start gives."""
        known = self.least if self.least is not None else self.best
        scale = max(self.exact.loss_at_zero, abs(known) if known is not None else Fraction(0))
        return scale or max(abs(self.start or Fraction(0)), self.loss_at_start)

    def above(self, value: Rational, other: Rational | None) -> float:
        """How far `value` is above another one, in units of the scale."""
        return -math.inf if other is None else difference(value, other, self.scale)


def reference_of(case: Case, points: list[FloatArray]) -> Reference:
    """The reference of a case; `points` are what solvers found, the best of which begins the search."""
    exact = ExactProblem(case)
    rest = _rest(case)
    finite = case.w0 is not None and np.isfinite(case.w0).all()
    starts = [rest, case.w0] if finite else [rest]
    pairs = [(exact.objective(w), w) for w in [*points, *starts]]
    pairs = [(value, w) for value, w in pairs if value is not None]
    best, best_point = min(pairs, key=lambda pair: pair[0], default=(None, None))
    least = None
    if case.is_convex and best_point is not None:
        found = minimum(exact, best_point)
        if found is not None:
            least = found.value
            rounded = exact.objective(found.w)
            if rounded is not None and rounded < best:
                best, best_point = rounded, found.w
    bound = case.w0 if case.w0 is not None else rest if case.is_convex else None
    start = None if bound is None else exact.objective(bound)
    return Reference(exact, least, best, best_point, start, exact.loss(starts[-1]))


def _rest(case: Case) -> FloatArray:
    """A feasible point: the penalty's minimiser, zero where it has no weight."""
    steps = np.flatnonzero((case.slopes[:-1] <= 0) & (case.slopes[1:] >= 0))
    x = float(case.levels[steps[np.argmin(np.abs(case.levels[steps]))]]) if steps.size else 0.0
    w = np.full(case.shape[1], x)
    return w if case.penalty_weights is None else np.where(case.penalty_weights > 0, w, 0.0)


def judge_run(kind: str, case: Case, run: Run, reference: Reference | None) -> list[Finding]:
    """All that is wrong with one run; `reference` is None where nothing was returned."""
    found = [Finding(WARNING, run.solver, message) for message in run.warned]
    if run.seconds > SECONDS and kind != "absurd":
        found.append(Finding(SLOW, run.solver, f"{run.seconds:.1f} s, {run.status}"))
    infinite = case.w0 is not None and not np.isfinite(case.w0).all()
    if run.error:
        if not run.refused or run.stage == "certificate":
            found.append(Finding(FOREIGN, run.solver, f"{run.stage}: {run.error}"))
        elif kind not in MAY_REFUSE and not (infinite and run.stage == "solve"):
            found.append(Finding(REFUSED, run.solver, f"{run.stage}: {run.error}"))
        return found
    if not np.isfinite(run.w).all():
        if run.success:
            found.append(Finding(NOT_FINITE, run.solver, run.status))
        elif infinite:
            found.append(Finding(START_STAYS, run.solver, f"{run.status}, {run.w}"))
        return found + _judge_failure(kind, case, run, reference)
    if reference is not None:
        found += _judge_point(case, run, reference) + _judge_failure(kind, case, run, reference)
    return found


def _judge_failure(kind: str, case: Case, run: Run, reference: Reference | None) -> list[Finding]:
    """That "auto" has no success on a convex problem of ordinary size whose minimum is a float64 point."""
    if run.success or run.solver != "auto" or kind in MAY_REFUSE or reference is None:
        return []
    if case.w0 is not None and not np.isfinite(case.w0).all():
        return []
    if reference.least is None or reference.above(reference.best, reference.least) > case.tol:
        return []
    return [Finding(NO_SUCCESS, run.solver, f"{run.status}, residual {run.residual:.2g}")]


def _judge_point(case: Case, run: Run, reference: Reference) -> list[Finding]:
    found, solver = [], run.solver
    value = reference.exact.objective(run.w)
    if value is None:
        if run.success:
            found.append(Finding(ABOVE_BEST, solver, f"{run.status} outside the box"))
        return found
    above = reference.above(value, reference.best)
    numbers = f"{run.status}, {above:.2g} of the scale above {as_float(reference.best):.9g}, gap {run.gap}"
    if case.is_convex and above > max(WORTH, 10 * case.tol):
        if run.status == "CONVERGED":
            found.append(Finding(ABOVE_BEST if case.has_gap else ABOVE_BEST_WITHOUT_GAP, solver, numbers))
        elif run.status == "ROUNDING":
            found.append(Finding(ROUNDING, solver, numbers))
    if reference.start is not None and reference.above(value, reference.start) > NOISE:
        excess = reference.above(value, reference.start)
        found.append(Finding(WORSE_THAN_START, solver, f"{run.status}, {excess:.2g} of the scale"))
    found += judge_gap(case, solver, value, run.gap, reference)
    if case.has_gap and run.status == "CONVERGED" and run.gap is not None and run.gap > case.tol * (1 + 1e-9):
        found.append(Finding(GAP_ABOVE_TOL, solver, f"gap {run.gap:.3g}, tol {case.tol:g}"))
    if math.isfinite(run.objective):
        error = abs(Fraction(run.objective) - value)
        size = max(reference.scale, abs(value))
        allowed = Fraction(NOISE) * size + rounding(case, run.w, size == 0)
        if error > allowed:
            told, right = run.objective, as_float(value)
            found.append(Finding(OBJECTIVE, solver, f"{run.status}, {told!r} for {right!r}"))
    elif run.success:
        found.append(Finding(OBJECTIVE, solver, f"{run.status}, {run.objective} for {as_float(value)!r}"))
    if run.success and not case.is_convex:
        concave = _concave_kinks(case, run.w)
        if concave.size or not run.prox_residual <= case.tol * (1 + 1e-6):
            found.append(
                Finding(CRITICAL, solver, f"{run.status}, kinks {concave}, residual {run.prox_residual:.2g}")
            )
    return found


def judge_gap(
    case: Case, subject: str, value: Rational, gap: float | None, reference: Reference
) -> list[Finding]:
    """What is wrong with the relative gap that is claimed of a point whose objective is `value`."""
    if gap is None:
        return []
    if math.isnan(gap) or gap < 0:
        return [Finding(GAP_IMPOSSIBLE, subject, f"gap {gap}")]
    # The exact minimum of columns that depend but for the rounding of their entries is at no float64 point;
    # a gap is refuted by a point alone.
    least = reference.best
    if least is None or not case.is_convex:
        return []
    unit = max(reference.exact.loss_at_zero, abs(value))
    if not reference.exact.loss_at_zero:  # the unit is then a word of the library's
        unit = max(unit, Fraction(case.problem().value_scale(0.0)))
    true = difference(value, least, unit)
    noise = NOISE * max(1.0, difference(reference.scale, Fraction(0), unit))
    if gap < true - (noise + 1e-6 * true):
        return [Finding(GAP_TOO_SMALL, subject, f"gap {gap:.3g}, the true one is {true:.3g}")]
    return []


def judge_certificate(case: Case, run: Run, w: FloatArray, reference: Reference) -> list[Finding]:
    """What is wrong with `certify` at a point that no solver chose."""
    value = reference.exact.objective(w)
    if value is None or run.problem is None:
        return []
    certificate, said, _, warned = quietly(lambda: certify(run.problem, w))
    found = [Finding(WARNING, "certify", message) for message in warned]
    if said:
        return [*found, Finding(FOREIGN, "certify", said)]
    return found + judge_gap(case, "certify", value, certificate.gap, reference)


def judge_rank(case: Case, run: Run, reference: Reference) -> list[Finding]:
    """What is wrong with the number of free coefficients, and with purification of the point."""
    exact, found = reference.exact, []
    if not run.success or not np.isfinite(run.w).all():
        return []
    free = run.problem.unquantized(run.w)
    seen = [j for j in free if not exact.zero_columns[j]]
    # A start that is a solution stays as it is.
    promised = run.solver in ("auto", "CoordinateDescent") and case.w0 is None and case.levels.size > 0
    if promised and not np.array_equal(run.w, run.problem.start()) and len(seen) > exact.rank:
        found.append(Finding(FREE, run.solver, f"{run.status}, {len(seen)} free, rank {exact.rank}"))
    pure, said, _, warned = quietly(lambda: purify(run.problem, run.w))
    found += [Finding(WARNING, "purify", message) for message in warned]
    if said:
        return [*found, Finding(FOREIGN, "purify", said)]
    left = run.problem.unquantized(pure).size
    before, after = exact.objective(run.w), exact.objective(pure)
    if case.levels.size and left > exact.rank:
        found.append(Finding(PURIFY, "purify", f"{left} free, rank {exact.rank}"))
    elif before is not None and (after is None or reference.above(after, before) > max(NOISE, case.tol)):
        rise = math.inf if after is None else reference.above(after, before)
        found.append(Finding(PURIFY, "purify", f"rises by {rise:.2g} of the scale"))
    return found


def _concave_kinks(case: Case, w: FloatArray) -> FloatArray:
    concave = case.levels[case.slopes[1:] < case.slopes[:-1]]
    on = np.isin(w, concave)
    return np.flatnonzero(on if case.penalty_weights is None else on & (case.penalty_weights > 0))


def rounding(case: Case, w: FloatArray, no_scale: bool = False) -> Rational:
    """What an objective computed in float64, with centred columns, may be off by: a generous bound.

    With `no_scale`, where f(0) and F(w) vanish, columns as they are given tell what is small.
    """
    n = case.shape[0]
    s = np.ones(n) if case.sample_weight is None else case.sample_weight
    s = s.astype(np.longdouble) / s.max()
    s = s / s.sum()
    X, y, size = (np.asarray(a, dtype=np.longdouble) for a in (case.X, case.y, np.abs(w)))
    if case.intercept and not no_scale:
        X, y = X - s @ X, y - s @ y
    eps = 32 * np.finfo(np.float64).eps
    with np.errstate(all="ignore"):
        errors = eps * (np.abs(y) + np.abs(X) @ size)
        residual = y - X @ w
        if case.intercept:
            residual = residual - s @ residual
        slopes = np.where(np.isfinite(case.slopes), np.abs(case.slopes), 0.0)
        weights = 1.0 if case.penalty_weights is None else case.penalty_weights
        reach = size + np.max(np.abs(case.levels), initial=0.0)
        penalty = eps * np.sum(weights * np.max(slopes) * reach.astype(np.longdouble))
        bound = np.sqrt(s @ residual**2) * np.sqrt(s @ errors**2) + s @ errors**2 + penalty
    # A sum below the least float64 number may be lost.
    tiny = Fraction(1, 1 << 1060)
    return tiny + Fraction(*bound.as_integer_ratio()) if np.isfinite(bound) else tiny * 2**4000
