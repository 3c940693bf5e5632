"""A result is kept until something that its numbers can depend on changes, and no longer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.harness import experiment
from experiments.harness.import_closure import import_closure

ROOT = experiment.HERE.parent
EXPERIMENTS = {subject.name: subject for subject in experiment.find()}


def plant(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("pxd", ".pxd").replace("pyx", ".pyx")
        path = path if path.suffix else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(root: Path, file: str) -> list[str]:
    return list(import_closure(root / file, (root,)))


def test_a_name_is_followed_through_front_doors_to_the_module_that_defines_it(tmp_path):
    plant(tmp_path, a="from lib import f\n", lib__g="", lib__inner__h="import numpy\n")
    (tmp_path / "lib" / "__init__.py").write_text("from lib.inner import f\nfrom lib.g import g\n")
    (tmp_path / "lib" / "inner" / "__init__.py").write_text("from .h import f\n")
    assert names(tmp_path, "a.py") == ["a.py", "lib/inner/h.py"]
    plant(tmp_path, a="import lib\n")
    assert names(tmp_path, "a.py") == ["a.py", "lib/__init__.py", "lib/g.py", "lib/inner/h.py"]


def test_imports_inside_functions_and_circles_count_and_figures_do_not(tmp_path):
    plant(tmp_path, a="from b import x\nimport c_figure\n", b="def x():\n    import d\n", d="import a\n")
    plant(tmp_path, c_figure="import e\n", e="")
    assert names(tmp_path, "a.py") == ["a.py", "b.py", "d.py"]


def test_all_sources_of_compiled_modules_count(tmp_path):
    plant(tmp_path, a="from k import fast\n", k__fastpyx="", k__sharedpxd="", k__inner__morepyx="")
    (tmp_path / "k" / "__init__.py").write_text("from k.fast import fast\n")
    assert names(tmp_path, "a.py") == ["a.py", "k/fast.pyx", "k/inner/more.pyx", "k/shared.pxd"]


@pytest.mark.parametrize("subject", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_experiment_depends_on_its_modules_but_not_on_what_draws(subject):
    found = import_closure(subject.path, (ROOT,))
    text = subject.path.read_text(encoding="utf-8")
    for module in re.findall(r"^from (experiments\.[\w.]+) import", text, flags=re.MULTILINE):
        place = module.replace(".", "/")
        if not place.endswith(("_figure", "figure_style")):
            assert any(name.startswith(place) for name in found), module
    assert not [name for name in found if name.endswith(("_figure.py", "figure_style.py", "runner.py"))]


def test_the_prox_bears_on_every_experiment_that_solves_and_the_path_on_those_that_follow_one():
    closures = {name: import_closure(subject.path, (ROOT,)) for name, subject in EXPERIMENTS.items()}
    # The losses of networks have a solver of their own, but not a prox of their own.
    assert all("parlin/penalty/prox.py" in found for found in closures.values())
    with_path = {name for name, found in closures.items() if "parlin/path/homotopy.py" in found}
    assert {"par_thm1_every_alpha", "par_alpha_sweep"} <= with_path < set(closures)
    assert any(name.endswith(".pyx") for name in closures["par_sec3_solvers"])


def test_a_fingerprint_sees_a_module_that_is_imported_and_no_other(tmp_path):
    plant(tmp_path, trials__theme__par_a_b="CODE = 1\nfrom trials.theme import tool, a_figure\n")
    plant(tmp_path, trials__theme__tool="x = 1\n", trials__theme__a_figure="", trials__theme__other="")
    text = "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Config:\n    n: int = 1\n"
    text += "    full = classmethod(lambda cls: cls(1))\n    smoke = classmethod(lambda cls: cls(2))\n"
    file = tmp_path / "trials" / "theme" / "par_a_b.py"
    file.write_text(text + "if False:\n    from trials.theme import tool, a_figure\n", encoding="utf-8")
    (subject,) = experiment.find(tmp_path / "trials")
    first = subject.fingerprint(smoke=False)
    plant(tmp_path, trials__theme__a_figure="color = 'red'\n", trials__theme__other="y = 2\n")
    assert subject.fingerprint(smoke=False) == first
    plant(tmp_path, trials__theme__tool="x = 2\n")
    assert subject.fingerprint(smoke=False) != first
