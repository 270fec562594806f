"""Classic mistakes in interpolating between two codes."""

import torch


def line(model, a, b, steps, ends=True, add=False):
    t = torch.linspace(0, 1, steps)[:, None] if ends else torch.arange(steps)[:, None] / steps
    start, end = model.encode(a[None]), model.encode(b[None])
    return model.decode(start + t * end if add else (1 - t) * start + t * end)


def blend(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None, None, None]
    return (1 - t) * a + t * b


MISTAKES = [
    (lambda m, a, b, n: line(m, b, a, n), "from b to a"),
    (lambda m, a, b, n: blend(a, b, n), "You blend the pixels.\n"),
    (lambda m, a, b, n: m(blend(a, b, n)), "and then encode"),
    (lambda m, a, b, n: blend(m(a[None])[0], m(b[None])[0], n), "two decoded images"),
    (lambda m, a, b, n: line(m, a, b, n, ends=False), "You stop before b"),
    (lambda m, a, b, n: line(m, a, b, n, add=True), "add b's code"),
    (lambda m, a, b, n: line(m, a, b, n + 2)[1:-1], "with equal steps"),
    (lambda m, a, b, n: line(m, a, b, n)[:, 0], "Expected 5 images"),
]
