"""Remember the modules that judges rely on before any student's code runs, to find and undo changes to them."""

import sys
import types
from collections.abc import Sequence

RELIED_ON = ("builtins", "math", "random", "torch", "course_utils")
# Parts of torch, in addition to its top level.
PARTS_OF_TORCH = ("nn", "autograd", "testing", "functional", "linalg", "optim", "_tensor", "overrides")
# Types of values that judges compare, in addition to PyTorch's tensors.
VALUES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset, type)
OPERATORS = set(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __abs__ __float__ __int__ __sub__ __rsub__ __contains__ "
    "__torch_function__ __instancecheck__ __subclasscheck__".split()
)

Owner = types.ModuleType | type


class Pristine:
    """The contents of these modules and of their classes, as they are when this object is created."""

    def __init__(self) -> None:
        modules = [m for name, m in sys.modules.items() if m is not None and _is_relied_on(name)]
        owners: list[Owner] = [*modules, *(kind for module in modules for kind in _classes(module))]
        self._parts = [
            (owner, name, value)
            for owner in {id(owner): owner for owner in owners}.values()
            for name, value in vars(owner).items()
            if callable(value) or isinstance(value, staticmethod | classmethod | property | types.ModuleType)
        ]
        self._kinds = _kinds_of_values()

    def restore(self) -> list[str]:
        """Undo all changes and return them as text, with new types of values that redefine operators."""
        changed = []
        for owner, name, value in self._parts:
            if vars(owner).get(name) is not value:
                changed.append(f"changes {owner.__name__}.{name}")
                setattr(owner, name, value)
        kinds = _kinds_of_values()
        if any(_compares_oddly(kinds[new]) for new in kinds.keys() - self._kinds.keys()):
            changed.append("makes a special kind of number or class")
        return changed


def _is_relied_on(name: str) -> bool:
    top, _, rest = name.partition(".")
    return name in RELIED_ON or top == "course_utils" or (top == "torch" and rest.startswith(PARTS_OF_TORCH))


def _classes(module: types.ModuleType) -> Sequence[type]:
    return [
        item for item in vars(module).values() if isinstance(item, type) and item.__module__ != "builtins"
    ]


def _kinds_of_values() -> dict[int, type]:
    """Return all classes derived from numbers, texts, containers, tensors and classes, by their identity."""
    import torch

    found: dict[int, type] = {}
    todo: list[type] = [*VALUES, torch.Tensor]
    while todo:
        # Called on `type`, because a metaclass can redefine it.
        subclasses: list[type] = type.__subclasses__(todo.pop())
        new = {id(kind): kind for kind in subclasses if id(kind) not in found}
        found |= new
        todo += new.values()
    return found


def _compares_oddly(kind: type) -> bool:
    """Whether a class of the notebook, however it was made, defines operators."""
    module, members = (type.__getattribute__(kind, word) for word in ("__module__", "__dict__"))
    return module == "__main__" and bool(OPERATORS & members.keys())
