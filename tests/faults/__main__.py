"""Command line of the faults: one line for each kind, and what it measured; exit code 1 if any try failed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time

import tests.faults

_SHOWN = 5


def main() -> int:
    """Put in the faults that the command line asks for."""
    modules = (
        importlib.import_module(f"tests.faults.{each.name}")
        for each in pkgutil.iter_modules(tests.faults.__path__)
        if each.name != "__main__"
    )
    kinds = {module.NAME: module for module in modules if hasattr(module, "NAME")}
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Put faults into runs.")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(kinds)} (default: all)")
    parser.add_argument(
        "--tries", type=int, metavar="N", help="how many of each kind (default: its own number)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of the moments and places (default: 0)"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in kinds]
    if unknown:
        parser.error(f"no kind of fault is called {', '.join(unknown)}; there are: {', '.join(kinds)}")
    failed = False
    for name in arguments.names or kinds:
        started = time.monotonic()
        outcome = kinds[name].run(arguments.tries or kinds[name].TRIES, arguments.seed)
        note = f" ({outcome.note})" if outcome.note else ""
        took = f"{time.monotonic() - started:.0f} s"
        print(f"{name}: {outcome.tries} tries, {len(outcome.failures)} failures, {took}{note}", flush=True)
        for detail in outcome.details:
            print(f"  {detail}", flush=True)
        for failure in outcome.failures[:_SHOWN]:
            print(f"  {failure}", file=sys.stderr)
        failed = failed or bool(outcome.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
