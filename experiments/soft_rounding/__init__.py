"""PARQ's soft rounding: its schedule, its map, its end, and the grids that it is used on."""
