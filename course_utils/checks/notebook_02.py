"""Judges of notebook 02: the gradient of the squared error, and the largest stable learning rate."""

import torch

from course_utils.checks import close, exercise, expect, seeds


@exercise("02.1", "your gradient and autograd's agree.")
def gradient_of_the_squared_error(student):
    for generator in seeds():
        X, y = torch.randn(20, 3, generator=generator), torch.randn(20, generator=generator)
        w, b = torch.randn(3, generator=generator), torch.randn((), generator=generator)
        error = X @ w + b - y  # (20,)
        dw, db = 2 * X.T @ error / len(X), 2 * error.mean()
        answer = student(X.clone(), y.clone(), w.clone(), b.clone())
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two gradients.\nTry: return dw, db; dw has the shape of w, db is one number.",
        )
        ours_w, ours_b = (torch.as_tensor(part) for part in answer)
        expect(
            ours_w.shape == w.shape,
            f"dw has the shape {tuple(ours_w.shape)}, but w has {tuple(w.shape)}.\n"
            "Try: X.T @ error, with error of shape (N,).",
        )
        expect(
            ours_b.numel() == 1,
            f"db has {ours_b.numel()} elements, but b is one number.\nTry: average the errors.",
        )
        for factor, hint in [
            (-1, "Both gradients have the wrong sign.\nTry: the error is prediction minus target."),
            (0.5, "The factor 2 is missing.\nTry: the derivative of e² is 2e."),
            (
                len(X),
                "This is the gradient of the sum of the squares.\nTry: the mean divides by the number of points.",
            ),
        ]:
            expect(not (close(ours_w, factor * dw) and close(ours_b.reshape(()), factor * db)), hint)
        expect(close(ours_w, dw), "dw differs from autograd's.\nTry: dw = 2/N · Xᵀ (X w + b − y).")
        expect(
            close(ours_b.reshape(()), db),
            "db differs from autograd's.\nTry: b enters each prediction once: 2/N · Σ error.",
        )


@exercise("02.2", "beyond this rate gradient descent diverges, below it converges.")
def largest_stable_rate(student):
    for generator in seeds():
        X = torch.randn(50, 3, generator=generator, dtype=torch.float64) + torch.tensor([2.0, 0.0, -1.0])
        with_ones = torch.cat([X, torch.ones(50, 1, dtype=X.dtype)], dim=1)  # (50, 4): the last weight is b
        answer = torch.as_tensor(student(X.clone()), dtype=X.dtype)
        expect(
            answer.numel() == 1,
            "Expected one number, the largest learning rate.\nTry: take the largest eigenvalue.",
        )
        eigenvalues = torch.linalg.eigvalsh(2 * with_ones.T @ with_ones / len(X))
        without_b = torch.linalg.eigvalsh(2 * X.T @ X / len(X))
        best = 2 / eigenvalues[-1]
        for wrong, hint in [
            (
                2 / without_b[-1],
                "This is right for a model without b.\nTry: give X a column of ones; the weight of this column is b.",
            ),
            (
                1 / eigenvalues[-1],
                "This is half of the right value.\nTry: λ belongs to 2/N·AᵀA, and the limit is 2/λmax, not 1/λmax.",
            ),
            (
                2 * best,
                "This is twice the right value.\nTry: the Hessian of the mean of e² is 2/N·AᵀA, with the 2.",
            ),
            (
                best / len(X),
                "This is too small by a factor of N.\nTry: the Hessian of a mean is divided by N.",
            ),
            (
                2 / eigenvalues[0],
                "You use the smallest eigenvalue.\nTry: the steepest direction diverges first.",
            ),
        ]:
            expect(not close(answer.reshape(()), wrong, 1e-4), hint)
        expect(
            close(answer.reshape(()), best, 1e-4),
            f"For this X: expected {best:.4f}, got {answer.item():.4f}.\n"
            "Try: A = X with a column of ones, H = 2/N·AᵀA, torch.linalg.eigvalsh(H), 2/λmax.",
        )
