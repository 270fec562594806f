"""Classic mistakes with the roofline."""

MISTAKES = [
    (lambda f, b, peak, width: f / peak, "the arithmetic only"),
    (lambda f, b, peak, width: b / width, "the memory transfer only"),
    (lambda f, b, peak, width: f / peak + b / width, "does both at once"),
    (lambda f, b, peak, width: min(f / peak, b / width), "Try: max."),
    (lambda f, b, peak, width: max(f / width, b / peak), "divide operations by the bandwidth"),
    (lambda f, b, peak, width: min(peak, f / b * width), "the attainable speed"),
    (lambda f, b, peak, width: f / min(peak, width), "both times, and take the larger one"),
]
