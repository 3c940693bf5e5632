"""Faults put into real runs: ``python -m tests.faults [names] [--tries N] [--seed S]``; not among the tests.

A kind of fault is a module here with ``NAME``, ``TRIES`` and ``run(tries, seed) -> Outcome``.
"""
