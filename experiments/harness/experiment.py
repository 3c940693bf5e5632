"""One experiment: a file found by its name, loaded, run, and told apart from its earlier versions."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import os
import platform
import sys
from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.harness.evidence import Evidence
from experiments.harness.evidence_file import commit
from experiments.harness.import_closure import import_closure, top_folder
from experiments.harness.json_values import plain

HERE = Path(__file__).parent.parent
PATTERNS = ("par_*.py", "parq_*.py", "proxquant_*.py")

_PURE = os.environ.get("PARLIN_PURE", "") not in ("", "0")
_PACKAGES = ("parlin", "numpy", "scipy", "scikit-learn", "cvxpy", "clarabel")


@dataclass(frozen=True)
class Experiment:
    """A file ``<source item>_<subject>.py`` with `Config`, `run` and `plot`.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        The folder that holds ``parlin/``; a result is kept until something that bears on it changes there.
    """

    path: Path
    root: Path

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def load(self) -> ModuleType:
        """The experiment's module, imported once."""
        name = ".".join(self.path.relative_to(self.root).with_suffix("").parts)
        known = sys.modules.get(name)
        if known is not None and known.__file__ == str(self.path):
            return known
        spec = importlib.util.spec_from_file_location(name, self.path)
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up by name while they are being made.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def config(self, smoke: bool) -> Any:
        """The frozen configuration of a small or of a full run."""
        configurations = self.load().Config
        return configurations.smoke() if smoke else configurations.full()

    def run(self, smoke: bool) -> tuple[Evidence, ...]:
        """Evidence for each claim, with configuration and provenance filled in.

        Raises
        ------
        ValueError
            If the experiment gives no evidence, or two claims share an id.
        """
        config = self.config(smoke)
        claims = tuple(self.load().run(config))
        ids = [claim.claim for claim in claims]
        if not ids or len(set(ids)) < len(ids):
            raise ValueError(f"{self.name} must give one or more claims with different ids, got {ids}")
        settings, origin = dataclasses.asdict(config), {**versions(), "commit": commit(self.root)}
        return tuple(dataclasses.replace(claim, config=settings, provenance=origin) for claim in claims)

    def fingerprint(self, smoke: bool) -> str:
        """A hash of all that bears on the evidence: what this file imports, its config, the versions.

        Compiled modules bear on it with their sources and with the bytes that were built from them.
        """
        digest = hashlib.sha256()
        files = import_closure(self.path, (self.root, HERE.parent))
        for name, file in files.items():
            # Lengths keep a move of text from one file to the next from going unseen.
            content = file.read_bytes()
            digest.update(f"{name} {len(content)}\n".encode() + content)
        settings = plain(dataclasses.asdict(self.config(smoke)))
        # Without its compiled modules the library takes other solvers.
        builds = {name: built for name, file in files.items() if (built := build(file))} if not _PURE else {}
        hashes = {name: hashlib.sha256(built.read_bytes()).hexdigest() for name, built in builds.items()}
        # That one is there does not say that it can be loaded; what loads them knows.
        packages = {name.split("/")[0] for name in builds}
        loaded = {name: getattr(sys.modules.get(name), "compiled", None) for name in sorted(packages)}
        digest.update(json.dumps([smoke, settings, versions(), hashes, loaded], sort_keys=True).encode())
        return digest.hexdigest()


def find(folder: Path = HERE, root: Path | None = None) -> list[Experiment]:
    """The experiments in the themes of a folder, by name; `root` is the folder above it unless given.

    Raises
    ------
    ValueError
        If two themes have an experiment of the same name: their evidence would be one file.
    """
    files = {file for pattern in PATTERNS for file in folder.glob(f"*/{pattern}")}
    files = {file for file in files if not file.stem.endswith("_figure")}
    for name, count in Counter(file.stem for file in files).items():
        if count > 1:
            raise ValueError(f"{count} experiments are called {name}; rename all but one of them")
    return [Experiment(file, root or folder.parent) for file in sorted(files, key=lambda file: file.name)]


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def build(source: Path) -> Path | None:
    """The module that this Python would load as compiled from the source, if that is there."""
    if source.suffix != ".pyx":
        return None
    places = (source.with_name(source.stem + suffix) for suffix in EXTENSION_SUFFIXES)
    return next((place for place in places if place.is_file()), None)


def stale_builds(root: Path) -> list[Path]:
    """The compiled modules of the library that were not built from the sources that are there now.

    ``setup.py`` writes a hash of the sources into each of them; no clock is asked.
    """
    if _PURE:
        return []
    sources = sorted((root / "parlin").rglob("*.pyx"))
    builds = {built: source for source in sources if (built := build(source))}
    return [built for built, source in builds.items() if built_from(source) not in built.read_bytes()]


def built_from(source: Path) -> bytes:
    """What ``setup.py`` writes into the module that it builds from the source and the ``.pxd`` files."""
    folder = top_folder(source)
    digest = hashlib.sha256()
    for file in [source, *sorted(folder.rglob("*.pxd"))]:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return f"built from sources {digest.hexdigest()}".encode()
