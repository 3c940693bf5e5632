"""The ledger: one row for each claim, made from the evidence files and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.harness import evidence_file, files
from experiments.harness.evidence import LOOSE, Evidence, Standing


@dataclass(frozen=True)
class NotVerifiable:
    """A statement of a source that no experiment here can decide, and why."""

    claim: str
    statement: str
    source: str
    reason: str


NOT_VERIFIABLE = (
    NotVerifiable(
        claim="C18",
        statement="Assumption 1 means that a linearly separable solution exists.",
        source="[PAR] limitations",
        reason=(
            "The second mechanism introduces the same Assumption 1 as absolutely continuous data and a "
            "non-degenerate Jacobian. One name stands for two different statements, so there is nothing "
            "definite to test."
        ),
    ),
    NotVerifiable(
        claim="C29",
        statement="Quantized deep networks reach 69.3 %, 75.7 % and 82.3 % top-1 accuracy on ImageNet.",
        source="[PARQ], [PAR], [ProxQuant]",
        reason=(
            "Deep networks are out of scope. Besides, the figures are quoted for ResNet-18, ResNet-50 and "
            "Swin-Base with quantized activations, whereas the paper's models are ResNet-20 and ResNet-56 on "
            "CIFAR-10, ResNet-50 and DeiT on ImageNet, with quantized weights only."
        ),
    ),
)

# What [PAR] proposes to check, by the words that `Evidence.source` has for it.
PROPOSED = {
    "experiment 1": "The fraction of quantized coefficients against the iteration at d = 200, n = 20.",
    "experiment 2": "Training loss against the fraction of quantized coefficients as the strength varies.",
    "experiment 3": "The error of ridge and PAR-ridge against the sample size.",
    "next check 1": "90 % of the coefficients quantized by iteration 1000.",
    "next check 2": "The error against the spacing of the grid.",
    "next check 3": "Loss, quantized fraction and error against the strength on one data set.",
    "failure signature: drifting weights": "Weights oscillate and never converge: the strength is too low.",
    "failure signature: collapsed output": "All weights are 0: the strength is too high.",
    "failure signature: high estimation error": "Quantized well, but the error is high: too coarse a grid.",
}

_LEGEND = f"""\
# Ledger of claims

Made by `make verify` from `evidence/*.json`; edits by hand are overwritten.

* **verdict** is on the prediction of this project, which may be that a counterexample exists: HOLDS,
  VIOLATED or UNDECIDED. Only certified points count, and a claim whose control satisfies the relation
  outside the hypotheses as well is UNDECIDED.
* **standing** is on the wording of the source: {", ".join(standing.value for standing in Standing)}.
* **margin** is the worst room left over all certified points, relative to the bound (for an equality,
  minus the largest relative deviation). **tightness** is the best ratio of measured to bound: near 1 the
  bound is sharp; loose where the data never come within a factor {LOOSE:g} of it.
* **certified** counts the points that an independent check certifies. The others are no evidence either
  way; with fewer than half certified a claim is UNDECIDED.

Where a claim compares means, or holds up a round number that no theory gives, the threshold is ours and was
settled after pilot runs: it describes these data and is no test of a hypothesis that was fixed before.

Symbols: n rows, d columns, u coefficients off the levels, q the spacing of the grid, α the strength,
alpha_max the one from which on all weights are 0; H = X'X/n, L and μ its largest and smallest eigenvalue;
w* the truth, s the size of its support S, D = w − w*; a_0 the slope right of 0, A the largest slope that
matters, a_lo the smallest; κ the curvature ‖XD‖²/(n‖D‖²) along the error, or its least value over a cone, φ²
the compatibility constant; μ_p how concave a penalty is; K levels, F bits a float. "The noise is small" means
‖X'ξ‖_∞/n <= α a_0/2. Chords are the affine pieces between levels. More in
[docs/theory.md](../docs/theory.md).

| claim | statement | source | verdict | standing | margin | tightness | certified | figure |
|---|---|---|---|---|---|---|---|---|
"""


def build(folder: Path) -> str:
    """The ledger as Markdown, from all evidence files of the folder and the statements set aside."""
    entries = [
        (claim, file.stem)
        for file in sorted(folder.glob("evidence/*.json"))
        for claim in evidence_file.read(file)
    ]
    rows = [(_order(claim.claim, name), _row(claim, name)) for claim, name in entries]
    rows += [(_order(entry.claim, ""), _set_aside(entry)) for entry in NOT_VERIFIABLE]
    notes = [(_order(claim.claim, name), line) for claim, name in entries for line in _notes(claim, name)]
    text = _LEGEND + "".join(row for _, row in sorted(rows))
    text += _proposals([claim for claim, _ in entries])
    if notes:
        text += "\n## What each verdict rests on\n\n" + "".join(line for _, line in sorted(notes))
    return text


def write(folder: Path) -> None:
    """``README.md`` of the folder is the ledger of the evidence in it."""
    files.write_atomically(folder / "README.md", build(folder).encode())


def _row(claim: Evidence, name: str) -> str:
    tightness = _number(claim.tightness) + (" (loose)" if claim.loose else "")
    cells = (
        claim.claim,
        claim.statement,
        claim.source,
        claim.verdict.value,
        claim.standing.value,
        _number(claim.margin),
        tightness,
        f"{int(claim.certified.sum())}/{claim.certified.size}",
        f"[{name}]({name}.png)",
    )
    return _line(cells)


def _set_aside(entry: NotVerifiable) -> str:
    statement = f"{entry.statement} *{entry.reason}*"
    return _line((entry.claim, statement, entry.source, "", Standing.NOT_VERIFIABLE.value, "", "", "", ""))


def _notes(claim: Evidence, name: str) -> Iterator[str]:
    remark = f" Source: {_sentence(claim.remark)}" if claim.remark else ""
    control = _sentence(claim.control.outside)
    yield f"* **{claim.claim}** ({name}): {_sentence(claim.reason)} Control: {control}{remark}\n"


def _proposals(claims: list[Evidence]) -> str:
    """What the source proposes to check, and the claims that answer it."""
    rows = [
        (name, question, ", ".join(sorted((c.claim for c in claims if _names(c, name)), key=_claim_order)))
        for name, question in PROPOSED.items()
    ]
    head = "\n## What [PAR] proposes to check\n\n| proposal | question | claims |\n|---|---|---|\n"
    return head + "".join(_line(row) for row in rows if row[-1]) if any(row[-1] for row in rows) else ""


def _names(claim: Evidence, proposal: str) -> bool:
    return proposal in re.split(r"; |\] ", claim.source)


def _line(cells: tuple[str, ...]) -> str:
    # A bar inside a cell, as in |w|, would end it.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _order(claim: str, name: str) -> tuple[int, str, str]:
    """C2 before C10, whatever is not numbered at the end."""
    return (*_claim_order(claim), name)


def _claim_order(claim: str) -> tuple[int, str]:
    number = re.match(r"C(\d+)", claim)
    return (int(number[1]) if number else 10**6, claim)
