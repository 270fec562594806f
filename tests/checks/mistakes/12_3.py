"""Classic mistakes in counting parameters and MACs of a LeNet."""


def parameters(a, b, h, bias=1, pixels=16):
    return (25 + bias) * a + (25 * a + bias) * b + (pixels * b + bias) * h + (h + bias) * 10


def macs(a, b, h, first=24, second=8):
    return 25 * a * first**2 + 25 * a * b * second**2 + 16 * b * h + 10 * h


MISTAKES = [
    (lambda *w: (macs(*w), parameters(*w)), "The two are swapped"),
    (lambda *w: (parameters(*w, bias=0), macs(*w)), "biases are missing"),
    (lambda *w: (parameters(*w, pixels=25), macs(*w)), "5×5 input pixels per channel"),
    (lambda a, b, h: (parameters(a, b, h) + 1, macs(a, b, h)), "Try: layer by layer"),
    (lambda *w: (parameters(*w), 2 * macs(*w)), "one MAC"),
    (lambda *w: (parameters(*w), macs(*w, first=28, second=12)), "does not fit at every pixel"),
    (lambda *w: (parameters(*w), macs(*w, first=12, second=4)), "positions after pooling"),
    (lambda *w: (parameters(*w), macs(*w, first=1, second=1)), "at every position"),
    (lambda *w: (parameters(*w), macs(*w) + 1), "(weights of the layer without biases)"),
    (lambda *w: macs(*w), "Expected two numbers"),
]
