"""The forward pass in bfloat16; weights, loss and update stay in float32."""

import torch
from torch import Tensor, nn

from course_utils.training.inference import device_of


class InBfloat16(nn.Module):
    """A model that computes its outputs in bfloat16 and returns them in float32."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.device_type = model, device_of(model).type
        model.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
        with torch.autocast(self.device_type, dtype=torch.bfloat16):
            out: Tensor = self.model(x).float()
        return out
