"""What the course's notebooks import: small modules, one idea each, meant to be read.

Importing this package loads torch and nothing else heavy.
"""

from course_utils.checks import check
from course_utils.claims import claim

__all__ = ["check", "claim"]
__version__ = "0.1.0"
