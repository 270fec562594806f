"""Blocking PyTorch's own solution of an exercise while the student's code runs."""

from torch.overrides import TorchFunctionMode

from course_utils.checks import expect


class without(TorchFunctionMode):
    """In ``with without("conv", hint=…):`` a call of PyTorch whose name contains ``conv`` is answered with the hint.

    Functions, methods and modules are all recognised, by the names that PyTorch gives its functions.
    """

    def __init__(self, *names: str, hint: str):
        super().__init__()
        self.names, self.hint = names, hint

    def __torch_function__(self, func, types, args=(), kwargs=None):
        called = getattr(func, "__name__", "")
        expect(not any(name in called for name in self.names), self.hint)
        return func(*args, **(kwargs or {}))
