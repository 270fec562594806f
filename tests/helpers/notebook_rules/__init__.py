"""The rules that every notebook of the course follows: `RULES`.

A rule is a function of a notebook (its JSON) and its path that yields one sentence per violation.
"""

from . import exercises, outputs, structure  # noqa: F401
from .cells import RULES

__all__ = ["RULES"]
