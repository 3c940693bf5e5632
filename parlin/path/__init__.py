r"""Minimisers along the strength: the exact piecewise affine path, and solves at given strengths."""

from parlin.path.follow import PathEnd
from parlin.path.grid import grid_path, par_path
from parlin.path.path import Path, solution_path

__all__ = ["Path", "PathEnd", "grid_path", "par_path", "solution_path"]
