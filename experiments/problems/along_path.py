"""The problem that a path solves at one strength."""

from __future__ import annotations

from parlin import Problem
from parlin.path import Path


def problem_at(path: Path, alpha: float) -> Problem:
    """The problem whose solution is ``path.at(alpha)``."""
    return path.problem.with_penalty(path.problem.penalty.scaled(alpha))
