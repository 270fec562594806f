"""Classic mistakes in the gradient of the mean squared error."""


def gradient(X, y, w, b):
    error = X @ w + b - y
    return 2 * X.T @ error / len(X), 2 * error.mean()


def scaled(factor):
    """Return both gradients, multiplied by a factor that may depend on the number of points."""
    return lambda X, y, w, b: tuple(factor(len(X)) * part for part in gradient(X, y, w, b))


MISTAKES = [
    (lambda X, y, w, b: gradient(X, y, w, b)[0], "Expected two gradients"),
    (lambda X, y, w, b: (2 * (X * (X @ w + b - y)[:, None]), gradient(X, y, w, b)[1]), "dw has the shape"),
    (lambda X, y, w, b: (gradient(X, y, w, b)[0], 2 * (X @ w + b - y)), "b is one number"),
    (scaled(lambda n: -1), "wrong sign"),
    (scaled(lambda n: 0.5), "factor 2 is missing"),
    (scaled(lambda n: n), "the sum of the squares"),
    (lambda X, y, w, b: gradient(X, y, w, 0 * b), "dw differs"),
    (
        lambda X, y, w, b: (gradient(X, y, w, b)[0], 2 * (X @ w + b - y).sum()),
        "b enters each prediction once",
    ),
]
