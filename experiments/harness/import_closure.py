"""The files that a module's numbers can depend on: what it imports, and what that imports in turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# Modules that draw what was measured; by rule they compute nothing.
_DRAWING = ("_figure.py", "figure_style.py")


def import_closure(file: Path, roots: tuple[Path, ...]) -> dict[str, Path]:
    """Every file that `file` needs, itself included, by its path below the root that holds it.

    Parameters
    ----------
    file : Path
        Below one of the roots.
    roots : tuple of Path
        Where packages are looked for, in this order; what is in none of them is a third party's.

    Notes
    -----
    A name that is imported from a package is followed to the module that defines it, so that a module
    depends on what it uses of a library and not on all that the library's front door imports.  Modules that
    draw (``*_figure.py``) are left out where ``plot`` alone uses them; elsewhere a number may come from them.
    Of a compiled module all sources count that are in its folder, or in those above it that hold sources; so
    do the modules there in pure Python, which may stand in for it.
    """
    found: dict[str, Path] = {}
    waiting = [file]
    while waiting:
        current = waiting.pop()
        name = _name(current, roots)
        if name in found:
            continue
        found[name] = current
        if current.suffix != ".py":
            folder = top_folder(current)
            waiting += [source for kind in ("pyx", "pxd", "py") for source in folder.rglob(f"*.{kind}")]
            continue
        computing = _names_outside_plot(current)
        for module, names in _imports(current, roots):
            for each, bound in names.items():
                origins = _origins(module, each, roots)
                waiting += [o for o in origins if bound in computing or not o.name.endswith(_DRAWING)]
    return dict(sorted(found.items()))


def _name(file: Path, roots: tuple[Path, ...]) -> str:
    root = next(root for root in roots if file.is_relative_to(root))
    return file.relative_to(root).as_posix()


def top_folder(source: Path) -> Path:
    """The highest folder above the source of a compiled module that, like all between, holds such sources."""
    folder = source.parent
    while any(folder.parent.glob("*.p[xy][dx]")):
        folder = folder.parent
    return folder


def _names_outside_plot(file: Path) -> set[str]:
    """The names that the module uses anywhere but in its function ``plot``."""
    statements = ast.parse(file.read_text(encoding="utf-8")).body
    return {
        node.id
        for statement in statements
        if "plot" not in _bound(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }


def _bound(statement: ast.stmt) -> list[str]:
    """What a definition or an assignment gives its value to."""
    if isinstance(statement, ast.Assign):
        return [ast.unparse(target) for target in statement.targets]
    return [getattr(statement, "name", "")]


def _imports(file: Path, roots: tuple[Path, ...]) -> Iterator[tuple[str, dict[str | None, str]]]:
    """The modules that are imported, and which names of each with what they are called in this module.

    The name None stands for the module as a whole.
    """
    package = _name(file, roots).split("/")[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((each.name, {None: each.asname or each.name.split(".")[0]}) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield (
                ".".join([*base, *filter(None, [node.module])]),
                {alias.name: alias.asname or alias.name for alias in node.names},
            )


def _origins(module: str, name: str | None, roots: tuple[Path, ...]) -> list[Path]:
    """The files behind ``from module import name``: a submodule, or the module that defines the name."""
    if name is not None:
        submodule = _file(f"{module}.{name}", roots)
        if submodule is not None:
            return [submodule]
    file = _file(module, roots)
    if file is None:
        return []
    if file.name != "__init__.py" or name is None:
        return [file]
    for origin, names in _imports(file, roots):
        if name in names and origin != module:
            return _origins(origin, name, roots)
    return [file]


def _file(module: str, roots: tuple[Path, ...]) -> Path | None:
    for root in roots:
        place = root.joinpath(*module.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py", place.with_suffix(".pyx")):
            if file.is_file():
                return file
    return None
