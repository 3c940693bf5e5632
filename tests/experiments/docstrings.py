"""The docstring of an experiment, taken apart."""

from __future__ import annotations

import re

from experiments.harness.experiment import Experiment

HEADINGS = ("Claims", "Source", "Setting", "Prediction", "Falsified by", "Control")


def sections(subject: Experiment) -> dict[str, str]:
    """Heading -> text of the module's docstring."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", subject.load().__doc__, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
