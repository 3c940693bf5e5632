"""The rules of place hold, and each of them notices when it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import structure
from tests.structure import ORDER, RULES, library_layers, sources

ROOT = Path(__file__).parent.parent

CONTRIBUTING = "".join(f"    {k}  {' '.join(layer)}\n" for k, layer in enumerate(ORDER))
# A small tree in which every rule holds.
SOUND = {
    "CONTRIBUTING.md": CONTRIBUTING,
    "parlin/__init__.py": "from parlin.penalty import PAR\nfrom parlin._solve import solve\n",
    "parlin/_solve.py": "from parlin.penalty import PAR\n\n\ndef solve(): ...\n",
    "parlin/penalty/__init__.py": "from parlin.penalty.par import PAR\n",
    "parlin/penalty/par.py": "import numpy\n\n\nclass PAR: ...\n",
    "parlin/reference/convex.py": "def solution():\n    import cvxpy\n",
    "experiments/harness/evidence.py": "class Evidence: ...\n",
    "experiments/harness/figure_style.py": "import matplotlib\n",
    "experiments/measure/certified_point.py": "from parlin import certify\n",
    "experiments/ridge/par_a_b.py": (
        "from experiments.harness.evidence import Evidence\n"
        "from experiments.measure.certified_point import CertifiedPoint\n"
        "from experiments.ridge import b_figure, fits\n\n\n"
        "def run():\n    return Evidence()\n"
    ),
    "experiments/ridge/fits.py": "from experiments.measure.certified_point import CertifiedPoint\n",
    "experiments/ridge/b_figure.py": "from parlin.theory import x\n",
    "experiments/lasso/par_c_d.py": "from experiments.measure.certified_point import CertifiedPoint\n",
}


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("rule", [library_layers, *RULES], ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule):
    found = rule(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_the_rules_read_the_files_that_there_are():
    # A pattern that finds nothing stays green for ever.
    assert len(sources(ROOT, "experiments")) > 60 and len(sources(ROOT, "parlin")) > 40
    assert sum(map(structure._is_experiment, sources(ROOT, "experiments"))) >= 20


@pytest.mark.parametrize("rule", [library_layers, *RULES], ids=lambda rule: rule.__name__)
def test_a_sound_tree_breaks_no_rule(tmp_path, rule):
    assert rule(plant(tmp_path, SOUND)) == []


SABOTAGES = [
    (library_layers, "parlin/penalty/par.py", "from parlin._solve import solve\n", "from above"),
    (library_layers, "parlin/penalty/par.py", "from parlin import PAR\n", "front door"),
    (library_layers, "parlin/penalty/par.py", "def f():\n    from ..losses import x\n", "from above"),
    (library_layers, "parlin/penalty/par.py", "import pandas\n", "in functions only"),
    (library_layers, "parlin/penalty/par.py", "def f():\n    import tests.kkt\n", "must not know tests"),
    (library_layers, "parlin/solvers/fista.py", "from parlin.certificates import x\n", "must not know"),
    (library_layers, "parlin/helpers.py", "from parlin.penalty import PAR\n", "helpers has no layer"),
    ("order_of_experiments", "experiments/harness/x.py", "import parlin\n", "knows no penalty"),
    ("order_of_experiments", "experiments/lasso/x.py", "import experiments.ridge.fits\n", "lasso imports"),
    ("order_of_experiments", "experiments/measure/x.py", "import experiments.lasso.y\n", "measure imports"),
    ("order_of_experiments", "experiments/lasso/x.py", "from experiments.lasso import par_c_d\n", "alone"),
    ("right_places", "experiments/measure/x.py", "", "it belongs there"),
    ("right_places", "experiments/ridge/x.py", "", "nobody imports it"),
    ("right_places", "experiments/ridge/par_e_f.py", "import experiments.ridge.b_figure\n", "more"),
    ("figures_only_draw", "experiments/ridge/b_figure.py", "import experiments.ridge.fits\n", "never"),
    ("figures_only_draw", "experiments/ridge/b_figure.py", "from parlin import solve\n", "never computes"),
    ("one_meaning_of_certified", "experiments/ridge/fits.py", "x = c.slope_residual\n", "in measure/"),
    ("one_meaning_of_certified", "experiments/ridge/fits.py", "from parlin import certify\n", "in measure/"),
    ("claims_in_experiments", "experiments/ridge/fits.py", "x = Evidence()\n", "belongs in an experiment"),
    ("claims_in_experiments", "experiments/ridge/fits.py", "x = partial(Evidence)\n", "belongs in an"),
    ("sizes", "experiments/ridge/fits.py", "x = 1\n" * 301, "over 300 lines"),
    ("sizes", "parlin/_kernels/a.pyx", "x = 1\n" * 401, "over 400 lines"),
    ("sizes", "tests/test_a.py", "x = 1\n" * 401, "over 400 lines"),
    ("places_of_third_parties", "experiments/ridge/fits.py", "import cvxpy\n", "parlin/reference/"),
    ("places_of_third_parties", "parlin/penalty/par.py", "def f():\n    import matplotlib\n", "displays"),
    ("written_layers", "CONTRIBUTING.md", CONTRIBUTING.replace("penalty", "penalties"), "is written"),
    ("written_layers", "CONTRIBUTING.md", CONTRIBUTING.rsplit("    8", 1)[0], "8 layers of 9"),
    ("no_hidden_module", "parlin/solve.py", "", "the module solve is hidden"),
]


@pytest.mark.parametrize(("rule", "file", "text", "complaint"), SABOTAGES)
def test_a_breach_is_named(tmp_path, rule, file, text, complaint):
    rule = rule if callable(rule) else getattr(structure, rule)
    before = SOUND.get(file, "") if file.endswith(".py") else ""
    found = rule(plant(tmp_path, {**SOUND, file: before + text}))
    assert len(found) == 1, found
    assert complaint in found[0]


def test_every_rule_is_sabotaged():
    assert {rule if isinstance(rule, str) else rule.__name__ for rule, *_ in SABOTAGES} == {
        rule.__name__ for rule in (library_layers, *RULES)
    }


def test_a_folder_that_is_too_full_is_named(tmp_path):
    files = {f"experiments/ridge/m{k}.py": "" for k in range(15)}
    assert structure.sizes(plant(tmp_path, files)) == [
        "experiments/ridge: 15 modules are more than 14; make it two folders"
    ]
