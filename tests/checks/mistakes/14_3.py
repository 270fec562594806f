"""Classic mistakes in counting a bottleneck's weights."""

MISTAKES = [
    (lambda c, w: c * w + 9 * w * w, "One 1×1 convolution is missing"),
    (lambda c, w: 2 * c * w + w * w, "The convolution in the middle is 3×3"),
    (lambda c, w: 2 * c * w + 9 * c * c, "Your 3×3 works on all channels"),
    (lambda c, w: 18 * c * c, "This is the basic block"),
    (lambda c, w: 2 * c * w + 9 * w * w + 2 * w + c, "You count biases"),
    (lambda c, w: 11 * c * w, "channels·width, 9·width·width"),
]
