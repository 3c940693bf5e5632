"""The problem that tests of statuses and of the loop share."""

from __future__ import annotations

import pytest

from parlin import Problem, designs
from tests.cases import build
from tests.solve.cases import random_raw


@pytest.fixture
def problem() -> Problem:
    return build(random_raw(designs.lasso(0.25, 6).scaled(0.05), 10, 25, seed=13))
