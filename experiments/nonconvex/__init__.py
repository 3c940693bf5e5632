"""Nonconvex penalties: errors, many critical points, ripples."""
