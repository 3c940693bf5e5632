"""Levels found from values: how well they round."""
