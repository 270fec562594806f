"""Classic mistakes in the receptive field of a stack of layers."""


def field(layers, size=1, early=False, use_jump=True, extra=0):
    jump = 1
    for kernel, stride in layers:
        if early:
            jump *= stride
        size += (kernel - 1 + extra) * (jump if use_jump else 1)
        if not early:
            jump *= stride
    return size


MISTAKES = [
    (lambda layers: None, "Expected one number"),
    (lambda layers: field(layers, early=True), "The jump grows too early"),
    (lambda layers: field(layers, use_jump=False), "The strides are ignored"),
    (lambda layers: field(layers, size=0), "one pixel too small"),
    (lambda layers: field(layers, extra=1), "You add the whole kernel"),
    (lambda layers: sum(kernel for kernel, _ in layers), "You add up the kernel sizes"),
    (lambda layers: field(layers) + 3, "your answer is"),
]
