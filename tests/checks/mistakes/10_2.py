"""Classic mistakes in combining dropout with weight decay."""

from torch import nn, optim


def network(p, *, first=True, second=True, last=False, hidden=128):
    """The network of the notebook with dropout before its linear layers; the keywords make the mistakes."""
    layers = [
        nn.Conv2d(1, 16, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
    ]
    layers += [nn.Dropout(p)] * first + [nn.Linear(800, hidden), nn.ReLU()]
    layers += [nn.Dropout(p)] * second + [nn.Linear(hidden, 10)] + [nn.Dropout(p)] * last
    return nn.Sequential(*layers)


def optimizer(model, decay, *, biases=0.0, kind=optim.AdamW, both=True):
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": decay}]
    if both:
        rest = {"params": [p for p in model.parameters() if p.dim() == 1]}
        groups.append(rest if biases is None else rest | {"weight_decay": biases})
    return kind(groups, lr=1e-3)


def answer(network_options=None, **options):
    def student(p, decay):
        model = network(p, **(network_options or {}))
        return model, optimizer(model, decay, **options)

    return student


def keeping(p, decay):
    model = network(1 - p if p != 0.5 else 0.4)
    return model, optimizer(model, decay)


def swapped(p, decay):
    model = network(p)
    return model, optimizer(model, 0.0, biases=decay)


def everything(p, decay):
    model = network(p)
    return model, optim.AdamW(model.parameters(), lr=1e-3, weight_decay=decay)


MISTAKES = [
    (lambda p, decay: network(p), "Expected two objects"),
    (lambda p, decay: answer()(p, decay)[::-1], "should be a model"),
    (answer({"hidden": 64}), "parameters, but the one of this notebook"),
    (answer({"first": False, "second": False}), "no nn.Dropout"),
    (answer({"last": True}), "after the last layer"),
    (answer({"first": False}), "before each of the two linear layers"),
    (keeping, "your dropout has"),
    (lambda p, decay: (network(p), None), "should be an optimizer"),
    (answer(kind=optim.Adam), "You use Adam."),
    (answer(both=False), "does not know"),
    (swapped, "The biases decay and the weights do not"),
    (everything, "The biases decay too"),
    (lambda p, decay: answer()(p, 0.5), "a weight decay of 0.5"),
]
