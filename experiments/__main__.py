"""Command line of the experiments: ``python -m experiments [names] [--smoke] [--jobs N]``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from experiments.harness.runner import verify


def main() -> int:
    """Run what the command line asks for; the exit code says whether every claim holds."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Run the experiments, draw their figures and write the ledger.",
    )
    parser.add_argument("names", nargs="*", help="which experiments, by file name without .py (default: all)")
    parser.add_argument("--smoke", action="store_true", help="small configurations; figures/ stays as it is")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many run at once (default: 2)")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error(f"--jobs must be at least 1, but is {arguments.jobs}")
    # For the processes to be started: they share the cores, and one thread each keeps the order of
    # floating-point sums, hence the evidence, the same from run to run.
    for library in ("OPENBLAS", "MKL", "OMP"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        return verify(arguments.names, smoke=arguments.smoke, jobs=arguments.jobs)
    except LookupError as error:
        parser.error(str(error))
    except OSError as error:
        with contextlib.suppress(OSError):
            # What could not be shown would fail again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        place = f"{error.filename}: " if error.filename else ""
        print(f"{parser.prog}: {place}{error.strerror or error}; what is finished is kept", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
