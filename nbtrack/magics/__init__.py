"""The magics of ``%load_ext nbtrack``: parsing of their lines, and no logic of their own."""

from nbtrack.magics.loading import load, unload

__all__ = ["load", "unload"]
