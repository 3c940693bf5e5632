r"""What an experiment returns: measured numbers, their bounds, and the verdict on a claim.

Only certified points are evidence. A claim also needs a control, the same relation measured outside
its hypotheses: if the control satisfies the relation too, the claim is vacuous and UNDECIDED.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, get_args

import numpy as np

from experiments.harness.json_values import plain
from experiments.harness.measurements import Measurements, Relation, points_from_json

# A bound that the data never approach within this factor is called loose in the ledger.
LOOSE = 30.0


class Verdict(StrEnum):
    """How *our* prediction fared, mildest first."""

    HOLDS = "HOLDS"
    UNDECIDED = "UNDECIDED"
    VIOLATED = "VIOLATED"


class Standing(StrEnum):
    """What became of the *source's* wording, which may be false while our prediction about it holds."""

    AS_STATED = "as stated"
    MADE_PRECISE = "made precise"
    REFUTED = "refuted as worded"
    NOT_VERIFIABLE = "not verifiable here"


@dataclass(frozen=True, eq=False, kw_only=True)
class Control(Measurements):
    """The relation of a claim measured where its hypotheses fail; it must break at a certified point.

    Parameters
    ----------
    measured, bound, certified : array-like, shape (n_points,)
        As in `Evidence`.
    outside : str
        A sentence that names the hypothesis which is dropped.
    """

    outside: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_text("outside", self.outside)


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence(Measurements):
    r"""One claim, the numbers that bear on it, and the verdict that follows from them alone.

    Parameters
    ----------
    claim : str
        Id, unique within the experiment, without spaces: ``"C1"`` or ``"C1/flagship"``.
    statement : str
        One sentence: what is asserted.
    source : str
        Key of the statement in its source: ``"[PAR] Thm 1"``.
    standing : Standing
        What became of the source's wording (never ``NOT_VERIFIABLE``: what is measured is verifiable).
    relation : {"<=", ">=", "=="}
        Read ``measured relation bound``, point by point.
    measured, bound : array-like of float, shape (n_points,)
        One entry for each point; a scalar bound serves every point.
    certified : array-like of bool, shape (n_points,)
        True where an independent check certifies the point; the others are never evidence.
    control : Control
        The same relation outside the hypotheses.
    tolerance : float, default=0
        Slack of the relation as a fraction of the bound of the same point: ``<=`` means
        ``measured_i <= bound_i + tolerance · |bound_i|``. Where ``bound_i = 0`` the slack is
        `tolerance` itself.
    remark : str, default=""
        For the ledger: how the source words it, where `standing` is not "as stated".
    table : mapping of str to list
        Columns for the figure.
    config, provenance : mapping
        The runner fills both in: the configuration, and versions with the commit.

    Notes
    -----
    `table`, `config` and `provenance` are stored as plain JSON values, so a figure drawn from memory and
    one drawn from the file see the same thing.
    """

    claim: str
    statement: str
    source: str
    standing: Standing
    relation: Relation
    control: Control
    tolerance: float = 0.0
    remark: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("claim", "statement", "source"):
            _require_text(name, getattr(self, name))
        if any(character.isspace() for character in self.claim):
            raise ValueError(f"claim must be an id without spaces, such as 'C1/flagship'; got {self.claim!r}")
        object.__setattr__(self, "standing", Standing(self.standing))
        if self.standing is Standing.NOT_VERIFIABLE:
            raise ValueError("what is measured is verifiable; give a NotVerifiable row of the ledger instead")
        if self.relation not in get_args(Relation):
            raise ValueError(f"relation must be one of {get_args(Relation)}, got {self.relation!r}")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise ValueError(f"tolerance must be finite and at least 0, got {self.tolerance!r}")
        for name in ("table", "config", "provenance"):
            object.__setattr__(self, name, plain(getattr(self, name)))

    @property
    def verdict(self) -> Verdict:
        """VIOLATED if a certified point breaks the relation; HOLDS if the points and the control suffice."""
        return self._verdict_and_reason()[0]

    @property
    def reason(self) -> str:
        """The sentence that explains `verdict`."""
        return self._verdict_and_reason()[1]

    @property
    def margin(self) -> float | None:
        """Worst slack over the certified points, relative to the bound as `tolerance` is; below 0 is a miss.

        For ``==`` it is minus the largest relative deviation. None without a certified finite point.
        """
        return float(self.slack(self.relation)[self.usable].min() + 0.0) if self.usable.any() else None

    @property
    def tightness(self) -> float | None:
        """Largest measured/bound over the certified points (bound/measured for ``>=``): near 1 is sharp.

        None for ``==``, and where no certified point has a positive denominator.
        """
        if self.relation == "==":
            return None
        pair = (self.measured[self.usable], self.bound[self.usable])
        below, above = pair if self.relation == "<=" else pair[::-1]
        met = (below == 0) & (above == 0)  # 0 <= 0 is met with equality, although 0/0 is no number
        ratios = np.where(met, 1.0, below / np.where(above > 0, above, np.nan))
        ratios = ratios[np.isfinite(ratios)]
        return float(max(ratios.max(), 0.0)) if ratios.size else None

    @property
    def loose(self) -> bool:
        """True where the data never come within a factor 30 of the bound."""
        return self.tightness is not None and self.tightness * LOOSE < 1

    def _verdict_and_reason(self) -> tuple[Verdict, str]:
        slack, usable = self.slack(self.relation), self.usable
        n_points, n_certified = self.certified.size, int(self.certified.sum())
        broken = usable & (slack < -self.tolerance)
        if broken.any():
            worst_point = int(np.argmin(np.where(broken, slack, np.inf)))
            return Verdict.VIOLATED, (
                f"measured {self.relation} bound fails at {int(broken.sum())} of {n_certified} certified "
                f"points, worst at point {worst_point}: "
                f"{self.measured[worst_point]:.6g} against {self.bound[worst_point]:.6g}"
            )
        if usable.sum() < n_certified:
            return Verdict.UNDECIDED, f"{n_certified - int(usable.sum())} certified points are not finite"
        counted = f"{n_certified} of {n_points} points are certified"
        if n_certified == 0 or 2 * n_certified < n_points:
            return Verdict.UNDECIDED, f"only {counted}; at least half are needed"
        outside = self.control
        if not (outside.usable & (outside.slack(self.relation) < -self.tolerance)).any():
            return Verdict.UNDECIDED, (
                f"the control does not break the relation at any of its {int(outside.certified.sum())} "
                f"certified points, so its holding shows nothing; the control: {outside.outside}"
            )
        return Verdict.HOLDS, f"measured {self.relation} bound wherever it is certified; {counted}"

    def to_json(self, *, provenance: bool = True) -> dict[str, Any]:
        """A dictionary of plain JSON values; without provenance it depends on code and config alone."""
        record = {
            "claim": self.claim,
            "statement": self.statement,
            "source": self.source,
            "standing": self.standing.value,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "remark": self.remark,
            "relation": self.relation,
            "tolerance": self.tolerance,
            **self.points_to_json(),
            "control": {"outside": self.control.outside, **self.control.points_to_json()},
            "table": self.table,
            "config": self.config,
        }
        return record | ({"provenance": self.provenance} if provenance else {})

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The evidence that `to_json` wrote, with its verdict computed again.

        Raises
        ------
        ValueError
            If the recorded verdict is not the one that the recorded numbers give.
        """
        control = Control(outside=record["control"]["outside"], **points_from_json(record["control"]))
        kept = {key: value for key, value in record.items() if key not in ("verdict", "reason")}
        evidence = cls(**kept | points_from_json(record) | {"control": control})
        if evidence.verdict != record["verdict"]:
            raise ValueError(
                f"{evidence.claim} is recorded as {record['verdict']}, but its numbers say "
                f"{evidence.verdict} ({evidence.reason}); run the experiment again"
            )
        return evidence


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The gravest of the verdicts; None if there are none."""
    return max(verdicts, key=list(Verdict).index, default=None)


def _require_text(name: str, text: object) -> None:
    if not (isinstance(text, str) and text.strip()):
        raise ValueError(f"{name} must be a text that is not empty, got {text!r}")
