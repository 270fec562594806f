"""Classic mistakes in the largest stable learning rate."""

import torch


def eigenvalues(X, ones=True):
    A = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1) if ones else X
    return torch.linalg.eigvalsh(2 / len(X) * A.T @ A)


MISTAKES = [
    (lambda X: 2 / eigenvalues(X), "Expected one number"),
    (lambda X: 2 / eigenvalues(X, ones=False)[-1], "a model without b"),
    (lambda X: 1 / eigenvalues(X)[-1], "half of the right value"),
    (lambda X: 4 / eigenvalues(X)[-1], "twice the right value"),
    (lambda X: 2 / eigenvalues(X)[-1] / len(X), "too small by a factor of N"),
    (lambda X: 2 / eigenvalues(X)[0], "smallest eigenvalue"),
    (lambda X: 2 / eigenvalues(X)[-1].sqrt(), "For this X: expected"),
]
