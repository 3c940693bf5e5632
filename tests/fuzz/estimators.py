"""The estimators as they are used: default grids, dense and sparse data, shifted data, a second fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from parlin import PAR, PARLasso, PARNonconvex, PARRegressor, PARRidge
from tests.fuzz import judge
from tests.fuzz.cases import Case, plain, text
from tests.fuzz.judge import FOREIGN, REFUSED, SLOW, WARNING, Finding
from tests.fuzz.penalties import draw_penalty
from tests.fuzz.problems import generator, problem_of
from tests.fuzz.runs import Run, describe

NOT_FINITE = "a prediction or coefficient that is not finite"
BITS = "a second fit gives other bits"
GRID = "other levels for dense and sparse X"
GRID_SHIFT = "other levels for shifted X"
UNCERTIFIED = "an estimator is not certified at an ordinary size"
MODELS = {
    "PARRidge": PARRidge,
    "PARLasso": PARLasso,
    "PARRegressor": PARRegressor,
    "PARNonconvex": PARNonconvex,
}
GRID_NOISE = 1e-12
# A grid of shifted data is found from data that were rounded when they were shifted.
SHIFT_NOISE = 1e-9


@dataclass(frozen=True, eq=False)
class EstimatorTrial:
    """An estimator by name with its parameters, and the data of a case; its penalty is the regressor's."""

    kind: str
    case: Case
    name: str
    parameters: tuple[tuple[str, Any], ...]

    def findings(self, subject: str | None = None) -> list[Finding]:
        """What is wrong with fits of the data, of the same stored otherwise, and shifted."""
        if subject not in (None, self.name):
            return []
        model, found = self._fit(self.case)
        if model is None:
            return found
        case, name = self.case, self.name
        found += self._judged(model)
        if not (np.isfinite(model.coef_).all() and np.isfinite(model.predict(case.matrix())).all()):
            return [*found, Finding(NOT_FINITE, name, f"{model.coef_}")]
        again, _ = self._fit(case)
        if again is None or again.coef_.tobytes() != model.coef_.tobytes():
            found.append(Finding(BITS, name, f"{model.coef_} and {None if again is None else again.coef_}"))
        stored, more = self._fit(replace(case, storage="F" if case.is_sparse else "csc"))
        found += more
        if stored is not None:
            found += self._grids(model, stored, GRID, GRID_NOISE)
        if case.intercept and self.kind not in judge.MAY_REFUSE:
            shifted, more = self._fit(replace(case, X=case.X + np.arange(1, case.shape[1] + 1) * 64.0))
            found += more
            if shifted is not None:
                found += self._grids(model, shifted, GRID_SHIFT, SHIFT_NOISE)
        return list(dict.fromkeys(found))

    def _grids(self, model: Any, other: Any, kind: str, noise: float) -> list[Finding]:
        a, b = model.levels_, other.levels_
        # A coefficient this much smaller than y is to X is a rounding error: the relative is zero.
        largest = float(np.abs(self.case.X).max())
        nothing = noise * float(np.abs(self.case.y).max()) / largest if largest > 0 else 0.0
        if a.shape == b.shape and np.allclose(a, b, rtol=noise, atol=nothing):
            return []
        last = [float(np.max(np.abs(levels), initial=0.0)) for levels in (a, b)]
        return [Finding(kind, self.name, f"{a.size} up to {last[0]!r}, {b.size} up to {last[1]!r}")]

    def _fit(self, case: Case) -> tuple[Any, list[Finding]]:
        """The fitted model, or None, and what the fit itself did wrong."""
        options = dict(self.parameters)
        if self.name == "PARRegressor":
            options["penalty"] = PAR(case.levels, case.slopes)
        found = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model = MODELS[self.name](fit_intercept=case.intercept, tol=case.tol, **options)
                model.fit(case.matrix(), case.y, case.sample_weight)
                model.predict(case.matrix())
            except Exception as error:
                said, refused = describe(error)
                if not (refused and self.kind in judge.MAY_REFUSE):
                    found.append(Finding(REFUSED if refused else FOREIGN, self.name, said))
                model = None
        for each in caught:
            own = issubclass(each.category, ConvergenceWarning) and str(each.message).startswith(self.name)
            message = f"{each.category.__name__}: {each.message}"[:200]
            if not (own and self.kind in judge.MAY_REFUSE):
                found.append(Finding(UNCERTIFIED if own else WARNING, self.name, message))
        if model is not None and model.result_.seconds > 2 * judge.SECONDS:
            found.append(Finding(SLOW, self.name, f"{model.result_.seconds:.1f} s"))
        return model, found

    def _judged(self, model: Any) -> list[Finding]:
        """What is wrong with the result for the problem that the fitted penalty means."""
        result, penalty = model.result_, model.penalty_.scaled(model.alpha)
        case = replace(self.case, levels=penalty.levels, slopes=penalty.slopes, penalty_weights=None, w0=None)
        certificate = result.certificate
        run = Run(
            self.name, "", result.status.name, result.status.is_success, result.w, certificate.objective,
            certificate.gap, certificate.residual, certificate.prox_residual,
        )  # fmt: skip
        return judge.judge_run(self.kind, case, run, judge.reference_of(case, [result.w]))

    def smaller(self) -> Iterator[EstimatorTrial]:
        """The same of smaller cases and with default parameters."""
        yield from (replace(self, case=case) for case in self.case.smaller())
        for k in range(len(self.parameters)):
            yield replace(self, parameters=self.parameters[:k] + self.parameters[k + 1 :])

    def snippet(self, finding: Finding) -> str:
        """The data and the fits."""
        case = self.case
        options = "".join(f", {key}={value!r}" for key, value in self.parameters)
        if self.name == "PARRegressor":
            options += f", penalty=PAR({plain(case.levels)}, {plain(case.slopes)})"
        weight = "" if case.sample_weight is None else f", {text(case.sample_weight)}"
        size = case.shape[1] + 1
        call = f"{self.name}(fit_intercept={case.intercept}, tol={case.tol:g}{options})"
        return (
            f"X = {text(case.X)}\ny = {text(case.y)}\n"
            f"for A in (X, sp.csc_array(X), X + 64.0 * np.arange(1, {size})):  # {case.storage}\n"
            f"    m = {call}.fit(A, y{weight})\n"
            f"    print(m.coef_, m.levels_[-1:], m.result_)  # {finding.detail}"
        )


def estimator_trial(seed: int) -> EstimatorTrial:
    """The trial of this seed: data of ordinary size, and one time in eight of an absurd one."""
    rng = generator("estimators", seed)
    case = replace(problem_of("ordinary", seed), penalty_weights=None, w0=None)
    kind = "absurd" if rng.random() < 0.125 else "estimators"
    if kind == "absurd":
        a, b = rng.uniform(-100, 100, 2)
        case = replace(case, X=case.X * 10.0**a, y=case.y * 10.0**b)
    if case.shape[0] == 1:  # scikit-learn's checks ask for two rows in places
        case = replace(case, X=np.vstack((case.X, -case.X)), y=np.tile(case.y, 2), sample_weight=None)
    name = str(rng.choice(list(MODELS)))
    A, b = (case.X - case.X.mean(axis=0), case.y - case.y.mean()) if case.intercept else (case.X, case.y)
    strongest = float(np.max(np.abs(A.T @ b), initial=0.0)) / len(b) or 1.0
    parameters: dict[str, Any] = {"alpha": float(strongest * 10.0 ** rng.uniform(-6, 0))}
    if name == "PARRegressor":
        levels, slopes = draw_penalty(rng, 1.0, 1.0)
        case = replace(case, levels=levels, slopes=slopes)
    else:
        if rng.random() < 0.3:
            parameters["spacing"] = float(10.0 ** rng.uniform(-2, 1))
        if rng.random() < 0.5:
            parameters["n_levels"] = int(rng.integers(1, 12))
        elif "spacing" in parameters and name != "PARNonconvex" and rng.random() < 0.3:
            parameters["n_levels"] = None
        if name != "PARNonconvex" and parameters.get("n_levels", 1) is not None and rng.random() < 0.2:
            parameters["bounded"] = True
    if name == "PARNonconvex":
        parameters["penalty"] = str(rng.choice(["rippled_mcp", "sawtooth", "staircase", "mcp"]))
        if parameters["penalty"] == "rippled_mcp":
            parameters["n_levels"] = max(3, parameters.get("n_levels") or 7)
    return EstimatorTrial(kind, case, name, tuple(sorted(parameters.items())))
