"""Where theory says that a bound is sharp, a constant that is a tenth smaller is found out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pytest

from experiments.harness import experiment
from experiments.harness.evidence import Verdict
from experiments.ridge import counterpart
from experiments.storage.stored_fits import BITS, SHARES
from experiments.tuning import par_failure_signatures
from parlin import theory

LESS = 0.9
SUBJECTS = {subject.name: subject for subject in experiment.find()}


def less(owner: Any, name: str) -> tuple[Any, str, Any]:
    """The owner, the name, and what takes its place: the same times 0.9."""
    original = owner[name] if isinstance(owner, dict) else vars(owner)[name]
    if isinstance(original, property):
        return owner, name, property(lambda self: LESS * original.fget(self))

    def reduced(*arguments: Any, **named: Any) -> Any:
        return LESS * original(*arguments, **named)

    return owner, name, reduced


def shorter_floats(formula: Callable[..., int]) -> Callable[..., int]:
    """The formula with a tenth less for each float and nothing else changed."""

    def changed(
        n_features: int, n_free: int, n_levels: int, float_bits: int = 32, uniform: bool = True
    ) -> int:
        return formula(n_features, n_free, n_levels, round(LESS * float_bits), uniform)

    return changed


CASES = {
    "ridge in one dimension": (less(theory, "ridge_distance"), "par_thm4_ridge_distance", "C7/attained"),
    "fits of ridge": (less(theory, "ridge_prediction_distance"), "par_thm4_ridge_distance", "C7/prediction"),
    "identity": (less(counterpart.Pair, "slope_error"), "par_thm4_ridge_distance", "C7/identity"),
    "error of PAR-Lasso": (less(theory, "lasso_distance"), "par_thm5_lasso_error", "C8/attained"),
    "alpha_max": (less(par_failure_signatures, "even_formula"), "par_failure_signatures", "C15"),
    "escape code": (less(BITS, "escape"), "par_storage", "C11/escape"),
    "escape code, bits of a float": (
        (BITS, "escape", shorter_floats(theory.escape_code_bits)), "par_storage", "C11/escape",
    ),
    "bitmap": (less(BITS, "bitmap"), "par_storage", "C11/bitmap"),
    "share of the escape code": (less(SHARES, "escape"), "par_storage", "C11/threshold"),
    "share of the bitmap": (less(SHARES, "bitmap"), "par_storage", "C11/threshold"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_sharp_constant_cannot_be_a_tenth_smaller(name, monkeypatch):
    (owner, attribute, replacement), subject, claim = CASES[name]
    verdicts = {}
    for attempt in ("as it is", "smaller"):
        if attempt == "smaller":
            change = monkeypatch.setitem if isinstance(owner, dict) else monkeypatch.setattr
            change(owner, attribute, replacement)
        with contextlib.redirect_stdout(io.StringIO()):
            claims = {found.claim: found for found in SUBJECTS[subject].run(smoke=True)}
        verdicts[attempt] = claims[claim].verdict
    assert verdicts == {"as it is": Verdict.HOLDS, "smaller": Verdict.VIOLATED}
