"""Classic mistakes in the output size of a convolution."""

from math import ceil


def size(n, k, s, p, d):
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


MISTAKES = [
    (lambda n, k, s, p, d: None, "Expected one number"),
    (lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1, "sizes have fractions"),
    (lambda n, k, s, p, d: ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1, "You round up"),
    (lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1, "both sides"),
    (lambda n, k, s, p, d: size(n, k, s, p, 1), "The dilation is ignored"),
    (lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1, "spans less than"),
    (lambda n, k, s, p, d: size(n, k, s, p, d) - 1, "One window is missing"),
    (lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s, "only for stride 1"),
    (lambda n, k, s, p, d: size(n, k, 1, p, d), "The stride is ignored"),
    (lambda n, k, s, p, d: n - k + 1, "your answer is"),
]
