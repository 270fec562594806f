"""The helper package of the notebooks: small modules, one idea each, meant to be read.

``check`` and ``claim`` are imported on first use, because they load PyTorch: ``course_utils.files`` is also used by
commands that do not need it.
"""

import importlib
from typing import TYPE_CHECKING

__all__ = ["check", "claim"]
__version__ = "0.1.0"

if TYPE_CHECKING:
    from course_utils.checks import check
    from course_utils.claims import claim
else:
    _MODULES = {"check": "course_utils.checks", "claim": "course_utils.claims"}

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Stored in the module, so that this function runs once per name.
        value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
        return value
