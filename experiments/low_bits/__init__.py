"""Few levels a coefficient: eager and lazy proximal steps, and what they reach with few bits."""
