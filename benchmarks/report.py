"""The report, written from ``results.json`` alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks import ratios
from benchmarks.epochs import epoch_section
from benchmarks.levels import level_section
from benchmarks.ratios import OURS, Ratio

_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks` from `results.json`; do not edit. `--quick` makes a small run elsewhere, and
`--report` draws this page and the figure again.

A *cell* is a size (samples × features), a design, a penalty and a strength as a fraction of alpha_max, from
which on every coefficient is zero. PAR-ridge: chords of the ridge on 31 levels, spacing 0.1. PAR-lasso: the
same levels, slopes 1 + 0.05 k. A *ratio* is their time divided by ours, the median over the draws of a cell:
above 1 we are faster. Ours is `solve(Problem(LeastSquares(X, y), penalty), CoordinateDescent())`, from the
arrays on, to a relative duality gap of 1e-12; theirs goes to 1e-8. Both gaps are those of `parlin.certify`,
which checks every point before its method is timed.

![ratios](ratios.png)
"""
_METHOD = """\
* One process, one thread for BLAS and everything else. Times are those of the processor, not of the clock.
* All methods of an instance take turns. The least time of up to 100 calls counts, of fewer where they are
  long: of three below a second, of one above.
* Preparing the data for a peer (compiled objects, quadratic programs, step lengths) is not timed.
* Every peer runs at the loosest of its tolerances, half a decade apart, whose point has the gap. skglm: the
  better of its first working sets on a cell's first draw; `generalized_support` of its penalty is `w != 0`.
  Clarabel: epigraph form, tolerances a decade apart. OSQP: one variable a cell of the penalty, polished.
  FISTA and the Python loops: as many iterations as the gap needs, without the checks; long runs of a loop are
  scaled from 50 iterations.
* Clarabel, OSQP, FISTA and the Python loops run on the first draw of some cells. "≥": one was given up at a
  limit of time in at least one of the cells, so that the true ratio is larger.
"""
_FIXED = """\
*Fixed part*: building the problem (its checks and norms) and one certificate, which every solve pays, in
our time. Where it is large the solve itself is short, and the peer neither checks its input nor certifies its
point. Where it is small, the causes are the *free* coefficients (off the grid), whose Newton systems are
dense, and the *passes* over the data; and our gap is four decades smaller.
"""
_ONE_LEVEL = """\
With 0 as the only level the problem is the lasso. Ours is the same solve in both rows; theirs ends at a gap
of 1e-8, or of 1e-12, which is what is asked of ours.
"""
_PASSES = """\
Until the relative gap is 1e-9: median (greatest) over designs and penalties. One pass is one X @ w and one
X.T @ r; looks at some columns and updates of some coordinates count in proportion.
"""
_PATH = """\
PAR-lasso on a Gaussian design, from alpha_max down to 0.01 alpha_max. *Difference*: the largest between the
coefficients of the two, over the grid.
"""
_MEMORY = """\
Peak of a fresh process during one solve (PAR-ridge, 0.1 alpha_max), less its peak before, with the data drawn
and the compilers warm.
"""


def report(results: dict) -> str:
    """The page in Markdown."""
    cells = results["cells"]
    sections = (
        ("skglm with the same penalty", _skglm(cells)),
        ("Cells where we lose", _losses(results)),
        ("Every cell against AndersonCD", _every_cell(cells)),
        ("Other peers", _others(cells)),
        ("One level: scikit-learn's Lasso", _one_level(cells)),
        ("Passes over the data", _passes(results["anatomy"])),
        ("Cost against the shape", _scaling(results["scaling"])),
        ("Which solver", _solvers(results)),
        ("The exact path", _path(results["path"])),
        ("Memory", _memory(results["memory"])),
        ("Small problems", _small(results)),
        ("The proximal map", _prox(results["prox"])),
        ("Stochastic epochs", epoch_section(results["epochs"], table, number)),
        ("Optimal levels", level_section(results["levels"], table, number)),
        ("How it is measured", _method(results)),
    )
    return _INTRODUCTION + "".join(f"\n## {title}\n\n{text.rstrip()}\n" for title, text in sections)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are flush right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def number(value: float | None) -> str:
    """Three digits, as a person would write them."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spread(found: Sequence[Ratio]) -> list[str]:
    """Median, least and greatest of the cells' ratios, and how many are below 1."""
    lowest = min(found, key=lambda ratio: ratio.middle)
    middles = [ratio.middle for ratio in found]
    sign = "≥ " if any(ratio.bound for ratio in found) else ""
    return [
        sign + number(median(middles)),
        ("≥ " if lowest.bound else "") + number(lowest.middle),
        sign + number(max(middles)),
        f"{sum(middle < 1 for middle in middles)} of {len(found)}",
    ]


def _skglm(cells: list[dict]) -> str:
    rows = []
    for size in ratios.sizes(cells):
        draws = max(len(cell["seeds"]) for cell in cells if cell["size"] == size)
        for method in ratios.methods(cells):
            found = ratios.ratios(cells, method, size)
            if method.startswith("skglm") and found:
                rows.append([size, method, draws, *_spread(found)])
    wrong = ", ".join(
        f"{method}: {ratios.without_time(cells, method)}"
        for method in ratios.methods(cells)
        if ratios.without_time(cells, method)
    )
    largest = max(gap for cell in cells if cell["method"] == OURS for gap in cell["gaps"])
    return (
        table(["size", "peer", "draws", "median ratio", "lowest cell", "highest cell", "cells below 1"], rows)
        + f"\nSolves without a time, because no setting gave an accepted point: {wrong or 'none'}."
        + f" The largest gap of ours: {number(largest)}."
    )


def _losses(results: dict) -> str:
    cells, anatomies = results["cells"], {_key(row): row for row in results["anatomy"]}
    rows = []
    for method in ratios.methods(cells):
        for ratio in ratios.ratios(cells, method):
            if ratio.middle < 1 and not ratio.bound:
                part = anatomies[ratio.size, ratio.design, ratio.penalty, ratio.fraction]
                fixed = f"{min(100 * part['fixed_seconds'] / ratio.ours, 100):.0f} %"
                cell = f"{ratio.size}, {ratio.design}, {ratio.penalty}, {ratio.fraction:g}"
                ours = number(1000 * ratio.ours)
                rows.append(
                    [cell, method, number(ratio.middle), ours, fixed, part["free"], number(part["passes"])]
                )
    if not rows:
        return "None."
    head = ["cell", "peer", "ratio", "our ms", "fixed part", "free", "passes"]
    return table(head, rows) + "\n" + _FIXED


def _key(row: dict) -> tuple:
    return tuple(row[name] for name in ratios.KEYS)


def _every_cell(cells: list[dict]) -> str:
    found = ratios.ratios(cells, "skglm AndersonCD")
    fractions = sorted({ratio.fraction for ratio in found}, reverse=True)
    rows: dict[tuple, dict[float, str]] = {}
    for ratio in found:
        spread = f" ({number(ratio.low)}–{number(ratio.high)})" if ratio.low < ratio.high else ""
        row = rows.setdefault((ratio.size, ratio.design, ratio.penalty), {})
        row[ratio.fraction] = number(ratio.middle) + spread
    head = ["size, design, penalty", *(f"{fraction:g} alpha_max" for fraction in fractions)]
    lines = [[", ".join(key), *(row.get(f, "–") for f in fractions)] for key, row in rows.items()]
    return "Median ratio (least–greatest of the draws).\n\n" + table(head, lines)


def _others(cells: list[dict]) -> str:
    rows = []
    for method in ratios.methods(cells):
        if method.startswith(("skglm", "scikit-learn")):
            continue
        for size in ratios.sizes(cells):
            found = ratios.ratios(cells, method, size)
            if found:
                bounds = sum(ratio.bound for ratio in found)
                rows.append([method, size, *_spread(found)[:3], len(found), bounds])
    return table(["peer", "size", "median ratio", "lowest", "highest", "cells", "lower bounds"], rows)


def _one_level(cells: list[dict]) -> str:
    rows = [
        [size, method, *_spread(found)]
        for size in ratios.sizes(cells)
        for method in ratios.methods(cells)
        if method.startswith("scikit-learn") and (found := ratios.ratios(cells, method, size))
    ]
    head = ["size", "peer", "median ratio", "lowest cell", "highest cell", "cells below 1"]
    return table(head, rows) + "\n" + _ONE_LEVEL


def _passes(anatomies: list[dict]) -> str:
    fractions = sorted({row["fraction"] for row in anatomies}, reverse=True)
    lines = []
    for size in ratios.sizes(anatomies):
        entries = []
        for fraction in fractions:
            passes = [
                row["passes"] for row in anatomies
                if (row["size"], row["fraction"]) == (size, fraction) and row["penalty"] != "one level"
            ]  # fmt: skip
            entries.append(f"{number(median(passes))} ({number(max(passes))})" if passes else "–")
        lines.append([size, *entries])
    head = ["size", *(f"{fraction:g} alpha_max" for fraction in fractions)]
    return _PASSES + "\n" + table(head, lines)


def _scaling(records: list[dict]) -> str:
    methods = list(dict.fromkeys(record["method"] for record in records))
    rows: dict[tuple, dict[str, float]] = {}
    for record in records:
        shape = record["varied"], record["n"], record["d"]
        rows.setdefault(shape, {})[record["method"]] = record["seconds"][0]
    head = ["varied", "n", "d", *(f"{method}, ms" for method in methods), "ns of ours / entry of X"]
    lines = []
    for (varied, n, d), seconds in rows.items():
        milliseconds = [number(1000 * seconds[method]) for method in methods]
        lines.append([varied, n, d, *milliseconds, number(1e9 * seconds[OURS] / (n * d))])
    return "Gaussian design, PAR-ridge, 0.1 alpha_max, one draw.\n\n" + table(head, lines)


def _solvers(results: dict) -> str:
    cells = results["solvers"]
    methods = list(dict.fromkeys(cell["method"] for cell in cells))
    rows: dict[tuple, dict[str, str]] = {}
    for cell in cells:
        sign = {"timed": "", "limit": "> "}.get(cell["outcomes"][0])
        entry = "–" if sign is None else f"{sign}{number(1000 * cell['seconds'][0])}"
        rows.setdefault(_key(cell), {})[cell["method"]] = entry
    lines = [[f"{', '.join(key[:3])}, {key[3]:g}", *row.values()] for key, row in rows.items()]
    return (
        f'The rule of `solver="auto"`: {results["solver_rule"]}\n\nMilliseconds to a relative gap of 1e-8, '
        'certificates included; ">": given up.\n\n' + table(["cell", *methods], lines)
    )


def _path(path: dict) -> str:
    columns = {
        "exact_seconds": "exact path, s",
        "knots": "its knots",
        "grid_seconds": f"{path['n_alphas']} warm-started grid solves, s",
        "ratio": "exact / grid",
        "most_free": "most free coefficients",
        "difference": "difference",
    }
    row = [path["size"], *(number(path[name]) for name in columns)]
    return table(["size", *columns.values()], [row]) + "\n" + _PATH


def _memory(records: list[dict]) -> str:
    rows = []
    for row in records:
        dense = row["layout"] != "sparse"
        layout = f"by {row['layout']}" if dense else "sparse"
        rows.append(
            [
                f"{row['method']}, {row['n']} × {row['d']} {layout}",
                number(row["data_mb"]),
                number(row["extra_mb"]),
                number(row["extra_mb"] / row["data_mb"]),
                number(2 * row["free"] * row["n"] * 8e-6) if dense else "–",
            ]
        )
    head = ["solve", "data, MB", "peak beyond the data, MB", "of the data", "2 × free columns, MB"]
    return table(head, rows) + "\n" + _MEMORY


def _small(results: dict) -> str:
    rates = [[row["call"], row["penalty"], number(row["per_second"])] for row in results["rates"]]
    first = min(row["first_ms"] for row in results["first_fit"])
    second = min(row["second_ms"] for row in results["first_fit"])
    slow = {name: seconds for name, seconds in results["warm_up"].items() if seconds > 0.5}
    warm = ", ".join(f"{name} {number(seconds)} s" for name, seconds in slow.items())
    return (
        "Solves per second, 20 × 200, Gaussian design, 0.01 alpha_max, one core.\n\n"
        + table(["call", "penalty", "per second"], rates)
        + f"\nFirst fit of a process, after import: {number(first)} ms; the second: {number(second)} ms.\n"
        + f"First calls of the peers that compile, not counted above: {warm or 'none'}."
    )


def _prox(records: list[dict]) -> str:
    rows = [[row["penalty"], number(row["ratio"])] for row in records]
    size = f"{records[0]['size']:.0e}".replace("e+0", "e")
    text = f"`PAR.prox(v, step, out=out)` on {size} doubles, in units of `numpy.copyto`."
    return text + "\n\n" + table(["penalty", "copies"], rows)


def _method(results: dict) -> str:
    environment = results["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    threads = ", ".join(f"{name}: {count}" for name, count in environment["threads"].items())
    return (
        _METHOD
        + f"* Python {environment['python']}, {environment['machine']}, {environment['cores']} cores.\n"
        f"* {versions}.\n* Threads: {threads}. The run took {number(results['minutes'])} minutes.\n"
    )
