"""The rules of place, each a function from a tree of sources to the sentences that it is broken by."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

# parlin/ from the bottom up; a module imports only from those before it. A package counts as one module.
ORDER = (
    ("_types", "_cached", "_kernels", "_arguments", "_threads", "_version"),
    ("matrix", "penalty", "theory"),
    ("losses", "designs", "quantizers"),
    ("problem",),
    ("certificates", "purification", "polishing", "reference", "datasets", "factor"),
    ("solvers",),
    ("_result", "_loop", "_starts", "_solve", "path", "search", "selection"),
    ("estimators", "packed", "displays"),
    ("dask", "torch"),
)
# Nobody grades himself.
NEVER = {"solvers": {"certificates"}}
# What importing the library may import in turn; anything else belongs inside the function that needs it.
AT_IMPORT = {"numpy", "scipy", "sklearn", "threadpoolctl"}

INSTRUMENTS = ("harness", "problems", "measure")
EXPERIMENT = re.compile(r"(par|parq|proxquant)_\w+")
FIGURE_IMPORTS = ("numpy", "matplotlib", "experiments.harness.evidence", "experiments.harness.figure_style")
CERTIFYING = {"certify", "exact_certificate", "solve_with_cvxpy", "slope_residual"}
# The only places of third parties, as beginnings of paths; `plot` draws on a matplotlib figure.
PLACES = {
    "cvxpy": ("parlin/reference/",),
    "PEPit": ("experiments/worst_case/",),
    "torch": ("parlin/torch/", "experiments/networks/"),
    "matplotlib": ("parlin/displays/", "experiments/", "benchmarks/"),
    "rich": ("experiments/harness/",),
}
LINES = {".py": 300, ".pyx": 400, ".pxd": 400}
MODULES = {"parlin": 18, "tests": 20, "benchmarks": 20}
USUAL_MODULES, TEST_LINES = 14, 400


class Import(NamedTuple):
    """One import statement's target: a dotted name, where it stands, and whether it runs at import."""

    target: str
    line: int
    at_import: bool


def sources(root: Path, *folders: str, endings: tuple[str, ...] = (".py",)) -> list[Path]:
    """The source files below the folders, sorted."""
    found = (file for folder in folders for file in (root / folder).rglob("*") if file.suffix in endings)
    return sorted(file for file in found if "__pycache__" not in file.parts)


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


def _complaint(file: Path, root: Path, line: int, text: str) -> str:
    return f"{file.relative_to(root).as_posix()}:{line}: {text}"


def _all_imports(root: Path, *folders: str) -> Iterator[tuple[Path, Import]]:
    for file in sources(root, *folders):
        yield from ((file, statement) for statement in imports(file, root))


def _theme(file: Path, root: Path) -> str:
    """The folder of experiments/ that the file is in."""
    parts = file.relative_to(root / "experiments").parts
    return parts[0] if len(parts) > 1 else ""


def _target_module(target: str, root: Path) -> Path | None:
    """The file that a dotted name leads to, or that of the package which defines it; None without one."""
    parts = target.split(".")
    while len(parts) > 1:
        place = root.joinpath(*parts)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
        parts.pop()
    return None


# -- parlin/ -----------------------------------------------------------------------------------------


def library_layers(root: Path) -> list[str]:
    """A module of the library imports only from the layers below its own, and knows nothing above it."""
    rank = {module: level for level, layer in enumerate(ORDER) for module in layer}
    place = {module: k for k, module in enumerate(module for layer in ORDER for module in layer)}
    found = []
    for file, statement in _all_imports(root, "parlin"):
        module = file.relative_to(root / "parlin").with_suffix("").parts[0]
        package, *rest = statement.target.split(".")
        target = rest[0] if rest else ""
        if package in ("experiments", "tests", "rich"):
            text = f"the library must not know {package}"
        elif package != "parlin":
            allowed = package in sys.stdlib_module_names or package in AT_IMPORT or not statement.at_import
            text = "" if allowed else f"{package} may be imported in functions only"
        elif module == "__init__":
            continue
        elif module not in rank:
            text = f"{module} has no layer; give it one in {Path(__file__).name}"
        elif target not in rank:
            known = target and _target_module(f"parlin.{target}", root)
            text = f"{target} has no layer" if known else "name a module, not the front door"
        elif target in NEVER.get(module, ()):
            text = f"{module} must not know {target}"
        else:
            text = "" if place[target] <= place[module] else f"{module} imports {target} from above it"
        if text:
            found.append(_complaint(file, root, statement.line, text))
    return found


# -- the nine rules of experiments -------------------------------------------------------------------


def order_of_experiments(root: Path) -> list[str]:
    """1: harness < problems < measure < themes; no theme knows another, and nobody imports an experiment."""
    found = []
    for file, statement in _all_imports(root, "experiments"):
        theme, target = _theme(file, root), statement.target.split(".")
        if target[0] == "parlin" and theme == "harness":
            found.append(_complaint(file, root, statement.line, "harness knows no penalty: no parlin"))
        if target[0] != "experiments" or len(target) < 2:
            continue
        module = _target_module(statement.target, root)
        if module is not None and EXPERIMENT.fullmatch(module.stem) and not module.stem.endswith("_figure"):
            found.append(_complaint(file, root, statement.line, f"experiments stand alone: {module.stem}"))
        other = target[1]
        if theme and other != theme:
            allowed = INSTRUMENTS[: INSTRUMENTS.index(theme)] if theme in INSTRUMENTS else INSTRUMENTS
            if other not in allowed:
                found.append(_complaint(file, root, statement.line, f"{theme} imports {other}"))
    return found


def right_places(root: Path) -> list[str]:
    """2: an instrument serves two themes, a theme's module is used, a figure serves its experiment alone."""
    users: dict[Path, set[Path]] = defaultdict(set)
    for file, statement in _all_imports(root, "experiments"):
        module = _target_module(statement.target, root)
        if module is not None and module != file and module.name != "__init__.py":
            users[module].add(file)
    found = []
    for file in sources(root, "experiments"):
        theme, used = _theme(file, root), users[file]
        if not theme or theme == "harness" or file.name == "__init__.py" or _is_experiment(file):
            continue
        themes = {_theme(user, root) for user in _closure(file, users)} - set(INSTRUMENTS)
        if theme in INSTRUMENTS and len(themes) < 2:
            found.append(_complaint(file, root, 1, f"only {sorted(themes)} need it: it belongs there"))
        elif not used:
            found.append(_complaint(file, root, 1, "nobody imports it"))
        elif file.stem.endswith("_figure") and len([user for user in used if _is_experiment(user)]) > 1:
            found.append(_complaint(file, root, 1, "more than one experiment imports this figure"))
    return found


def _is_experiment(file: Path) -> bool:
    return bool(EXPERIMENT.fullmatch(file.stem)) and not file.stem.endswith("_figure")


def _closure(file: Path, users: dict[Path, set[Path]]) -> set[Path]:
    """Everything that imports the file, directly or not."""
    found, waiting = set(), [file]
    while waiting:
        for user in users[waiting.pop()] - found:
            found.add(user)
            waiting.append(user)
    return found


def figures_only_draw(root: Path) -> list[str]:
    """3: a figure module imports what draws and the theory, and nothing that computes."""
    return [
        _complaint(file, root, statement.line, f"a figure draws and never computes: {statement.target}")
        for file, statement in _all_imports(root, "experiments")
        if file.stem.endswith("_figure")
        and statement.target.split(".")[0] not in sys.stdlib_module_names
        and not statement.target.startswith((*FIGURE_IMPORTS, "parlin.theory"))
        and not re.fullmatch(r"experiments\.\w+\.\w+_figure(\.\w+)?", statement.target)
    ]


def one_meaning_of_certified(root: Path) -> list[str]:
    """4: what certifies occurs in measure/ alone."""
    found = []
    for file in sources(root, "experiments"):
        if _theme(file, root) == "measure":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [alias.name for alias in node.names]
            else:
                names = [_name_of(node)] if isinstance(node, ast.Attribute) else []
            found += [
                _complaint(file, root, node.lineno, f"{each} belongs in measure/: ask a CertifiedPoint")
                for each in names
                if each in CERTIFYING
            ]
    return found


def claims_in_experiments(root: Path) -> list[str]:
    """5: Evidence is made in experiments alone, called or handed to `partial`."""
    found = []
    for file in sources(root, "experiments"):
        if _is_experiment(file) or _theme(file, root) == "harness":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                made = [node.func, *(node.args if _name_of(node.func) == "partial" else [])]
                if any(_name_of(each) == "Evidence" for each in made):
                    found.append(_complaint(file, root, node.lineno, "a claim belongs in an experiment"))
    return found


def _name_of(node: ast.AST) -> str | None:
    return getattr(node, "id", None) or getattr(node, "attr", None)


def sizes(root: Path) -> list[str]:
    """6: no file too long to read, no folder too full to survey."""
    found = []
    counts: dict[Path, int] = defaultdict(int)
    for file in sources(root, "parlin", "experiments", "tests", "benchmarks", endings=tuple(LINES)):
        first = file.relative_to(root).parts[0]
        limit = TEST_LINES if first == "tests" else LINES[file.suffix]
        length = len(file.read_text(encoding="utf-8").splitlines())
        if length > limit:
            found.append(_complaint(file, root, length, f"over {limit} lines; make it two files"))
        counts[file.parent] += 1
    for folder, count in counts.items():
        name = folder.relative_to(root).as_posix()
        limit = MODULES.get(name, USUAL_MODULES)
        if count > limit:
            found.append(f"{name}: {count} modules are more than {limit}; make it two folders")
    return found


def places_of_third_parties(root: Path) -> list[str]:
    """7: a heavy third party is known in its place alone."""
    return [
        _complaint(file, root, statement.line, f"{statement.target.split('.')[0]} is known in {places} alone")
        for file, statement in _all_imports(root, "parlin", "experiments", "benchmarks")
        if (places := PLACES.get(statement.target.split(".")[0]))
        and not file.relative_to(root).as_posix().startswith(places)
    ]


def written_layers(root: Path) -> list[str]:
    """8: CONTRIBUTING.md lists the layers of the library as they are checked."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = [line.split(None, 1)[1] for line in re.findall(r"^    (\d .*)$", text, flags=re.MULTILINE)]
    expected = [" ".join(layer) for layer in ORDER]
    if len(written) != len(expected):
        return [f"CONTRIBUTING.md: {len(written)} layers of {len(expected)}"]
    pairs = zip(written, expected, strict=True)
    return [f"CONTRIBUTING.md: {a!r} is written, {b!r} is checked" for a, b in pairs if a != b]


def no_hidden_module(root: Path) -> list[str]:
    """9: no module bears the name of something that its package exports and thereby hides."""
    found = []
    for front in sources(root, "parlin", "experiments"):
        if front.name != "__init__.py":
            continue
        modules = {file.stem for file in front.parent.iterdir() if file.suffix in LINES or file.is_dir()}
        for statement in imports(front, root):
            *origin, name = statement.target.split(".")
            package = list(front.parent.relative_to(root).parts)
            if name in modules and origin != package:
                found.append(_complaint(front, root, statement.line, f"the module {name} is hidden"))
    return found


RULES: tuple[Callable[[Path], list[str]], ...] = (
    order_of_experiments,
    right_places,
    figures_only_draw,
    one_meaning_of_certified,
    claims_in_experiments,
    sizes,
    places_of_third_parties,
    written_layers,
    no_hidden_module,
)
