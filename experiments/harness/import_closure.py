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
    draw (``*_figure.py``) are left out.  Of compiled modules all sources in their folder count.
    """
    found: dict[str, Path] = {}
    waiting = [file]
    while waiting:
        current = waiting.pop()
        name = _name(current, roots)
        if name in found or current.name.endswith(_DRAWING):
            continue
        found[name] = current
        if current.suffix != ".py":
            sources = [*current.parent.rglob("*.pyx"), *current.parent.rglob("*.pxd")]
            found.update((_name(source, roots), source) for source in sources)
            continue
        for module, names in _imports(current, roots):
            waiting += [target for each in names for target in _origins(module, each, roots)]
    return dict(sorted(found.items()))


def _name(file: Path, roots: tuple[Path, ...]) -> str:
    root = next(root for root in roots if file.is_relative_to(root))
    return file.relative_to(root).as_posix()


def _imports(file: Path, roots: tuple[Path, ...]) -> Iterator[tuple[str, list[str | None]]]:
    """The modules that are imported, and which names of each; None stands for the module as a whole."""
    package = _name(file, roots).split("/")[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, [None]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *filter(None, [node.module])]), [alias.name for alias in node.names]


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
