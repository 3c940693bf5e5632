"""Rates and limits of the solvers."""
