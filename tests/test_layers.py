"""The layers of the library, read from its imports: each module knows only those below it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MAX_LINES = 300

# From the bottom up; a module imports only from those before it. Packages count as one module.
ORDER = (
    *("_types", "_kernels", "_arguments", "_threads"),
    *("matrix", "penalty", "theory"),
    *("losses", "designs", "quantizers"),
    "problem",
    *("certificates", "purification", "reference", "datasets", "factor"),
    "solvers",
    *("_loop", "_starts", "_solve", "path"),
    *("estimators", "packed", "displays"),
)
# Nobody grades himself.
NEVER = {"solvers": {"certificates"}}
# What importing the library may import in turn; anything else belongs inside the function that needs it.
AT_IMPORT = {"numpy", "scipy", "sklearn", "threadpoolctl"}
FORBIDDEN = {"experiments", "tests", "rich"}
# An experiment that leant on another one would keep its evidence when the other one changes.
EXPERIMENTS = ("par_", "parq_", "proxquant_")


class Import(NamedTuple):
    """One import statement's target: a dotted name, where it stands, and whether it runs at import."""

    target: str
    line: int
    at_import: bool


def violations(root: Path) -> list[str]:
    """Every breach of the layers under `root`, as ``file:line: what and why``."""
    found = []
    for file in sorted(root.glob("parlin/**/*.py")):
        for statement in imports(file, root):
            complaint = _judge(_module(file, root), statement, root)
            if complaint:
                found.append(f"{file.relative_to(root)}:{statement.line}: {complaint}")
    for file in sorted(root.glob("experiments/**/*.py")):
        found += [
            f"{file.relative_to(root)}:{statement.line}: experiments stand alone; take out {statement.target}"
            for statement in imports(file, root)
            if statement.target.startswith("experiments.")
            and any(part.startswith(EXPERIMENTS) for part in statement.target.split("."))
        ]
    for file in sorted([*root.glob("parlin/**/*.py"), *root.glob("experiments/**/*.py")]):
        n_lines = len(file.read_text(encoding="utf-8").splitlines())
        if n_lines > MAX_LINES:
            found.append(f"{file.relative_to(root)}:{n_lines}: over {MAX_LINES} lines; make it two files")
    return found


def imports(file: Path, root: Path) -> Iterator[Import]:
    """Every import of the file, relative ones made absolute."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {id(node) for function in ast.walk(tree) if _defers(function) for node in ast.walk(function)}
    package = file.relative_to(root).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            targets = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(target, node.lineno, id(node) not in inside) for target in targets)


def _defers(node: ast.AST) -> bool:
    """True for what does not run when the module is imported: a function, or a block for type checkers."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _module(file: Path, root: Path) -> str:
    """The module's place in `ORDER`: a package as a whole, "" for the package's front door."""
    parts = file.relative_to(root / "parlin").with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def _judge(module: str, statement: Import, root: Path) -> str | None:
    package, *rest = statement.target.split(".")
    if package in FORBIDDEN:
        return f"the library must not know {package}"
    if package != "parlin":
        allowed = package in sys.stdlib_module_names or package in AT_IMPORT
        return None if allowed or not statement.at_import else f"{package} may be imported in functions only"
    if not module:
        return None
    if module not in ORDER:
        return f"{module} has no layer; give it one in {Path(__file__).name}"
    target = rest[0] if rest else ""
    if target not in ORDER:
        exists = (root / "parlin" / target).is_dir() or (root / "parlin" / f"{target}.py").exists()
        if target and exists:
            return f"{target} has no layer; give it one in {Path(__file__).name}"
        return f"{module} imports {statement.target} through the package's front door, which knows everything"
    if target in NEVER.get(module, ()):
        return f"{module} must not know {target}"
    if target != module and ORDER.index(target) > ORDER.index(module):
        return f"{module} imports {target} from a layer that is not below it"
    return None


def test_the_layers_hold():
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("parlin/matrix.py", "import numpy\n\nfrom parlin.losses import Loss\n", "3: matrix imports losses"),
        ("parlin/matrix.py", "from .losses import Loss\n", "1: matrix imports losses"),
        ("parlin/matrix.py", "def late():\n    from parlin import problem\n", "2: matrix imports problem"),
        ("parlin/penalty/prox.py", "from parlin import PAR\n", "front door"),
        ("parlin/penalty/prox.py", "import parlin\n", "front door"),
        ("parlin/solvers/a.py", "from parlin.certificates import certify\n", "must not know certificates"),
        ("parlin/solvers/fista.py", "from .._solve import solve\n", "solvers imports _solve"),
        ("parlin/losses/h.py", "import cvxpy\n", "cvxpy may be imported in functions only"),
        ("parlin/losses/h.py", "class Loss:\n    import matplotlib.pyplot\n", "2: matplotlib may be"),
        ("parlin/displays.py", "def show():\n    from rich import print\n", "must not know rich"),
        ("parlin/displays.py", "from experiments import harness\n", "must not know experiments"),
        ("parlin/helpers.py", "from parlin.penalty import PAR\n", "helpers has no layer"),
        ("parlin/losses/h.py", "x = 1\n" * (MAX_LINES + 1), "over 300 lines"),
        ("experiments/a/par_a_b.py", "x = 1\n" * (MAX_LINES + 1), "over 300 lines"),
        ("experiments/a/par_a_b.py", "from experiments.a import par_c_d\n", "experiments stand alone"),
    ],
)
def test_a_breach_is_named_with_its_line(tmp_path, file, text, complaint):
    _plant(tmp_path, file, text)
    (found,) = violations(tmp_path)
    assert found.startswith(f"{file}:")
    assert complaint in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("parlin/__init__.py", "from parlin.estimators import PARRidge\nfrom parlin.penalty import PAR\n"),
        ("parlin/solvers/fista.py", "from parlin.solvers.base import State\nfrom parlin import problem\n"),
        ("parlin/reference/convex.py", "def solution():\n    import cvxpy\n"),
        ("parlin/losses/h.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n"),
        ("experiments/a/par_a_b.py", "import cvxpy\nfrom experiments.harness import evidence\n"),
    ],
)
def test_what_is_allowed_passes(tmp_path, file, text):
    _plant(tmp_path, file, text)
    assert violations(tmp_path) == []


def _plant(root: Path, file: str, text: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
