"""Experiments of no cost, planted in a folder of their own and run there."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from rich.console import Console

from experiments.harness import runner

EXPERIMENT = '''
"""An experiment that counts its runs."""

import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from experiments.harness import figure_style
from experiments.harness.evidence import Control, Evidence, Standing

HERE = Path(__file__)


@dataclass(frozen=True)
class Config:
    n_points: int

    @classmethod
    def full(cls):
        return cls(3)

    @classmethod
    def smoke(cls):
        return cls(2)


def run(config):
    with HERE.with_suffix(".runs").open("a") as runs:
        runs.write("run ")
    {body}
    outside = Control(outside="Nothing holds here.", measured=[2.0], bound=1.0, certified=[True])
    return tuple(
        Evidence(
            claim=claim,
            statement="The numbers stay below one.",
            source="[PAR] Thm 0",
            standing=Standing.AS_STATED,
            relation="<=",
            measured=[measured] * config.n_points,
            bound=1.0,
            certified=[True] * config.n_points,
            control=outside,
        )
        for claim, measured in {claims}
    )


def plot(evidence, figure):
    (axes,) = figure_style.panels(figure, 1)
    axes.plot(evidence[0].measured)
    figure_style.label(axes, "point", "number")
    figure_style.caption(figure, evidence, n=3)
'''


def plant(root: Path, name: str, body: str = "pass", claims: tuple = (("C1", 0.5),)) -> None:
    """Write an experiment whose claims measure those numbers into the folder of experiments."""
    (root / "trials" / "theme").mkdir(parents=True, exist_ok=True)
    text = EXPERIMENT.replace("{body}", body).replace("{claims}", repr(claims))
    # Bytecode counts as up to date where the second and the size of its source are the same.
    shutil.rmtree(root / "trials" / "theme" / "__pycache__", ignore_errors=True)
    (root / "trials" / "theme" / f"{name}.py").write_text(text, encoding="utf-8")


def verify(root: Path, *names: str, smoke: bool = False, jobs: int = 1) -> tuple[int, str]:
    """The exit code, and what was shown."""
    (root / "trials" / "theme").mkdir(parents=True, exist_ok=True)
    shown = io.StringIO()
    console = Console(file=shown, width=100)
    code = runner.verify(names, smoke=smoke, jobs=jobs, folder=root / "trials", console=console)
    return code, shown.getvalue()


def n_runs(root: Path, name: str) -> int:
    return len((root / "trials" / "theme" / f"{name}.runs").read_text(encoding="utf-8").split())


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
