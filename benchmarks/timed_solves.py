"""Solves on request, and says how long it took: the process of one version in `benchmarks.paired`.

Run by its path, so that the library is that of ``PYTHONPATH``, and nothing else is imported from here.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Sequence
from typing import BinaryIO

from parlin import PAR, LeastSquares, Problem, solve


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Until the input ends: take problems, or solve them so often, and answer with the processor's time."""
    problems: Sequence[tuple] = ()
    while True:
        try:
            question = pickle.load(questions)
        except EOFError:
            return
        begin = time.process_time()
        if isinstance(question, int):
            for _ in range(question):
                for X, y, levels, slopes in problems:
                    # Everything is built from the arrays: nothing is left of an earlier call.
                    solve(Problem(LeastSquares(X, y), PAR(levels, slopes)), tol=1e-8)
        else:
            problems = question
        pickle.dump(time.process_time() - begin, answers)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
