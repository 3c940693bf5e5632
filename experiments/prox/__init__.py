"""The proximal map of a piecewise-affine penalty."""
