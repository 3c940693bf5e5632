"""What the strength does to a fit, and what a bad one looks like."""
