"""How many coefficients a critical point has off the levels."""
