"""Classic mistakes in the memory of training."""

MISTAKES = [
    (lambda p, a, n, s: (p, a), "Expected one number"),
    (lambda p, a, n, s: 4 * p + n * a, "Try: each weight has one"),
    (lambda p, a, n, s: 4 * p * (1 + s) + n * a, "although the optimizer state is included"),
    (lambda p, a, n, s: 8 * p + n * a, "The optimizer state is missing"),
    (lambda p, a, n, s: 4 * p * (2 + s) + a, "activations of one image"),
    (lambda p, a, n, s: n * (4 * p * (2 + s) + a), "The weights are stored once"),
    (lambda p, a, n, s: p * (2 + s) + n * a, "You add numbers and bytes"),
    (lambda p, a, n, s: 4 * (p * (2 + s) + n * a), "are bytes already.\nTry: multiply only the parameters"),
    (lambda p, a, n, s: 4 * p * s + n * a, "4 bytes for each weight"),
]
