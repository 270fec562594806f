"""Classic mistakes in the mean of squares."""

MISTAKES = [
    (lambda x: x**2, "Expected one number"),
    (lambda x: x.mean(), "mean of x itself"),
    (lambda x: x.mean() ** 2, "square of the mean"),
    (lambda x: (x**2).sum(), "sum of the squares"),
    (lambda x: x.abs().mean(), "(1 + 4 + 9) / 3"),
]
