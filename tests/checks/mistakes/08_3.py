"""Classic mistakes in counting the parameters of BasicConvNet."""


def count(first, second, hidden, classes, window=25, pixels=25, into_second=None, bias=1):
    layers = [(3 * window, first), ((into_second or first) * window, second)]
    layers += [(second * pixels, hidden), (hidden, classes)]
    return sum((inside + bias) * units for inside, units in layers)


MISTAKES = [
    (lambda *c: count(*c, bias=0), "The biases are missing"),
    (lambda *c: count(*c, bias=0) + 4, "one bias per layer"),
    (lambda *c: count(*c, pixels=32 * 32), "does not remain 32×32"),
    (lambda *c: count(*c, pixels=8 * 8), "right with padding"),
    (lambda *c: count(*c, pixels=10 * 10), "the second pooling"),
    (lambda *c: count(*c, pixels=1), "second·5·5 inputs"),
    (lambda *c: count(*c, window=5), "25 weights"),
    (lambda *c: count(*c, into_second=3), "does not see the image"),
    (lambda *c: 109_050, "four layers"),
    (lambda *c: None, "Expected one number"),
]
