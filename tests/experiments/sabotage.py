r"""Perturbations that the section "Falsified by" of an experiment names, tried on a small run.

A statement there is ```expression` violates C1 and C1/proved`` or ```expression` leaves C4 undecided``. The
expression is arithmetic of numbers around one function of the library or of the experiments:

* ``0.9 * theory.ridge_distance``: what it returns, times 0.9;
* ``theory.bitmap_bits(float_bits=float_bits - 1)``: the function, given another argument, made of the one
  it is given or a constant;
* ``solve().w + 0.01``: what it returns, with a field of that changed.

Functions, methods and properties serve alike. A name is looked up in the experiment's own file, then in
`parlin`, then among the modules of the experiment's theme, of ``measure`` and of ``problems``.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

import pytest

import parlin
from experiments.harness.evidence import Verdict
from experiments.harness.experiment import Experiment
from parlin._cached import cached_property
from tests.experiments.docstrings import sections

_CLAIM = r"C\d+(?:/[\w-]+)?"
_STATEMENT = re.compile(rf"`([^`]+)` (violates|leaves) ({_CLAIM}(?:(?:, | and ){_CLAIM})*)( undecided)?")
# A claim that a statement goes on to name in words that are not read.
_DROPPED = re.compile(rf",? (?:and|or|as does) {_CLAIM}")
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_RESULT = "_"


@dataclass(frozen=True)
class Perturbation:
    """What is changed, and the verdicts that then come of it."""

    expression: str
    expected: dict[str, Verdict]


def perturbations(section: str) -> list[Perturbation]:
    """The statements of a section, in order.

    Raises
    ------
    ValueError
        If there is none, or something in backticks belongs to no statement, or one cannot be parsed.
    """
    text, found = " ".join(section.split()), []
    dropped = any(_DROPPED.match(text, match.end()) for match in _STATEMENT.finditer(text))
    if dropped or re.search(r"``[^`]*\b(?:violates|undecided)\b[^`]*``", text):
        raise ValueError("name the claims of a statement as 'C1, C2 and C3', outside double backticks")
    text = re.sub(r"``[^`]+``", "", text)
    for expression, verb, claims, undecided in _STATEMENT.findall(text):
        if (verb == "leaves") != bool(undecided):
            raise ValueError(f"write '`{expression}` violates C1' or '`{expression}` leaves C1 undecided'")
        Change.parse(expression)
        verdict = Verdict.UNDECIDED if undecided else Verdict.VIOLATED
        found.append(Perturbation(expression, dict.fromkeys(re.findall(_CLAIM, claims), verdict)))
    rest = re.sub(r"`[\w.]+`", "", _STATEMENT.sub("", text))  # a name that is left as it is may stand there
    if "`" in rest:
        raise ValueError(f"in backticks, but no statement of what is violated or left undecided: {rest}")
    if not found:
        raise ValueError("it names no perturbation: '`0.9 * theory.ridge_distance` violates C7/attained'")
    return found


@dataclass(frozen=True)
class Change:
    """An expression, taken apart: the target, its changed arguments, the field, and the arithmetic."""

    name: str
    arguments: dict[str, CodeType]
    field: str | None
    arithmetic: CodeType

    @classmethod
    def parse(cls, expression: str) -> Change:
        """The change that an expression describes; ValueError if it describes none."""
        try:
            tree = ast.parse(expression, mode="eval").body
        except SyntaxError as error:
            raise ValueError(f"`{expression}` is no expression: {error.msg}") from error
        targets: list[ast.expr] = []
        arithmetic = _compiled(_arithmetic(tree, targets, expression))
        if len(targets) != 1:
            raise ValueError(f"`{expression}` must name one function, but names {len(targets)}")
        target, field, arguments = targets[0], None, {}
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Call):
            target, field = target.value, target.attr
        if isinstance(target, ast.Call):
            if target.args or (not target.keywords and field is None):
                raise ValueError(f"`{expression}`: give changed arguments as name=…, or a field after ()")
            for keyword in target.keywords:
                names: list[ast.expr] = []
                value = keyword.value
                if not isinstance(value, ast.Constant):
                    value = _arithmetic(value, names, expression)
                if any(ast.unparse(name) != keyword.arg for name in names):
                    raise ValueError(f"`{expression}`: {keyword.arg} must be changed in terms of itself")
                arguments[keyword.arg] = _compiled(value)
            target = target.func
        name = ast.unparse(target)
        if not re.fullmatch(r"[\w.]+", name):
            raise ValueError(f"`{expression}`: {name} is no name of a function")
        if tree is targets[0] and not arguments:
            raise ValueError(f"`{expression}` changes nothing")
        return cls(name, arguments, field, arithmetic)

    def of(self, function: Callable[..., Any], calls: list[None]) -> Callable[..., Any]:
        """The function with the change, which notes its calls."""

        @functools.wraps(function)
        def changed(*args: Any, **kwargs: Any) -> Any:
            calls.append(None)
            if self.arguments:
                bound = inspect.signature(function).bind(*args, **kwargs)
                bound.apply_defaults()
                for name, code in self.arguments.items():
                    if name not in bound.arguments:
                        raise LookupError(f"{self.name} has no argument {name}")
                    bound.arguments[name] = _value(code, bound.arguments[name])
                args, kwargs = bound.args, bound.kwargs
            result = function(*args, **kwargs)
            if self.field is None:
                return _value(self.arithmetic, result)
            return _replaced(result, self.field, _value(self.arithmetic, getattr(result, self.field)))

        return changed


def trials(subject: Experiment) -> dict[str, dict[str, Verdict]]:
    """Expression -> claim -> verdict, one small run for each perturbation that the docstring names."""
    return {one.expression: verdicts(subject, one.expression) for one in named(subject)}


def named(subject: Experiment) -> list[Perturbation]:
    """The perturbations of the section "Falsified by"."""
    return perturbations(sections(subject)["Falsified by"])


def unmoved(subject: Experiment, found: dict[str, dict[str, Verdict]]) -> list[str]:
    """A line for each claim whose verdict is not the one that the docstring states."""
    return [
        f"`{one.expression}`: {claim} is {found[one.expression].get(claim, 'no claim')}, not {verdict}"
        for one in named(subject)
        for claim, verdict in one.expected.items()
        if found[one.expression].get(claim) is not verdict
    ]


def never_violated(subject: Experiment, found: dict[str, dict[str, Verdict]]) -> set[str]:
    """The claims of the small runs that the docstring says of no perturbation to be violated by."""
    stated = [one.expected for one in named(subject)]
    violated = {claim for of in stated for claim in of if of[claim] is Verdict.VIOLATED}
    return {claim for of in found.values() for claim in of} - violated


def verdicts(subject: Experiment, expression: str) -> dict[str, Verdict]:
    """Claim -> verdict of the small run with the perturbation.

    Raises
    ------
    ValueError, LookupError
        If the expression cannot be parsed, or there is no such function.
    AssertionError
        If the run never calls what is perturbed.
    """
    change, calls = Change.parse(expression), []
    module, config = subject.load(), subject.config(smoke=True)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a wrong number leads to
        _apply(patch, change, calls, subject, module)
        _forget()  # what an unperturbed run left
        try:
            found = {claim.claim: claim.verdict for claim in module.run(config)}
        finally:
            _forget()
    assert calls, f"{subject.name} never calls {change.name}"
    return found


def _apply(
    patch: pytest.MonkeyPatch, change: Change, calls: list[None], subject: Experiment, module: ModuleType
) -> None:
    """Puts the changed function wherever the library and the experiments hold it."""
    owner, name, original = _find(change.name, subject, module)
    if isinstance(owner, type):
        patch.setattr(owner, name, _rewrapped(original, owner, name, lambda f: change.of(f, calls)))
        return
    changed = change.of(original, calls)
    for holder in [*_modules(), module]:
        for attribute, value in list(vars(holder).items()):
            if value is original:
                patch.setattr(holder, attribute, changed)
            elif isinstance(value, dict) and not attribute.startswith("__"):
                for key in [key for key, entry in value.items() if entry is original]:
                    patch.setitem(value, key, changed)


def _find(name: str, subject: Experiment, module: ModuleType) -> tuple[Any, str, Any]:
    """What holds the function, under which name, and the function (or property) itself."""
    first, *others = name.split(".")
    value = _first(first, subject, module)
    owner: Any = module
    for first in others:
        owner = value
        if isinstance(owner, type):
            owner = next((kind for kind in owner.__mro__ if first in vars(kind)), owner)
        value = vars(owner).get(first)
        if value is None:
            raise LookupError(f"{subject.name}: there is no {name}")
    if isinstance(value, ModuleType | type) or not (
        callable(value) or (isinstance(owner, type) and hasattr(value, "__get__"))
    ):
        raise LookupError(f"{subject.name}: {name} is no function, method or property")
    return owner, first, value


def _first(name: str, subject: Experiment, module: ModuleType) -> Any:
    for holder in (module, parlin):
        if name in vars(holder):
            return vars(holder)[name]
    for package in (f"experiments.{subject.path.parent.name}", "experiments.measure", "experiments.problems"):
        if importlib.util.find_spec(package) and importlib.util.find_spec(f"{package}.{name}"):
            return importlib.import_module(f"{package}.{name}")
    raise LookupError(f"{subject.name}: there is no {name}")


def _rewrapped(
    original: Any, owner: type, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Any:
    """A descriptor of the same kind around the changed function."""
    if isinstance(original, property):
        return property(change(original.fget))
    if isinstance(original, functools.cached_property | cached_property):
        cached = type(original)(change(original.func))
        cached.__set_name__(owner, name)
        return cached
    if isinstance(original, classmethod | staticmethod):
        return type(original)(change(original.__func__))
    return change(original)


def _modules() -> Iterator[ModuleType]:
    for name, module in sys.modules.items():
        if name.split(".")[0] in ("parlin", "experiments") and isinstance(module, ModuleType):
            yield module


def _forget() -> None:
    """Empties the caches of the experiments, which may hold what the perturbed function returned."""
    for module in _modules():
        for value in vars(module).values():
            if hasattr(value, "cache_clear") and module.__name__.startswith("experiments"):
                value.cache_clear()


def _arithmetic(node: ast.expr, targets: list[ast.expr], expression: str) -> ast.expr:
    """The expression with `_RESULT` in place of what it names; that is appended to `targets`."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            return ast.BinOp(
                _arithmetic(left, targets, expression), op, _arithmetic(right, targets, expression)
            )
        case ast.UnaryOp(op=ast.USub() as op, operand=operand):
            return ast.UnaryOp(op, _arithmetic(operand, targets, expression))
        case ast.Constant(value=int() | float()):
            return node
        case ast.Name() | ast.Attribute() | ast.Call():
            targets.append(node)
            return ast.Name(_RESULT, ast.Load())
    raise ValueError(f"`{expression}`: {ast.unparse(node)} is neither a number nor a function")


def _compiled(node: ast.expr) -> CodeType:
    return compile(ast.fix_missing_locations(ast.Expression(node)), "<perturbation>", "eval")


def _value(code: CodeType, result: Any) -> Any:
    return eval(code, {"__builtins__": {}, _RESULT: result})


def _replaced(result: Any, field: str, value: Any) -> Any:
    """A copy of a dataclass or of a named tuple with another value of the field."""
    replace = type(result)._replace if hasattr(result, "_replace") else dataclasses.replace
    return replace(result, **{field: value})
