"""Keeping PyTorch's own solution of an exercise out of reach while the student's code runs."""

from torch.overrides import TorchFunctionMode

from course_utils.checks import expect


class without(TorchFunctionMode):
    """``with without("conv", hint=…):`` answers with the hint where a function with such a name is called.

    Functions, methods and modules of PyTorch are seen alike, by the names that PyTorch gives its functions: all that
    contain one of ``names`` count.
    """

    def __init__(self, *names: str, hint: str):
        super().__init__()
        self.names, self.hint = names, hint

    def __torch_function__(self, func, types, args=(), kwargs=None):
        called = getattr(func, "__name__", "")
        expect(not any(name in called for name in self.names), self.hint)
        return func(*args, **(kwargs or {}))
