"""The rules every notebook of the course keeps: `RULES`.

A rule is a function of a notebook (its JSON) and its path that yields a sentence for everything that
breaks it.
"""

from . import exercises, outputs, structure  # noqa: F401
from .cells import RULES

__all__ = ["RULES"]
