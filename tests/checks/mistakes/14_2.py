"""Classic mistakes in a residual block."""

import torch
from torch import nn


def block(
    bias=False, project="where needed", inner=True, before=False, after=True, add=True, late=False, padding=1
):
    class Wrong(nn.Module):
        def __init__(self, inputs, outputs, stride=1):
            super().__init__()
            strides = (1, stride) if late else (stride, 1)
            self.conv1 = nn.Conv2d(inputs, outputs, 3, strides[0], padding, bias=bias)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, strides[1], padding, bias=bias)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Identity()
            needed = {
                "where needed": stride > 1 or inputs != outputs,
                "always": True,
                "for channels": inputs != outputs,
            }
            if needed[project]:
                projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

        def forward(self, x):
            out = self.bn1(self.conv1(x))
            out = self.bn2(self.conv2(torch.relu(out) if inner else out))
            out = torch.relu(out) if before else out
            if add:
                shortcut = self.shortcut(x)
                height, width = out.shape[2:]
                out = out + shortcut[..., :height, :width]
            return torch.relu(out) if after else out

    return Wrong


class OtherNames(block()):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__(inputs, outputs, stride)
        self.norm1, self.norm2 = self.bn1, self.bn2
        del self.bn1, self.bn2


class Narrow(block()):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__(inputs, outputs, stride)
        self.conv1 = nn.Conv2d(inputs, outputs, 5, stride, padding=2, bias=False)


MISTAKES = [
    (block(bias=True), "bias=False"),
    (block(project="always"), "nn.Identity() as the shortcut"),
    (block(project="for channels"), "x does not have the shape of F(x)"),
    (OtherNames, "each as an attribute of self"),
    (Narrow, "3×3 from inputs to outputs"),
    (block(padding=0), "padding=1 for 3×3"),
    (block(after=False), "There is no ReLU after the sum"),
    (block(before=True, after=False), "Your ReLU comes before the sum"),
    (block(before=True), "F(x) is never negative"),
    (block(inner=False), "no ReLU between the two convolutions"),
    (block(add=False), "this is a plain block"),
    (block(late=True), "Your stride is in the second convolution"),
]
