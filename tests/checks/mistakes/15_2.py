"""Classic mistakes in making pairs for denoising."""

import torch


def in_place(x, sigma):
    target = x
    x += sigma * torch.randn_like(x)
    return x, target


def always_the_same(x, sigma):
    return x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), x


def noisy_target(x, sigma):
    noisy = x + sigma * torch.randn_like(x)
    return noisy, noisy


def uniform(x, sigma):
    return x + sigma * 12**0.5 * (torch.rand_like(x) - 0.5), x


MISTAKES = [
    (in_place, "clean images themselves"),
    (always_the_same, "Two calls add the same noise"),
    (noisy_target, "as noisy as the input"),
    (uniform, "not Gaussian"),
    (lambda x, s: (x, x + s * torch.randn_like(x)), "Input and target are swapped"),
    (lambda x, s: (x, x), "The input is clean"),
    (lambda x, s: x + s * torch.randn_like(x), "Expected two tensors"),
    (lambda x, s: (x + s * torch.rand_like(x), x), "which has mean 0"),
    (lambda x, s: (x + s**2 * torch.randn_like(x), x), "expected 0.3"),
    (lambda x, s: (x + s * torch.randn(len(x), 1, 1, 1), x), "All pixels of an image"),
]
