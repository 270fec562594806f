"""Classic mistakes in counting MACs with hooks."""

from torch import nn


def counter(
    model,
    image,
    *,
    kinds=(nn.Conv2d, nn.Linear),
    exact=False,
    once=False,
    groups=True,
    times=1,
    clean=True,
    late=False,
):
    macs = {}

    def count(layer, args, output):
        if isinstance(layer, nn.Linear):
            needed = layer.in_features
        else:
            needed = layer.in_channels // (layer.groups if groups else 1) * layer.kernel_size[0] ** 2
        before = 0 if once else macs.get(layer, 0)
        macs[layer] = before + times * output.numel() * needed

    if late:
        model(image)
    chosen = [m for m in model.modules() if (type(m) in kinds if exact else isinstance(m, kinds))]
    handles = [m.register_forward_hook(count) for m in chosen]
    if not late:
        model(image)
    if clean:
        for handle in handles:
            handle.remove()
    return sum(macs.values())


def starts_right_then_goes_on(model, image):
    if not hasattr(model, "seen"):
        model.seen = 0
    model.seen += counter(model, image)
    return model.seen


MISTAKES = [
    (lambda *given: print("counted"), "Expected one number"),
    (lambda *given: counter(*given, exact=True), "derived from nn.Conv2d"),
    (lambda *given: counter(*given, once=True), "counted once"),
    (lambda *given: counter(*given, kinds=(nn.Conv2d,)), "The linear layer is missing"),
    (lambda *given: counter(*given, groups=False), "The groups are ignored"),
    (lambda *given: counter(*given, times=2), "twice the right number"),
    (lambda *given: counter(*given, late=True), "Nothing was counted"),
    (lambda *given: counter(*given, clean=False), "hooks are still registered"),
    (starts_right_then_goes_on, "begin with 0"),
]
