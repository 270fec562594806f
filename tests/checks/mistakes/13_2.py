"""Classic mistakes in building VGG's convolutions from a table."""

from torch import nn


def build(padding=1, repeat=True, relu="all", pool=True, carry=True, first=3, order="right"):
    def features(counts, widths):
        layers, channels = [], first
        for count, width in zip(counts, widths):
            for number in range(count if repeat else 1):
                layers.append(nn.Conv2d(channels, width, 3, padding=padding))
                if relu == "all" or number == count - 1:
                    layers.append(nn.ReLU())
                channels = width if carry else channels
            layers += [nn.MaxPool2d(2)] if pool else []
        return nn.Sequential(*layers)

    return features


def with_batch_norm(counts, widths):
    layers = []
    for layer in build()(counts, widths):
        layers += [layer, nn.BatchNorm2d(layer.out_channels)] if isinstance(layer, nn.Conv2d) else [layer]
    return nn.Sequential(*layers)


MISTAKES = [
    (lambda counts, widths: list(build()(counts, widths)), "return nn.Sequential(*layers)"),
    (build(repeat=False), "has only one convolution"),
    (with_batch_norm, "a weight and a bias for each convolution"),
    (build(carry=False), "the output channels of the previous convolution"),
    (build(pool=False), "The feature map keeps its size"),
    (build(padding=0), "padding=1 in each convolution"),
    (build(relu="last"), "one ReLU per stage"),
    (
        lambda c, w: nn.Sequential(*[nn.Tanh() if isinstance(m, nn.ReLU) else m for m in build()(c, w)]),
        "in this order",
    ),
]
