"""Numbers for the bounds, drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

positive = st.floats(1e-2, 1e2)
sizes = st.integers(1, 1000)
