"""Classic mistakes in the derivative of x² sin x."""

import torch

MISTAKES = [
    (lambda x: (2 * x * torch.sin(x) + x**2 * torch.cos(x)).sum(), "one derivative for each x"),
    (lambda x: 2 * x * torch.cos(x), "multiplied the two derivatives"),
    (lambda x: 2 * x * torch.sin(x), "half of the product rule"),
    (lambda x: 2 * x * torch.sin(x) - x**2 * torch.cos(x), "sign of the second term"),
    (lambda x: x * torch.sin(x) + x**2 * torch.cos(x), "differs from autograd's derivative"),
]
