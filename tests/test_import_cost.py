"""Importing the library: what it must not bring along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
UNWANTED = ("cvxpy", "clarabel", "matplotlib", "pandas", "rich", "hypothesis", "pytest", "Cython")
# The reference imports cvxpy only when it is asked for a solution.
STATEMENT = """
import parlin, parlin.reference, parlin.datasets
parlin.PARRidge().fit([[0.0], [1.0], [3.0]], [0.0, 1.0, 2.0])
"""
HIDE = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {UNWANTED!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
"""


def modules_after(statement: str) -> set[str]:
    """The top-level modules loaded in a fresh interpreter after the statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_the_library_brings_nothing_that_scikit_learn_does_not():
    # scikit-learn loads pandas and rich by itself where they are installed.
    before = modules_after("import sklearn.linear_model, sklearn.datasets")
    loaded = modules_after(STATEMENT)
    assert loaded.isdisjoint({"cvxpy", "clarabel", "matplotlib"})
    assert loaded.isdisjoint(set(UNWANTED) - before)
    # Editable installs load a finder; the standard library may serve anybody.
    own = {name for name in loaded - before if not name.startswith("__editable__")}
    assert own - set(sys.stdlib_module_names) == {"parlin"}


def test_the_library_works_where_none_of_the_optional_packages_is_installed():
    assert "parlin" in modules_after(HIDE + STATEMENT)
