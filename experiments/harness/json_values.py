"""Values as JSON has them: what an evidence file can hold."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The value in JSON's own types: arrays become lists, numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"evidence holds numbers, strings, lists and mappings; got {type(value).__name__}")


def compact(value: Any) -> str:
    """JSON in one line with floats at full precision; ValueError for a number that is not finite."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """A hash of a plain value, whatever the order of its keys and the look of its file.

    It finds what happened to a file by accident; whoever alters a file on purpose can hash it again.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
