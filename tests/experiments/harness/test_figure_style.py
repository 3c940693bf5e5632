"""Figures say what they show, look the same everywhere, and come out the same byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing


@pytest.fixture
def evidence() -> tuple[Evidence, ...]:
    return (
        Evidence(
            claim="C1",
            statement="The numbers stay below one.",
            source="[PAR] Thm 0",
            standing=Standing.AS_STATED,
            relation="<=",
            measured=[0.5, 0.9],
            bound=1.0,
            certified=[True, False],
            control=Control(outside="Nothing holds.", measured=[2.0], bound=1.0, certified=[True]),
        ),
    )


def plot(evidence: tuple[Evidence, ...], figure: Figure) -> None:
    left, right = figure_style.panels(figure, 2, sharey=True)
    (claim,) = evidence
    figure_style.points(left, [0, 1], claim.measured, claim.certified, label="measured")
    figure_style.bound(left, None, 1.0)
    figure_style.label(left, "point", "value (units of the bound)", title="(a) points")
    steps = np.arange(100)
    right.plot(steps, 1 / (1 + steps), label="descent", **figure_style.series(1, steps.size))
    figure_style.bound(right, steps, 2 / (1 + steps))
    figure_style.label(right, "iteration", "value (units of the bound)", legend=False)
    figure_style.caption(figure, evidence, n=20, d=[100, 200], alpha=0.25, seeds=range(5))


def test_equal_evidence_gives_equal_bytes_without_a_signature(evidence):
    picture = figure_style.render(plot, evidence)
    assert picture == figure_style.render(plot, evidence)
    assert picture.startswith(b"\x89PNG")
    assert b"matplotlib" not in picture.lower()


def test_uncertified_points_are_hollow_and_legends_name_what_is_drawn(evidence):
    figure = Figure()
    plot(evidence, figure)
    left, right = figure.axes
    filled, hollow, _ = left.get_lines()
    assert filled.get_markerfacecolor() != "none" and hollow.get_markerfacecolor() == "none"
    assert list(filled.get_xdata()) == [0] and list(hollow.get_xdata()) == [1]
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["measured", "measured (not certified)", "bound"]
    assert right.get_legend() is None


def test_the_caption_gives_the_facts_and_the_verdicts(evidence):
    figure = Figure()
    plot(evidence, figure)
    caption = " ".join(figure.get_supxlabel().split())
    assert caption == "n = 20; d = 100, 200; α = 0.25; seeds = 0–4. C1 HOLDS."


def test_spare_panels_are_gone():
    figure = Figure()
    assert len(figure_style.panels(figure, 3)) == len(figure.axes) == 3


def test_series_differ_without_colour():
    looks = {(str(look["linestyle"]), look["marker"]) for look in map(figure_style.series, range(7))}
    assert len(looks) == 7
    assert figure_style.series(7) == figure_style.series(0)
