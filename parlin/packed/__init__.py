r"""Coefficients as codes of levels and a few floats, written and read back bit for bit."""

from parlin.packed.coding import pack, unpack
from parlin.packed.file import Packed

__all__ = ["Packed", "pack", "unpack"]
