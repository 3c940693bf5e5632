"""One file for each statement of a source: what it predicts, what is measured, and the verdict.

``python -m experiments`` runs them all; CONTRIBUTING.md ("Writing an experiment") says how to add one.
"""
