"""Classic mistakes in the cost of a convolution."""


def cost(
    layer,
    height,
    width,
    *,
    bias=None,
    channels=True,
    around="out",
    groups=True,
    times=1,
    windows=True,
    extra=0,
):
    k, s, p = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    h, w = ((n + 2 * p - k) // s + 1 for n in (height, width))
    filter_ = layer.in_channels // layer.groups * k * k
    has_bias = layer.bias is not None if bias is None else bias
    parameters = layer.out_channels * (filter_ + has_bias)
    pixels = h * w if around == "out" else height * width
    macs = times * layer.out_channels * filter_ * (1 if groups else layer.groups) * (pixels if windows else 1)
    numbers = h * w * (layer.out_channels if channels else 1)
    return parameters, macs + extra * numbers, numbers


def no_padding(layer, height, width):
    parameters, macs, numbers = cost(layer, height, width)
    k, s = layer.kernel_size[0], layer.stride[0]
    return parameters, macs, layer.out_channels * ((height - k) // s + 1) * ((width - k) // s + 1)


MISTAKES = [
    (lambda *given: cost(*given)[1], "Expected three numbers"),
    (lambda *given: cost(*given, bias=False), "are parameters too"),
    (lambda *given: cost(*given, bias=True), "has no biases"),
    (lambda *given: cost(*given, channels=False), "the size of one feature map"),
    (no_padding, "padding and stride decide"),
    (lambda *given: cost(*given, around="in"), "at every input pixel"),
    (lambda *given: cost(*given, groups=False), "see all input channels"),
    (lambda *given: cost(*given, times=2), "only FLOPs have the factor 2"),
    (lambda *given: cost(*given, windows=False), "You count one window"),
    (lambda *given: cost(*given, extra=1), "You add the biases"),
]
