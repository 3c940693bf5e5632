"""Measure and write the report: ``python -m benchmarks [--quick] [--only SECTION ... | --report]``."""

from __future__ import annotations

import os

# Before NumPy is loaded, here and in the processes that are started from here.
os.environ.update(
    dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
)

import argparse
import json
import warnings
from pathlib import Path

from benchmarks.figure import ratio_figure
from benchmarks.report import report
from benchmarks.run import run

HERE = Path(__file__).parent


def main() -> None:
    """Full results go next to this file; quick ones to ``.cache/benchmarks``, which is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small run, for trying things out")
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="SECTION",
        help="measure these sections of results.json again",
    )
    parser.add_argument("--report", action="store_true", help="only draw the report from the results again")
    options = parser.parse_args()
    folder = HERE.parent / ".cache" / "benchmarks" if options.quick else HERE
    folder.mkdir(parents=True, exist_ok=True)
    if not options.report:
        with warnings.catch_warnings():
            # Solvers that stop early warn; their points are certified anyway.
            warnings.simplefilter("ignore")
            results = run(options.quick, options.only)
        if options.only:
            results = json.loads((folder / "results.json").read_text(encoding="utf-8")) | results
        (folder / "results.json").write_text(_lines(results), encoding="utf-8")
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(report(results), encoding="utf-8")
    (folder / "ratios.png").write_bytes(ratio_figure(results))
    print(f"wrote results.json, README.md and ratios.png to {folder.relative_to(HERE.parent)}/")


def _lines(results: dict) -> str:
    """JSON with one record a line, so that two runs can be compared line by line."""
    sections = []
    for name, section in results.items():
        if isinstance(section, list):
            rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in section)
            sections.append(f" {json.dumps(name)}: [\n{rows}\n ]")
        else:
            sections.append(f" {json.dumps(name)}: {json.dumps(section, ensure_ascii=False)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


if __name__ == "__main__":
    main()
