"""Classic mistakes in counting 3×3 layers and their weights."""


def answer(layers=lambda f: (f - 1) // 2, weights=lambda f, c, n: 9 * n * c**2):
    return lambda field, channels: (layers(field), weights(field, channels, layers(field)))


MISTAKES = [
    (lambda f, c: 9 * c**2 * (f - 1) // 2, "Expected two numbers"),
    (answer(layers=lambda f: f // 3), "you count them side by side"),
    (answer(layers=lambda f: f - 2), "each layer adds 2"),
    (answer(weights=lambda f, c, n: 9 * c**2), "the weights of one layer"),
    (answer(weights=lambda f, c, n: 9 * n), "times channels²"),
    (answer(weights=lambda f, c, n: 9 * n * c), "as many filters as channels"),
    (answer(weights=lambda f, c, n: n * (9 * c**2 + c)), "You count the biases"),
    (answer(weights=lambda f, c, n: f**2 * c**2), "one large filter"),
]
