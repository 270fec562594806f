"""Classic mistakes with the roofline."""

MISTAKES = [
    (lambda f, b, peak, width: f / peak, "the arithmetic alone"),
    (lambda f, b, peak, width: b / width, "the fetching alone"),
    (lambda f, b, peak, width: f / peak + b / width, "does both at once"),
    (lambda f, b, peak, width: min(f / peak, b / width), "Try: max."),
    (lambda f, b, peak, width: max(f / width, b / peak), "divide operations by the bandwidth"),
    (lambda f, b, peak, width: min(peak, f / b * width), "speed under the roof"),
    (lambda f, b, peak, width: f / min(peak, width), "both times, and the larger one"),
]
