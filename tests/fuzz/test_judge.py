"""The fuzzer's judge is right about values worked out by hand, and sees every kind of fault."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from parlin import exact_certificate, solve
from tests.fuzz import files, invariance, judge, trials
from tests.fuzz.__main__ import KINDS, Tally, run, tasks, to_json, trial_of, work
from tests.fuzz.cases import Case
from tests.fuzz.exact import ExactProblem, eliminate, integers
from tests.fuzz.judge import Finding, judge_gap, judge_rank, judge_run, reference_of
from tests.fuzz.optimum import minimum
from tests.fuzz.problems import problem_of
from tests.fuzz.runs import Run, describe, run_solver
from tests.kkt import Raw

ABSOLUTE = np.array([0.0]), np.array([-1.0, 1.0])
SMALL = Case(np.array([[1.0], [2.0]]), np.array([1.0, 3.0]), *ABSOLUTE)
W = np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 1.0, -1.0, 1.0])


# -- values -----------------------------------------------------------------------------------------


def test_objectives_are_those_worked_out_by_hand():
    # residuals (0, 1): f = 1/4; the intercept of y − 2x is −1 + … : residuals (−1, −1) less their mean vanish
    assert ExactProblem(SMALL).objective(np.array([1.0])) == Fraction(1, 4) + 1
    centred = replace(SMALL, intercept=True)
    assert ExactProblem(centred).objective(np.array([2.0])) == 2
    # weights 3 and 1: (3·0 + 1·1) / 8
    weighted = replace(SMALL, sample_weight=np.array([3.0, 1.0]), penalty_weights=np.array([0.5]))
    assert ExactProblem(weighted).objective(np.array([1.0])) == Fraction(1, 8) + Fraction(1, 2)
    assert ExactProblem(SMALL).loss_at_zero == Fraction(10, 4)


def test_penalties_are_those_worked_out_by_hand():
    # ψ = 0 at 1, the point of the domain nearest to 0
    box = replace(SMALL, levels=np.array([1.0, 2.0]), slopes=np.array([-np.inf, 3.0, np.inf]))
    exact = ExactProblem(box)
    assert exact.penalty_at(Fraction(3, 2)) == Fraction(3, 2)
    assert exact.penalty_at(Fraction(1, 2)) is None
    assert exact.penalty_at(Fraction(2)) == 3
    valley = replace(SMALL, levels=np.array([-1.0, 0.5]), slopes=np.array([-2.0, 1.0, 4.0]))
    assert [ExactProblem(valley).penalty_at(Fraction(x)) for x in (-2, -1, 0, 1)] == [
        1,
        -1,
        0,
        Fraction(5, 2),
    ]
    assert (
        ExactProblem(replace(SMALL, levels=np.array([]), slopes=np.array([0.0]))).penalty_at(Fraction(7)) == 0
    )


@pytest.mark.parametrize("kind", ["ordinary", "large", "rank"])
def test_objectives_are_those_in_extended_precision(kind):
    for seed in range(40):
        case = problem_of(kind, seed)
        raw = Raw(
            case.X, case.y, case.levels, case.slopes, case.intercept, case.sample_weight, case.penalty_weights
        )
        w = np.random.default_rng(seed).standard_normal(case.shape[1])
        _, s, r = raw.residual(w)
        loss = float(s @ r**2) / 2
        assert float(ExactProblem(case).loss(w)) == pytest.approx(loss, rel=1e-9)


def test_integers_are_exact_and_short():
    numbers, exponent = integers(np.array([6.0, -0.75, 0.0, 2.0**70]))
    assert [Fraction(k) * Fraction(2) ** exponent for k in numbers] == [6, Fraction(-3, 4), 0, 2**70]
    assert integers(np.array([1e300, 3e300]))[0][0] < 2**60
    assert integers(np.zeros(2)) == ([0, 0], 0)


def test_ranks_are_exact():
    column = np.array([1.0, 2.0, 3.0])
    near = Case(np.stack((column, column * (1 + 2.0**-50), 2 * column), axis=1), column, *ABSOLUTE)
    assert ExactProblem(near).rank == 1
    other = Case(np.stack((column, column + np.array([0.0, 0.0, 2.0**-50])), axis=1), column, *ABSOLUTE)
    assert ExactProblem(other).rank == 2
    assert ExactProblem(replace(other, intercept=True)).rank == 2
    constant = replace(other, X=np.stack((column, np.ones(3)), axis=1), intercept=True)
    assert ExactProblem(constant).rank == 1
    assert ExactProblem(constant).zero_columns == [False, True]


def test_elimination_solves_and_tells_dependence():
    rows, pivots, determinant = eliminate([[2, 1, 1], [1, 3, 2]], 2)
    assert (pivots, determinant) == ([0, 1], 5)
    assert [Fraction(row[-1], determinant) for row in rows] == [Fraction(1, 5), Fraction(3, 5)]
    rows, pivots, _ = eliminate([[1, 2, 0], [2, 4, 1]], 2)
    assert pivots == [0] and rows[1][-1] != 0


def test_the_exact_minimum_is_one():
    # soft thresholding of 7/5 · 5/2: minimise (1 − w)²/4 + (3 − 2w)²/4 + w
    found = minimum(ExactProblem(SMALL), np.array([5.0]))
    assert (found.w[0], found.n_free) == (1.0, 1)
    for seed in range(60):
        case = problem_of("ordinary", seed)
        if not case.is_convex:
            continue
        exact = ExactProblem(case)
        rng = np.random.default_rng(seed)
        low, high = case.problem().penalty.domain
        starts = [np.clip(rng.standard_normal(case.shape[1]), low, high) for _ in range(2)]
        values = {minimum(exact, w).value for w in starts}
        assert len(values) == 1
        w = minimum(exact, starts[0]).w
        assert values.pop() <= min(exact.objective(start) or np.inf for start in starts)
        assert exact_certificate(case.problem(), w).verdict.name != "REFUTED" or np.any(w == 0)


# -- controls: a fault of each kind is seen ---------------------------------------------------------


def good(case: Case) -> tuple[Run, judge.Reference]:
    result = run_solver(case, "auto")
    assert result.success
    reference = reference_of(case, [result.w])
    assert judge_run("ordinary", case, result, reference) == []
    return result, reference


def kinds(case: Case, result: Run, reference: judge.Reference | None, kind: str = "ordinary") -> set[str]:
    return {each.kind for each in judge_run(kind, case, result, reference)}


def test_a_point_above_the_best_is_seen():
    result, reference = good(SMALL)
    worse = replace(result, w=result.w + 0.01)
    assert judge.ABOVE_BEST in kinds(SMALL, worse, reference)
    assert judge.ROUNDING in kinds(SMALL, replace(worse, status="ROUNDING"), reference)
    free = replace(SMALL, levels=np.array([]), slopes=np.array([0.0]))
    result, reference = good(free)
    assert judge.ABOVE_BEST_WITHOUT_GAP in kinds(free, replace(result, w=result.w + 0.01), reference)
    boxed = replace(SMALL, levels=np.array([0.0, 1.0]), slopes=np.array([-np.inf, 0.0, np.inf]))
    result, reference = good(boxed)
    assert judge.ABOVE_BEST in kinds(boxed, replace(result, w=np.array([1.5])), reference)


def test_a_point_worse_than_its_start_is_seen():
    case = replace(SMALL, w0=np.array([1.1]))
    result, reference = good(case)
    bad = replace(result, w=np.array([-3.0]), status="STALLED", success=False, gap=None, objective=np.nan)
    assert kinds(case, bad, reference) == {judge.WORSE_THAN_START, judge.NO_SUCCESS}


def test_a_false_gap_is_seen():
    result, reference = good(SMALL)
    assert judge.GAP_ABOVE_TOL in kinds(SMALL, replace(result, gap=1e-7), reference)
    assert judge.GAP_IMPOSSIBLE in kinds(SMALL, replace(result, gap=-1e-18), reference)
    assert judge.GAP_IMPOSSIBLE in kinds(SMALL, replace(result, gap=np.nan), reference)
    value = reference.exact.objective(np.array([0.0]))
    assert judge_gap(SMALL, "", value, 0.001, reference)[0].kind == judge.GAP_TOO_SMALL
    assert judge_gap(SMALL, "", value, 0.9, reference) == []


def test_a_false_objective_is_seen():
    result, reference = good(SMALL)
    assert judge.OBJECTIVE in kinds(
        SMALL, replace(result, objective=result.objective * (1 + 1e-7)), reference
    )
    assert judge.OBJECTIVE in kinds(SMALL, replace(result, objective=np.nan), reference)


def test_a_concave_kink_is_seen():
    case = Case(np.array([[1.0]]), np.array([0.0]), *W)
    kink = Run("auto", "", "CONVERGED", True, np.zeros(1), 1.0, None, 0.0, 0.0)
    assert judge.CRITICAL in kinds(case, kink, reference_of(case, [np.zeros(1)]))
    result, reference = good(replace(case, y=np.array([0.3])))
    assert judge.CRITICAL in kinds(case, replace(result, prox_residual=1e-7), reference)


def test_what_is_raised_warned_of_and_slow_is_seen():
    result, reference = good(SMALL)
    assert kinds(SMALL, replace(result, warned=("RuntimeWarning: overflow",)), reference) == {judge.WARNING}
    assert kinds(SMALL, replace(result, seconds=1.5), reference) == {judge.SLOW}
    error = Run("auto", "solve", error="OverflowError: int too large")
    assert kinds(SMALL, error, None) == {judge.FOREIGN}
    refusal = replace(error, refused=True)
    assert kinds(SMALL, refusal, None) == {judge.REFUSED}
    assert kinds(SMALL, refusal, None, "absurd") == set()
    assert kinds(replace(SMALL, w0=np.array([np.nan])), refusal, None) == set()


def test_only_sentences_of_the_library_are_refusals():
    def caught(call):
        with pytest.raises((ValueError, TypeError, IndexError)) as info:
            call()
        return describe(info.value)[1]

    assert caught(lambda: replace(SMALL, X=np.array([[1e200], [1.0]])).problem())
    assert not caught(lambda: np.linalg.solve(np.zeros((2, 2)), np.ones(2)))
    assert not caught(lambda: [].pop())


def test_points_that_are_not_finite_are_seen():
    result, reference = good(SMALL)
    lost = replace(result, w=np.array([np.nan]))
    assert kinds(SMALL, lost, reference) == {judge.NOT_FINITE}
    stayed = replace(lost, success=False)
    assert kinds(SMALL, stayed, reference) == {judge.NO_SUCCESS}
    assert kinds(SMALL, stayed, reference, "absurd") == set()
    assert kinds(replace(SMALL, w0=np.array([np.nan])), stayed, reference) == {judge.START_STAYS}


def test_too_many_free_coefficients_are_seen(monkeypatch):
    column = np.array([1.0, 2.0])
    case = Case(
        np.stack((column, column), axis=1), np.array([1.0, 3.0]), np.array([0.0]), np.array([-0.1, 0.1])
    )
    result, reference = good(case)
    assert judge_rank(case, result, reference) == []
    both = replace(result, w=np.full(2, result.w.sum() / 2))
    assert [each.kind for each in judge_rank(case, both, reference)] == [judge.FREE]
    monkeypatch.setattr(judge, "purify", lambda problem, w: w)
    assert [each.kind for each in judge_rank(case, both, reference)] == [judge.FREE, judge.PURIFY]
    monkeypatch.setattr(judge, "purify", lambda problem, w: np.zeros(2))
    assert [each.kind for each in judge_rank(case, result, reference)] == [judge.PURIFY]


def test_a_stall_is_seen(monkeypatch):
    def stalls(case, solver, problem=None):
        found = run_solver(case, solver, problem)
        return replace(found, status="STALLED", success=False) if solver == "auto" else found

    monkeypatch.setattr(trials, "run_solver", stalls)
    trial = trials.SolverTrial("ordinary", SMALL, ("auto",))
    assert {each.kind for each in trial.findings()} == {judge.STALLS, judge.NO_SUCCESS}
    assert {each.kind for each in replace(trial, kind="large").findings()} == {judge.STALLS}
    spread = trials.StorageTrial("sparse-mean", replace(SMALL, storage="csr"), ("auto",))
    assert judge.STALLS in {each.kind for each in spread.findings()}


@pytest.mark.parametrize("change", invariance.CHANGES)
def test_a_change_of_the_objective_is_seen(monkeypatch, change):
    case = replace(SMALL, intercept=change == "shift", sample_weight=np.array([2.0, 1.0]))
    trial = invariance.InvarianceTrial("invariance", case, change, 3)
    assert trial.findings() == []
    calls = []

    def moved(given, solver):
        calls.append(given)
        found = run_solver(given, solver)
        return replace(found, w=found.w + 0.01) if len(calls) % 2 else found

    monkeypatch.setattr(invariance, "run_solver", moved)
    assert [each.kind for each in trial.findings()] == [invariance.VALUE]


def test_damage_that_goes_unnoticed_is_seen(monkeypatch):
    trial = replace(files.file_trial(5), damage="flip")
    assert trial.findings() == []
    packed = files.pack(trial.coef.astype(trial.dtype), files.PAR(trial.levels, trial.slopes), trial.layout)
    monkeypatch.setattr(files, "Packed", SimpleNamespace(from_bytes=lambda data: packed))
    assert [each.kind for each in trial.findings()] == [files.ACCEPTED]
    monkeypatch.setattr(files, "unpack", lambda packed: np.zeros(trial.coef.size, trial.dtype))
    assert files.ROUND_TRIP in {each.kind for each in trial.findings()}


# -- the tool ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_depends_on_its_seed_alone(kind):
    first, second = work((kind, 7, 2)), work((kind, 7, 2))
    assert first[1] == second[1]
    finding = Finding("none", "auto")
    assert trial_of(kind, 7).snippet(finding) == trial_of(kind, 7).snippet(finding)
    assert trial_of(kind, 7).snippet(finding) != trial_of(kind, 8).snippet(finding)


def test_the_problems_of_a_run_are_as_many_as_asked_for():
    todo = list(tasks(["rank", "files"], 3, 70))
    assert sum(size for *_, size in todo) == 70
    assert len({(kind, start) for kind, start, _ in todo}) == len(todo)
    tally = run(["files"], 3, 30, None, 1)
    assert to_json(tally, 3, 1.0)["problems"] == {"files": 30}
    assert isinstance(tally, Tally)


@pytest.mark.parametrize("kind", ["ordinary", "large", "sparse-mean", "near-dependent", "invariance"])
def test_a_snippet_is_the_problem(kind):
    for seed in range(8):
        case = trial_of(kind, seed).case
        names = {}
        exec("import numpy as np, scipy.sparse as sp\nfrom parlin import *\n" + case.snippet(), names)
        assert names["p"].penalty == case.problem().penalty
        assert np.array_equal(names["p"].loss.gradient_at_zero, case.problem().loss.gradient_at_zero)
        assert (names["w0"] is None) == (case.w0 is None)
        if case.w0 is not None:
            assert np.array_equal(names["w0"], case.w0, equal_nan=True)


def test_the_number_of_processes_changes_nothing():
    alone, together = run(["files", "rank"], 2, 60, None, 1), run(["files", "rank"], 2, 60, None, 2)
    assert (alone.problems, alone.faults, alone.first) == (together.problems, together.faults, together.first)


def test_a_fault_is_shrunk_while_it_stays():
    class Falsified(trials.SolverTrial):
        def findings(self, subject=None):
            result = solve(self.case.problem())
            return [Finding("control", "auto")] if np.count_nonzero(result.w) else []

    trial = Falsified("ordinary", problem_of("ordinary", 4), ("auto",))
    assert trial.findings()
    smaller, finding = trials.shrink(trial, trial.findings()[0], seconds=10.0)
    assert finding.kind == "control"
    assert smaller.case.X.size <= 2
    assert smaller.findings()
    exec("import numpy as np\nfrom parlin import *\n" + smaller.snippet(Finding("control", "auto")), {})
