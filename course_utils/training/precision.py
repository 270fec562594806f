"""The forward pass in bfloat16; weights, loss and update stay in float32."""

from typing import Any

import torch
from torch import Tensor, nn

from course_utils.training.inference import device_of, takes_channels_last


class InBfloat16(nn.Module):
    """A model that computes its outputs in bfloat16 and returns them in float32; the model itself is not changed.

    Images are passed with the channels last in memory if the model can take them so, which is about twice as fast.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.device_type = model, device_of(model).type
        self.channels_last: bool | None = None  # found out with the first batch

    def forward(self, x: Tensor) -> object:
        if self.channels_last is None:
            self.channels_last = x.dim() == 4 and takes_channels_last(self.model, x[:2])
        if self.channels_last:
            x = x.to(memory_format=torch.channels_last)
        with torch.autocast(self.device_type, dtype=torch.bfloat16):
            out = self.model(x)
        return _in_float32(out)


def _in_float32(out: Any) -> Any:
    """The same tensor, tuple, list or dict with all bfloat16 tensors in float32."""
    if isinstance(out, Tensor):
        return out.float() if out.dtype == torch.bfloat16 else out
    if isinstance(out, dict):
        return type(out)({name: _in_float32(value) for name, value in out.items()})
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return type(out)(*map(_in_float32, out))
    if isinstance(out, list | tuple):
        return type(out)(map(_in_float32, out))
    return out
