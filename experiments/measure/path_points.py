"""The points of a path, to be asked whether they are certified."""

from __future__ import annotations

from experiments.measure.certified_point import CertifiedPoint
from experiments.problems.along_path import problem_at
from parlin.path import Path


def point_at(path: Path, alpha: float) -> CertifiedPoint:
    """The path at one strength, as a point of the problem there."""
    return CertifiedPoint(problem_at(path, alpha), path.at(alpha))
