"""The version of parlin."""

__version__ = "0.1.0"
