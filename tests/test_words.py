"""Public docstrings use the words of the glossary: one word for one notion."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

GLOSSARY = (Path(__file__).parent.parent / "docs" / "theory.md").read_text(encoding="utf-8")
# Words of the glossary's last column that have no other use in a docstring, and their inflections.
BANNED = (
    *("judge", "judged", "judgement", "excuse", "excused", "settle", "settled", "settling", "twin", "twins"),
    *("land", "lands", "landed", "landing", "share", "shares", "pull", "pulls", "rival", "rivals", "walk"),
    *("worn", "stale", "beside", "snapped", "slack"),
)
MODULES = (
    *("parlin", "parlin.designs", "parlin.solvers", "parlin.packed"),
    *("parlin.datasets", "parlin.theory", "parlin.reference"),
)


def public() -> Iterator[tuple[str, str]]:
    """Every docstring that `help` shows of a public name."""
    for module in map(importlib.import_module, MODULES):
        yield module.__name__, module.__doc__ or ""
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for name in names:
            value = getattr(module, name)
            if inspect.ismodule(value) or not getattr(value, "__module__", "").startswith("parlin"):
                continue
            yield f"{module.__name__}.{name}", value.__doc__ or ""
            if inspect.isclass(value):
                for attribute, member in vars(value).items():
                    if not attribute.startswith("_"):
                        yield f"{module.__name__}.{name}.{attribute}", getattr(member, "__doc__", "") or ""


DOCSTRINGS = dict(public())


def test_there_is_something_to_read():
    assert len(DOCSTRINGS) > 120


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_a_public_docstring_uses_no_banned_word(name):
    words = re.findall(r"(?<![\w.])[a-z]+(?!\w)", DOCSTRINGS[name].lower())  # parts of identifiers are none
    found = [word for word in words if word in BANNED]
    assert not found, f"{name}: {', '.join(found)}; see docs/theory.md"


def test_banned_words_are_those_of_the_glossary():
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|([^|]*)\|$", GLOSSARY, flags=re.MULTILINE)
    assert len(rows) >= 20
    listed = set(re.findall(r"[a-z]+", " ".join(row[1] for row in rows)))
    stems = {word[:4] for word in listed}
    assert not [word for word in BANNED if word[:4] not in stems and word not in ("worn", "stale", "beside")]


@pytest.mark.parametrize("text", ["Every point is judged.", "where the coordinates land"])
def test_a_banned_word_is_found(text):
    assert set(re.findall(r"[a-z]+", text.lower())) & set(BANNED)
