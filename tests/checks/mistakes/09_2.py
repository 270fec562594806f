"""Classic mistakes in counting the multiplications of a convolution."""


def right(i, o, k, h, w):
    return i * o * k * k * (h - k + 1) * (w - k + 1)


MISTAKES = [
    (lambda i, o, k, h, w: i * o * k * k * h * w, "apply the filter at every pixel"),
    (lambda i, o, k, h, w: i * o * k * k, "counts one position"),
    (lambda i, o, k, h, w: o * k * k * (h - k + 1) * (w - k + 1), "looks at all input channels"),
    (lambda i, o, k, h, w: right(i, o, k, h, w) + o * (h - k + 1) * (w - k + 1), "leave the bias out"),
    (lambda i, o, k, h, w: i * o * k * (h - k + 1) * (w - k + 1), "k×k filter has k·k weights"),
    (lambda i, o, k, h, w: 2 * right(i, o, k, h, w), "(weights of one filter)"),
]
