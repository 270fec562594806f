"""Judge of the warm-up exercise of notebook 00."""

import torch

from course_utils.checks import close, exercise, expect, seeds


@exercise("00.1", "that is how every exercise ends.")
def mean_square(student):
    for generator in seeds():
        x = 2 * torch.randn(4, 5, generator=generator)
        answer = torch.as_tensor(student(x.clone()))
        expect(
            answer.dim() == 0,
            f"Expected one number, got a tensor of shape {tuple(answer.shape)}.\n"
            "Try: .mean() turns all elements into one.",
        )
        expect(
            not close(answer, x.mean()),
            "This is the mean of x itself.\nTry: square the elements first, x**2.",
        )
        expect(
            not close(answer, x.mean() ** 2),
            "This is the square of the mean, not the mean of the squares.\nTry: first square, then average.",
        )
        expect(
            not close(answer, (x**2).sum()),
            "This is the sum of the squares.\nTry: the mean divides by the number of elements, x.numel().",
        )
        expect(
            close(answer, (x**2).mean()),
            f"For {x.shape[0]}×{x.shape[1]} random numbers: expected {(x**2).mean():.4f}, got {answer:.4f}.\n"
            "Try: (1 + 4 + 9) / 3 for the tensor [1., 2., 3.].",
        )
