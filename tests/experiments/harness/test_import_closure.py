"""A result is kept until something that its numbers can depend on changes, and no longer."""

from __future__ import annotations

import io
import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments.harness import experiment, runner
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


def test_what_draws_counts_where_more_than_plot_uses_it(tmp_path):
    plant(tmp_path, c_figure="import e\n", e="")
    unused = "from . import c_figure\nimport c_figure as f\ndef plot(evidence, figure):\n    f.draw()\n"
    plant(tmp_path, a=unused)
    assert names(tmp_path, "a.py") == ["a.py"]
    plant(tmp_path, a="import c_figure\nplot = c_figure.draw\n")
    assert names(tmp_path, "a.py") == ["a.py"]
    for used in (
        "import c_figure\ndef run():\n    return c_figure.SIZES\n",
        "import c_figure as f\nSIZES = f.SIZES\n",
        "from c_figure import SIZES as s\ndef plot():\n    pass\ndef run():\n    return s\n",
    ):
        plant(tmp_path, a=used)
        assert names(tmp_path, "a.py") == ["a.py", "c_figure.py", "e.py"], used


def test_all_sources_of_compiled_modules_count_and_what_stands_in_for_them(tmp_path):
    plant(tmp_path, a="from k import fast\n", k__fastpyx="", k__sharedpxd="", k__inner__morepyx="")
    (tmp_path / "k" / "__init__.py").write_text("from k.fast import fast\n")
    plant(tmp_path, k__fast_numpy="import b\n", b="")
    expected = [
        "a.py",
        "b.py",
        "k/__init__.py",
        "k/fast.pyx",
        "k/fast_numpy.py",
        "k/inner/more.pyx",
        "k/shared.pxd",
    ]
    assert names(tmp_path, "a.py") == expected
    plant(tmp_path, a="from k.inner import more\n")
    assert names(tmp_path, "a.py") == expected


@pytest.mark.parametrize("subject", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_experiment_depends_on_its_modules_but_not_on_what_runs_it(subject):
    found = import_closure(subject.path, (ROOT,))
    text = subject.path.read_text(encoding="utf-8")
    for module in re.findall(r"^from (experiments\.[\w.]+) import", text, flags=re.MULTILINE):
        place = module.replace(".", "/")
        if not place.endswith(("_figure", "figure_style")):
            assert any(name.startswith(place) for name in found), module
    assert not {f"experiments/harness/{name}.py" for name in ("runner", "report", "ledger")} & set(found)


def test_the_prox_bears_on_every_experiment_that_solves_and_the_path_on_those_that_follow_one():
    closures = {name: import_closure(subject.path, (ROOT,)) for name, subject in EXPERIMENTS.items()}
    # The losses of networks have a solver of their own, but not a prox of their own.
    without = {name for name, found in closures.items() if "parlin/penalty/prox.py" not in found}
    # A function of one number, and levels of values: nothing is solved.
    assert without == {"parq_schedule_shapes", "parq_quantizers"}
    with_path = {name for name, found in closures.items() if "parlin/path/homotopy.py" in found}
    assert {"par_thm1_every_alpha", "par_alpha_sweep"} <= with_path < set(closures)
    assert any(name.endswith(".pyx") for name in closures["par_sec3_solvers"])


def plant_experiment(root: Path, imports: str) -> experiment.Experiment:
    text = "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Config:\n    n: int = 1\n"
    text += "    full = classmethod(lambda cls: cls(1))\n    smoke = classmethod(lambda cls: cls(2))\n"
    plant(root, trials__theme__par_a_b=f"{text}if False:\n    {imports}\n")
    (subject,) = experiment.find(root / "trials")
    return subject


def test_a_fingerprint_sees_a_module_that_is_imported_and_no_other(tmp_path):
    plant(tmp_path, trials__theme__tool="x = 1\n", trials__theme__a_figure="", trials__theme__other="")
    subject = plant_experiment(tmp_path, "from trials.theme import tool, a_figure")
    first = subject.fingerprint(smoke=False)
    plant(tmp_path, trials__theme__a_figure="color = 'red'\n", trials__theme__other="y = 2\n")
    assert subject.fingerprint(smoke=False) == first
    plant(tmp_path, trials__theme__tool="x = 2\n")
    assert subject.fingerprint(smoke=False) != first


def test_a_fingerprint_sees_which_modules_are_compiled_and_whether_they_are_used(tmp_path, monkeypatch):
    plant(tmp_path, kernels__fastpyx="")
    subject = plant_experiment(tmp_path, "from kernels import fast")
    monkeypatch.setattr(experiment, "_PURE", False)
    without = subject.fingerprint(smoke=False)
    (tmp_path / "kernels" / f"fast{EXTENSION_SUFFIXES[0]}").touch()
    assert subject.fingerprint(smoke=False) != without
    monkeypatch.setattr(experiment, "_PURE", True)
    assert subject.fingerprint(smoke=False) == without


def test_a_fingerprint_sees_what_was_built_and_whether_it_could_be_loaded(tmp_path, monkeypatch):
    plant(tmp_path, kernels__fastpyx="")
    subject = plant_experiment(tmp_path, "from kernels import fast")
    monkeypatch.setattr(experiment, "_PURE", False)
    built = tmp_path / "kernels" / f"fast{EXTENSION_SUFFIXES[0]}"
    built.write_bytes(b"one")
    first = subject.fingerprint(smoke=False)
    built.write_bytes(b"two")
    second = subject.fingerprint(smoke=False)
    assert first != second
    for compiled in (True, False):
        monkeypatch.setitem(sys.modules, "kernels", SimpleNamespace(compiled=compiled))
        seen = subject.fingerprint(smoke=False)
        assert seen not in (first, second)
        second = seen


def test_a_module_built_from_other_sources_is_found_whatever_the_clock_says(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "_PURE", False)
    plant(tmp_path, parlin__k__fastpyx="x", parlin__k__inner__morepyx="y", parlin__k__sharedpxd="z")
    sources = [tmp_path / "parlin" / "k" / name for name in ("fast.pyx", "inner/more.pyx")]
    assert experiment.stale_builds(tmp_path) == []
    builds = [source.with_suffix(EXTENSION_SUFFIXES[0]) for source in sources]
    for source, built in zip(sources, builds, strict=True):
        built.write_bytes(b"code " + experiment.built_from(source) + b" more code")
    assert experiment.stale_builds(tmp_path) == []
    sources[1].write_text("Y", encoding="utf-8")
    os.utime(sources[1], (0, 0))
    assert experiment.stale_builds(tmp_path) == builds[1:]
    sources[1].write_text("y", encoding="utf-8")
    assert experiment.stale_builds(tmp_path) == []
    plant(tmp_path, parlin__k__sharedpxd="Z")
    assert experiment.stale_builds(tmp_path) == builds
    console = Console(file=io.StringIO(), width=100)
    assert runner.verify(folder=tmp_path / "trials", console=console) == 1
    assert "Build again" in console.file.getvalue() and "fast" in console.file.getvalue()
    monkeypatch.setattr(experiment, "_PURE", True)
    assert experiment.stale_builds(tmp_path) == []


def test_the_kernels_are_built_from_the_sources_that_are_here():
    assert not experiment.stale_builds(ROOT), "python setup.py build_ext --inplace"


def test_two_experiments_of_one_name_are_refused(tmp_path):
    plant(tmp_path, trials__one__par_a_b="", trials__two__par_a_b="", trials__two__par_a_figure="")
    with pytest.raises(ValueError, match="2 experiments are called par_a_b; rename"):
        experiment.find(tmp_path / "trials")
    plant(tmp_path, more__one__par_a_b="", more__two__par_c_d="", more__two__par_c_figure="")
    assert [subject.name for subject in experiment.find(tmp_path / "more")] == ["par_a_b", "par_c_d"]
